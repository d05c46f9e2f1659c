// The smallest queue of buffers: one pointer, to the last one, whose link leads back to the first. Plain data, so that
// it may live in a union of a control block; owns its packets all the same, and whoever ends the block clears it.
#pragma once

#include "stack/packet/packet.h"

namespace tributary {

template <rte_mbuf* PacketInfo::*Link>
struct PacketRing {
  rte_mbuf* last;

  bool empty() const { return last == nullptr; }
  rte_mbuf* front() const { return last == nullptr ? nullptr : info_of(last).*Link; }
  rte_mbuf* back() const { return last; }
  /// The one behind `m`, null behind the last.
  rte_mbuf* next(rte_mbuf* m) const { return m == last ? nullptr : info_of(m).*Link; }

  void push_back(rte_mbuf* m) {
    insert_after(last, m);
    last = m;
  }
  /// Puts `m` behind `before`, which is in the ring; null: at the front.
  void insert_after(rte_mbuf* before, rte_mbuf* m) {
    if (last == nullptr) {
      info_of(m).*Link = m;
      last = m;
      return;
    }
    rte_mbuf* const left = before == nullptr ? last : before;
    info_of(m).*Link = info_of(left).*Link;
    info_of(left).*Link = m;
    if (before == last) last = m;
  }
  /// Takes out the one behind `before`, which is in the ring and not the last.
  rte_mbuf* pop_after(rte_mbuf* before) {
    rte_mbuf* const m = info_of(before).*Link;
    info_of(before).*Link = info_of(m).*Link;
    info_of(m).*Link = nullptr;
    if (m == last) last = before;
    return m;
  }
  /// Null when empty.
  rte_mbuf* pop_front() {
    if (last == nullptr) return nullptr;
    rte_mbuf* const first = info_of(last).*Link;
    if (first == last)
      last = nullptr;
    else
      info_of(last).*Link = info_of(first).*Link;
    info_of(first).*Link = nullptr;
    return first;
  }
  void clear() {
    while (rte_mbuf* m = pop_front()) Packet{m}.reset();
  }
};

/// In data-level order, and in the order of one subflow.
using StreamRing = PacketRing<&PacketInfo::next>;
using SubflowRing = PacketRing<&PacketInfo::subflow_next>;

}  // namespace tributary
