#include "src/script/inbound.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "src/script/encode.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

// Chosen so that the first connection's numbers pass from positive to negative within its first kilobyte, and
// the second's wrap around.
constexpr uint32_t kIsns[] = {0x7ffffe00, 0xfffffe00, 0x12345678};

struct IcmpName {
  std::string_view type, code;
  uint8_t type_number, code_number;
};
constexpr IcmpName kIcmp4[] = {
    {"echo_reply", "", 0, 0},
    {"unreachable", "net_unreachable", 3, 0},
    {"unreachable", "host_unreachable", 3, 1},
    {"unreachable", "protocol_unreachable", 3, 2},
    {"unreachable", "port_unreachable", 3, 3},
    {"unreachable", "frag_needed", 3, 4},
    {"unreachable", "source_route_failed", 3, 5},
    {"unreachable", "net_unknown", 3, 6},
    {"unreachable", "host_unknown", 3, 7},
    {"unreachable", "source_host_isolated", 3, 8},
    {"unreachable", "net_prohibited", 3, 9},
    {"unreachable", "host_prohibited", 3, 10},
    {"unreachable", "net_unreachable_for_tos", 3, 11},
    {"unreachable", "host_unreachable_for_tos", 3, 12},
    {"unreachable", "packet_filtered", 3, 13},
    {"unreachable", "precedence_violation", 3, 14},
    {"unreachable", "precedence_cutoff", 3, 15},
    {"source_quench", "", 4, 0},
    {"echo_request", "", 8, 0},
    {"time_exceeded", "exceeded_ttl", 11, 0},
    {"time_exceeded", "", 11, 0},
    {"parameter_problem", "", 12, 0},
};
constexpr IcmpName kIcmp6[] = {
    {"unreachable", "no_route", 1, 0},
    {"unreachable", "admin_prohibited", 1, 1},
    {"unreachable", "not_neighbour", 1, 2},
    {"unreachable", "addr_unreachable", 1, 3},
    {"unreachable", "port_unreachable", 1, 4},
    {"packet_too_big", "", 2, 0},
    {"time_exceeded", "exceeded_ttl", 3, 0},
    {"time_exceeded", "", 3, 0},
    {"parameter_problem", "", 4, 0},
    {"echo_request", "", 128, 0},
    {"echo_reply", "", 129, 0},
};

wire::IpHeader ip_header(const IpSpec& spec, const Flow& flow) {
  wire::IpHeader ip;
  ip.source = flow.remote.address;
  ip.destination = flow.local.address;
  ip.hop_limit = spec.ttl.value_or(255);
  ip.traffic_class = spec.tos.value_or(spec.ecn.value_or(spec.any_ect ? 2 : 0));
  ip.flow_label = spec.flow_label.value_or(0);
  return ip;
}

/// The bytes of the peer's stream that belong here, or those the script writes out.
Bytes payload_of(const TcpSpec& spec, const Flow& flow) {
  if (spec.payload) return Bytes(spec.payload->begin(), spec.payload->end());
  const bool syn = spec.flags & wire::tcp_flag::kSyn;
  const int64_t place = static_cast<int32_t>(flow.remote_seq.relative(spec.seq, syn)) + (syn ? 1 : 0) - 1;
  return make_pattern(static_cast<uint64_t>(std::max<int64_t>(place + flow.inbound_data_shift, 0)), spec.payload_size);
}

void note_sequence(const TcpSpec& spec, Flow& flow) {
  const bool syn = spec.flags & wire::tcp_flag::kSyn;
  if (!flow.remote_seq.known) {
    flow.remote_seq.set(syn ? spec.seq : 0, kIsns[flow.remote.port % std::size(kIsns)]);
    flow.remote_seq.guessed = !syn;
  } else if (syn && flow.remote_seq.guessed) {
    flow.remote_seq.script_isn = spec.seq;
    flow.remote_seq.guessed = false;
  } else if (syn && spec.seq != flow.remote_seq.script_isn) {
    // A new connection between the same ports, if the stack answers with a SYN.
    flow.new_remote_isn = spec.seq;
  }
  if (spec.ack && !flow.local_seq.known && !flow.opened_by_call) flow.local_seq.set(0, 0x31415926);
}

Bytes build_tcp(const PacketSpec& packet, const TcpSpec& spec, Flow& flow, MptcpNames& names) {
  note_sequence(spec, flow);
  EncodeContext context{true, spec, flow, names};
  const Bytes options = encode_options(context);
  wire::TcpHeader tcp;
  tcp.source_port = flow.remote.port;
  tcp.destination_port = flow.local.port;
  const bool syn = spec.flags & wire::tcp_flag::kSyn;
  tcp.seq = SeqNum(flow.remote_seq.to_live(spec.seq, syn));
  if (spec.ack) tcp.ack = SeqNum(flow.local_seq.to_live(*spec.ack, syn));
  tcp.flags = spec.flags;
  tcp.window = spec.window.value_or(0);
  tcp.urgent = spec.urgent.value_or(0);
  return make_tcp_packet(ip_header(packet.ip, flow), tcp, options, payload_of(spec, flow));
}

/// An error quotes the IP header and the first eight bytes of a segment the stack has sent (RFC 792).
Bytes build_icmp(const PacketSpec& packet, const IcmpSpec& spec, const Flow& flow) {
  const bool v4 = flow.local.address.is_v4();
  const IcmpNumbers numbers = find_icmp(spec, v4);
  wire::IpHeader quoted_ip;
  quoted_ip.source = flow.local.address;
  quoted_ip.destination = flow.remote.address;
  quoted_ip.hop_limit = 64;
  wire::TcpHeader quoted;
  quoted.source_port = flow.local.port;
  quoted.destination_port = flow.remote.port;
  quoted.seq = SeqNum(flow.local_seq.to_live(spec.quoted_seq.value_or(0)));
  Bytes body = make_tcp_packet(quoted_ip, quoted, {}, Bytes(spec.quoted_size));
  body.resize((v4 ? 20u : 40u) + 8);
  wire::IcmpHeader icmp;
  icmp.type = numbers.type;
  icmp.code = numbers.code;
  icmp.rest = spec.mtu.value_or(0);
  const bool echo = numbers.type == wire::icmp_type::kEchoRequest || numbers.type == wire::icmpv6_type::kEchoRequest;
  return make_icmp_packet(ip_header(packet.ip, flow), icmp, echo ? Bytes(16) : body);
}

}  // namespace

IcmpNumbers find_icmp(const IcmpSpec& spec, bool v4) {
  const std::span<const IcmpName> names = v4 ? std::span<const IcmpName>(kIcmp4) : std::span<const IcmpName>(kIcmp6);
  for (const IcmpName& name : names)
    if (name.type == spec.type && name.code == spec.code) return {name.type_number, name.code_number};
  unsupported("the ICMP" + std::string(v4 ? "" : "v6") + " message \"" + spec.type +
              (spec.code.empty() ? "" : " " + spec.code) + "\"");
}

Bytes build_inbound(const PacketSpec& spec, Flow& flow, MptcpNames& names) {
  if (const auto* tcp = std::get_if<TcpSpec>(&spec.body)) return build_tcp(spec, *tcp, flow, names);
  return build_icmp(spec, std::get<IcmpSpec>(spec.body), flow);
}

}  // namespace tributary::script
