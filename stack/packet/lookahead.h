// A send queue a round trip long has left the cache, and its links lead from one miss to the next. Each packet
// therefore knows one a few places behind it, which is asked for in time: by the time the queue's head gets there it
// has arrived.
#pragma once

#include <array>
#include <cstdint>

#include "stack/packet/packet.h"

namespace tributary {

/// Lives as long as one batch is appended to a queue; the last few packets of a batch know none.
class Lookahead {
 public:
  void append(rte_mbuf* m) {
    rte_mbuf*& before = last_[appended_++ % kDistance];
    if (before != nullptr) info_of(before).ahead = lines_between(before, m);
    before = m;
    info_of(m).ahead = 0;
  }

 private:
  static constexpr size_t kDistance = 4;
  /// Buffers lie on cache lines; in lines any two are near enough for 32 bits.
  static int32_t lines_between(rte_mbuf* from, rte_mbuf* to) {
    return static_cast<int32_t>((reinterpret_cast<intptr_t>(to) - reinterpret_cast<intptr_t>(from)) /
                                RTE_CACHE_LINE_SIZE);
  }

  std::array<rte_mbuf*, kDistance> last_{};
  size_t appended_ = 0;
};

/// Asks for the packet a few places behind `m`, whose flags do not say kPktRated. It may have left the queue: nothing
/// is read.
inline void prefetch_ahead(rte_mbuf* m) {
  prefetch_queued(
      reinterpret_cast<rte_mbuf*>(reinterpret_cast<intptr_t>(m) + intptr_t{info_of(m).ahead} * RTE_CACHE_LINE_SIZE));
}

}  // namespace tributary
