#include "tests/sim/segment.h"

#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"

namespace tributary::sim {
namespace {
constexpr size_t kChecksumOffset = 16;

wire::Sum segment_sum(const wire::IpHeader& ip, std::span<const uint8_t> segment) {
  return wire::add(wire::pseudo_header_sum(ip.source, ip.destination, wire::ip_protocol::kTcp,
                                           static_cast<uint32_t>(segment.size())),
                   wire::sum_bytes(segment));
}
}  // namespace

std::optional<Segment> Segment::parse(const Frame& frame) {
  Segment s;
  const std::span<const uint8_t> bytes(frame);
  const auto ethernet = wire::parse_ethernet(bytes);
  if (!ethernet || (ethernet->type != wire::ether_type::kIpv4 && ethernet->type != wire::ether_type::kIpv6)) return {};
  s.ethernet = *ethernet;
  const auto packet = bytes.subspan(ethernet->size());
  if (wire::parse_ip(packet, false, s.ip) != wire::IpError::kNone) return {};
  if (s.ip.protocol != wire::ip_protocol::kTcp || s.ip.is_fragment) return {};
  const auto segment = packet.subspan(s.ip.header_size, s.ip.payload_size);
  const auto tcp = wire::parse_tcp(segment);
  if (!tcp || !wire::same_value(segment_sum(s.ip, segment), 0)) return {};
  s.tcp = *tcp;
  const auto options = segment.subspan(wire::kTcpHeaderSize, tcp->header_size - wire::kTcpHeaderSize);
  s.options.assign(options.begin(), options.end());
  const auto payload = segment.subspan(tcp->header_size);
  s.payload.assign(payload.begin(), payload.end());
  return s;
}

Frame Segment::build() const {
  wire::TcpHeader header = tcp;
  header.header_size = static_cast<uint8_t>(wire::kTcpHeaderSize + (options.size() + 3) / 4 * 4);
  header.checksum = 0;
  wire::IpHeader packet = ip;
  packet.payload_size = static_cast<uint16_t>(header.header_size + payload.size());

  const size_t ip_at = ethernet.size();
  const size_t tcp_at = ip_at + wire::ip_header_size(packet.destination);
  Frame frame(tcp_at + packet.payload_size, kOptionEnd);
  const std::span<uint8_t> bytes(frame);
  wire::emit_ethernet(ethernet, bytes);
  wire::emit_ip(packet, bytes.subspan(ip_at));
  const auto segment = bytes.subspan(tcp_at);
  wire::emit_tcp(header, segment);
  std::copy(options.begin(), options.end(), segment.begin() + wire::kTcpHeaderSize);
  std::copy(payload.begin(), payload.end(), segment.begin() + header.header_size);
  wire::store16(segment.data() + kChecksumOffset, static_cast<uint16_t>(~segment_sum(packet, segment)));
  return frame;
}

uint32_t Segment::sequence_length() const {
  return static_cast<uint32_t>(payload.size()) + (tcp.has(wire::tcp_flag::kSyn) ? 1 : 0) +
         (tcp.has(wire::tcp_flag::kFin) ? 1 : 0);
}

void Segment::for_each_option(const std::function<void(uint8_t, std::span<uint8_t>)>& f) {
  for (size_t i = 0; i < options.size() && options[i] != kOptionEnd;) {
    if (options[i] == kOptionNop) {
      ++i;
      continue;
    }
    if (i + 1 >= options.size() || options[i + 1] < 2 || i + options[i + 1] > options.size()) return;
    const size_t size = options[i + 1];  // before `f`, which may overwrite it
    f(options[i], std::span(options).subspan(i, size));
    i += size;
  }
}

bool Segment::has_option(uint8_t kind) const {
  bool found = false;
  Segment copy;
  copy.options = options;
  copy.for_each_option([&](uint8_t k, std::span<uint8_t>) { found |= k == kind; });
  return found;
}

}  // namespace tributary::sim
