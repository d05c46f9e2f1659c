// Any frame, parsed through all layers: sizes stay inside the frame, and every value emits and parses back
// the same.
#include <cstring>
#include <vector>

#include "stack/wire/arp.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ip.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"
#include "tests/fuzz/check.h"
#include "tests/wire/same_options.h"

using namespace tributary;
using namespace tributary::wire;

namespace {

using Bytes = std::span<const uint8_t>;

void check_arp(Bytes bytes) {
  const auto arp = parse_arp(bytes);
  if (!arp) return;
  std::vector<uint8_t> out(kArpSize);
  emit_arp(*arp, out);
  CHECK_PROPERTY(std::memcmp(out.data(), bytes.data(), kArpSize) == 0);
}

void check_icmp(Bytes bytes, bool v6) {
  const auto header = parse_icmp(bytes);
  if (!header) return;
  std::vector<uint8_t> out(kIcmpHeaderSize);
  emit_icmp(*header, out);
  CHECK_PROPERTY(std::memcmp(out.data(), bytes.data(), kIcmpHeaderSize) == 0);
  if (const auto quoted = parse_quoted_segment(bytes.subspan(kIcmpHeaderSize)))
    CHECK_PROPERTY(quoted->source.is_v4() == quoted->destination.is_v4());
  if (!v6) return;
  if (const auto message = parse_neighbor_message(bytes)) {
    std::vector<uint8_t> emitted(neighbor_message_size(*message));
    emit_neighbor_message(*message, emitted);
    CHECK_PROPERTY(parse_neighbor_message(emitted) == message);
  }
}

void check_tcp(const IpHeader& ip, Bytes segment) {
  const auto header = parse_tcp(segment);
  if (!header) return;
  CHECK_PROPERTY(header->header_size <= segment.size());
  std::vector<uint8_t> out(kTcpHeaderSize);
  emit_tcp(*header, out);
  CHECK_PROPERTY(std::memcmp(out.data(), segment.data(), kTcpHeaderSize) == 0);

  TcpOptions first, second;
  parse_tcp_options(segment.subspan(kTcpHeaderSize, header->header_size - kTcpHeaderSize), first);
  std::vector<uint8_t> area(tcp_options_size(first));
  CHECK_PROPERTY(emit_tcp_options(first, area) == area.size());
  parse_tcp_options(area, second);
  CHECK_PROPERTY(test::same_options(first, second));

  // The sum of the payload is what the whole less the headers says (design D2).
  const Sum pseudo = pseudo_header_sum(ip.source, ip.destination, ip.protocol, static_cast<uint32_t>(segment.size()));
  const Sum head = sum_bytes(segment.first(header->header_size));
  const Sum whole = add(pseudo, sum_bytes(segment));
  const Sum payload = subtract(subtract(whole, pseudo), head);
  CHECK_PROPERTY(same_value(payload, sum_bytes(segment.subspan(header->header_size))));
}

void check_ip(Bytes packet) {
  IpHeader header;
  if (parse_ip(packet, true, header) != IpError::kNone) return;
  CHECK_PROPERTY(size_t{header.header_size} + header.payload_size <= packet.size());
  CHECK_PROPERTY(header.source.is_v4() == header.destination.is_v4());
  CHECK_PROPERTY(header.is_fragment == (header.more_fragments || header.fragment_offset != 0));

  // Emitted without options and extension headers, and never as a fragment; otherwise the same.
  std::vector<uint8_t> out(ip_header_size(header.destination) + header.payload_size);
  const size_t size = emit_ip(header, out);
  CHECK_PROPERTY(size == ip_header_size(header.destination));
  IpHeader again, expected = header;
  expected.header_size = static_cast<uint16_t>(size);
  expected.is_fragment = expected.more_fragments = false;
  expected.fragment_offset = 0;
  if (!header.is_v4()) expected.identification = 0;
  const bool is_extension =
      !header.is_v4() && (header.protocol == 0 || header.protocol == 43 || header.protocol == 44 ||
                          header.protocol == 51 || header.protocol == 60);
  if (!is_extension) {  // only a fragment's content can be
    CHECK_PROPERTY(parse_ip(out, false, again) == IpError::kNone);
    CHECK_PROPERTY(again == expected);
  } else {
    CHECK_PROPERTY(header.is_fragment);
  }

  if (header.is_fragment) return;
  const Bytes payload = packet.subspan(header.header_size, header.payload_size);
  switch (header.protocol) {
    case ip_protocol::kTcp:
      check_tcp(header, payload);
      break;
    case ip_protocol::kIcmp:
      check_icmp(payload, false);
      break;
    case ip_protocol::kIcmpv6:
      check_icmp(payload, true);
      break;
    default:
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes frame(data, size);
  const auto ethernet = parse_ethernet(frame);
  if (!ethernet) return 0;
  std::vector<uint8_t> out(ethernet->size());
  emit_ethernet(*ethernet, out);
  CHECK_PROPERTY(std::memcmp(out.data(), data, out.size()) == 0);
  const Bytes rest = frame.subspan(ethernet->size());
  switch (ethernet->type) {
    case ether_type::kArp:
      check_arp(rest);
      break;
    case ether_type::kIpv4:
    case ether_type::kIpv6:
      check_ip(rest);
      break;
    default:
      break;
  }
  return 0;
}
