#include "datapath/worker.h"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <array>

namespace tributary::datapath {
namespace {

void nap(Micros duration) {
  const timespec time{.tv_sec = 0, .tv_nsec = static_cast<long>(duration.count() * 1000)};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

// Only this thread writes, so no read-modify-write with a bus lock is needed.
void increment(std::atomic<uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

Worker::Worker(const WorkerOptions& options, Stack& stack, FrameQueues& frames, Counters& counters,
               std::span<const std::unique_ptr<Port>> ports, const Clock& clock, PassHook& hook)
    : options_(options),
      stack_(stack),
      frames_(frames),
      counters_(counters),
      ports_(ports),
      clock_(clock),
      hook_(hook),
      backoff_(options.idle_backoff, options.idle_passes, options.longest_nap, options.deepest_nap) {}

bool Worker::receive_all() {
  bool received = false;
  std::array<rte_mbuf*, Port::kBurst> burst;
  for (size_t i = 0; i < ports_.size(); ++i) {
    const uint16_t count = ports_[i]->receive(options_.id, burst.data());
    if (count == 0) continue;
    received = true;
    stack_.receive(PortId{static_cast<uint16_t>(i)}, std::span(burst.data(), count), clock_.now());
  }
  return received;
}

bool Worker::transmit_all() {
  bool sent = false;
  for (size_t i = 0; i < ports_.size(); ++i) {
    std::vector<rte_mbuf*>& pending = frames_.pending(PortId{static_cast<uint16_t>(i)});
    if (pending.empty()) continue;
    sent = true;
    ports_[i]->transmit(options_.id, pending, counters_);
  }
  return sent;
}

bool Worker::run_pass() {
  bool worked = receive_all();
  const Micros now = clock_.now();
  stack_.advance_timers(now);
  hook_.on_pass(now);
  stack_.dispatch(now);
  worked |= transmit_all();
  if (mailbox_.run_all()) {
    // What a task made the stack say leaves in this pass, not after a nap. Being asked is no work by itself: whoever
    // watches an idle worker does not keep it awake.
    stack_.dispatch(clock_.now());
    worked |= transmit_all();
  }
  increment(statistics_.passes);
  if (worked) increment(statistics_.working_passes);
  return worked;
}

void Worker::run() {
  // The kernel rounds sleeps up by 50 us otherwise, as much again as the nap itself.
  prctl(PR_SET_TIMERSLACK, 1);
  while (!stopping_.load(std::memory_order_relaxed)) {
    const bool worked = run_pass();
    const Micros deadline = std::min(stack_.next_deadline(), hook_.next_deadline());
    const Micros rest = backoff_.after_pass(worked, clock_.now(), deadline);
    if (rest == IdleBackoff::kNone) continue;
    increment(statistics_.naps);
    nap(rest);
  }
  transmit_all();
}

}  // namespace tributary::datapath
