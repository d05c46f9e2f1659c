#include "stack/tcp/transmit.h"

#include <algorithm>
#include <cstring>

#include "stack/mptcp/options_out.h"
#include "stack/tcp/ecn.h"
#include "stack/tcp/fast_open.h"
#include "stack/tcp/model_events.h"
#include "stack/tcp/output.h"
#include "stack/tcp/reassembly.h"
#include "stack/tcp/window.h"

namespace tributary::tcp {
namespace {

using namespace wire::tcp_flag;

constexpr uint8_t kHopLimit = 64;

/// The header of one outgoing segment, whoever it is for.
struct HeaderFields {
  const FlowKey& key;
  uint16_t interface;
  SeqNum seq;
  SeqNum ack;
  uint16_t flags;
  uint16_t window;
  uint8_t traffic_class = 0;
};

/// Writes IP and TCP header so that they end at `end`. Returns their size. `m` is the buffer the frame starts in.
uint16_t write_headers(Context& context, const HeaderFields& fields, const wire::TcpOptions& options, uint8_t* end,
                       uint16_t payload_size, wire::Sum payload_sum, rte_mbuf* m) {
  const size_t options_size = wire::tcp_options_size(options);
  const size_t tcp_size = wire::kTcpHeaderSize + options_size;
  uint8_t* tcp = end - tcp_size;
  wire::TcpHeader header;
  header.source_port = fields.key.local_port;
  header.destination_port = fields.key.remote_port;
  header.seq = fields.seq;
  header.ack = fields.ack;
  header.flags = fields.flags;
  header.header_size = static_cast<uint8_t>(tcp_size);
  header.window = fields.window;
  wire::emit_tcp(header, {tcp, wire::kTcpHeaderSize});
  if (options_size != 0) wire::emit_tcp_options(options, {tcp + wire::kTcpHeaderSize, options_size});

  const size_t ip_size = wire::ip_header_size(fields.key.remote);
  const ip::InterfaceConfig& interface = context.ip.interface(fields.interface);
  const wire::Sum pseudo = wire::pseudo_header_sum(fields.key.local, fields.key.remote, wire::ip_protocol::kTcp,
                                                   static_cast<uint32_t>(tcp_size + payload_size));
  wire::Sum checksum;
  clear_offload(m);
  if (interface.offloads.transmit_tcp_checksum) {
    checksum = pseudo;
    set_checksum_offload(m, fields.key.remote.is_v4(), false, true, interface.vlan ? 18 : 14,
                         static_cast<uint16_t>(ip_size), static_cast<uint16_t>(tcp_size));
  } else {
    checksum = static_cast<wire::Sum>(~wire::add(wire::add(pseudo, wire::sum_header(tcp, tcp_size)), payload_sum));
  }
  tcp[16] = static_cast<uint8_t>(checksum >> 8);
  tcp[17] = static_cast<uint8_t>(checksum);

  wire::IpHeader ip;
  ip.source = fields.key.local;
  ip.destination = fields.key.remote;
  ip.protocol = wire::ip_protocol::kTcp;
  ip.hop_limit = kHopLimit;
  ip.traffic_class = fields.traffic_class;
  ip.payload_size = static_cast<uint16_t>(tcp_size + payload_size);
  wire::emit_ip(ip, {tcp - ip_size, ip_size});
  ++context.counters.tcp_out_segments;
  return static_cast<uint16_t>(tcp_size + ip_size);
}

/// Writes a header-only frame and sends it.
bool send_control(Context& context, const HeaderFields& fields, const wire::TcpOptions& options,
                  const ip::NextHop& hop) {
  Packet packet = context.pools.header();
  if (!packet) {
    ++context.counters.drop_no_buffer;
    return false;
  }
  rte_mbuf* m = packet.get();
  const size_t size = wire::ip_header_size(fields.key.remote) + wire::kTcpHeaderSize + wire::tcp_options_size(options);
  m->data_len = static_cast<uint16_t>(size);
  m->pkt_len = static_cast<uint32_t>(size);
  write_headers(context, fields, options, packet.data() + size, 0, 0, m);
  context.ip.send(std::move(packet), hop, context.now);
  return true;
}

/// Timestamps, MPTCP and, where room is left, SACK: payload is cut to fill a segment without it, and more than the path
/// takes must not leave. False: blocks there were to report found no room.
bool collect_options(Context& context, Tcb& tcb, uint16_t flags, const PacketInfo* payload,
                     const wire::MptcpOptions* extra, wire::TcpOptions& options) {
  options.present = 0;
  options.mptcp.present = 0;
  if (tcb.has(kTimestamps)) {
    options.present |= wire::TcpOptions::kTimestamps;
    options.ts_value = context.milliseconds() + tcb.ts_offset;
    options.ts_echo = (flags & kAck) ? tcb.ts_recent : 0;
  }
  if (flags & kSyn) {
    options.present |= wire::TcpOptions::kMss;
    options.mss = tcb.announced_mss;
    if (tcb.has(kSackPermitted)) options.present |= wire::TcpOptions::kSackPermitted;
    if (tcb.has(kWindowScaled)) {
      options.present |= wire::TcpOptions::kWindowScale;
      options.window_scale = tcb.rcv_wscale;
    }
    if (tcb.has(kFastOpen)) write_fast_open_option(context, tcb, flags & kAck, options);
  }
  if (extra != nullptr) options.mptcp = *extra;
  if (tcb.is_subflow()) mptcp::write_options(context, tcb, flags, payload, options.mptcp);

  const bool wants_sack = (!tcb.out_of_order.empty() || tcb.has(kDsackPending)) && tcb.has(kSackPermitted);
  if (!wants_sack || (flags & (kSyn | kRst))) return true;
  const size_t used = wire::tcp_options_size(options);
  const size_t limit = payload == nullptr
                           ? wire::kMaxTcpOptions
                           : std::min<size_t>(wire::kMaxTcpOptions, std::max(0, tcb.mss - payload->payload_size));
  if (limit < used + 12) return false;
  const unsigned fits = static_cast<unsigned>(std::min<size_t>((limit - used - 4) / 8, 4));
  options.sack_count = static_cast<uint8_t>(write_sack_blocks(context, tcb, {options.sack.data(), fits}));
  if (options.sack_count != 0) options.present |= wire::TcpOptions::kSack;
  return true;
}

/// Everything an outgoing segment changes in the Tcb besides sequence numbers.
void note_ack_sent(Tcb& tcb) {
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.clear(kAckNow | kAckPending | kDsackPending);
  tcb.ack_deadline = Micros::never();
}

/// The headers in a buffer of their own, the payload behind them as a reference: for buffers that are still in the
/// hands of a port, or are pieces of a larger one. Ports without multi-segment transmit get a linear copy.
Packet frame_beside(Context& context, const Tcb& tcb, rte_mbuf* m, size_t header_size) {
  const PacketInfo& info = info_of(m);
  if (context.ip.interface(tcb.hop.interface).offloads.transmit_multi_segment) {
    Packet head = context.pools.header();
    Packet whole(m);
    Packet piece = context.pools.reference(whole, 0, info.payload_size);
    whole.release();
    if (!head || !piece) return Packet();
    rte_mbuf* h = head.get();
    h->data_len = static_cast<uint16_t>(header_size);
    h->pkt_len = static_cast<uint32_t>(header_size + info.payload_size);
    h->nb_segs = 2;
    h->next = piece.release();
    return head;
  }
  Packet copy = context.pools.data();
  if (!copy) return Packet();
  rte_mbuf* c = copy.get();
  c->data_len = static_cast<uint16_t>(header_size + info.payload_size);
  c->pkt_len = c->data_len;
  std::memcpy(copy.data() + header_size, static_cast<uint8_t*>(m->buf_addr) + info.payload_offset, info.payload_size);
  ++context.counters.payload_copies;
  return copy;
}

}  // namespace

bool transmit_payload(Context& context, Tcb& tcb, rte_mbuf* m) {
  PacketInfo& info = info_of(m);
  // PSH where the queue ends: the last segment of a burst (RFC 9293 §3.9.1.2).
  const bool push = info.subflow_next == nullptr && !tcb.more_follows;
  const bool new_data = info.transmissions == 0;
  const uint16_t flags =
      static_cast<uint16_t>(kAck | (push ? kPsh : 0) | (info.flags & kPktFin ? kFin : 0) | ecn_flags(tcb, new_data));
  wire::TcpOptions& options = context.out_options;
  const bool all_said = collect_options(context, tcb, flags, &info, nullptr, options);
  const size_t header_size =
      wire::ip_header_size(tcb.key.remote) + wire::kTcpHeaderSize + wire::tcp_options_size(options);
  const HeaderFields fields{tcb.key,
                            tcb.hop.interface,
                            SeqNum(info.seq),
                            tcb.rcv_nxt,
                            flags,
                            advertise_window(context, tcb, false),
                            static_cast<uint8_t>(tcb.dscp << 2 | ecn_bits(tcb, new_data))};

  constexpr size_t kLinkHeader = 18;
  Packet frame;
  if (is_exclusive(m) && info.payload_offset >= header_size + kLinkHeader) {
    uint8_t* payload = static_cast<uint8_t*>(m->buf_addr) + info.payload_offset;
    write_headers(context, fields, options, payload, info.payload_size, info.payload_sum, m);
    m->data_off = static_cast<uint16_t>(info.payload_offset - header_size);
    m->data_len = static_cast<uint16_t>(header_size + info.payload_size);
    m->pkt_len = m->data_len;
    rte_mbuf_refcnt_update(m, 1);
    frame = Packet(m);
  } else {
    frame = frame_beside(context, tcb, m, header_size);
    if (!frame) {
      ++context.counters.drop_no_buffer;
      return false;
    }
    write_headers(context, fields, options, frame.data() + header_size, info.payload_size, info.payload_sum,
                  frame.get());
  }
  info.sent_at = context.now.count();
  congestion::note_sent(tcb.cc, context.now);
  if (PathModel* model = model_of(context, tcb)) note_sent(context, tcb, *model, info);
  if (tcb.paced) tcb.flight->pacing.charge(context.now, info.payload_size);
  if (info.transmissions++ != 0) {
    ++tcb.retransmissions;
    ++context.counters.tcp_retransmitted;
    info.flags |= kPktRetransmitted;
  }
  // What found no room goes out on an ACK of its own.
  if (all_said || !tcb.has(kAckNow)) note_ack_sent(tcb);
  context.ip.send(std::move(frame), tcb.hop, context.now);
  return true;
}

bool transmit_control(Context& context, Tcb& tcb, uint16_t flags, SeqNum seq, const wire::MptcpOptions* extra) {
  wire::TcpOptions& options = context.out_options;
  collect_options(context, tcb, flags, nullptr, extra, options);
  if (flags & kSyn)
    flags |= ecn_syn_flags(context.settings, tcb, flags & kAck);
  else
    flags |= ecn_flags(tcb, false);
  const HeaderFields fields{tcb.key,
                            tcb.hop.interface,
                            seq,
                            (flags & kAck) ? tcb.rcv_nxt : SeqNum(),
                            flags,
                            advertise_window(context, tcb, flags & kSyn),
                            static_cast<uint8_t>(tcb.dscp << 2)};
  if (!send_control(context, fields, options, tcb.hop)) return false;
  if (flags & kAck) note_ack_sent(tcb);
  return true;
}

uint16_t transmit_syn_payload(Context& context, Tcb& tcb, uint16_t mss) {
  wire::TcpOptions& options = context.out_options;
  collect_options(context, tcb, kSyn, nullptr, nullptr, options);
  const size_t options_size = wire::tcp_options_size(options);
  rte_mbuf* m = tcb.tx_head;
  if (mss <= options_size) return 0;
  const auto room = static_cast<uint16_t>(mss - options_size);
  if (info_of(m).payload_size > room && !split_queued(context, tcb, m, room)) return 0;
  const PacketInfo& info = info_of(m);
  const size_t header_size = wire::ip_header_size(tcb.key.remote) + wire::kTcpHeaderSize + options_size;
  Packet frame = frame_beside(context, tcb, m, header_size);
  if (!frame) {
    ++context.counters.drop_no_buffer;
    return 0;
  }
  const HeaderFields fields{tcb.key,
                            tcb.hop.interface,
                            tcb.iss,
                            SeqNum(),
                            static_cast<uint16_t>(kSyn | ecn_syn_flags(context.settings, tcb, false)),
                            advertise_window(context, tcb, true),
                            static_cast<uint8_t>(tcb.dscp << 2)};
  write_headers(context, fields, options, frame.data() + header_size, info.payload_size, info.payload_sum, frame.get());
  context.ip.send(std::move(frame), tcb.hop, context.now);
  return info.payload_size;
}

void transmit_reset(Context& context, Tcb& tcb, const wire::MptcpOptions* extra) {
  wire::TcpOptions& options = context.out_options;
  options.present = 0;
  options.mptcp.present = 0;
  if (tcb.has(kTimestamps) && is_synchronized(tcb.state)) {  // RFC 7323 §3.2
    options.present |= wire::TcpOptions::kTimestamps;
    options.ts_value = context.milliseconds() + tcb.ts_offset;
    options.ts_echo = tcb.ts_recent;
  }
  if (extra != nullptr) options.mptcp = *extra;
  const bool acks = tcb.state != State::kSynSent;
  const HeaderFields fields{tcb.key,
                            tcb.hop.interface,
                            tcb.snd_nxt,
                            acks ? tcb.rcv_nxt : SeqNum(),
                            static_cast<uint16_t>(kRst | (acks ? kAck : 0)),
                            0,
                            static_cast<uint8_t>(tcb.dscp << 2)};
  ++context.counters.tcp_out_resets;
  send_control(context, fields, options, tcb.hop);
}

void reset_segment(Context& context, const Segment& segment, const wire::MptcpOptions* extra) {
  if (segment.has(kRst)) return;
  const auto hop = context.ip.find_route_on(segment.interface, segment.key.remote, context.now);
  if (!hop) return;
  wire::TcpOptions& options = context.out_options;
  options.present = 0;
  options.mptcp.present = 0;
  if (extra != nullptr) options.mptcp = *extra;
  // RFC 9293 §3.10.7.1: with an ACK its number is ours; without one the reset acknowledges what came.
  const bool acked = segment.has(kAck);
  const HeaderFields fields{segment.key,
                            segment.interface,
                            acked ? segment.ack : SeqNum(0),
                            acked ? SeqNum(0) : segment.seq + segment.length(),
                            static_cast<uint16_t>(acked ? kRst : kRst | kAck),
                            0};
  ++context.counters.tcp_out_resets;
  send_control(context, fields, options, *hop);
}

void transmit_cookie(Context& context, const Segment& syn, const ip::NextHop& hop, SeqNum iss, uint16_t flags,
                     uint8_t traffic_class, const wire::TcpOptions& options) {
  const auto window = static_cast<uint16_t>(std::min<uint32_t>(context.settings.receive_budget, 0xffff));
  const HeaderFields fields{syn.key, hop.interface, iss, syn.seq + 1, flags, window, traffic_class};
  send_control(context, fields, options, hop);
}

void transmit_bare_ack(Context& context, const TimeWait& entry) {
  const auto hop = context.ip.find_route_on(entry.interface, entry.key.remote, context.now);
  if (!hop) return;
  wire::TcpOptions& options = context.out_options;
  options.present = 0;
  options.mptcp.present = 0;
  if (entry.timestamps) {
    options.present |= wire::TcpOptions::kTimestamps;
    options.ts_value = context.milliseconds() + entry.ts_offset;
    options.ts_echo = entry.ts_recent;
  }
  const auto traffic_class = static_cast<uint8_t>(entry.dscp << 2);
  const HeaderFields fields{entry.key, entry.interface, entry.snd_nxt, entry.rcv_nxt, kAck, 0, traffic_class};
  send_control(context, fields, options, *hop);
}

}  // namespace tributary::tcp
