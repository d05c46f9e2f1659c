#include "stack/tcp/ack.h"

#include <algorithm>

#include "stack/mptcp/close.h"
#include "stack/mptcp/send.h"
#include "stack/packet/lookahead.h"
#include "stack/tcp/close.h"
#include "stack/tcp/ecn.h"
#include "stack/tcp/model_events.h"
#include "stack/tcp/mtu_search.h"
#include "stack/tcp/output.h"
#include "stack/tcp/pace.h"
#include "stack/tcp/payload.h"
#include "stack/tcp/recovery.h"
#include "stack/tcp/rtt.h"
#include "stack/tcp/stream.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/undo.h"

namespace tributary::tcp {
namespace {

constexpr uint8_t kAnsweredBackoff = 8;  // probes of a window whose owner answers do not get rarer than this

SeqNum begin_of(rte_mbuf* m) {
  return SeqNum(info_of(m).seq);
}
SeqNum end_of(rte_mbuf* m) {
  return SeqNum(info_of(m).seq + info_of(m).payload_size);
}

/// What the packets this ACK delivers tell: the best round-trip sample is the latest sent of those sent once.
struct AckSample {
  PathModel* model;
  SeqNum fack;  ///< RACK.fack before this ACK
  int64_t sent_at = -1;
};

/// Sent once only, and before the latest recovery began.
bool is_original(const Tcb& tcb, rte_mbuf* m) {
  return !(info_of(m).flags & kPktRetransmitted) && end_of(m) <= tcb.recovery_point;
}

/// `m` is acknowledged for the first time.
void take_delivery(Context& context, Tcb& tcb, rte_mbuf* m, AckSample& sample, Delivery& delivery) {
  PacketInfo& info = info_of(m);
  delivery.original |= is_original(tcb, m);
  note_delivered(context, tcb, m, sample.fack);
  if (info.flags & kPktSmall) {
    info.flags &= static_cast<uint16_t>(~kPktSmall);
    --tcb.flight->small_packets;
  }
  if (is_mtu_probe(context, tcb, m)) on_mtu_probe_delivered(context, tcb, info.payload_size);
  if (!(info.flags & kPktRetransmitted)) sample.sent_at = std::max(sample.sent_at, info.sent_at);
  if (sample.model != nullptr)
    sample_delivered(sample.model->sampler, sample.model->sample, info, end_of(m), context.now);
}

/// RFC 2883 §4: the first block reports a duplicate when it lies below the cumulative ACK or within the second block.
bool is_duplicate_report(const Segment& segment) {
  const wire::TcpOptions& options = *segment.options;
  const wire::SackBlock& first = options.sack[0];
  if (first.right <= segment.ack) return true;
  return options.sack_count > 1 && first.left >= options.sack[1].left && first.right <= options.sack[1].right;
}

/// Returns its size.
uint32_t mark_sacked(Context& context, Tcb& tcb, rte_mbuf* m, AckSample& sample, Delivery& delivery) {
  Flight& flight = *tcb.flight;
  PacketInfo& info = info_of(m);
  info.flags |= kPktSacked;
  if (info.flags & kPktLost) {
    info.flags &= static_cast<uint16_t>(~kPktLost);
    flight.lost_bytes -= info.payload_size;
  }
  flight.sacked_bytes += info.payload_size;
  take_delivery(context, tcb, m, sample, delivery);
  return info.payload_size;
}

/// Marks what `block` has of the packets sent, from `from` on. Returns the bytes newly SACKed.
uint32_t mark_block(Context& context, Tcb& tcb, rte_mbuf* from, const wire::SackBlock& block, AckSample& sample,
                    Delivery& delivery) {
  Scoreboard& board = scoreboard_of(context, *tcb.flight);
  uint32_t newly = 0;
  rte_mbuf* last = nullptr;
  for (rte_mbuf* m = from; m != tcb.flight->unsent && begin_of(m) < block.right; m = info_of(m).subflow_next) {
    const bool inside = begin_of(m) >= block.left && end_of(m) <= block.right;
    if (inside) last = m;
    if (info_of(m).flags & kPktSacked) {
      if (const Scoreboard::Run* run = board.find(begin_of(m))) m = run->last;
      if (end_of(m) <= block.right) last = m;
    } else if (inside) {
      newly += mark_sacked(context, tcb, m, sample, delivery);
      continue;
    }
    ++context.counters.tcp_queue_steps;
    if (--board.credit < 0) {
      ++context.counters.tcp_sack_discarded;
      return newly;
    }
  }
  if (last != nullptr && end_of(last) > block.left) board.remember({block.left, end_of(last), last});
  return newly;
}

/// Marks SACKed packets. Blocks outside (SND.UNA, SND.NXT] are ignored.
uint32_t process_sack(Context& context, Tcb& tcb, const Segment& segment, AckSample& sample, Delivery& delivery) {
  if (tcb.flight == nullptr) return 0;
  Flight& flight = *tcb.flight;
  const wire::TcpOptions& options = *segment.options;
  Scoreboard& board = scoreboard_of(context, flight);
  Scoreboard::earn(board.credit);
  uint32_t newly = 0;
  for (unsigned i = 0; i < options.sack_count; ++i) {
    const wire::SackBlock& block = options.sack[i];
    if (block.right <= block.left || block.right > tcb.snd_nxt) {
      ++context.counters.tcp_sack_discarded;
      continue;
    }
    if (i == 0 && is_duplicate_report(segment)) {
      delivery.dsack = static_cast<uint32_t>(block.right - block.left);
      Counters& counters = context.counters;
      ++(block.right <= segment.ack ? counters.tcp_dsack_received : counters.tcp_dsack_ofo_received);
      continue;
    }
    if (block.left < tcb.snd_una) continue;
    const Scoreboard::Run* const known = board.find(block.left);
    if (known != nullptr && block.right <= known->right) continue;
    newly += mark_block(context, tcb, board.nearest(block.left, tcb.tx_head), block, sample, delivery);
  }
  return newly;
}

/// Takes a packet out of the counts it is in.
void forget_marks(Flight& flight, const PacketInfo& info, uint32_t size) {
  if (info.flags & kPktSacked) flight.sacked_bytes -= size;
  if (info.flags & kPktLost) flight.lost_bytes -= size;
}

/// Frees what lies below `ack`. Returns payload bytes freed.
uint32_t pop_acked(Context& context, Tcb& tcb, SeqNum ack, AckSample& sample, Delivery& delivery) {
  uint32_t bytes = 0;
  Scoreboard* const board = tcb.flight != nullptr ? find_scoreboard(context, *tcb.flight) : nullptr;
  if (board != nullptr) board->forget_below(ack);
  while (tcb.tx_head != tcb.tx_unsent()) {
    rte_mbuf* m = tcb.tx_head;
    PacketInfo& info = info_of(m);
    if (end_of(m) > ack) {
      const int32_t part = ack - begin_of(m);
      if (part > 0 && board != nullptr) board->count = 0;  // it may be the last of a run
      if (part > 0) tcb.flight->mtu_probe = false;         // a probe cut on its way says nothing
      // In the middle of a packet: the peer, a middlebox or a path MTU cut it. The front leaves, the rest stays.
      if (part > 0 && split_queued(context, tcb, m, static_cast<uint16_t>(part))) continue;
      break;
    }
    if (info.flags & kPktRated)
      prefetch_queued(info.subflow_next);
    else
      prefetch_ahead(m);
    if (!(info.flags & kPktSacked)) take_delivery(context, tcb, m, sample, delivery);
    forget_marks(*tcb.flight, info, info.payload_size);
    bytes += info.payload_size;
    tcb.tx_head = info.subflow_next;
    if (board != nullptr) board->forget_packet(m, tcb.tx_head);
    if (tcb.tx_head == nullptr) tcb.flight->tail = nullptr;
    info.flags = static_cast<uint16_t>((info.flags & ~(kPktInFlight | kPktSacked | kPktLost)) | kPktSubflowAcked);
    info.owner = kNoOwner;
    if (!(info.flags & kPktInStream)) Packet{m}.reset();
  }
  return bytes;
}

void forget_flight(Context& context, Tcb& tcb) {
  if (tcb.flight == nullptr) return;
  forget_scoreboard(context, *tcb.flight);
  stop_pacing(context, tcb);
  context.flights.destroy(*tcb.flight);
  tcb.flight = nullptr;
  tcb.clear(kProbeSent);
}

/// Our FIN is acknowledged: RFC 9293 §3.10.7.4, fifth.
void on_fin_acked(Context& context, Tcb& tcb) {
  switch (tcb.state) {
    case State::kFinWait1:
      tcb.state = State::kFinWait2;
      // Only where nobody reads any more (as in Linux): a half-closed stream may be sent to for hours.
      if (tcb.is_subflow() ? mptcp::has_no_reader(context, tcb) : tcb.has(kDetached)) limit_fin_wait(context, tcb);
      break;
    case State::kClosing:
    case State::kLastAck:
      break;  // input.cc ends the connection when it has finished with the segment
    case State::kClosed:
    case State::kDeferred:
    case State::kSynSent:
    case State::kSynReceived:
    case State::kEstablished:
    case State::kFinWait2:
    case State::kCloseWait:
      break;
  }
}

}  // namespace

void update_send_window(Tcb& tcb, const Segment& segment) {
  const uint32_t window = uint32_t{segment.window} << tcb.snd_wscale;
  // RFC 9293 §3.10.7.4. SND.WL2 is no member: it is never beyond SND.UNA, so that SND.UNA =< SEG.ACK says it all.
  if (segment.ack < tcb.snd_una || segment.seq < tcb.snd_wl1) return;
  tcb.snd_wnd = window;
  tcb.snd_wl1 = segment.seq;
  tcb.max_snd_wnd = std::max(tcb.max_snd_wnd, window);
}

void process_ack(Context& context, Tcb& tcb, const Segment& segment) {
  const bool idle = tcb.flight == nullptr && tcb.snd_una == tcb.snd_nxt;
  if (idle && segment.ack == tcb.snd_una && !segment.has(wire::tcp_flag::kEce) && model_of(context, tcb) == nullptr) {
    // What only receives: nothing is outstanding that this could be news of.
    update_send_window(tcb, segment);
    if (tcb.has(kFinQueued)) request_output(context, tcb);
    return;
  }
  const uint32_t prior_in_flight = in_flight(tcb);
  const uint32_t old_window = tcb.snd_wnd;
  update_send_window(tcb, segment);
  react_to_echo(context, tcb, segment, prior_in_flight);

  Delivery delivery;
  AckSample sample{.model = model_of(context, tcb),
                   .fack = tcb.flight != nullptr ? tcb.flight->highest_sacked : tcb.snd_una};
  if (sample.model != nullptr) {
    check_app_limited(context, tcb);
    sample.model->sample = {};
  }
  const bool data_outstanding = tcb.snd_una != tcb.snd_nxt;
  if (segment.options->has(wire::TcpOptions::kSack) && tcb.has(kSackPermitted))
    delivery.sacked = process_sack(context, tcb, segment, sample, delivery);

  delivery.advanced = segment.ack > tcb.snd_una;
  if (delivery.advanced) {
    delivery.acked = pop_acked(context, tcb, segment.ack, sample, delivery);
    tcb.snd_una = segment.ack;
    tcb.backoff = 0;
    if (tcb.has(kFinSent) && tcb.snd_una == tcb.snd_nxt) on_fin_acked(context, tcb);
    if (tcb.is_subflow())
      mptcp::on_subflow_progress(context, tcb);
    else if (delivery.acked != 0)
      report_acked(context, tcb, delivery.acked);
  } else if (segment.payload_size() == 0 && data_outstanding && tcb.snd_wnd == old_window && segment.length() == 0 &&
             segment.ack == tcb.snd_una && !segment.options->mptcp.has(wire::MptcpOptions::kAddAddr) &&
             !segment.options->mptcp.has(wire::MptcpOptions::kPrio)) {
    // RFC 8684 §3.3.2 (DA-6): ACKs that only carry MPTCP signals say nothing of losses.
    delivery.duplicate = true;
    if (tcb.dup_acks < kMaxDupAcks) ++tcb.dup_acks;
  }
  if (delivery.advanced && !tcb.has(kInRecovery)) tcb.dup_acks = 0;

  Micros rtt;
  if (sample.sent_at >= 0) {
    rtt = context.now - Micros(sample.sent_at);
    update_rtt(tcb, static_cast<uint32_t>(std::clamp<int64_t>(rtt.count(), 1, INT32_MAX)));
  }
  if (tcb.has(kProbeSent)) on_probe_answer(context, tcb, delivery, prior_in_flight);

  if (delivery.advanced && delivery.acked != 0 && !tcb.has(kInRecovery) && sample.model == nullptr) {
    congestion::on_ack(tcb.cc, {context.now, delivery.acked, prior_in_flight, rtt, Micros(tcb.srtt),
                                Micros(tcb.min_rtt), tcb.mss, tcb.has(kCwndLimited | kInLoss)});
  }
  if (delivery.advanced || delivery.sacked != 0) {
    restart_retransmission(context, tcb);
    context.ip.confirm(tcb.hop, context.now);
  } else if (old_window == 0 && tcb.snd_wnd != 0 && tcb.has(kPersist)) {
    tcb.backoff = 0;
    tcb.window_probe_sent = 0;
    tcb.rtx_deadline = Micros::never();
    tcb.clear(kPersist);
  } else if (tcb.has(kPersist)) {
    // A probe is answered: as long as it is, the window may stay shut (RFC 9293 §3.8.6.1).
    tcb.window_probe_sent = 0;
    const uint8_t limit = std::min<uint8_t>(kAnsweredBackoff, static_cast<uint8_t>(context.settings.data_retries - 1));
    tcb.backoff = std::min(tcb.backoff, limit);
  }
  if (tcb.flight != nullptr) {
    undo_if_spurious(context, tcb, segment, delivery);
    if (delivery.advanced || delivery.sacked != 0 || delivery.duplicate || delivery.dsack != 0)
      on_delivery(context, tcb, delivery, prior_in_flight);
    if (sample.model != nullptr)
      update_model(context, tcb, *sample.model, rtt);
    else if (delivery.advanced && !tcb.has(kInRecovery))
      update_pacing(context, tcb);
    if (tcb.flight->unsent != nullptr) tcb.awaits_more = 0;
    if (tcb.flight->lost_bytes != 0 || tcb.flight->unsent != nullptr) request_output(context, tcb);
    if (tcb.tx_head == nullptr) forget_flight(context, tcb);
  }
  if (tcb.has(kFinQueued)) request_output(context, tcb);
}

void take_off_syn_payload(Context& context, Tcb& tcb, uint16_t bytes) {
  rte_mbuf* m = tcb.tx_head;
  if (info_of(m).payload_size > bytes && !split_queued(context, tcb, m, bytes)) return;
  bytes = info_of(m).payload_size;
  tcb.tx_head = tcb.flight->unsent = info_of(m).subflow_next;
  Packet{m}.reset();
  if (tcb.tx_head == nullptr) forget_flight(context, tcb);
  tcb.advance_snd_nxt(bytes);
  tcb.snd_una = tcb.snd_nxt;
  report_acked(context, tcb, bytes);
}

void clear_send_queue(Context& context, Tcb& tcb) {
  while (tcb.tx_head != nullptr) {
    rte_mbuf* m = tcb.tx_head;
    PacketInfo& info = info_of(m);
    tcb.tx_head = info.subflow_next;
    info.subflow_next = nullptr;
    info.flags &= static_cast<uint16_t>(~(kPktInFlight | kPktSacked | kPktLost));
    info.owner = kNoOwner;
    if (!(info.flags & kPktInStream)) Packet{m}.reset();
  }
  forget_flight(context, tcb);
}

}  // namespace tributary::tcp
