#include "stack/tcp/open.h"

#include <algorithm>
#include <cstring>

#include "stack/mptcp/handshake.h"
#include "stack/mptcp/join.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/close.h"
#include "stack/tcp/cookie_open.h"
#include "stack/tcp/ecn.h"
#include "stack/tcp/fast_open.h"
#include "stack/tcp/input.h"
#include "stack/tcp/model_events.h"
#include "stack/tcp/mtu_search.h"
#include "stack/tcp/output.h"
#include "stack/tcp/path_mtu.h"
#include "stack/tcp/rtt.h"
#include "stack/tcp/stream.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/transmit.h"
#include "stack/tcp/window.h"

namespace tributary::tcp {
namespace {

using namespace wire::tcp_flag;
using wire::TcpOptions;

constexpr uint16_t kDefaultMssV4 = 536, kDefaultMssV6 = 1220;  // RFC 9293 §3.7.1
constexpr Micros kDeferredLimit = Micros::seconds(120);        // an acceptor that forgot does not leak

void take_peer_options(Context& context, Tcb& tcb, const TcpOptions& options) {
  const uint16_t stated = stated_mss(tcb.key, options);
  tcb.mss = std::min(stated, tcb.mss);
  limit_segments(tcb.hop, tcb.key.remote, stated);
  search_mtu(context, tcb, MtuSearch::kResting);
  const auto agree = [&tcb, &options](uint16_t option, uint32_t flag) {
    if (options.has(static_cast<TcpOptions::Bit>(option)))
      tcb.set(flag);
    else
      tcb.clear(flag);
  };
  agree(TcpOptions::kTimestamps, kTimestamps);
  if (!context.settings.timestamps) tcb.clear(kTimestamps);
  agree(TcpOptions::kSackPermitted, kSackPermitted);
  agree(TcpOptions::kWindowScale, kWindowScaled);
  if (tcb.has(kTimestamps)) {
    tcb.ts_recent = options.ts_value;
    tcb.heard_at = context.milliseconds();
  }
  tcb.snd_wscale = tcb.has(kWindowScaled) ? std::min(options.window_scale, kMaxWindowScale) : 0;
  tcb.rcv_wscale = tcb.has(kWindowScaled) ? context.settings.window_scale : 0;
}

bool insert_flow(Context& context, Tcb& tcb) {
  return context.flows.insert(context.flow_hash(tcb.key), context.tcbs.index(tcb));
}

void take_syn(Tcb& tcb, const Segment& segment) {
  tcb.irs = segment.seq;
  tcb.rcv_nxt = segment.seq + 1;
  tcb.rcv_adv = tcb.rcv_nxt;
  tcb.last_ack_sent = tcb.rcv_nxt;
}

void take_first_window(Tcb& tcb, const Segment& segment, uint8_t scale) {
  tcb.snd_wnd = uint32_t{segment.window} << scale;
  tcb.snd_wl1 = segment.seq;
  tcb.max_snd_wnd = std::max(tcb.max_snd_wnd, tcb.snd_wnd);
}

/// Our SYN is acknowledged: first round-trip sample, congestion control, no more SYN timer.
void finish_open(Context& context, Tcb& tcb) {
  const bool lost = tcb.has(kSynLost);
  // The deadline tells when the SYN left, unless it was sent again, data went after it, or it was a cookie.
  const bool data_after = tcb.has(kPassive) ? tcb.snd_nxt != tcb.iss + 1 : false;
  if (!lost && !data_after && tcb.rtx_deadline != Micros::never()) {
    const Micros sent_at = tcb.rtx_deadline - current_rto(context.settings, tcb);
    update_rtt(tcb, static_cast<uint32_t>(std::clamp<int64_t>((context.now - sent_at).count(), 1, INT32_MAX)));
  }
  tcb.backoff = 0;
  tcb.rtx_deadline = Micros::never();
  watch_idleness(context, tcb);
  congestion::start(tcb.cc, tcb.cc.algorithm, tcb.mss);
  if (lost) tcb.cc.cwnd = tcb.mss;  // RFC 6928 §2
  tcb.recovery_point = tcb.snd_una;
  start_model(context, tcb);
  tcb.state = State::kEstablished;
  context.ip.confirm(tcb.hop, context.now);
}

void send_syn_ack(Context& context, Tcb& tcb) {
  transmit_control(context, tcb, kSyn | kAck, tcb.iss);
}

void start_syn_timer(Context& context, Tcb& tcb) {
  tcb.rtx_deadline = context.now + current_rto(context.settings, tcb);
  arm_timer(context, tcb);
}

}  // namespace

uint16_t stated_mss(const FlowKey& key, const TcpOptions& options) {
  if (options.has(TcpOptions::kMss)) return std::max<uint16_t>(options.mss, 48);
  return key.remote.is_v4() ? kDefaultMssV4 : kDefaultMssV6;
}

Tcb* create_passive(Context& context, const Segment& segment, const LegOptions& leg) {
  if (context.half_open >= context.settings.max_half_open) {
    ++context.counters.tcp_listen_drops;
    return nullptr;
  }
  return make_passive(context, segment, leg);
}

Tcb* make_passive(Context& context, const Segment& segment, const LegOptions& leg) {
  const auto hop = context.ip.find_route_on(segment.interface, segment.key.remote, context.now);
  Tcb* tcb = hop ? context.tcbs.create() : nullptr;
  if (tcb == nullptr) {
    ++context.counters.tcp_listen_drops;
    return nullptr;
  }
  tcb->key = segment.key;
  tcb->timer.kind = kTimerKind;
  tcb->timer.owner = context.tcbs.index(*tcb);
  tcb->hop = *hop;
  tcb->mss = path_mss(context, *hop, tcb->key.remote);
  tcb->cc.algorithm = leg.algorithm;
  tcb->dscp = leg.dscp & 0x3f;
  if (!insert_flow(context, *tcb)) {
    ++context.counters.tcp_listen_drops;
    context.tcbs.destroy(*tcb);
    return nullptr;
  }
  tcb->state = State::kDeferred;
  tcb->set(kPassive);
  ++context.half_open;
  take_syn(*tcb, segment);
  take_peer_options(context, *tcb, *segment.options);
  agree_on_ecn(context.settings, *tcb, segment);
  take_first_window(*tcb, segment, 0);
  tcb->iss = context.isn.initial_sequence(tcb->key, context.now);
  tcb->snd_una = tcb->snd_nxt = tcb->iss;
  tcb->ts_offset = context.isn.timestamp_offset(tcb->key);
  tcb->announced_mss = path_mss(context, *hop, tcb->key.remote);
  tcb->plain.receive_budget = context.settings.receive_budget;
  congestion::start(tcb->cc, leg.algorithm, tcb->mss);
  return tcb;
}

void on_listen_segment(Context& context, uint16_t index, Segment& segment) {
  const Listener& listener = context.listeners[index];
  if (segment.has(kRst)) return;
  if (segment.has(kAck) || !segment.has(kSyn)) return on_stray_segment(context, segment);
  if (wants_cookie(context, listener, segment)) return answer_with_cookie(context, listener, segment);
  Tcb* tcb = create_passive(context, segment, {listener.algorithm, listener.dscp});
  if (tcb == nullptr) return;
  tcb->listener = index;
  tcb->idle_deadline = context.now + kDeferredLimit;
  arm_timer(context, *tcb);
  if (listener.mptcp && context.settings.mptcp_enabled && segment.options->mptcp.has(wire::MptcpOptions::kCapable))
    mptcp::on_capable_syn(context, *tcb, segment.options->mptcp.capable);
  Packet payload;
  if (takes_syn_payload(context, *tcb, listener, segment)) {
    ++context.fast_open_pending;
    tcb->syn_data = segment.payload_size();
    payload = std::move(segment.packet);
  }
  announce(context, *tcb, segment.interface, std::move(payload));
}

void announce(Context& context, const Tcb& tcb, uint16_t interface, Packet syn_payload) {
  IncomingConnection incoming;
  incoming.stream = mptcp::stream_of(context, tcb);
  incoming.key = tcb.key;
  incoming.interface = interface;
  incoming.peer_mss = tcb.mss;
  incoming.payload_per_segment = payload_per_segment(context, tcb);
  incoming.mptcp = tcb.is_subflow();
  incoming.syn_payload = std::move(syn_payload);
  context.listeners[tcb.listener].acceptor->on_incoming(std::move(incoming));
}

void on_deferred_segment(Context& context, Tcb& tcb, Segment& segment) {
  if (segment.has(kRst)) {
    const bool exact =
        segment.seq == tcb.rcv_nxt || segment.seq == tcb.rcv_nxt + tcb.syn_data || segment.seq == tcb.irs;
    if (exact) end(context, tcb, StreamError::kReset);
    return;
  }
  if (!segment.has(kSyn) || segment.has(kAck) || segment.seq != tcb.irs) return;
  context.listeners[tcb.listener].acceptor->on_incoming_again(mptcp::stream_of(context, tcb),
                                                              mptcp::user_data_of(context, tcb));
}

void accept(Context& context, Tcb& tcb) {
  if (tcb.state != State::kDeferred) return;
  tcb.state = State::kSynReceived;
  ++context.counters.tcp_passive_opens;
  tcb.rcv_nxt += tcb.syn_data;
  tcb.rcv_adv = tcb.rcv_nxt;
  if (tcb.syn_data != 0) {
    tcb.set(kEarlyData);
    ++tcb.snd_wnd;  // what may be sent before the third ACK counts from SND.UNA, which is still that of our SYN
  }
  tcb.snd_nxt = tcb.iss + 1;
  tcb.idle_deadline = Micros::never();
  send_syn_ack(context, tcb);
  start_syn_timer(context, tcb);
}

Tcb* create_active(Context& context, const OpenRequest& request) {
  Tcb* tcb = context.tcbs.create();
  if (tcb == nullptr) return nullptr;
  tcb->key = request.key;
  tcb->timer.kind = kTimerKind;
  tcb->timer.owner = context.tcbs.index(*tcb);
  tcb->hop = request.hop;
  tcb->cc.algorithm = request.leg.algorithm;
  tcb->dscp = request.leg.dscp & 0x3f;
  if (!insert_flow(context, *tcb)) {
    context.tcbs.destroy(*tcb);
    return nullptr;
  }
  tcb->state = State::kSynSent;
  tcb->set(kSackPermitted | kWindowScaled);
  if (context.settings.timestamps) tcb->set(kTimestamps);
  tcb->rcv_wscale = context.settings.window_scale;
  tcb->iss = context.isn.initial_sequence(tcb->key, context.now);
  tcb->snd_una = tcb->iss;
  tcb->snd_nxt = tcb->iss + 1;
  tcb->ts_offset = context.isn.timestamp_offset(tcb->key);
  tcb->mss = path_mss(context, request.hop, request.key.remote);
  tcb->announced_mss = request.mss_limit != 0 ? std::min(request.mss_limit, tcb->mss) : tcb->mss;
  tcb->plain.receive_budget = context.settings.receive_budget;
  ++context.counters.tcp_active_opens;
  return tcb;
}

void send_syn(Context& context, Tcb& tcb) {
  transmit_control(context, tcb, kSyn, tcb.iss);
  start_syn_timer(context, tcb);
}

void send_fast_open_syn(Context& context, Tcb& tcb, bool without_cookie) {
  if (!transmit_fast_open_syn(context, tcb, without_cookie)) transmit_control(context, tcb, kSyn, tcb.iss);
  start_syn_timer(context, tcb);
}

void leave_half_open(Context& context, const Tcb& tcb) {
  if (!tcb.has(kPassive)) return;
  --context.half_open;
  if (tcb.syn_data != 0) --context.fast_open_pending;
}

void retransmit_syn(Context& context, Tcb& tcb) {
  if (tcb.state != State::kSynSent && tcb.state != State::kSynReceived) return;
  if (tcb.state == State::kSynSent) on_fast_open_timeout(context, tcb);
  tcb.set(kSynLost);
  ++tcb.retransmissions;
  ++context.counters.tcp_retransmitted;
  if (tcb.state == State::kSynSent)
    transmit_control(context, tcb, kSyn, tcb.iss);
  else
    send_syn_ack(context, tcb);
  start_syn_timer(context, tcb);
}

void on_path_of_syn_lowered(Context& context, Tcb& tcb) {
  tcb.announced_mss = std::min(tcb.announced_mss, tcb.mss);
  if (tcb.syn_data == 0 || tcb.retransmissions != 0) return;
  // Neither a black hole nor congestion: Fast Open is not to blame, and the window stays (RFC 6928 §2 is about losses).
  tcb.clear(kFastOpen);
  ++tcb.retransmissions;
  ++context.counters.tcp_retransmitted;
  send_syn(context, tcb);
}

void on_syn_sent_segment(Context& context, Tcb& tcb, Segment& segment) {
  if (segment.has(kAck) && (segment.ack <= tcb.iss || segment.ack > tcb.snd_nxt + tcb.syn_data)) {
    return reset_segment(context, segment, nullptr);
  }
  if (segment.has(kRst)) {
    if (segment.has(kAck)) end(context, tcb, StreamError::kReset);
    return;
  }
  if (!segment.has(kSyn)) return;
  take_syn(tcb, segment);
  take_peer_options(context, tcb, *segment.options);
  take_first_window(tcb, segment, 0);
  if (!segment.has(kAck)) {  // simultaneous open, RFC 9293 figure 7
    tcb.state = State::kSynReceived;
    tcb.clear(kFastOpen);  // a cookie is for those who open passively; payload of crossing SYNs is not taken
    send_syn_ack(context, tcb);
    start_syn_timer(context, tcb);
    return;
  }
  // What our SYN promised: the answer to its payload may be right behind the SYN-ACK.
  if (!tcb.is_subflow()) advertise_window(context, tcb, true);
  tcb.snd_una = tcb.iss + 1;
  finish_ecn_negotiation(tcb, segment);
  if (tcb.is_subflow() && !mptcp::on_syn_ack(context, tcb, segment)) return;
  finish_open(context, tcb);
  on_fast_open_answer(context, tcb, segment);
  SynAckOptions copy;
  copy.tcb = context.tcbs.index(tcb);
  copy.size = segment.options_size;
  std::memcpy(copy.bytes.data(), segment.packet.data() + segment.options_offset, segment.options_size);
  context.syn_ack_options.push_back(copy);
  request_ack(context, tcb);
  if (tcb.is_subflow())
    mptcp::on_subflow_established(context, tcb);
  else
    report(context, tcb, kStreamEstablished);
}

bool establish_passive(Context& context, Tcb& tcb, const Segment& segment) {
  if (tcb.is_subflow() && !mptcp::on_third_ack(context, tcb, segment)) return false;
  const bool early = tcb.snd_nxt != tcb.iss + 1;
  leave_half_open(context, tcb);
  tcb.snd_una = tcb.iss + 1;
  finish_open(context, tcb);
  take_first_window(tcb, segment, tcb.snd_wscale);
  if (early) restart_retransmission(context, tcb);
  if (!tcb.has(kPassive)) on_fast_open_answer(context, tcb, segment);  // simultaneous open
  if (tcb.is_subflow())
    mptcp::on_subflow_established(context, tcb);
  else
    report(context, tcb, kStreamEstablished);
  return true;
}

}  // namespace tributary::tcp
