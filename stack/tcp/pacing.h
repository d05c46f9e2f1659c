// When a flight may send on, by its rate and no faster: BBR's (draft-ietf-ccwg-bbr-06 §5.6.2, §5.6.3), or the window's
// over a round trip. Plain arithmetic; pace.h applies it to a Tcb.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/base/units.h"
#include "stack/timer/timer_wheel.h"

namespace tributary::tcp {

constexpr unsigned kPacingTickShift = 4;  ///< ticks of 16 microseconds

struct Pacing {
  TimerNode timer;  ///< of the pacing wheel; owner = index of the Tcb
  int64_t next_send_ns =
      0;  ///< C.next_send_time, nanoseconds of the stack's clock: at 10 Gbit/s a packet takes one microsecond
  uint64_t rate = 1;       ///< C.pacing_rate, bytes a second
  int64_t quantum_ns = 0;  ///< how long `quantum` takes at that rate
  uint32_t quantum = 0;    ///< C.send_quantum: bytes that leave at once

  void set_rate(uint64_t bytes_per_second, uint32_t quantum_bytes) {
    rate = std::max<uint64_t>(bytes_per_second, 1);
    quantum = quantum_bytes;
    quantum_ns = duration_ns(quantum_bytes);
  }
  /// A quantum may leave at once, ahead of its time.
  bool is_open(Micros now) const { return next_send_ns - to_ns(now) < quantum_ns; }
  /// When a whole quantum may leave again.
  Micros opens_at() const { return Micros((next_send_ns + 999) / 1000); }
  /// `bytes` leave now. Up to a quantum is made good for waking up late; time in which there was nothing to send is
  /// not.
  void charge(Micros now, uint32_t bytes) {
    next_send_ns = std::max(next_send_ns, to_ns(now) - quantum_ns) + duration_ns(bytes);
  }

 private:
  static int64_t to_ns(Micros t) { return t.count() * 1000; }
  int64_t duration_ns(uint32_t bytes) const { return static_cast<int64_t>(uint64_t{bytes} * 1'000'000'000 / rate); }
};

}  // namespace tributary::tcp
