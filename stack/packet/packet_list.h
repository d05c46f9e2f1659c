// Intrusive queues of buffers: the link is a member of PacketInfo, so a queue costs two pointers and no memory.
#pragma once

#include "stack/packet/packet.h"

namespace tributary {

/// First-in first-out list of owned packets, linked through `PacketInfo::*Link`.
template <rte_mbuf* PacketInfo::*Link>
class BasicPacketList {
 public:
  BasicPacketList() = default;
  BasicPacketList(BasicPacketList&& o) noexcept
      : head_(std::exchange(o.head_, nullptr)), tail_(std::exchange(o.tail_, nullptr)) {}
  BasicPacketList& operator=(BasicPacketList&& o) noexcept {
    if (this != &o) {
      clear();
      head_ = std::exchange(o.head_, nullptr);
      tail_ = std::exchange(o.tail_, nullptr);
    }
    return *this;
  }
  ~BasicPacketList() { clear(); }

  bool empty() const { return head_ == nullptr; }
  rte_mbuf* front() const { return head_; }
  rte_mbuf* back() const { return tail_; }
  static rte_mbuf* next(rte_mbuf* m) { return info_of(m).*Link; }

  void push_back(Packet packet) {
    rte_mbuf* m = packet.release();
    info_of(m).*Link = nullptr;
    if (tail_ == nullptr)
      head_ = m;
    else
      info_of(tail_).*Link = m;
    tail_ = m;
  }
  void push_front(Packet packet) {
    rte_mbuf* m = packet.release();
    info_of(m).*Link = head_;
    head_ = m;
    if (tail_ == nullptr) tail_ = m;
  }
  /// Puts `packet` behind `before`, which is in this list (null: at the front).
  void insert_after(rte_mbuf* before, Packet packet) {
    if (before == nullptr) return push_front(std::move(packet));
    if (before == tail_) return push_back(std::move(packet));
    rte_mbuf* m = packet.release();
    info_of(m).*Link = info_of(before).*Link;
    info_of(before).*Link = m;
  }
  Packet pop_front() {
    rte_mbuf* m = head_;
    if (m == nullptr) return Packet();
    head_ = info_of(m).*Link;
    if (head_ == nullptr) tail_ = nullptr;
    return Packet(m);
  }
  /// Removes the packet behind `before` (null: the first).
  Packet remove_after(rte_mbuf* before) {
    if (before == nullptr) return pop_front();
    rte_mbuf* m = info_of(before).*Link;
    info_of(before).*Link = info_of(m).*Link;
    if (m == tail_) tail_ = before;
    return Packet(m);
  }
  /// Appends everything in `o`.
  void splice_back(BasicPacketList& o) {
    if (o.head_ == nullptr) return;
    if (tail_ == nullptr)
      head_ = o.head_;
    else
      info_of(tail_).*Link = o.head_;
    tail_ = o.tail_;
    o.head_ = o.tail_ = nullptr;
  }
  void clear() {
    while (head_ != nullptr) pop_front();
  }

 private:
  rte_mbuf* head_ = nullptr;
  rte_mbuf* tail_ = nullptr;
};

/// In connection (data-level) order: what streams hand to each other.
using PacketList = BasicPacketList<&PacketInfo::next>;

}  // namespace tributary
