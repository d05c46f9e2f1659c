#include "stack/tcp/recovery.h"

#include <algorithm>

#include "stack/tcp/model_events.h"
#include "stack/tcp/mtu_search.h"
#include "stack/tcp/output.h"
#include "stack/tcp/segment.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/undo.h"

namespace tributary::tcp {
namespace {

constexpr uint32_t kDupThresh = 3;
/// Where ACKs come so fast that going through the queue for each would cost too much, losses are looked for so often.
constexpr Micros kLookAgain(100);

SeqNum end_of(rte_mbuf* m) {
  return SeqNum(info_of(m).seq + info_of(m).payload_size);
}

/// RFC 8985 §6.2 step 4: how long a segment may be overtaken before it counts as lost. Three segments SACKed are more
/// than two MSS: their options take some of it.
uint32_t reordering_window(const Tcb& tcb) {
  if (!tcb.has(kReordering) &&
      (tcb.has(kInRecovery | kInLoss) || tcb.flight->sacked_bytes > (kDupThresh - 1) * tcb.mss))
    return 0;
  return std::min(tcb.reo_wnd_mult * (tcb.min_rtt / 4), tcb.srtt);
}

bool sent_after(int64_t t1, SeqNum end1, int64_t t2, SeqNum end2) {
  return t1 > t2 || (t1 == t2 && end1 > end2);
}

/// Returns whether that says something of congestion (RFC 4821 §7.4: not a probe).
bool mark_lost(Context& context, Tcb& tcb, rte_mbuf* m) {
  if (is_mtu_probe(context, tcb, m)) {
    on_mtu_probe_lost(context, tcb, m);
    return false;
  }
  if (info_of(m).flags & kPktRetransmitted) ++context.counters.tcp_lost_retransmissions;
  info_of(m).flags |= kPktLost;
  tcb.flight->lost_bytes += info_of(m).payload_size;
  if (PathModel* model = model_of(context, tcb)) note_lost(context, tcb, *model, info_of(m));
  return true;
}

void enter_recovery(Context& context, Tcb& tcb, uint32_t prior_in_flight) {
  tcb.set(kInRecovery);
  tcb.recovery_point = tcb.snd_nxt;
  begin_episode(tcb);
  // RFC 9937 §6.1.
  tcb.flight->prr_recover_fs = std::max<uint32_t>(1, prior_in_flight);
  tcb.flight->prr_delivered = 0;
  tcb.flight->prr_out = 0;
  if (PathModel* model = model_of(context, tcb))
    enter_model_recovery(tcb, *model);
  else
    congestion::on_loss(tcb.cc, context.now, flight_size(tcb, prior_in_flight), tcb.mss);
  ++context.counters.tcp_sack_recoveries;
}

/// RFC 9937 §6.2: cwnd for this ACK.
void reduce_proportionally(Tcb& tcb, uint32_t delivered, bool safe) {
  Flight& prr = *tcb.flight;
  prr.prr_delivered += delivered;
  const uint32_t flight = in_flight(tcb);
  const uint32_t ssthresh = tcb.cc.ssthresh;
  int64_t count;
  if (flight > ssthresh) {
    const uint64_t target = (uint64_t{prr.prr_delivered} * ssthresh + prr.prr_recover_fs - 1) / prr.prr_recover_fs;
    count = static_cast<int64_t>(target) - prr.prr_out;
  } else {
    count = std::max<int64_t>(int64_t{prr.prr_delivered} - prr.prr_out, delivered);
    if (safe) count += tcb.mss;
    count = std::min<int64_t>(ssthresh - flight, count);
  }
  // The first retransmission leaves at once: counted in bytes, less than a segment would be no leave to send.
  if (prr.prr_out == 0) count = std::max<int64_t>(count, tcb.mss);
  tcb.cc.cwnd = flight + static_cast<uint32_t>(std::max<int64_t>(count, 0));
}

/// RFC 8985 §6.3: after a time-out the head is lost for certain, others when they are old enough.
void mark_overdue(Context& context, Tcb& tcb) {
  Flight& flight = *tcb.flight;
  const int64_t patience = int64_t{flight.rack_rtt} + reordering_window(tcb);
  // The receiver may have dropped what it SACKed (RFC 2018 §8): a SACKed head after a time-out says so.
  const bool reneged = info_of(tcb.tx_head).flags & kPktSacked;
  if (reneged) {
    ++context.counters.tcp_sack_reneging;
    flight.sacked_bytes = 0;
  }
  forget_scoreboard(context, flight);  // what it says may no longer hold
  for (rte_mbuf* m = tcb.tx_head; m != flight.unsent; m = info_of(m).subflow_next) {
    PacketInfo& info = info_of(m);
    if (reneged) info.flags &= static_cast<uint16_t>(~kPktSacked);
    if (info.flags & (kPktSacked | kPktLost)) continue;
    if (m == tcb.tx_head || info.sent_at + patience <= context.now.count()) mark_lost(context, tcb, m);
  }
}

}  // namespace

void note_delivered(Context& context, Tcb& tcb, rte_mbuf* m, SeqNum fack) {
  Flight& flight = *tcb.flight;
  const PacketInfo& info = info_of(m);
  if (info.transmissions == 0) return;
  const SeqNum end = end_of(m);
  // Step 3: reordering shows when something sent once arrives below what already has (not after a retransmission).
  flight.highest_sacked = max_seq(flight.highest_sacked, end);
  if (end < fack && !(info.flags & kPktRetransmitted)) tcb.set(kReordering);
  // Step 2: the latest sent of what has been delivered. A retransmission acknowledged sooner than a round trip can be
  // was acknowledged for its first transmission.
  const int64_t rtt = context.now.count() - info.sent_at;
  if ((info.flags & kPktRetransmitted) && rtt < tcb.min_rtt) return;
  if (sent_after(info.sent_at, end, flight.rack_sent_at, flight.rack_end_seq)) {
    flight.rack_sent_at = info.sent_at;
    flight.rack_end_seq = end;
    flight.rack_rtt = static_cast<uint32_t>(std::max<int64_t>(rtt, 1));
  }
}

void on_probe_answer(Context& context, Tcb& tcb, const Delivery& delivery, uint32_t prior_in_flight) {
  if (tcb.flight == nullptr || tcb.snd_una < tcb.flight->probe_end_seq) return;
  // The probe was new data, or both it and the original have arrived.
  if (!tcb.flight->probe_is_retransmission || delivery.dsack != 0 || (delivery.duplicate && delivery.sacked == 0)) {
    tcb.clear(kProbeSent);
  } else if (tcb.snd_una > tcb.flight->probe_end_seq) {
    tcb.clear(kProbeSent);
    ++context.counters.tcp_probe_recoveries;
    // A model looks at how much is lost, which is one segment.
    if (tcb.has(kInRecovery | kInLoss) || model_of(context, tcb) != nullptr) return;
    congestion::on_loss(tcb.cc, context.now, flight_size(tcb, prior_in_flight), tcb.mss);
    congestion::on_recovery_end(tcb.cc, Micros(tcb.srtt), Micros(tcb.min_rtt), tcb.mss);
  }
}

Micros detect_losses(Context& context, Tcb& tcb, bool& congestion) {
  if (!tcb.has(kSackPermitted)) return Micros::never();
  Flight& flight = *tcb.flight;
  Scoreboard& board = scoreboard_of(context, flight);
  Scoreboard::earn(board.scan_credit);
  if (board.scan_credit < 0) return context.now + std::max(kLookAgain, Micros(tcb.min_rtt / 16));
  const int64_t patience = int64_t{flight.rack_rtt} + reordering_window(tcb);
  int64_t longest_wait = 0;
  int32_t steps = 0;
  // What was sent again can only be lost once something sent later is delivered; of the rest, what was judged before
  // stays so.
  const bool all = board.first_unjudged == nullptr || flight.rack_sent_at >= board.oldest_retransmission;
  rte_mbuf* m = all ? tcb.tx_head : board.first_unjudged;
  if (all) board.oldest_retransmission = INT64_MAX;
  rte_mbuf* first_unjudged = nullptr;
  for (; m != flight.unsent; m = info_of(m).subflow_next) {
    const PacketInfo& info = info_of(m);
    ++steps;
    if (info.flags & kPktSacked) {
      if (const Scoreboard::Run* run = board.find(SeqNum(info.seq))) m = run->last;
      continue;
    }
    if (info.flags & kPktLost) continue;
    const bool may_be_lost = sent_after(flight.rack_sent_at, flight.rack_end_seq, info.sent_at, end_of(m));
    // First transmissions are in order of time: nothing behind this one can be older.
    if (!may_be_lost && info.transmissions == 1 && SeqNum(info.seq) >= flight.highest_sacked) break;
    const int64_t remaining = info.sent_at + patience - context.now.count();
    if (may_be_lost && remaining <= 0) {
      congestion |= mark_lost(context, tcb, m);
      board.note_lost(m);
      continue;
    }
    if (may_be_lost) longest_wait = std::max(longest_wait, remaining);
    if (info.transmissions != 1)
      board.oldest_retransmission = std::min(board.oldest_retransmission, info.sent_at);
    else if (first_unjudged == nullptr)
      first_unjudged = m;
  }
  board.first_unjudged = first_unjudged != nullptr ? first_unjudged : m;
  board.scan_credit -= steps;
  context.counters.tcp_queue_steps += static_cast<uint32_t>(steps);
  return longest_wait > 0 ? context.now + Micros(longest_wait) : Micros::never();
}

void on_delivery(Context& context, Tcb& tcb, const Delivery& delivery, uint32_t prior_in_flight) {
  // RFC 8985 §6.2 step 4: DSACKs widen the reordering window, one step a round.
  if (delivery.dsack != 0 && tcb.reo_wnd_mult < 20) ++tcb.reo_wnd_mult;

  Flight& flight = *tcb.flight;
  Micros look_again = Micros::never();
  bool new_loss = false;
  if (tcb.has(kSackPermitted)) {
    if (flight.sacked_bytes != 0 || tcb.has(kInRecovery | kInLoss)) look_again = detect_losses(context, tcb, new_loss);
  } else if (tcb.tx_head != flight.unsent) {
    // RFC 5681 §3.2 and RFC 6582: three duplicates, then one hole a partial ACK.
    const bool partial = tcb.has(kInRecovery) && delivery.advanced && tcb.snd_una < tcb.recovery_point;
    const bool third = delivery.duplicate && tcb.dup_acks == kDupThresh && !tcb.has(kInRecovery | kInLoss);
    if ((partial || third) && !(info_of(tcb.tx_head).flags & kPktLost)) new_loss = mark_lost(context, tcb, tcb.tx_head);
  }
  PathModel* const model = model_of(context, tcb);

  if (tcb.has(kInRecovery | kInLoss) && tcb.snd_una >= tcb.recovery_point) {
    if (model != nullptr)
      congestion::bbr::on_recovery_end(model->bbr, tcb.cc);
    else if (tcb.has(kInRecovery))
      congestion::on_recovery_end(tcb.cc, Micros(tcb.srtt), Micros(tcb.min_rtt), tcb.mss);
    tcb.clear(kInRecovery | kInLoss);
    tcb.dup_acks = 0;
  }
  if (new_loss && !tcb.has(kInRecovery | kInLoss)) enter_recovery(context, tcb, prior_in_flight);
  // A model says itself what may be in flight during recovery.
  if (tcb.has(kInRecovery) && model == nullptr) {
    const uint32_t delivered = tcb.has(kSackPermitted)
                                   ? delivery.acked + delivery.sacked
                                   : (delivery.advanced ? delivery.acked : (delivery.duplicate ? tcb.mss : 0));
    if (delivered != 0 || new_loss) reduce_proportionally(tcb, delivered, delivery.advanced && !new_loss);
  }
  if (look_again != Micros::never() && look_again < tcb.rtx_deadline) {
    tcb.rtx_deadline = look_again;
    tcb.set(kReorderTimer);
    tcb.clear(kProbeTimer | kPersist);
    arm_timer(context, tcb);
  }
}

void enter_loss(Context& context, Tcb& tcb) {
  const bool first = tcb.backoff == 0;
  const uint32_t outstanding = in_flight(tcb);
  if (tcb.flight != nullptr) {
    if (first) begin_episode(tcb);
    mark_overdue(context, tcb);
  }
  if (PathModel* model = model_of(context, tcb))
    enter_model_loss(context, tcb, *model);
  else
    congestion::on_timeout(tcb.cc, context.now, flight_size(tcb, outstanding), tcb.mss, first);
  tcb.clear(kInRecovery | kProbeSent);
  tcb.set(kInLoss);
  tcb.recovery_point = tcb.snd_nxt;
  tcb.dup_acks = 0;
}

}  // namespace tributary::tcp
