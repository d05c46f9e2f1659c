// Frames as neighbours send them, built with the wire functions, and the way back.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "stack/ip/solicitation.h"
#include "stack/wire/arp.h"
#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ip.h"
#include "stack/wire/tcp.h"

namespace tributary::test {

using Bytes = std::vector<uint8_t>;

inline IpAddress addr(std::string_view text) {
  return IpAddress::parse(text).value();
}
inline IpPrefix prefix(std::string_view text) {
  return IpPrefix::parse(text).value();
}

/// Who sends a frame to whom, and on which VLAN (0: untagged).
struct Link {
  MacAddress source;
  MacAddress destination;
  uint16_t vlan = 0;
};

inline Bytes ethernet_frame(const Link& link, uint16_t type, std::span<const uint8_t> body) {
  const wire::EthernetHeader header{.destination = link.destination,
                                    .source = link.source,
                                    .has_vlan = link.vlan != 0,
                                    .vlan = link.vlan,
                                    .type = type};
  Bytes frame(header.size());
  wire::emit_ethernet(header, frame);
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

inline Bytes arp_frame(const Link& link, const wire::Arp& arp) {
  Bytes body(wire::kArpSize);
  wire::emit_arp(arp, body);
  return ethernet_frame(link, wire::ether_type::kArp, body);
}

inline wire::IpHeader ip_header(const IpAddress& source, const IpAddress& destination, uint8_t protocol) {
  wire::IpHeader header;
  header.source = source;
  header.destination = destination;
  header.protocol = protocol;
  header.hop_limit = 64;
  return header;
}

inline Bytes ip_packet(wire::IpHeader header, std::span<const uint8_t> payload) {
  header.payload_size = static_cast<uint16_t>(payload.size());
  Bytes packet(wire::ip_header_size(header.destination));
  wire::emit_ip(header, packet);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

inline Bytes ip_frame(const Link& link, const wire::IpHeader& header, std::span<const uint8_t> payload) {
  return ethernet_frame(link, header.is_v4() ? wire::ether_type::kIpv4 : wire::ether_type::kIpv6,
                        ip_packet(header, payload));
}

inline Bytes tcp_segment(uint16_t source_port, uint16_t destination_port, std::string_view payload = "") {
  Bytes segment(wire::kTcpHeaderSize);
  wire::TcpHeader header;
  header.source_port = source_port;
  header.destination_port = destination_port;
  header.seq = SeqNum(0x01020304);
  header.flags = wire::tcp_flag::kAck;
  wire::emit_tcp(header, segment);
  segment.insert(segment.end(), payload.begin(), payload.end());
  return segment;
}

inline Bytes tcp_packet(const IpAddress& source, const IpAddress& destination, std::string_view payload = "") {
  return ip_packet(ip_header(source, destination, wire::ip_protocol::kTcp), tcp_segment(1000, 80, payload));
}

inline Bytes tcp_frame(const Link& link, const IpAddress& source, const IpAddress& destination,
                       std::string_view payload = "") {
  return ip_frame(link, ip_header(source, destination, wire::ip_protocol::kTcp), tcp_segment(1000, 80, payload));
}

/// Sets the checksum of an ICMP or ICMPv6 message that is to go into a packet with this header.
inline void seal_icmp(std::span<uint8_t> message, const wire::IpHeader& header) {
  wire::store16(&message[2], 0);
  wire::Sum sum = wire::sum_bytes(message);
  if (!header.is_v4())
    sum = wire::add(sum, wire::pseudo_header_sum(header.source, header.destination, wire::ip_protocol::kIcmpv6,
                                                 static_cast<uint32_t>(message.size())));
  wire::store16(&message[2], static_cast<uint16_t>(~sum));
}

inline uint8_t icmp_protocol(const IpAddress& a) {
  return a.is_v4() ? wire::ip_protocol::kIcmp : wire::ip_protocol::kIcmpv6;
}

/// An ICMP message of `type` with `rest` and a body behind the first eight bytes.
inline Bytes icmp_frame(const Link& link, wire::IpHeader header, uint8_t type, uint8_t code, uint32_t rest,
                        std::span<const uint8_t> body) {
  header.protocol = icmp_protocol(header.source);
  Bytes message(wire::kIcmpHeaderSize);
  wire::emit_icmp({.type = type, .code = code, .checksum = 0, .rest = rest}, message);
  message.insert(message.end(), body.begin(), body.end());
  seal_icmp(message, header);
  return ip_frame(link, header, message);
}

inline Bytes neighbor_frame(const Link& link, wire::IpHeader header, const wire::NeighborMessage& message) {
  header.protocol = wire::ip_protocol::kIcmpv6;
  Bytes body(wire::neighbor_message_size(message));
  wire::emit_neighbor_message(message, body);
  seal_icmp(body, header);
  return ip_frame(link, header, body);
}

/// A frame taken apart as far as it goes, with every checksum on the way verified.
struct Parsed {
  size_t frame_size = 0;
  wire::EthernetHeader ethernet;
  std::optional<wire::Arp> arp;
  std::optional<wire::IpHeader> ip;
  Bytes payload;  ///< behind the IP header
  std::optional<wire::IcmpHeader> icmp;
  std::optional<wire::NeighborMessage> neighbor;
  bool good_icmp_checksum = false;
};

inline Parsed parse_frame(std::span<const uint8_t> frame) {
  Parsed p;
  p.frame_size = frame.size();
  p.ethernet = wire::parse_ethernet(frame).value();
  const auto body = frame.subspan(p.ethernet.size());
  if (p.ethernet.type == wire::ether_type::kArp) p.arp = wire::parse_arp(body);
  wire::IpHeader header;
  if ((p.ethernet.type != wire::ether_type::kIpv4 && p.ethernet.type != wire::ether_type::kIpv6) ||
      wire::parse_ip(body, false, header) != wire::IpError::kNone)
    return p;
  p.ip = header;
  const auto payload = body.subspan(header.header_size, header.payload_size);
  p.payload.assign(payload.begin(), payload.end());
  if (header.protocol != icmp_protocol(header.source)) return p;
  p.icmp = wire::parse_icmp(payload);
  p.neighbor = header.is_v4() ? std::nullopt : wire::parse_neighbor_message(payload);
  Bytes sealed = p.payload;
  seal_icmp(sealed, header);
  p.good_icmp_checksum = sealed == p.payload;
  return p;
}

}  // namespace tributary::test
