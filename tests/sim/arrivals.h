// What has come through: a middlebox that changes nothing and tells payload that arrives for the first time
// from payload that need not have been sent again.
#pragma once

#include <unordered_set>

#include "tests/sim/middlebox.h"

namespace tributary::sim {

/// For one connection. Put it next to the receiver, behind everything that loses.
class Arrivals : public Middlebox {
 public:
  explicit Arrivals(Direction direction) : direction_(direction) {}

  void handle(Direction direction, Frame frame) override {
    if (direction == direction_) note(frame);
    pass(direction, std::move(frame));
  }
  uint64_t segments() const { return segments_; }  ///< with payload
  uint64_t again() const { return again_; }        ///< of those, whose first byte had arrived before

 private:
  void on_segment(Direction direction, Segment segment) override { pass(direction, segment); }
  void note(const Frame& frame) {
    const std::span<const uint8_t> bytes(frame);
    const auto ethernet = wire::parse_ethernet(bytes);
    wire::IpHeader ip;
    if (!ethernet || wire::parse_ip(bytes.subspan(ethernet->size()), false, ip) != wire::IpError::kNone) return;
    if (ip.protocol != wire::ip_protocol::kTcp) return;
    const auto tcp = wire::parse_tcp(bytes.subspan(ethernet->size() + ip.header_size, ip.payload_size));
    if (!tcp || ip.payload_size <= tcp->header_size) return;
    ++segments_;
    if (!seen_.insert(tcp->seq.raw()).second) ++again_;
  }

  Direction direction_;
  std::unordered_set<uint32_t> seen_;
  uint64_t segments_ = 0;
  uint64_t again_ = 0;
};

}  // namespace tributary::sim
