#include "stack/tcp/output.h"

#include <algorithm>

#include "stack/mptcp/send.h"
#include "stack/tcp/model_events.h"
#include "stack/tcp/mtu_search.h"
#include "stack/tcp/pace.h"
#include "stack/tcp/payload.h"
#include "stack/tcp/rtt.h"
#include "stack/tcp/segment.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/transmit.h"
#include "stack/tcp/undo.h"

namespace tributary::tcp {
namespace {

using namespace wire::tcp_flag;

constexpr uint32_t kSmallAtLeast = 10;  // packets: the initial window of RFC 6928

bool may_send_data(const Tcb& tcb) {
  switch (tcb.state) {
    case State::kEstablished:
    case State::kCloseWait:
    case State::kFinWait1:
    case State::kClosing:
    case State::kLastAck:
      // RFC 8684 §3.2: no data before the peer has answered our third ACK of a join.
      return !(tcb.has(kPreEstablished) && tcb.has(kJoin));
    case State::kSynReceived:
      return tcb.has(kEarlyData);
    case State::kClosed:
    case State::kDeferred:
    case State::kSynSent:
    case State::kFinWait2:
      return false;
  }
  return false;
}

void send_retransmissions(Context& context, Tcb& tcb) {
  Flight& flight = *tcb.flight;
  Scoreboard* const board = find_scoreboard(context, flight);
  rte_mbuf* m = board != nullptr && board->next_lost != nullptr ? board->next_lost : tcb.tx_head;
  for (; m != flight.unsent && flight.lost_bytes != 0; m = info_of(m).subflow_next) {
    PacketInfo& info = info_of(m);
    if (board != nullptr) board->next_lost = m;
    if (!(info.flags & kPktLost)) {
      ++context.counters.tcp_queue_steps;
      continue;
    }
    // The first one leaves even when the window says no: recovery has to start somewhere.
    if (in_flight(tcb) + info.payload_size > tcb.cc.cwnd && in_flight(tcb) != 0) return;
    if (is_paced_out(context, tcb)) return;
    const uint16_t full = payload_per_segment(context, tcb);
    const uint16_t size = next_payload(context, tcb, info.payload_size, full);
    if (info.payload_size > size && !split_queued(context, tcb, m, size)) return;
    if (!transmit_payload(context, tcb, m)) return;
    flight.mtu_probe |= size > full;
    note_retransmission(context, tcb, info.payload_size);
    if (board != nullptr) board->oldest_retransmission = std::min(board->oldest_retransmission, info.sent_at);
    info.flags &= static_cast<uint16_t>(~kPktLost);
    flight.lost_bytes -= info.payload_size;
    flight.prr_out += info.payload_size;
    Counters& counters = context.counters;
    ++(tcb.has(kInLoss) ? counters.tcp_slow_start_retransmits : counters.tcp_fast_retransmits);
    if (tcb.rtx_deadline == Micros::never()) restart_retransmission(context, tcb);
  }
  if (board != nullptr) board->next_lost = nullptr;  // none is left
}

/// F-RTO (RFC 5682 §3.1, step 2b): the first ACK after a time-out that leaves something is answered with new data, so
/// that the next one tells whether originals still arrive. Timestamps have told that already.
bool asks_for_originals(const Tcb& tcb) {
  return tcb.has(kInLoss) && tcb.has(kSackPermitted) && !tcb.has(kTimestamps) &&
         tcb.snd_una > tcb.flight->undo_marker && tcb.flight->undo_bytes <= tcb.mss &&
         tcb.snd_nxt == tcb.recovery_point;
}

/// RFC 3042: without SACK, each of the first two duplicate ACKs says that a segment has left.
uint32_t limited_transmit(const Tcb& tcb) {
  if (tcb.has(kSackPermitted) || tcb.has(kInRecovery | kInLoss) || tcb.dup_acks > 2) return 0;
  return uint32_t{tcb.dup_acks} * tcb.mss;
}

/// A window of bytes would let a writer of single bytes fill it with thousands of packets, each of which costs the
/// network and the receiver's memory nearly as much as a full one: of small pieces as many may be under way as of full
/// segments.
bool too_many_small(const Tcb& tcb) {
  return tcb.flight != nullptr && tcb.flight->small_packets >= std::max<uint32_t>(kSmallAtLeast, tcb.cc.cwnd / tcb.mss);
}

/// Nagle's algorithm (RFC 9293 §3.7.4) in Minshall's form, as Linux has it: not any unacknowledged data holds a small
/// segment back, only another one that was not full, so that the end of a large write does not wait for the ACK of its
/// beginning.
bool is_held_back(const Context& context, const Tcb& tcb) {
  if (tcb.has(kFinQueued) || unsent_bytes(tcb) >= payload_per_segment(context, tcb)) return false;
  if (is_gathering(tcb)) return true;
  return tcb.gathering == static_cast<uint8_t>(Gathering::kNagle) && tcb.flight->small_packets != 0;
}

/// Where the last of the queue is sent, a FIN goes with it instead of in a segment of its own.
bool takes_fin(const Tcb& tcb, rte_mbuf* m) {
  return info_of(m).subflow_next == nullptr && tcb.has(kFinQueued) && !tcb.has(kFinSent) && can_send(tcb.state);
}

void note_fin_sent(Tcb& tcb) {
  tcb.set(kFinSent);
  tcb.advance_snd_nxt(1);
  tcb.state = tcb.state == State::kEstablished ? State::kFinWait1 : State::kLastAck;
}

/// Sends what was never sent.
void send_new(Context& context, Tcb& tcb, bool push) {
  while (rte_mbuf* m = tcb.tx_unsent()) {
    const uint16_t full = payload_per_segment(context, tcb);
    uint32_t size = next_payload(context, tcb, info_of(m).payload_size, full);
    if (size < full && !push && is_held_back(context, tcb)) break;
    const uint32_t outstanding = in_flight(tcb);
    if (outstanding != 0 && outstanding + size > tcb.cc.cwnd + limited_transmit(tcb)) break;
    const bool small = size <= kSmallPiece || (size < full && tcb.gathering != 0);
    if (small && too_many_small(tcb)) break;
    const int32_t window = (tcb.snd_una + tcb.snd_wnd) - tcb.snd_nxt;
    if (window < static_cast<int32_t>(size)) {
      // Sender-side silly window avoidance (RFC 9293 §3.8.6.2.1): a piece leaves only when nothing is in flight and the
      // window is as large as this peer's windows get; otherwise the window probe takes over.
      const bool worth_it = window > 0 && tcb.snd_una == tcb.snd_nxt &&
                            static_cast<uint32_t>(window) >= std::min<uint32_t>(size, tcb.max_snd_wnd / 2);
      if (!worth_it) break;
      size = static_cast<uint32_t>(window);
    }
    if (is_paced_out(context, tcb)) break;
    if (size < info_of(m).payload_size && !split_queued(context, tcb, m, static_cast<uint16_t>(size))) break;
    info_of(m).seq = tcb.snd_nxt.raw();
    const bool fin = takes_fin(tcb, m);
    if (fin) info_of(m).flags |= kPktFin;
    if (!transmit_payload(context, tcb, m)) {
      info_of(m).flags &= static_cast<uint16_t>(~kPktFin);
      break;
    }
    if (small) {
      info_of(m).flags |= kPktSmall;
      ++tcb.flight->small_packets;
    }
    tcb.flight->mtu_probe |= size > full;
    tcb.flight->unsent = info_of(m).subflow_next;
    tcb.flight->prr_out += size;
    tcb.advance_snd_nxt(size);
    if (fin) note_fin_sent(tcb);
  }
}

/// After sending: whether the window is full. ACKs that come before the next sending, several in a batch, grow it then.
void note_limited(const Context& context, Tcb& tcb) {
  if (in_flight(tcb) + tcb.mss > tcb.cc.cwnd) return tcb.set(kCwndLimited);
  // What waits for its time will fill a window that was full before; BBR asks about this very moment.
  if (model_of(context, tcb) == nullptr && is_paced_out(context, tcb) && has_data(context, tcb)) return;
  tcb.clear(kCwndLimited);
}

void send_fin(Context& context, Tcb& tcb) {
  if (!tcb.has(kFinQueued) || tcb.has(kFinSent) || tcb.tx_unsent() != nullptr || !can_send(tcb.state)) return;
  if (transmit_control(context, tcb, kFin | kAck, tcb.snd_nxt)) note_fin_sent(tcb);
}

}  // namespace

void request_output(Context& context, Tcb& tcb) {
  if (tcb.has(kOutputQueued) || tcb.state == State::kClosed) return;
  tcb.set(kOutputQueued);
  context.output.push(context.tcbs.index(tcb));
}

void request_ack(Context& context, Tcb& tcb) {
  tcb.set(kAckNow);
  request_output(context, tcb);
}

bool split_queued(Context& context, Tcb& tcb, rte_mbuf* m, uint16_t size) {
  rte_mbuf* rest = split_off(context, m, size);
  if (rest == nullptr) return false;
  info_of(rest).flags &= static_cast<uint16_t>(~kPktSmall);
  info_of(m).flags &= static_cast<uint16_t>(~kPktFin);
  info_of(rest).subflow_next = info_of(m).subflow_next;
  info_of(m).subflow_next = rest;
  if (tcb.flight->tail == m) tcb.flight->tail = rest;
  if (info_of(m).flags & kPktInStream) mptcp::on_split(context, tcb, m, rest);
  return true;
}

uint32_t unsent_bytes(const Tcb& tcb) {
  if (tcb.tx_unsent() == nullptr) return 0;
  const PacketInfo& last = info_of(tcb.flight->tail);
  return static_cast<uint32_t>(SeqNum(last.seq + last.payload_size) - tcb.snd_nxt);
}

uint32_t in_flight(const Tcb& tcb) {
  const uint32_t outstanding = static_cast<uint32_t>(tcb.snd_nxt - tcb.snd_una);
  return tcb.flight == nullptr ? outstanding : outstanding - tcb.flight->sacked_bytes - tcb.flight->lost_bytes;
}

void restart_after_idle(const Context& context, Tcb& tcb) {
  if (tcb.snd_una != tcb.snd_nxt) return;
  congestion::end_nonvalidated_periods(tcb.cc, context.now, tcb.mss);
  if (!context.settings.restart_after_idle) return;
  if (congestion::is_idle(tcb.cc, context.now, base_rto(context.settings, tcb))) congestion::on_idle(tcb.cc, tcb.mss);
}

uint32_t send_room(const Context& context, const Tcb& tcb) {
  if (too_many_small(tcb)) return 0;
  const uint32_t flight = in_flight(tcb);
  const uint32_t congestion = tcb.cc.cwnd > flight ? tcb.cc.cwnd - flight : 0;
  const int32_t window = (tcb.snd_una + tcb.snd_wnd) - tcb.snd_nxt;
  uint32_t room = std::min(congestion, window > 0 ? static_cast<uint32_t>(window) : 0);
  // What would wait here for its time may leave sooner on another subflow: only what is sent next, and next after that.
  room = std::min(room, paced_room(context, tcb));
  const uint32_t given = unsent_bytes(tcb);
  return room > given ? room - given : 0;
}

uint16_t payload_per_segment(const Context& context, const Tcb& tcb) {
  uint32_t overhead = tcb.has(kTimestamps) ? 12 : 0;
  if (tcb.is_subflow()) overhead += mptcp::option_overhead(context, tcb);
  return static_cast<uint16_t>(tcb.mss > overhead + 8 ? tcb.mss - overhead : 8);
}

void enqueue(Context& context, Tcb& tcb, rte_mbuf* m) {
  PacketInfo& info = info_of(m);
  check_app_limited(context, tcb);
  if (tcb.flight == nullptr) {
    tcb.flight = context.flights.create();  // as many as Tcbs: cannot fail
    tcb.flight->highest_sacked = tcb.snd_una;
    update_pacing(context, tcb);
  }
  Flight& flight = *tcb.flight;
  info.subflow_next = nullptr;
  info.seq =
      flight.unsent == nullptr ? tcb.snd_nxt.raw() : info_of(flight.tail).seq + info_of(flight.tail).payload_size;
  info.owner = context.tcbs.index(tcb);
  info.flags = static_cast<uint16_t>((info.flags & (kPktInStream | kPktCopy | kPktReinjected)) | kPktInFlight);
  info.transmissions = 0;
  if (flight.tail == nullptr)
    tcb.tx_head = m;
  else
    info_of(flight.tail).subflow_next = m;
  flight.tail = m;
  if (flight.unsent == nullptr) flight.unsent = m;
}

bool is_gathering(const Tcb& tcb) {
  return tcb.awaits_more || tcb.gathering == static_cast<uint8_t>(Gathering::kCork);
}

void output(Context& context, Tcb& tcb, bool push) {
  const SeqNum before = tcb.snd_nxt;
  if (may_send_data(tcb)) {
    if (tcb.tx_unsent() != nullptr && asks_for_originals(tcb)) send_new(context, tcb, push);
    if (tcb.flight != nullptr && tcb.flight->lost_bytes != 0) send_retransmissions(context, tcb);
    if (tcb.tx_unsent() != nullptr) {
      restart_after_idle(context, tcb);
      send_new(context, tcb, push);
      if (tcb.snd_nxt != before) note_limited(context, tcb);
    }
    send_fin(context, tcb);
  }
  if (tcb.has(kAckNow) && (is_synchronized(tcb.state) || tcb.state == State::kSynReceived))
    transmit_control(context, tcb, kAck, tcb.snd_nxt);
  // RFC 8684 §3.2: the third ACK of a join is repeated until it is answered.
  if (tcb.has(kPreEstablished) && tcb.has(kJoin) && tcb.ack_deadline == Micros::never())
    tcb.ack_deadline = context.now + current_rto(context.settings, tcb);
  // A clock for what has just left, or for data a closed window holds back.
  const bool stuck = tcb.tx_unsent() != nullptr && tcb.snd_nxt == tcb.snd_una && may_send_data(tcb);
  if (tcb.snd_nxt != before || (stuck && tcb.rtx_deadline == Micros::never())) restart_retransmission(context, tcb);
  arm_timer(context, tcb);
  arm_pacing(context, tcb);
}

}  // namespace tributary::tcp
