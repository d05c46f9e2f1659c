// Dynamic right-sizing: the receive budget a stream needs follows from the rate at which its reader takes data and the
// round trip it takes to get more (Fisk and Feng 2001; Linux's rcv_space). For whoever releases what a stream has
// delivered: a relay, or a program that embeds the stack. Arithmetic only.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "stack/base/compact16.h"
#include "stack/base/units.h"

namespace tributary {

/// What is remembered of one stream. All zero: nothing measured yet.
struct RightSizing {
  uint32_t delivered = 0;    ///< bytes released in this round
  Compact16 previous;        ///< of the round before, for as long as a round trip
  uint16_t round_start = 0;  ///< in units of 1024 microseconds
};
static_assert(sizeof(RightSizing) == 8);

struct BudgetRange {
  uint32_t least, most;  ///< bytes
};

/// Whether `released` more bytes are reason to call `right_size`, which no ACK is by itself; if not, they are counted
/// here.
inline bool is_time_to_size(RightSizing& state, uint32_t released, uint32_t budget) {
  const int eighth = std::max(static_cast<int>(std::bit_width(budget)) - 4, 0);
  const uint64_t delivered = uint64_t{state.delivered} + released;
  if (state.delivered == 0 || delivered >> eighth != state.delivered >> eighth) return true;
  state.delivered = static_cast<uint32_t>(delivered);
  return false;
}

/// `released` bytes of the stream have gone to their reader. `round_trip` is the time from a byte's release to the
/// arrival and release of what the peer sends in its place: the round trip to the peer, and for a relay the one on the
/// other side. `held` is what has arrived and is not yet released, without those bytes. Returns the budget to have from
/// now on: twice what a round delivers, three or four times while that grows, so as to be there before a peer in slow
/// start is. It falls only when more waits than the reader takes, and then by halves.
uint32_t right_size(RightSizing& state, Micros now, Micros round_trip, uint32_t released, uint32_t held,
                    uint32_t budget, BudgetRange range);

}  // namespace tributary
