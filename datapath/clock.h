// Clock: the datapath's time, from the TSC. One read gives the arrival time of a whole burst (design §3).
#pragma once

#include <rte_cycles.h>

#include "stack/base/units.h"

namespace tributary::datapath {

/// Monotonic microseconds since construction, plus one second so that no event lies at time zero. The EAL
/// must be running: it calibrates the TSC. Cheap to copy; copies agree.
class Clock {
 public:
  Clock() : Clock(rte_get_tsc_hz(), rte_rdtsc()) {}
  /// For tests: a counter of `hz` ticks a second that stood at `base`.
  Clock(uint64_t hz, uint64_t base)
      : scale_(static_cast<uint64_t>(((static_cast<unsigned __int128>(1'000'000) << kShift) + hz - 1) / hz)),
        base_(base) {}

  Micros now() const { return at(rte_rdtsc()); }
  Micros at(uint64_t ticks) const {
    const auto scaled = static_cast<unsigned __int128>(ticks - base_) * scale_;
    return Micros::seconds(1) + Micros(static_cast<int64_t>(scaled >> kShift));
  }

 private:
  static constexpr int kShift = 44;  // error below 1 us an hour at 3 GHz, no overflow for a century
  uint64_t scale_;                   // microseconds a tick, times 2^kShift
  uint64_t base_;
};

}  // namespace tributary::datapath
