// The neighbours of all interfaces: a bounded table, found by address or by the index a NextHop keeps.
//
// A scan of addresses must neither fill the table nor push out neighbours that answer: entries without a link
// address take at most a quarter and recycle among themselves, oldest first. Resolved entries are recycled
// when the table is full and they have not been used for a while. Nothing is allocated after construction.
#pragma once

#include <optional>
#include <vector>

#include "stack/ip/address_words.h"
#include "stack/ip/neighbor.h"
#include "stack/packet/packet.h"

namespace tributary::ip {

class NeighborTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  NeighborTable(const Limits& limits, uint64_t secret);
  ~NeighborTable();
  NeighborTable(const NeighborTable&) = delete;
  NeighborTable& operator=(const NeighborTable&) = delete;

  uint32_t index(const Neighbor& n) const { return static_cast<uint32_t>(&n - entries_.data()); }
  /// The entry, unless it was freed since the generation was read.
  Neighbor* at(uint32_t index, uint32_t generation) {
    if (index >= entries_.size() || entries_[index].generation != generation) return nullptr;
    return &entries_[index];
  }
  Neighbor& at(uint32_t index) { return entries_[index]; }

  Neighbor* find(uint16_t interface, const IpAddress& address);
  /// A new entry in kUnknown, which the caller gives its Ethernet header and port. Null when the table is
  /// full of neighbours in use. Packets that waited for an entry evicted for it are added to `dropped`.
  Neighbor* create(uint16_t interface, const IpAddress& address, Micros now, uint64_t& dropped);
  /// Keeps the entry for ever.
  void pin(Neighbor& n);
  uint32_t size() const { return used_; }

  /// Files the deadline and membership an event function has left in `n`. Called after each of them.
  void update(Neighbor& n);
  /// Frees the entry, or sets a pinned one back to kUnknown. Returns the number of waiting packets dropped.
  uint32_t forget(Neighbor& n);

  /// Queues a packet until the neighbour is resolved. Returns how many packets had to be dropped: the oldest
  /// of this neighbour beyond its bound, or this one when too many wait in all.
  uint32_t queue(Neighbor& n, Packet packet);
  /// The oldest packet waiting, or empty.
  Packet take_waiting(Neighbor& n);
  void drop_all_waiting();

  Micros next_deadline() const { return timers_.empty() ? Micros::never() : timers_.begin()->deadline; }
  /// The entry with the earliest deadline if that has come, unfiled; the caller handles it and calls `update`
  /// or `forget`.
  Neighbor* take_due(Micros now);

 private:
  struct Waiting {
    rte_mbuf* packet;
    uint32_t next;
  };
  struct DeadlineKey {
    using type = Micros;
    Micros operator()(const Neighbor& n) const { return n.deadline; }
  };
  using Timers = boost::intrusive::multiset<
      Neighbor,
      boost::intrusive::member_hook<Neighbor, boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>>,
                                    &Neighbor::timer_hook>,
      boost::intrusive::key_of_value<DeadlineKey>>;
  using Unresolved =
      boost::intrusive::list<Neighbor, boost::intrusive::member_hook<Neighbor, boost::intrusive::list_member_hook<>,
                                                                     &Neighbor::unresolved_hook>>;

  uint32_t& bucket(uint16_t interface, const IpAddress& address);
  bool make_room(Micros now, uint64_t& dropped);
  Neighbor* oldest_evictable(Micros now);
  void unfile(Neighbor& n);
  uint32_t drop_waiting(Neighbor& n);

  Limits limits_;
  uint64_t secret_;
  uint32_t used_ = 0;
  uint32_t unresolved_limit_;
  uint32_t clock_hand_ = 0;
  uint32_t first_free_ = 0;
  uint32_t first_free_waiting_ = 0;
  std::vector<Neighbor> entries_;
  std::vector<uint32_t> buckets_;
  std::vector<Waiting> waiting_;
  Timers timers_;
  Unresolved unresolved_;  ///< kUnknown and kIncomplete, oldest first; not the pinned
};

}  // namespace tributary::ip
