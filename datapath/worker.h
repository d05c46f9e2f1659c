// Worker: one polling core. Each pass brings frames and time to its stack and takes frames away (design §3):
//
//   receive queues -> timers -> hook -> dispatch -> transmit flush -> mailbox -> nap, if there was nothing to
//   do
//
// No locks, no system call while there is work (af_packet's own apart), nothing shared but the mailbox.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "datapath/clock.h"
#include "datapath/idle_backoff.h"
#include "datapath/mailbox.h"
#include "datapath/port.h"
#include "stack/base/counters.h"
#include "stack/packet/frame_queue.h"
#include "stack/stack.h"

namespace tributary::datapath {

struct WorkerOptions {
  WorkerId id;
  bool idle_backoff = true;
  uint32_t idle_passes = 256;  ///< empty passes before the first nap
  Micros longest_nap{150};
  Micros deepest_nap{1000};  ///< after two seconds of silence
};

/// How a worker spends its time; written by it alone, read by anybody at leisure.
struct WorkerStatistics {
  std::atomic<uint64_t> passes{0};
  std::atomic<uint64_t> working_passes{0};  ///< passes that received or sent something
  std::atomic<uint64_t> naps{0};
};

/// Something above the stack that acts by the clock: called once a pass, before the stack's dispatch.
class PassHook {
 public:
  virtual ~PassHook() = default;
  virtual void on_pass(Micros now) = 0;
  /// When on_pass has something to do again.
  virtual Micros next_deadline() const = 0;
};

class Worker {
 public:
  /// `ports[i]` is the stack's PortId{i}. Everything referred to outlives the worker.
  Worker(const WorkerOptions& options, Stack& stack, FrameQueues& frames, Counters& counters,
         std::span<const std::unique_ptr<Port>> ports, const Clock& clock, PassHook& hook);

  /// Polls until `stop`. Runs on the worker's own thread.
  void run();
  /// One pass; returns whether anything was received or sent.
  bool run_pass();

  /// Any thread.
  void stop() { stopping_.store(true, std::memory_order_relaxed); }
  Mailbox& mailbox() { return mailbox_; }
  const WorkerStatistics& statistics() const { return statistics_; }
  const Clock& clock() const { return clock_; }

 private:
  bool receive_all();
  bool transmit_all();

  const WorkerOptions options_;
  Stack& stack_;
  FrameQueues& frames_;
  Counters& counters_;
  std::span<const std::unique_ptr<Port>> ports_;
  Clock clock_;
  PassHook& hook_;
  Mailbox mailbox_;
  IdleBackoff backoff_;
  WorkerStatistics statistics_;
  std::atomic<bool> stopping_{false};
};

}  // namespace tributary::datapath
