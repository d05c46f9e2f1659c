#include "stack/tcp/input.h"

#include <algorithm>

#include "stack/mptcp/handshake.h"
#include "stack/mptcp/receive.h"
#include "stack/mptcp/signals.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/ack.h"
#include "stack/tcp/close.h"
#include "stack/tcp/ecn.h"
#include "stack/tcp/open.h"
#include "stack/tcp/output.h"
#include "stack/tcp/path_mtu.h"
#include "stack/tcp/payload.h"
#include "stack/tcp/reassembly.h"
#include "stack/tcp/stream.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/transmit.h"

namespace tributary::tcp {
namespace {

using namespace wire::tcp_flag;

/// PAWS timestamps older than this are void (RFC 7323 §5.5).
constexpr uint32_t kPawsIdle = 24u * 24 * 3600 * 1000;  // milliseconds
/// A segment that is older than TS.Recent by less was overtaken, by a retransmission that filled a hole before it:
/// dropping it as RFC 7323 §5.3 R1 has it would make a loss of every packet a path displaces during recovery. A
/// duplicate from before the sequence numbers came round is older than this even at 100 Gbit/s.
constexpr uint32_t kPawsOvertaken = 200;  // milliseconds
/// Bytes at the start of a connection that are acknowledged at once: the sender's slow start needs the clock.
constexpr uint64_t kQuickAckBytes = 32 * 1460;
/// A peer whose path is narrower than our link sends less than the MSS we announced: what two full segments are is
/// judged by Ethernet's at most, or jumbo frames here would make it wait for its ACKs.
constexpr uint16_t kUsualMss = 1460;

/// Bytes of about two full segments of the peer, which are worth an ACK at once (RFC 9293 §3.8.6.3).
int32_t ack_threshold(const Tcb& tcb) {
  return 2 * std::min({tcb.announced_mss, tcb.mss, kUsualMss}) - 200;
}

/// Payload or a FIN again is a peer whose ACK got lost: it may ask as often as it likes, for it sends by the clock.
bool is_always_answered(const Segment& segment) {
  return segment.length() != 0 && !segment.has(kSyn);
}

bool may_answer(Context& context, const Tcb& tcb) {
  return context.answers.take(context.tcbs.index(tcb), context.now, context.settings.invalid_ratelimit);
}

/// Answers a segment that is not acceptable.
void answer(Context& context, Tcb& tcb, const Segment& segment, uint64_t& skipped) {
  if (is_always_answered(segment) || may_answer(context, tcb))
    request_ack(context, tcb);
  else
    ++skipped;
}

/// A challenge ACK (RFC 5961): the peer's next segment says what it really knows.
void challenge(Context& context, Tcb& tcb) {
  if (!may_answer(context, tcb)) {
    ++context.counters.tcp_challenges_skipped;
    return;
  }
  ++context.counters.tcp_challenge_acks;
  request_ack(context, tcb);
}

/// Timestamps (RFC 7323 §5.3, R1 to R3). False: drop the segment.
bool accept_timestamp(Context& context, Tcb& tcb, const Segment& segment) {
  if (!tcb.has(kTimestamps) || segment.has(kRst)) return true;
  const wire::TcpOptions& options = *segment.options;
  // RFC 7323 §3.2 would have it dropped; as Linux we take it, for there are middleboxes that strip options from some
  // segments.
  if (!options.has(wire::TcpOptions::kTimestamps)) return true;
  const uint32_t behind = tcb.ts_recent - options.ts_value;
  const bool overtaken = segment.payload_size() != 0 && segment.seq >= tcb.rcv_nxt && behind < kPawsOvertaken;
  const bool old = static_cast<int32_t>(behind) > 0 && !overtaken;
  if (old && context.milliseconds() - tcb.heard_at < kPawsIdle) {
    ++context.counters.tcp_paws_rejected;
    answer(context, tcb, segment, context.counters.tcp_paws_skipped);
    return false;
  }
  return true;
}

void remember_timestamp(const Context& context, Tcb& tcb, const Segment& segment) {
  if (!tcb.has(kTimestamps) || !segment.options->has(wire::TcpOptions::kTimestamps)) return;
  const bool overtaken = static_cast<int32_t>(segment.options->ts_value - tcb.ts_recent) < 0 &&
                         context.milliseconds() - tcb.heard_at < kPawsIdle;
  if (segment.seq <= tcb.last_ack_sent && !overtaken) tcb.ts_recent = segment.options->ts_value;
}

/// First sequence number that is not taken any more.
SeqNum receive_edge(const Context& context, const Tcb& tcb) {
  const uint32_t beyond = tcb.is_subflow() ? mptcp::acceptable_window(context, tcb) : 0;
  return max_seq(tcb.rcv_adv, tcb.rcv_nxt + beyond);
}

/// RFC 9293 §3.10.7.4, first: the four cases.
bool is_in_window(const Context& context, const Tcb& tcb, const Segment& segment) {
  if (segment.seq >= tcb.rcv_nxt && segment.seq < tcb.rcv_adv) return true;
  const uint32_t length = segment.length();
  const SeqNum edge = receive_edge(context, tcb);
  const bool open = edge > tcb.rcv_nxt;
  if (length == 0) return open ? segment.seq >= tcb.rcv_nxt && segment.seq < edge : segment.seq == tcb.rcv_nxt;
  const SeqNum last = segment.seq + (length - 1);
  return open && ((segment.seq >= tcb.rcv_nxt && segment.seq < edge) || (last >= tcb.rcv_nxt && last < edge));
}

/// RFC 5961 §3.2. True: the connection is gone.
void on_reset(Context& context, Tcb& tcb, const Segment& segment) {
  if (segment.seq == tcb.rcv_nxt) {
    if (tcb.is_subflow() && segment.options->mptcp.has(wire::MptcpOptions::kTcprst)) ++context.counters.mptcp_rst_rx;
    if (tcb.is_subflow() && segment.options->mptcp.has(wire::MptcpOptions::kFail)) ++context.counters.mptcp_fail_rx;
    if (tcb.is_subflow() && mptcp::on_fastclose(context, tcb, segment.options->mptcp, true)) return;
    if (is_synchronized(tcb.state)) ++context.counters.tcp_estab_resets;
    // With both FINs said and our data acknowledged, nothing is lost: only the last ACK was (RFC 9293 §3.10.7.4).
    const bool done = (tcb.state == State::kClosing || tcb.state == State::kLastAck) && tcb.tx_head == nullptr;
    end(context, tcb, done ? StreamError::kNone : StreamError::kReset);
    return;
  }
  if (is_in_window(context, tcb, segment)) challenge(context, tcb);
}

/// Hands payload in sequence to whoever the Tcb belongs to. False: the Tcb is gone.
bool deliver(Context& context, Tcb& tcb, Packet packet) {
  const PacketInfo& info = packet.info();
  const bool fin = info.flags & kPktFin;
  const uint16_t size = info.payload_size;
  tcb.advance_rcv_nxt(size);
  if (size != 0) {
    if (tcb.is_subflow()) {
      if (!mptcp::on_payload(context, tcb, std::move(packet))) return false;
    } else {
      append_received(context, tcb, std::move(packet));
    }
  }
  if (fin) {
    tcb.advance_rcv_nxt(1);
    tcb.set(kFinReceived);
  }
  return true;
}

/// With buffers getting scarce acknowledgements must still come in, for they are what frees buffers: payload is only
/// taken from those of whom nothing is held, so that each goes on, one segment at a time; near the end from nobody.
bool may_hold(const Context& context, Tcb& tcb, const Segment& segment) {
  if (context.pressure == Pressure::kFull) {
    clear_out_of_order(tcb);  // SACKed or not (RFC 2018 §8): what waits for a hole frees nothing
    return false;
  }
  const uint32_t held = tcb.is_subflow() ? mptcp::held_bytes(context, tcb) : tcb.plain.held;
  return held == 0 && segment.seq == tcb.rcv_nxt;
}

/// Trims to the window and delivers or files. False: the Tcb is gone.
[[gnu::always_inline]] inline bool accept_payload(Context& context, Tcb& tcb, Segment& segment) {
  const bool fin = segment.has(kFin);
  rte_mbuf* m = segment.packet.get();
  PacketInfo& info = info_of(m);
  if (info.payload_size == 0 && !fin) return true;
  if (!can_receive(tcb.state)) return true;  // RFC 9293: payload after FIN is ignored
  if (!tcb.is_subflow() && tcb.has(kDetached) && segment.seq + info.payload_size > tcb.rcv_nxt &&
      info.payload_size != 0) {
    // Nobody is left to read it (RFC 9293 §3.6.1).
    ++context.counters.tcp_abort_on_data;
    reset_segment(context, segment, nullptr);
    end(context, tcb, StreamError::kAborted);
    return false;
  }
  if (context.pressure != Pressure::kNone && info.payload_size != 0 && !may_hold(context, tcb, segment)) {
    ++context.counters.tcp_receive_queue_drop;
    request_ack(context, tcb);
    return true;
  }
  if (fin) info.flags |= kPktFin;

  const SeqNum payload_end = segment.seq + info.payload_size;
  if (payload_end > tcb.rcv_adv) {
    const int32_t beyond = payload_end - receive_edge(context, tcb);
    if (beyond > 0) {
      if (beyond >= info.payload_size && info.payload_size != 0) {  // nothing of it fits
        request_ack(context, tcb);
        return true;
      }
      trim_back(m, static_cast<uint16_t>(beyond));
      info.flags &= static_cast<uint16_t>(~kPktFin);
    }
  }
  if (segment.seq > tcb.rcv_nxt) {
    queue_out_of_order(context, tcb, std::move(segment.packet));
    request_ack(context, tcb);  // RFC 5681 §4.2: at once, so that the sender learns of the hole
    return true;
  }
  const int32_t old = tcb.rcv_nxt - segment.seq;
  if (old > 0) {
    report_duplicate(context, tcb, segment.seq, min_seq(tcb.rcv_nxt, segment.seq + info.payload_size));
    if (old >= info.payload_size && !fin) {
      request_ack(context, tcb);
      return true;
    }
    trim_front(m, static_cast<uint16_t>(std::min<int32_t>(old, info.payload_size)));
  }
  const bool filled_hole = !tcb.out_of_order.empty();
  if (!deliver(context, tcb, std::move(segment.packet))) return false;
  while (!tcb.out_of_order.empty() && !tcb.has(kFinReceived)) {
    Packet next = take_in_order(tcb);
    if (!next) break;
    if (!deliver(context, tcb, std::move(next))) return false;
  }
  if (filled_hole || tcb.has(kFinReceived) || tcb.bytes_received() < kQuickAckBytes ||
      tcb.rcv_nxt - tcb.last_ack_sent >= ack_threshold(tcb)) {
    request_ack(context, tcb);
  } else if (!tcb.has(kAckPending)) {
    tcb.set(kAckPending);
    tcb.ack_deadline = context.now + context.settings.delayed_ack;
    arm_timer(context, tcb);
  }
  return true;
}

/// The peer's FIN has been reached in sequence.
void on_fin_received(Context& context, Tcb& tcb) {
  request_ack(context, tcb);
  switch (tcb.state) {
    case State::kEstablished:
      tcb.state = State::kCloseWait;
      break;
    case State::kFinWait1:
      tcb.state = State::kClosing;
      break;
    case State::kFinWait2:
      enter_time_wait(context, tcb);
      return;
    case State::kClosed:
    case State::kDeferred:
    case State::kSynSent:
    case State::kSynReceived:
    case State::kCloseWait:
    case State::kClosing:
    case State::kLastAck:
      return;
  }
  clear_out_of_order(tcb);
  if (tcb.is_subflow())
    mptcp::on_subflow_fin(context, tcb);
  else
    report(context, tcb, kStreamEnd);
}

/// Payload, or a FIN, of the SYN-ACK that has established the Tcb (RFC 7413 §4.2.2). A subflow's has no mapping: it
/// comes again.
[[gnu::noinline]] void accept_rest_of_syn_ack(Context& context, Tcb& tcb, Segment& segment) {
  if (tcb.is_subflow()) return;
  segment.flags &= static_cast<uint16_t>(~kSyn);
  segment.seq += 1;
  segment.packet.info().seq += 1;
  if (!accept_payload(context, tcb, segment)) return;
  if (tcb.has(kFinReceived)) on_fin_received(context, tcb);
}

}  // namespace

void on_segment(Context& context, Tcb& tcb, Segment& segment) {
  switch (tcb.state) {
    case State::kClosed:
      return;
    case State::kDeferred:
      on_deferred_segment(context, tcb, segment);
      return;
    case State::kSynSent:
      on_syn_sent_segment(context, tcb, segment);
      if (tcb.state == State::kEstablished && segment.length() > 1) accept_rest_of_syn_ack(context, tcb, segment);
      return;
    case State::kSynReceived:
    case State::kEstablished:
    case State::kFinWait1:
    case State::kFinWait2:
    case State::kCloseWait:
    case State::kClosing:
    case State::kLastAck:
      break;
  }
  // A SYN again, while ours is unanswered: the peer did not get it.
  if (tcb.state == State::kSynReceived && segment.has(kSyn) && !segment.has(kAck) && segment.seq == tcb.irs) {
    retransmit_syn(context, tcb);
    return;
  }
  // Simultaneous open (RFC 9293 figure 7): the peer's SYN, which has been heard, comes again with the ACK of ours.
  if (tcb.state == State::kSynReceived && !tcb.has(kPassive) && segment.has(kSyn) && segment.has(kAck) &&
      segment.seq == tcb.irs) {
    report_duplicate(context, tcb, tcb.irs, tcb.irs + 1);
    segment.flags &= static_cast<uint16_t>(~kSyn);
    segment.seq += 1;
    request_ack(context, tcb);
  }
  if (!accept_timestamp(context, tcb, segment)) return;
  if (!is_in_window(context, tcb, segment)) {
    if (segment.has(kRst)) return;
    if (segment.payload_size() != 0 && segment.seq < tcb.rcv_nxt)
      report_duplicate(context, tcb, segment.seq, min_seq(segment.seq + segment.payload_size(), tcb.rcv_nxt));
    answer(context, tcb, segment, context.counters.tcp_answers_skipped);
    // The ACK of an otherwise unacceptable segment still counts when it is plausible: a zero-window peer's probes and
    // crossing retransmissions carry news (RFC 9293 §3.10.7.4 allows valid ACKs with a zero window).
    if (!segment.has(kAck) || !is_synchronized(tcb.state) || segment.ack > tcb.snd_nxt || segment.ack < tcb.snd_una)
      return;
    remember_timestamp(context, tcb, segment);
    if (tcb.is_subflow() && !mptcp::on_options(context, tcb, segment)) return;
    process_ack(context, tcb, segment);
    end_if_done(context, tcb);
    return;
  }
  if (segment.has(kRst)) return on_reset(context, tcb, segment);
  if (segment.has(kSyn)) return challenge(context, tcb);  // RFC 5961 §4.2
  if (!segment.has(kAck)) return;

  if (tcb.state == State::kSynReceived) {
    // After crossing SYNs the payload of ours may be acknowledged.
    const SeqNum sent = tcb.snd_nxt + (tcb.has(kPassive) ? 0 : tcb.syn_data);
    if (segment.ack <= tcb.iss || segment.ack > sent) return reset_segment(context, segment, nullptr);
    if (!establish_passive(context, tcb, segment)) return;
  }
  note_marks(tcb, segment);
  // RFC 5961 §5.2. Such a segment says nothing of the peer's time either.
  if (segment.ack > tcb.snd_nxt ||
      segment.ack - tcb.snd_una < -static_cast<int32_t>(std::min<uint32_t>(tcb.max_snd_wnd, 1u << 30)))
    return challenge(context, tcb);
  remember_timestamp(context, tcb, segment);
  tcb.heard_at = context.milliseconds();

  if (tcb.is_subflow() && !mptcp::on_options(context, tcb, segment)) return;
  process_ack(context, tcb, segment);
  const bool had_fin = tcb.has(kFinReceived);
  if (!accept_payload(context, tcb, segment)) return;
  if (!had_fin && tcb.has(kFinReceived)) on_fin_received(context, tcb);
  if (tcb.state != State::kClosed) end_if_done(context, tcb);
}

namespace {

/// Whether a connection of these addresses would have been ours: a client that holds on to one we have ended, or had
/// before a restart, is told so instead of left waiting.
bool is_intercepted(const Context& context, const Segment& segment) {
  const auto has_interface = [&segment](const Listener& listener) {
    return listener.intercept && std::find(listener.interfaces.begin(), listener.interfaces.end(), segment.interface) !=
                                     listener.interfaces.end();
  };
  return std::any_of(context.listeners.begin(), context.listeners.end(), has_interface);
}

}  // namespace

void on_stray_segment(Context& context, const Segment& segment) {
  if (segment.for_us || is_intercepted(context, segment))
    reset_segment(context, segment, nullptr);
  else
    ++context.counters.drop_not_for_us;
}

bool on_time_wait_segment(Context& context, uint32_t index, Segment& segment) {
  TimeWait& entry = context.time_wait.at(index);
  const wire::TcpOptions& options = *segment.options;
  // RFC 6191 §2: a new connection has a later timestamp; where time does not tell, a higher sequence number.
  bool newer = segment.seq > entry.rcv_nxt;
  if (entry.timestamps && options.has(wire::TcpOptions::kTimestamps) && options.ts_value != entry.ts_recent)
    newer = static_cast<int32_t>(options.ts_value - entry.ts_recent) > 0;
  if (segment.has(kSyn) && !segment.has(kAck) && !segment.has(kRst) && newer) {
    context.flows.erase(segment.hash, index | kTimeWaitBit);
    context.time_wait.forget(index);
    return true;
  }
  if (segment.has(kRst)) return false;  // RFC 1337: TIME-WAIT is not assassinated
  if (options.has(wire::TcpOptions::kTimestamps) && segment.seq <= entry.rcv_nxt) entry.ts_recent = options.ts_value;
  // Anything that is not a plain ACK of what we know wants our last ACK again.
  if (segment.length() == 0 && segment.seq == entry.rcv_nxt) return false;
  if (is_always_answered(segment) ||
      context.time_wait_answers.take(index, context.now, context.settings.invalid_ratelimit))
    transmit_bare_ack(context, entry);
  else
    ++context.counters.tcp_time_wait_skipped;
  return false;
}

void on_icmp_error(Context& context, Tcb& tcb, const ip::Received& received) {
  // RFC 5927 §4.1: only an error about something in flight is believed.
  const SeqNum quoted(received.quoted.seq);
  if (quoted < tcb.snd_una || quoted > tcb.snd_nxt) return;
  ++context.counters.icmp_errors_received;
  const bool v4 = tcb.key.remote.is_v4();
  const bool too_big = v4 ? received.icmp.type == wire::icmp_type::kUnreachable &&
                                received.icmp.code == wire::icmp_code::kFragmentationNeeded
                          : received.icmp.type == wire::icmpv6_type::kPacketTooBig;
  if (too_big) return on_packet_too_big(context, tcb, v4 ? received.icmp.rest & 0xffff : received.icmp.rest);
  const bool unreachable = v4 ? received.icmp.type == wire::icmp_type::kUnreachable &&
                                    received.icmp.code != wire::icmp_code::kFragmentationNeeded
                              : received.icmp.type == wire::icmpv6_type::kUnreachable;
  if (unreachable && tcb.state == State::kSynSent) {
    tcb.icmp_code = received.icmp.code;
    end(context, tcb, StreamError::kUnreachable);
  }
}

}  // namespace tributary::tcp
