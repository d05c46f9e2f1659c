#include "stack/wire/icmp.h"

#include <cassert>
#include <cstring>

#include "stack/wire/byte_order.h"
#include "stack/wire/ip.h"
#include "stack/wire/ip_extension.h"

namespace tributary::wire {

std::optional<IcmpHeader> parse_icmp(std::span<const uint8_t> bytes) {
  if (bytes.size() < kIcmpHeaderSize) return {};
  const uint8_t* p = bytes.data();
  return IcmpHeader{.type = p[0], .code = p[1], .checksum = load16(p + 2), .rest = load32(p + 4)};
}

void emit_icmp(const IcmpHeader& header, std::span<uint8_t> out) {
  assert(out.size() >= kIcmpHeaderSize);
  out[0] = header.type;
  out[1] = header.code;
  store16(&out[2], header.checksum);
  store32(&out[4], header.rest);
}

namespace {

// Quotes are cut short, and routers on the way changed them: neither total length nor checksum means
// anything.
bool parse_quoted_ip(std::span<const uint8_t> quoted, QuotedSegment& out, size_t& header_size) {
  if (quoted.empty()) return false;
  const uint8_t* p = quoted.data();
  if (p[0] >> 4 == 4) {
    header_size = (p[0] & 0x0f) * 4u;
    if (header_size < 20 || header_size > quoted.size()) return false;
    if (load16(p + 6) & 0x1fff) return false;  // a later fragment has no ports
    out.protocol = p[9];
    out.source = IpAddress::from_v4_bytes(p + 12);
    out.destination = IpAddress::from_v4_bytes(p + 16);
    return true;
  }
  if (p[0] >> 4 != 6 || quoted.size() < 40) return false;
  ExtensionChain chain;
  if (!skip_extension_headers(p[6], quoted.subspan(40), chain) || chain.is_later_fragment) return false;
  header_size = 40 + chain.size;
  out.protocol = chain.protocol;
  out.source = IpAddress::from_v6_bytes(p + 8);
  out.destination = IpAddress::from_v6_bytes(p + 24);
  return !out.source.is_v4() && !out.destination.is_v4();
}

}  // namespace

std::optional<QuotedSegment> parse_quoted_segment(std::span<const uint8_t> quoted) {
  QuotedSegment segment;
  size_t header_size = 0;
  if (!parse_quoted_ip(quoted, segment, header_size)) return {};
  const bool is_tcp = segment.protocol == ip_protocol::kTcp;
  if (!is_tcp && segment.protocol != ip_protocol::kUdp) return {};
  const auto transport = quoted.subspan(header_size);
  if (transport.size() < (is_tcp ? 8u : 4u)) return {};
  segment.source_port = load16(&transport[0]);
  segment.destination_port = load16(&transport[2]);
  if (is_tcp) segment.seq = load32(&transport[4]);
  return segment;
}

}  // namespace tributary::wire
