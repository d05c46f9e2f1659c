#include "stack/wire/ip.h"

#include <cassert>

#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ip_extension.h"

namespace tributary::wire {

namespace {

constexpr size_t kIpv4Size = 20;
constexpr size_t kIpv6Size = 40;

IpError parse_v4(std::span<const uint8_t> packet, bool checksum_verified, IpHeader& out) {
  if (packet.size() < kIpv4Size) return IpError::kTruncated;
  const uint8_t* p = packet.data();
  const size_t header_size = (p[0] & 0x0f) * 4u;
  if (header_size < kIpv4Size) return IpError::kHeaderLength;
  if (header_size > packet.size()) return IpError::kTruncated;
  const size_t total = load16(p + 2);
  if (total < header_size) return IpError::kTotalLength;
  if (total > packet.size()) return IpError::kTruncated;
  if (!checksum_verified && sum_bytes(packet.first(header_size)) != 0xffff) return IpError::kChecksum;

  const uint16_t fragment = load16(p + 6);  // reserved(1) DF(1) MF(1) offset(13)
  out.traffic_class = p[1];
  out.identification = load16(p + 4);
  out.dont_fragment = fragment & 0x4000;
  out.is_fragment = fragment & 0x3fff;
  out.more_fragments = fragment & 0x2000;
  out.fragment_offset = static_cast<uint16_t>((fragment & 0x1fff) * 8);
  out.hop_limit = p[8];
  out.protocol = p[9];
  out.source = IpAddress::from_v4_bytes(p + 12);
  out.destination = IpAddress::from_v4_bytes(p + 16);
  out.flow_label = 0;
  out.header_size = static_cast<uint16_t>(header_size);
  out.payload_size = static_cast<uint16_t>(total - header_size);
  return IpError::kNone;
}

IpError parse_v6(std::span<const uint8_t> packet, IpHeader& out) {
  if (packet.size() < kIpv6Size) return IpError::kTruncated;
  const uint8_t* p = packet.data();
  const size_t total = kIpv6Size + load16(p + 4);
  if (total > packet.size()) return IpError::kTruncated;
  out.source = IpAddress::from_v6_bytes(p + 8);
  out.destination = IpAddress::from_v6_bytes(p + 24);
  // A mapped address is our form of an IPv4 address and must not come in from a wire (RFC 4942 §2.2).
  if (out.source.is_v4() || out.destination.is_v4()) return IpError::kAddress;

  const uint32_t start = load32(p);  // version(4) traffic class(8) flow label(20)
  out.traffic_class = static_cast<uint8_t>(start >> 20);
  out.flow_label = start & 0xfffff;
  out.hop_limit = p[7];
  out.dont_fragment = true;

  ExtensionChain chain;
  if (!skip_extension_headers(p[6], packet.subspan(kIpv6Size, total - kIpv6Size), chain))
    return IpError::kExtensionHeader;
  out.protocol = chain.protocol;
  out.is_fragment = chain.is_fragment;
  out.more_fragments = chain.more_fragments;
  out.fragment_offset = chain.fragment_offset;
  out.identification = chain.identification;
  out.header_size = static_cast<uint16_t>(kIpv6Size + chain.size);
  out.payload_size = static_cast<uint16_t>(total - out.header_size);
  return IpError::kNone;
}

}  // namespace

IpError parse_ip(std::span<const uint8_t> packet, bool checksum_verified, IpHeader& out) {
  if (packet.empty()) return IpError::kTruncated;
  switch (packet[0] >> 4) {
    case 4:
      return parse_v4(packet, checksum_verified, out);
    case 6:
      return parse_v6(packet, out);
    default:
      return IpError::kVersion;
  }
}

size_t ip_header_size(const IpAddress& destination) {
  return destination.is_v4() ? kIpv4Size : kIpv6Size;
}

size_t emit_ip(const IpHeader& header, std::span<uint8_t> out) {
  uint8_t* p = out.data();
  if (header.is_v4()) {
    assert(out.size() >= kIpv4Size && header.payload_size <= 0xffff - kIpv4Size);
    p[0] = 0x45;
    p[1] = header.traffic_class;
    store16(p + 2, static_cast<uint16_t>(kIpv4Size + header.payload_size));
    store16(p + 4, static_cast<uint16_t>(header.identification));
    store16(p + 6, header.dont_fragment ? 0x4000 : 0);
    p[8] = header.hop_limit;
    p[9] = header.protocol;
    store16(p + 10, 0);
    store32(p + 12, header.source.v4_value());
    store32(p + 16, header.destination.v4_value());
    // From the fields: reading back what was just stored in pieces would stall.
    const uint32_t source = header.source.v4_value(), destination = header.destination.v4_value();
    const Sum sum = fold(uint64_t{0x4500} + header.traffic_class + kIpv4Size + header.payload_size +
                         (header.identification & 0xffff) + (header.dont_fragment ? 0x4000u : 0u) +
                         (uint32_t{header.hop_limit} << 8 | header.protocol) + source + destination);
    store16(p + 10, static_cast<uint16_t>(~sum));
    return kIpv4Size;
  }
  assert(out.size() >= kIpv6Size);
  store32(p, 6u << 28 | uint32_t{header.traffic_class} << 20 | (header.flow_label & 0xfffff));
  store16(p + 4, header.payload_size);
  p[6] = header.protocol;
  p[7] = header.hop_limit;
  std::memcpy(p + 8, header.source.bytes().data(), 16);
  std::memcpy(p + 24, header.destination.bytes().data(), 16);
  return kIpv6Size;
}

}  // namespace tributary::wire
