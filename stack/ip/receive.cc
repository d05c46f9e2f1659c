// Receiving: from the frame to the TCP segment, with every check that comes before.
#include "stack/ip/ip_layer.h"
#include "stack/packet/port_flags.h"

namespace tributary::ip {
namespace {

bool is_multicast_v6(const MacAddress& mac) {
  return mac.bytes[0] == 0x33 && mac.bytes[1] == 0x33;
}

/// A fragment of what would be dropped as a whole.
bool is_of_no_use(const wire::IpHeader& ip) {
  return ip.protocol == wire::ip_protocol::kUdp || ip.protocol == wire::ip_protocol::kNone ||
         (ip.is_v4() && ip.protocol != wire::ip_protocol::kTcp && ip.protocol != wire::ip_protocol::kIcmp);
}

/// RFC 6980: Neighbour Discovery does not. Errors are shorter than any link's MTU. Of an echo request the answer has to
/// fit into one packet of ours.
bool may_come_in_fragments(const wire::IpHeader& ip, std::span<const uint8_t> payload, uint16_t mtu) {
  if (ip.protocol == wire::ip_protocol::kTcp) return true;
  if (payload.empty() || wire::ip_header_size(ip.source) + payload.size() > mtu) return false;
  if (ip.protocol == wire::ip_protocol::kIcmp) return payload[0] == wire::icmp_type::kEchoRequest;
  return ip.protocol == wire::ip_protocol::kIcmpv6 && payload[0] == wire::icmpv6_type::kEchoRequest;
}

}  // namespace

void IpLayer::drop(Packet& frame, uint64_t& counter) {
  ++counter;
  frame.reset();
}

bool IpLayer::is_for_interface(const wire::EthernetHeader& ethernet, uint16_t interface) const {
  const MacAddress& to = ethernet.destination;
  return to == interfaces_.door(interface).mac || to == MacAddress::broadcast() || is_multicast_v6(to);
}

void IpLayer::receive(Packet& frame, PortId port, Micros now, Received& out) {
  out.kind = Received::Kind::kConsumed;
  auto ethernet = wire::parse_ethernet(frame.bytes());
  if (!ethernet || is_chained(frame) || ethernet->source.is_multicast()) return drop(frame, counters_.drop_malformed);

  uint16_t vlan_id = ethernet->has_vlan ? ethernet->vlan_id() : 0;
  if (const auto stripped = stripped_vlan(frame)) {
    // The port took a tag out; another one inside would be a second (802.1ad), which no interface has.
    if (ethernet->has_vlan) return drop(frame, counters_.drop_vlan);
    vlan_id = *stripped & 0x0fff;
  }
  out.interface = interfaces_.find(port, vlan_id);
  if (out.interface == InterfaceTable::kNone) return drop(frame, counters_.drop_vlan);
  if (!is_for_interface(*ethernet, out.interface)) return drop(frame, counters_.drop_not_for_us);

  switch (ethernet->type) {
    case wire::ether_type::kIpv4:
    case wire::ether_type::kIpv6:
      return receive_ip(frame, *ethernet, out, now);
    case wire::ether_type::kArp:
      return receive_arp(frame, *ethernet, out.interface, now);
    default:
      return drop(frame, counters_.drop_protocol);
  }
}

bool IpLayer::take_fragment(Packet& frame, const wire::EthernetHeader& ethernet, Received& out, Micros now) {
  const wire::IpHeader& ip = out.ip;
  if (is_of_no_use(ip)) {
    drop(frame, counters_.drop_protocol);
    return false;
  }
  frame = fragments_.add(std::move(frame), ethernet, ip, out.interface, now);
  if (!frame) return false;
  // Its payload may begin with extension headers of its own; a fragment it is not again.
  if (wire::parse_ip(frame.bytes().subspan(ethernet.size()), true, out.ip) != wire::IpError::kNone || ip.is_fragment) {
    drop(frame, counters_.drop_malformed);
    return false;
  }
  const auto payload = frame.bytes().subspan(ethernet.size() + ip.header_size, ip.payload_size);
  if (may_come_in_fragments(ip, payload, interfaces_.at(out.interface).mtu)) return true;
  drop(frame, counters_.drop_protocol);
  return false;
}

void IpLayer::receive_ip(Packet& frame, const wire::EthernetHeader& ethernet, Received& out, Micros now) {
  const InterfaceTable::Door& door = interfaces_.door(out.interface);
  const ChecksumVerdict verdict = door.receive_ip_checksum ? ip_checksum_verdict(frame) : ChecksumVerdict::kUnknown;
  if (verdict == ChecksumVerdict::kBad) return drop(frame, counters_.drop_ip_checksum);

  const auto packet = frame.bytes().subspan(ethernet.size());
  switch (wire::parse_ip(packet, verdict == ChecksumVerdict::kGood, out.ip)) {
    case wire::IpError::kNone:
      break;
    case wire::IpError::kChecksum:
      return drop(frame, counters_.drop_ip_checksum);
    default:
      return drop(frame, counters_.drop_malformed);
  }
  const wire::IpHeader& ip = out.ip;
  if (ip.is_v4() != (ethernet.type == wire::ether_type::kIpv4)) return drop(frame, counters_.drop_malformed);
  // The unspecified IPv6 address is the source of duplicate address detection and of nothing else.
  const bool is_probe = !ip.is_v4() && ip.source.is_unspecified() && ip.protocol == wire::ip_protocol::kIcmpv6;
  if ((is_martian(ip.source) && !is_probe) || interfaces_.is_ours(ip.source, out.interface))
    return drop(frame, counters_.drop_malformed);

  if (ip.is_fragment) [[unlikely]] {
    if (!take_fragment(frame, ethernet, out, now)) return;
  }
  out.for_us = interfaces_.is_ours(ip.destination, out.interface);
  out.segment_offset = static_cast<uint16_t>(ethernet.size() + ip.header_size);
  out.segment_size = ip.payload_size;
  switch (ip.protocol) {
    case wire::ip_protocol::kTcp:
      break;
    case wire::ip_protocol::kIcmp:
    case wire::ip_protocol::kIcmpv6:
      return receive_icmp(frame, ethernet, out, now);
    default:
      return drop(frame, counters_.drop_protocol);
  }

  // TCP is between two hosts, also on the link (RFC 9293 MUST-57).
  if (ethernet.destination.is_multicast() || is_martian(ip.destination)) return drop(frame, counters_.drop_not_for_us);
  const ChecksumVerdict tcp = door.receive_tcp_checksum ? tcp_checksum_verdict(frame) : ChecksumVerdict::kUnknown;
  if (tcp == ChecksumVerdict::kBad) return drop(frame, counters_.tcp_checksum_errors);
  out.tcp_checksum_good = tcp == ChecksumVerdict::kGood;
  out.kind = Received::Kind::kTcp;
}

}  // namespace tributary::ip
