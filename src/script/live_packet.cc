#include "src/script/live_packet.h"

#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"

namespace tributary::script {
namespace {

Bytes with_ip_header(wire::IpHeader ip, const Bytes& payload) {
  ip.payload_size = static_cast<uint16_t>(payload.size());
  Bytes packet(wire::ip_header_size(ip.destination));
  wire::emit_ip(ip, packet);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

uint16_t transport_checksum(const wire::IpHeader& ip, std::span<const uint8_t> bytes) {
  wire::Sum sum = wire::sum_bytes(bytes);
  if (ip.protocol != wire::ip_protocol::kIcmp)
    sum = wire::add(
        sum, wire::pseudo_header_sum(ip.source, ip.destination, ip.protocol, static_cast<uint32_t>(bytes.size())));
  return static_cast<uint16_t>(~sum);
}

}  // namespace

LivePacket parse_packet_bytes(std::span<const uint8_t> packet, Micros time) {
  LivePacket out;
  out.time = time;
  out.bytes.assign(packet.begin(), packet.end());
  if (const auto error = wire::parse_ip(packet, false, out.ip); error != wire::IpError::kNone) {
    out.defects.push_back(error == wire::IpError::kChecksum ? "the IP checksum is wrong"
                                                            : "the IP header is malformed");
    if (error != wire::IpError::kChecksum || wire::parse_ip(packet, true, out.ip) != wire::IpError::kNone) return out;
  }
  const auto payload = packet.subspan(out.ip.header_size, out.ip.payload_size);
  if (transport_checksum(out.ip, payload) != 0) out.defects.push_back("the transport checksum is wrong");
  if (out.ip.protocol == wire::ip_protocol::kTcp) {
    out.tcp = wire::parse_tcp(payload);
    if (!out.tcp) {
      out.defects.push_back("the TCP header is malformed");
      return out;
    }
    const auto options = payload.subspan(wire::kTcpHeaderSize, out.tcp->header_size - wire::kTcpHeaderSize);
    const auto body = payload.subspan(out.tcp->header_size);
    out.options.assign(options.begin(), options.end());
    out.body.assign(body.begin(), body.end());
  } else {
    out.icmp = wire::parse_icmp(payload);
    if (out.icmp) out.body.assign(payload.begin() + wire::kIcmpHeaderSize, payload.end());
  }
  return out;
}

Bytes make_tcp_packet(wire::IpHeader ip, wire::TcpHeader tcp, std::span<const uint8_t> options,
                      std::span<const uint8_t> payload) {
  ip.protocol = wire::ip_protocol::kTcp;
  tcp.header_size = static_cast<uint8_t>(wire::kTcpHeaderSize + options.size());
  tcp.checksum = 0;
  Bytes segment(wire::kTcpHeaderSize);
  wire::emit_tcp(tcp, segment);
  segment.insert(segment.end(), options.begin(), options.end());
  segment.insert(segment.end(), payload.begin(), payload.end());
  wire::store16(&segment[16], transport_checksum(ip, segment));
  return with_ip_header(ip, segment);
}

Bytes make_icmp_packet(wire::IpHeader ip, const wire::IcmpHeader& icmp, std::span<const uint8_t> body) {
  ip.protocol = ip.is_v4() ? wire::ip_protocol::kIcmp : wire::ip_protocol::kIcmpv6;
  Bytes message(wire::kIcmpHeaderSize);
  wire::emit_icmp(icmp, message);
  message.insert(message.end(), body.begin(), body.end());
  wire::store16(&message[2], 0);
  wire::store16(&message[2], transport_checksum(ip, message));
  return with_ip_header(ip, message);
}

Bytes make_pattern(uint64_t offset, size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = pattern_byte(offset + i);
  return bytes;
}

}  // namespace tributary::script
