#include "stack/ip/solicitation.h"

#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ip.h"

namespace tributary::ip {
namespace {

constexpr uint8_t kNeighborHopLimit = 255;  // RFC 4861 §7.1: shows that no router was passed
constexpr size_t kIcmpChecksumOffset = 2;

// A buffer with the Ethernet header written and `size` bytes behind it.
Packet make_frame(PacketPools& pools, const wire::EthernetHeader& ethernet, size_t size) {
  Packet frame = pools.header();
  if (!frame || frame.append(static_cast<uint16_t>(ethernet.size() + size)) == nullptr) return {};
  wire::emit_ethernet(ethernet, frame.bytes());
  return frame;
}

}  // namespace

IpAddress all_nodes() {
  return IpAddress({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

IpAddress solicited_node(const IpAddress& target) {
  const auto& t = target.bytes();
  return IpAddress({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, t[13], t[14], t[15]});
}

MacAddress multicast_mac(const IpAddress& group) {
  const auto& g = group.bytes();
  return {{0x33, 0x33, g[12], g[13], g[14], g[15]}};
}

wire::EthernetHeader make_ethernet(const InterfaceConfig& interface, const MacAddress& destination, uint16_t type) {
  return {.destination = destination,
          .source = interface.mac,
          .has_vlan = interface.vlan.has_value(),
          .vlan = interface.vlan.value_or(0),
          .type = type};
}

Packet make_arp(PacketPools& pools, const InterfaceConfig& interface, const MacAddress& destination,
                const wire::Arp& arp) {
  const auto ethernet = make_ethernet(interface, destination, wire::ether_type::kArp);
  Packet frame = make_frame(pools, ethernet, wire::kArpSize);
  if (frame) wire::emit_arp(arp, frame.bytes().subspan(ethernet.size()));
  return frame;
}

Packet make_neighbor_message(PacketPools& pools, const InterfaceConfig& interface, const MacAddress& destination_mac,
                             const IpAddress& source, const IpAddress& destination,
                             const wire::NeighborMessage& message) {
  const auto ethernet = make_ethernet(interface, destination_mac, wire::ether_type::kIpv6);
  const size_t ip_size = wire::ip_header_size(destination);
  const size_t message_size = wire::neighbor_message_size(message);
  Packet frame = make_frame(pools, ethernet, ip_size + message_size);
  if (!frame) return frame;

  wire::IpHeader header;
  header.source = source;
  header.destination = destination;
  header.protocol = wire::ip_protocol::kIcmpv6;
  header.hop_limit = kNeighborHopLimit;
  header.payload_size = static_cast<uint16_t>(message_size);
  wire::emit_ip(header, frame.bytes().subspan(ethernet.size()));

  const auto body = frame.bytes().subspan(ethernet.size() + ip_size);
  wire::emit_neighbor_message(message, body);
  const wire::Sum sum = wire::add(
      wire::sum_bytes(body),
      wire::pseudo_header_sum(source, destination, wire::ip_protocol::kIcmpv6, static_cast<uint32_t>(message_size)));
  wire::store16(&body[kIcmpChecksumOffset], static_cast<uint16_t>(~sum));
  return frame;
}

}  // namespace tributary::ip
