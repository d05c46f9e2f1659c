// Ethernet II with at most one 802.1Q tag.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "stack/wire/ip_address.h"

namespace tributary::wire {

namespace ether_type {
constexpr uint16_t kIpv4 = 0x0800, kArp = 0x0806, kVlan = 0x8100, kIpv6 = 0x86dd;
}

struct EthernetHeader {
  MacAddress destination{};
  MacAddress source{};
  bool has_vlan = false;
  uint16_t vlan = 0;  ///< the whole tag control information: priority(3) DEI(1) identifier(12)
  uint16_t type = 0;  ///< of what follows the tag, if any
  size_t size() const { return has_vlan ? 18 : 14; }
  uint16_t vlan_id() const { return vlan & 0x0fff; }
  bool operator==(const EthernetHeader&) const = default;
};

std::optional<EthernetHeader> parse_ethernet(std::span<const uint8_t> frame);
/// Writes `header.size()` bytes.
void emit_ethernet(const EthernetHeader& header, std::span<uint8_t> out);

}  // namespace tributary::wire
