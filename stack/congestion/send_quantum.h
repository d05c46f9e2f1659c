// How much leaves at once at a given rate (draft-ietf-ccwg-bbr-06 §5.6.3, and for every algorithm that is paced).
#pragma once

#include <algorithm>
#include <cstdint>

namespace tributary::congestion {

/// The data of a quarter of a millisecond: less than the draft's millisecond, which it allows, for there is no
/// segmentation offload to feed, and on a short path a millisecond is the whole pipe. At least two segments, as a
/// receiver acknowledges.
inline uint32_t send_quantum(uint64_t bytes_per_second, uint32_t mss) {
  constexpr uint64_t kPerSecond = 4000;
  constexpr uint64_t kMost = 64 << 10;
  return static_cast<uint32_t>(std::max<uint64_t>(std::min(bytes_per_second / kPerSecond, kMost), 2 * mss));
}

}  // namespace tributary::congestion
