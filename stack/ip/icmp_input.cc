// ICMP (RFC 792) and ICMPv6 (RFC 4443) received: echo requests are answered in the buffer they came in,
// errors that quote a segment are handed up, neighbour messages go their own way. The one error we send is here, too.
#include <algorithm>

#include "stack/ip/ip_layer.h"
#include "stack/ip/solicitation.h"
#include "stack/packet/port_flags.h"
#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"

namespace tributary::ip {
namespace {

constexpr uint8_t kHopLimit = 64;  // what Linux sends with
constexpr uint8_t kDscpMask = 0xfc;
constexpr size_t kMaxErrorV4 = 576,
                 kMaxErrorV6 = 1280;  // RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c): bytes of the whole packet

bool has_right_checksum(std::span<const uint8_t> message, const wire::IpHeader& ip) {
  wire::Sum sum = wire::sum_bytes(message);
  if (!ip.is_v4())
    sum = wire::add(sum, wire::pseudo_header_sum(ip.source, ip.destination, ip.protocol, ip.payload_size));
  return wire::same_value(sum, 0xffff);
}

bool is_error(const wire::IcmpHeader& icmp, bool v4) {
  if (!v4) return icmp.type >= wire::icmpv6_type::kUnreachable && icmp.type <= wire::icmpv6_type::kParameterProblem;
  return icmp.type == wire::icmp_type::kUnreachable || icmp.type == wire::icmp_type::kTimeExceeded ||
         icmp.type == wire::icmp_type::kParameterProblem;
}

}  // namespace

void IpLayer::receive_icmp(Packet& frame, const wire::EthernetHeader& ethernet, Received& out, Micros now) {
  const bool v4 = out.ip.is_v4();
  const auto message = frame.bytes().subspan(out.segment_offset, out.segment_size);
  const auto icmp = wire::parse_icmp(message);
  if (!icmp || v4 != (out.ip.protocol == wire::ip_protocol::kIcmp) || !has_right_checksum(message, out.ip))
    return drop(frame, counters_.drop_malformed);
  out.icmp = *icmp;

  if (is_error(*icmp, v4)) return receive_icmp_error(frame, out);
  if (icmp->type == (v4 ? wire::icmp_type::kEchoRequest : wire::icmpv6_type::kEchoRequest) && icmp->code == 0)
    return answer_echo(frame, ethernet, out);
  if (!v4 && (icmp->type == wire::icmpv6_type::kNeighborSolicitation ||
              icmp->type == wire::icmpv6_type::kNeighborAdvertisement))
    return receive_neighbor_message(frame, ethernet, out, now);
  drop(frame, counters_.drop_protocol);
}

// The quoted packet is one we sent, so its source is where the error must have gone: an own address, or one
// we sent in the name of (a transparent leg). Whether we did send it, the flow table knows.
void IpLayer::receive_icmp_error(Packet& frame, Received& out) {
  const auto message = frame.bytes().subspan(out.segment_offset, out.segment_size);
  const auto quoted = wire::parse_quoted_segment(message.subspan(wire::kIcmpHeaderSize));
  if (!quoted || quoted->source != out.ip.destination) return drop(frame, counters_.drop_malformed);
  if (quoted->protocol != wire::ip_protocol::kTcp) return drop(frame, counters_.drop_protocol);
  out.quoted = *quoted;
  out.kind = Received::Kind::kIcmpError;
}

// The reply keeps the buffer and its payload; only headers are written anew, without IP options or extension
// headers. It goes back to the link address it came from: a flood of pings leaves no trace in the neighbour
// table.
void IpLayer::answer_echo(Packet& frame, const wire::EthernetHeader& ethernet, const Received& in) {
  if (!in.for_us || ethernet.destination.is_multicast() || is_martian(in.ip.source))
    return drop(frame, counters_.drop_not_for_us);
  const bool v4 = in.ip.is_v4();
  const auto message = frame.bytes().subspan(in.segment_offset, in.segment_size);
  message[0] = v4 ? wire::icmp_type::kEchoReply : wire::icmpv6_type::kEchoReply;
  // RFC 1624: the sum changes by what the type changed; source and destination change places, which no sum
  // sees.
  const auto old_type = static_cast<uint16_t>(in.icmp.type << 8);
  const auto new_type = static_cast<uint16_t>(message[0] << 8);
  const wire::Sum sum = wire::add(wire::subtract(static_cast<uint16_t>(~in.icmp.checksum), old_type), new_type);
  wire::store16(&message[2], static_cast<uint16_t>(~sum));

  frame.remove_back(static_cast<uint16_t>(frame.size() - in.segment_offset - in.segment_size));
  frame.remove_front(in.segment_offset);
  wire::IpHeader header;
  header.source = in.ip.destination;
  header.destination = in.ip.source;
  header.protocol = in.ip.protocol;
  header.traffic_class = in.ip.traffic_class & kDscpMask;
  header.hop_limit = kHopLimit;
  header.payload_size = in.segment_size;
  const InterfaceConfig& config = interfaces_.at(in.interface);
  const auto answer = make_ethernet(config, ethernet.source, ethernet.type);
  const size_t ip_size = wire::ip_header_size(header.destination);
  if (frame.prepend(static_cast<uint16_t>(answer.size() + ip_size)) == nullptr)
    return drop(frame, counters_.drop_no_buffer);
  wire::emit_ethernet(answer, frame.bytes());
  wire::emit_ip(header, frame.bytes().subspan(answer.size()));
  forget_port_flags(frame);
  ++counters_.echo_answered;
  frames_.push(config.port, std::move(frame));
}

// RFC 792 type 11 code 1, RFC 4443 type 3 code 1: fragments did not all arrive in time. `first`, which has the
// transport header, becomes what the error quotes, in its own buffer. Only for what was sent to us, and not to a group.
void IpLayer::report_lost_fragments(Packet first, uint16_t interface, Micros now) {
  const auto ethernet = wire::parse_ethernet(first.bytes());
  wire::IpHeader ip;
  if (!ethernet || wire::parse_ip(first.bytes().subspan(ethernet->size()), true, ip) != wire::IpError::kNone) return;
  if (!interfaces_.is_ours(ip.destination, interface) || ethernet->destination.is_multicast() || is_martian(ip.source))
    return;
  const auto hop = find_route_on(interface, ip.source, now);
  if (!hop) return;
  const bool v4 = ip.is_v4();
  wire::IpHeader header;
  header.source = ip.destination;
  header.destination = ip.source;
  header.protocol = v4 ? wire::ip_protocol::kIcmp : wire::ip_protocol::kIcmpv6;
  header.hop_limit = kHopLimit;
  const size_t ip_size = wire::ip_header_size(header.destination);
  first.remove_front(static_cast<uint16_t>(ethernet->size()));
  const size_t quoted = std::min<size_t>({size_t{ip.header_size} + ip.payload_size, first.size(),
                                          (v4 ? kMaxErrorV4 : kMaxErrorV6) - ip_size - wire::kIcmpHeaderSize});
  first.remove_back(static_cast<uint16_t>(first.size() - quoted));
  if (first.prepend(static_cast<uint16_t>(wire::kIcmpHeaderSize + ip_size)) == nullptr) return;
  header.payload_size = static_cast<uint16_t>(first.size() - ip_size);
  const auto message = first.bytes().subspan(ip_size);
  wire::emit_icmp({.type = v4 ? wire::icmp_type::kTimeExceeded : wire::icmpv6_type::kTimeExceeded,
                   .code = wire::icmp_code::kReassemblyTime},
                  message);
  wire::Sum sum = wire::sum_bytes(message);
  if (!v4)
    sum = wire::add(sum,
                    wire::pseudo_header_sum(header.source, header.destination, header.protocol, header.payload_size));
  wire::store16(&message[2], static_cast<uint16_t>(~sum));
  wire::emit_ip(header, first.bytes());
  forget_port_flags(first);
  send(std::move(first), *hop, now);
}

}  // namespace tributary::ip
