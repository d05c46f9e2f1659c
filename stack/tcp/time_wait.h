// TIME-WAIT (RFC 9293 §3.6.1) in 64 bytes a connection, in order of expiry, with reuse by newer SYNs (RFC 6191).
#pragma once

#include <cstdint>

#include "stack/base/seq_num.h"
#include "stack/base/slab.h"
#include "stack/base/units.h"
#include "stack/flow/flow_key.h"

namespace tributary::tcp {

struct TimeWait {
  FlowKey key;
  SeqNum snd_nxt;
  SeqNum rcv_nxt;
  uint32_t ts_recent = 0;
  uint32_t ts_offset = 0;
  uint32_t expires = 0;        ///< milliseconds of the caller's clock, wrapping
  uint32_t next = UINT32_MAX;  ///< next to expire
  uint16_t interface = 0;
  bool timestamps : 1 = false;
  uint8_t dscp : 6 = 0;
};
static_assert(sizeof(TimeWait) <= 64);

/// The table of one worker. All entries live equally long, so a list in order of arrival is in order of expiry.
/// When it is full the oldest entry makes room.
class TimeWaitTable {
 public:
  TimeWaitTable(uint32_t capacity, Micros duration);

  /// Adds an entry expiring `duration` from `now`. `evicted` is called with an entry that had to go.
  template <typename Evict>
  uint32_t add(TimeWait entry, Micros now, Evict&& evicted) {
    if (slab_.size() == slab_.capacity()) remove_oldest(evicted);
    entry.expires = static_cast<uint32_t>((now + duration_).count() / 1000);
    TimeWait* slot = slab_.create(entry);
    slot->next = UINT32_MAX;
    const uint32_t index = slab_.index(*slot);
    if (tail_ == UINT32_MAX)
      head_ = index;
    else
      slab_.at(tail_).next = index;
    tail_ = index;
    return index;
  }
  TimeWait& at(uint32_t index) { return slab_.at(index); }
  /// Marks an entry as gone before its time: it leaves the list when its turn comes.
  void forget(uint32_t index) { slab_.at(index).key = FlowKey{}; }
  static bool is_forgotten(const TimeWait& entry) { return entry.key.remote_port == 0 && entry.key.local_port == 0; }

  /// Removes what has expired, at most `cap` entries.
  template <typename Evict>
  void expire(Micros now, unsigned cap, Evict&& evicted) {
    const uint32_t ms = static_cast<uint32_t>(now.count() / 1000);
    while (cap-- > 0 && head_ != UINT32_MAX && static_cast<int32_t>(ms - slab_.at(head_).expires) >= 0)
      remove_oldest(evicted);
  }
  /// When the oldest expires; never() when empty.
  Micros next_deadline(Micros now) const;
  uint32_t size() const { return slab_.size(); }

 private:
  template <typename Evict>
  void remove_oldest(Evict&& evicted) {
    const uint32_t index = head_;
    TimeWait& oldest = slab_.at(index);
    head_ = oldest.next;
    if (head_ == UINT32_MAX) tail_ = UINT32_MAX;
    if (!is_forgotten(oldest)) evicted(index, oldest);
    slab_.destroy(oldest);
  }

  Slab<TimeWait> slab_;
  Micros duration_;
  uint32_t head_ = UINT32_MAX;
  uint32_t tail_ = UINT32_MAX;
};

}  // namespace tributary::tcp
