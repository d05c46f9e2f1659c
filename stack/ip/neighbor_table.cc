#include "stack/ip/neighbor_table.h"

#include <algorithm>
#include <bit>

namespace tributary::ip {
namespace {

// Packets that may wait in all, at 4 KB of links: enough for 64 neighbours at their bound.
constexpr uint32_t kWaitingInAll = 1024;

// A neighbour used this recently is not evicted. Evicting it would only make its next packet ask again.
constexpr Micros kEvictableAfter = Micros::seconds(10);

// Entries looked at for one eviction: bounds the work of a packet, finds one of the least recently used few
// percent.
constexpr uint32_t kEvictionSample = 64;

}  // namespace

NeighborTable::NeighborTable(const Limits& limits, uint64_t secret)
    : limits_(limits),
      secret_(secret),
      unresolved_limit_(std::max(1u, limits.neighbors / 4)),
      entries_(std::max(1u, limits.neighbors)),
      buckets_(std::bit_ceil(entries_.size()), kNone),
      waiting_(kWaitingInAll) {
  const auto link = [](uint32_t i, size_t size) { return i + 1 < size ? i + 1 : kNone; };
  for (uint32_t i = 0; i < entries_.size(); ++i) entries_[i].next_in_bucket = link(i, entries_.size());
  for (uint32_t i = 0; i < kWaitingInAll; ++i) waiting_[i] = {nullptr, link(i, kWaitingInAll)};
}

NeighborTable::~NeighborTable() {
  drop_all_waiting();
  timers_.clear();
  unresolved_.clear();
}

uint32_t& NeighborTable::bucket(uint16_t interface, const IpAddress& address) {
  return buckets_[hash_address(AddressWords(address), secret_ + interface) & (buckets_.size() - 1)];
}

Neighbor* NeighborTable::find(uint16_t interface, const IpAddress& address) {
  for (uint32_t i = bucket(interface, address); i != kNone; i = entries_[i].next_in_bucket)
    if (entries_[i].interface == interface && entries_[i].address == address) return &entries_[i];
  return nullptr;
}

Neighbor* NeighborTable::create(uint16_t interface, const IpAddress& address, Micros now, uint64_t& dropped) {
  if (!make_room(now, dropped)) return nullptr;
  Neighbor& n = entries_[first_free_];
  first_free_ = n.next_in_bucket;
  ++used_;
  uint32_t& head = bucket(interface, address);
  n.next_in_bucket = std::exchange(head, index(n));
  n.state = NeighborState::kUnknown;
  n.interface = interface;
  n.address = address;
  n.used_at = now;
  n.solicits = 0;
  n.deadline = now + limits_.solicit_interval * limits_.solicit_attempts;  // gone then if nobody sends
  update(n);
  return &n;
}

bool NeighborTable::make_room(Micros now, uint64_t& dropped) {
  if (unresolved_.size() >= unresolved_limit_) {
    dropped += forget(unresolved_.front());
  } else if (first_free_ == kNone) {
    Neighbor* victim = oldest_evictable(now);
    if (victim == nullptr && !unresolved_.empty()) victim = &unresolved_.front();
    if (victim == nullptr) return false;
    dropped += forget(*victim);
  }
  return true;
}

Neighbor* NeighborTable::oldest_evictable(Micros now) {
  Neighbor* oldest = nullptr;
  for (uint32_t looked = 0; looked < std::min<size_t>(kEvictionSample, entries_.size()); ++looked) {
    Neighbor& n = entries_[clock_hand_];
    clock_hand_ = clock_hand_ + 1 < entries_.size() ? clock_hand_ + 1 : 0;
    if (!n.is_resolved() || n.pinned || n.used_at + kEvictableAfter > now) continue;
    if (oldest == nullptr || n.used_at < oldest->used_at) oldest = &n;
  }
  return oldest;
}

void NeighborTable::pin(Neighbor& n) {
  n.pinned = true;
  if (!n.is_resolved()) n.deadline = Micros::never();
  update(n);
}

void NeighborTable::unfile(Neighbor& n) {
  if (n.timer_hook.is_linked()) timers_.erase(timers_.iterator_to(n));
}

void NeighborTable::update(Neighbor& n) {
  unfile(n);
  if (n.deadline != Micros::never()) timers_.insert(n);
  const bool belongs = !n.is_resolved() && !n.pinned;
  if (belongs && !n.unresolved_hook.is_linked()) unresolved_.push_back(n);
  if (!belongs && n.unresolved_hook.is_linked()) unresolved_.erase(unresolved_.iterator_to(n));
}

uint32_t NeighborTable::forget(Neighbor& n) {
  const uint32_t dropped = drop_waiting(n);
  n.deadline = Micros::never();
  if (n.pinned) {
    n.state = NeighborState::kUnknown;
    update(n);
    return dropped;
  }
  unfile(n);
  if (n.unresolved_hook.is_linked()) unresolved_.erase(unresolved_.iterator_to(n));
  uint32_t* link = &bucket(n.interface, n.address);
  while (*link != index(n)) link = &entries_[*link].next_in_bucket;
  *link = n.next_in_bucket;
  n.state = NeighborState::kFree;
  ++n.generation;
  n.next_in_bucket = std::exchange(first_free_, index(n));
  --used_;
  return dropped;
}

uint32_t NeighborTable::queue(Neighbor& n, Packet packet) {
  uint32_t dropped = 0;
  if (n.waiting >= limits_.queued_per_neighbor && take_waiting(n)) dropped = 1;
  if (first_free_waiting_ == kNone || limits_.queued_per_neighbor == 0) return dropped + 1;
  const uint32_t slot = first_free_waiting_;
  first_free_waiting_ = waiting_[slot].next;
  waiting_[slot] = {packet.release(), kNone};
  if (n.first_waiting == kNone) {
    n.first_waiting = slot;
  } else {
    waiting_[n.last_waiting].next = slot;
  }
  n.last_waiting = slot;
  ++n.waiting;
  return dropped;
}

Packet NeighborTable::take_waiting(Neighbor& n) {
  if (n.waiting == 0) return {};
  const uint32_t slot = n.first_waiting;
  n.first_waiting = waiting_[slot].next;
  --n.waiting;
  waiting_[slot].next = std::exchange(first_free_waiting_, slot);
  return Packet(std::exchange(waiting_[slot].packet, nullptr));
}

uint32_t NeighborTable::drop_waiting(Neighbor& n) {
  const uint32_t count = n.waiting;
  while (n.waiting != 0) take_waiting(n);
  return count;
}

void NeighborTable::drop_all_waiting() {
  for (Neighbor& n : entries_) drop_waiting(n);
}

Neighbor* NeighborTable::take_due(Micros now) {
  if (timers_.empty() || timers_.begin()->deadline > now) return nullptr;
  Neighbor& n = *timers_.begin();
  unfile(n);
  return &n;
}

}  // namespace tributary::ip
