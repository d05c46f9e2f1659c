#include "stack/wire/arp.h"

#include <cassert>
#include <cstring>

#include "stack/wire/byte_order.h"

namespace tributary::wire {

namespace {
// Hardware type 1 (Ethernet), protocol type 0x0800 (IPv4), address lengths 6 and 4.
constexpr uint64_t kEthernetIpv4 = 0x0001'0800'06'04;
}  // namespace

std::optional<Arp> parse_arp(std::span<const uint8_t> bytes) {
  if (bytes.size() < kArpSize) return {};
  const uint8_t* p = bytes.data();
  const uint64_t start = load64(p);
  const uint16_t operation = start & 0xffff;
  if (start >> 16 != kEthernetIpv4 || operation < 1 || operation > 2) return {};
  Arp arp;
  arp.operation = static_cast<Arp::Operation>(operation);
  std::memcpy(arp.sender_mac.bytes.data(), p + 8, 6);
  arp.sender_ip = IpAddress::from_v4_bytes(p + 14);
  std::memcpy(arp.target_mac.bytes.data(), p + 18, 6);
  arp.target_ip = IpAddress::from_v4_bytes(p + 24);
  return arp;
}

void emit_arp(const Arp& arp, std::span<uint8_t> out) {
  assert(out.size() >= kArpSize);
  uint8_t* p = out.data();
  store64(p, kEthernetIpv4 << 16 | static_cast<uint16_t>(arp.operation));
  std::memcpy(p + 8, arp.sender_mac.bytes.data(), 6);
  store32(p + 14, arp.sender_ip.v4_value());
  std::memcpy(p + 18, arp.target_mac.bytes.data(), 6);
  store32(p + 24, arp.target_ip.v4_value());
}

}  // namespace tributary::wire
