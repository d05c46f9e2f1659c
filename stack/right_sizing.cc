#include "stack/right_sizing.h"

#include <algorithm>

namespace tributary {
namespace {

constexpr unsigned kTick = 10;  // two to the power of this: microseconds

uint16_t ticks(Micros time) {
  return static_cast<uint16_t>(time.count() >> kTick);
}

/// A round is a tick at least: what comes in less time comes from so near that it may be too much.
uint16_t round_ticks(Micros round_trip) {
  return static_cast<uint16_t>(std::clamp<int64_t>((round_trip.count() >> kTick) + 1, 1, INT16_MAX));
}

uint64_t wanted(uint64_t delivered, uint64_t previous) {
  if (previous == 0) return 4 * delivered;
  if (delivered <= previous) return 2 * delivered;
  return 2 * delivered + std::min(2 * delivered, delivered * (delivered - previous) / previous);
}

}  // namespace

uint32_t right_size(RightSizing& state, Micros now, Micros round_trip, uint32_t released, uint32_t held,
                    uint32_t budget, BudgetRange range) {
  const bool first = state.delivered == 0 && state.previous.value() == 0;
  if (first) state.round_start = ticks(now);
  state.delivered = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{state.delivered} + released, UINT32_MAX));
  const uint16_t round = round_ticks(round_trip);
  const uint16_t elapsed = static_cast<uint16_t>(ticks(now) - state.round_start);

  uint64_t want = wanted(state.delivered, state.previous.value());
  bool slow = false;
  if (elapsed >= round) {
    const uint64_t per_round = uint64_t{state.delivered} * round / elapsed;
    want = wanted(per_round, state.previous.value());
    slow = held > want;
    state = {.delivered = 0, .previous = Compact16(std::max<uint64_t>(per_round, 1)), .round_start = ticks(now)};
  }
  const uint32_t most = std::max(range.least, range.most);
  // Small steps are not worth a window update.
  if (want > uint64_t{budget} + budget / 8) return static_cast<uint32_t>(std::min<uint64_t>(want, most));
  if (slow)
    return std::clamp(static_cast<uint32_t>(std::max<uint64_t>(want, budget / 2)), range.least,
                      std::max(budget, range.least));
  return budget;
}

}  // namespace tributary
