// What runs on a simulated host over one stream.
#pragma once

#include <cstdint>
#include <string>

#include "stack/stack.h"
#include "tests/sim/host.h"
#include "tests/sim/pattern.h"

namespace tributary::sim {

/// Keeps what has happened to the stream; what to do about it is the derived class's.
class Application {
 public:
  virtual ~Application() = default;
  void bind(Host& host, ByteStream stream) {
    host_ = &host;
    stream_ = stream;
  }
  void on_stream(ByteStream stream, uint16_t events);

  bool established() const { return seen_ & kStreamEstablished; }
  bool peer_closed() const { return seen_ & (kStreamEnd | kStreamClosed); }
  bool was_reset() const { return seen_ & kStreamReset; }
  bool was_closed() const { return seen_ & kStreamClosed; }
  bool is_gone() const { return seen_ & (kStreamReset | kStreamClosed) || aborted_; }
  bool was_aborted() const { return aborted_; }  ///< by us
  StreamError error() const { return error_; }
  Host& host() const { return *host_; }
  Stack& stack() const { return host_->stack(); }
  ByteStream stream() const { return stream_; }
  Micros established_at() const { return established_at_; }

  /// Calls `action` in a pass of the host's after `delay`, if the stream still exists then.
  void after(Micros delay, std::function<void()> action);
  void abort();

 protected:
  virtual void on_established() {}
  virtual void on_readable() {}
  virtual void on_acked() {}
  virtual void on_end() {}
  virtual void on_gone() {}

 private:
  Host* host_ = nullptr;
  ByteStream stream_;
  uint16_t seen_ = 0;
  bool aborted_ = false;
  StreamError error_ = StreamError::kNone;
  Micros established_at_ = Micros::never();
};

/// When a side of a transfer closes its direction.
enum class CloseWhen : uint8_t {
  kSent,        ///< when all is written: half-close, the peer may still be sending
  kPeerClosed,  ///< all is written and the peer has closed
  kNever,
};

struct TransferPlan {
  uint64_t send_bytes = 0;
  uint64_t send_seed = 0;
  uint64_t receive_bytes = 0;
  uint64_t receive_seed = 0;
  CloseWhen close = CloseWhen::kSent;
  uint32_t smallest_write = 1400;     ///< payload bytes of one packet written, uniform between these;
  uint32_t largest_write = 1400;      ///< with 1 and 1 the one-byte writer
  uint32_t window = 256 << 10;        ///< most bytes written and unacknowledged
  bool one_write_a_turn = false;      ///< every write waits for the acknowledgement of the one before
  uint32_t read_at_once = 64 << 10;   ///< bytes asked for in one read
  Micros read_pause = Micros(0);      ///< the reader sleeps so long after each read: a slow reader
  uint64_t stall_after = UINT64_MAX;  ///< the reader stops at so many bytes,
  Micros stall = Micros(0);           ///< for so long
  uint64_t abort_after_received = UINT64_MAX;
  uint64_t abort_after_sent = UINT64_MAX;
  uint32_t receive_budget = 0;  ///< 0: the stack's own
};

/// Sends a pattern, verifies another, both at once.
class Transfer : public Application {
 public:
  explicit Transfer(const TransferPlan& plan) : plan_(plan), out_(plan.send_seed), in_(plan.receive_seed) {}

  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  uint64_t acked() const { return acked_; }
  uint32_t most_held() const { return most_held_; }
  Micros received_all_at() const { return received_all_at_; }
  /// All bytes both ways, orderly ends, in the order the plan wants.
  bool is_complete() const {
    return received_ == plan_.receive_bytes && sent_ == plan_.send_bytes && was_closed() && problem_.empty();
  }
  bool has_received_all() const { return received_ == plan_.receive_bytes; }
  /// Empty, or the first thing that was wrong.
  const std::string& problem() const { return problem_; }
  /// One line for a failure.
  std::string describe() const;
  const TransferPlan& plan() const { return plan_; }

 protected:
  void on_established() override;
  void on_readable() override;
  void on_acked() override;
  void on_end() override;
  void on_gone() override;

 private:
  void pump();
  void read_some();
  void maybe_close();
  void complain(const std::string& what);

  TransferPlan plan_;
  Pattern out_;
  Pattern in_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t acked_ = 0;
  uint32_t most_held_ = 0;
  bool closed_ = false;
  bool sleeping_ = false;
  bool stalled_ = false;
  bool retry_planned_ = false;
  Micros received_all_at_ = Micros::never();
  std::string problem_;
};

/// Writes back what it reads, moving the packets as a relay does; closes when the peer has.
class Echo : public Application {
 public:
  uint64_t echoed() const { return echoed_; }

 protected:
  void on_readable() override;
  void on_acked() override;
  void on_end() override;

 private:
  uint64_t echoed_ = 0;
  bool at_end_ = false;
};

}  // namespace tributary::sim
