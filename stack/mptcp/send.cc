#include "stack/mptcp/send.h"

#include <algorithm>

#include "stack/mptcp/close.h"
#include "stack/mptcp/fallback.h"
#include "stack/mptcp/scheduler.h"
#include "stack/mptcp/stream.h"
#include "stack/mptcp/subflow.h"
#include "stack/packet/lookahead.h"
#include "stack/tcp/close.h"
#include "stack/tcp/mtu_search.h"
#include "stack/tcp/output.h"
#include "stack/tcp/payload.h"
#include "stack/tcp/rtt.h"
#include "stack/tcp/transmit.h"

namespace tributary::mptcp {
namespace {

using tcp::Tcb;
using wire::tcp_flag::kAck;

constexpr uint32_t kDssOverhead = 28;     // DATA_ACK and DSN in 64 bits, with checksum or padding (DS-4)
constexpr unsigned kRecoverPackets = 32;  // offered again a data-level time-out
constexpr uint8_t kAnsweredBackoff = 8;   // probes of a window whose owner answers do not get rarer than this
constexpr uint8_t kSilentProbes = 3;      // unanswered at the data level, before the peer is taken to have fallen back
constexpr Micros kMinDataTimeout = Micros::milliseconds(200);

DataSeq end_of(rte_mbuf* m) {
  return DataSeq(info_of(m).dsn + info_of(m).payload_size);
}

void forget_want(Connection& connection, PacketInfo& info) {
  if (!(info.flags & tcp::kPktWanted)) return;
  info.flags &= static_cast<uint16_t>(~tcp::kPktWanted);
  --connection.wanted;
}

/// Takes the head off the queue; the packet lives on while a subflow still has to deliver it (DA-4).
void pop_head(Connection& connection) {
  rte_mbuf* m = connection.snd_head;
  PacketInfo& info = info_of(m);
  forget_want(connection, info);
  connection.snd_head = info.next;
  if (connection.snd_head == nullptr) connection.snd_tail = nullptr;
  info.flags &= static_cast<uint16_t>(~tcp::kPktInStream);
  if (!(info.flags & tcp::kPktInFlight)) Packet{m}.reset();
}

void advance_una(Context& context, Connection& connection, DataSeq una) {
  uint32_t bytes = 0;
  while (connection.snd_head != connection.snd_unsent && end_of(connection.snd_head) <= una) {
    const PacketInfo& info = info_of(connection.snd_head);
    if (info.flags & tcp::kPktRated)
      prefetch_queued(info.next);
    else
      prefetch_ahead(connection.snd_head);
    bytes += info_of(connection.snd_head).payload_size;
    pop_head(connection);
  }
  connection.snd_una = una;
  connection.data_backoff = 0;
  if (bytes != 0) {
    connection.acked += bytes;
    report(context, connection, kStreamAcked);
  }
}

/// Cuts `m` in the queue after `size` bytes, if it has more. False without a buffer.
bool cut(Context& context, Connection& connection, rte_mbuf* m, uint16_t size) {
  if (info_of(m).payload_size <= size) return true;
  rte_mbuf* rest = tcp::split_off(context, m, size);
  if (rest == nullptr) return false;
  info_of(rest).next = info_of(m).next;
  info_of(m).next = rest;
  if (connection.snd_tail == m) connection.snd_tail = rest;
  if (info_of(rest).flags & tcp::kPktWanted) ++connection.wanted;
  return true;
}

/// Cuts `m` in the queue so that its front fits one segment of `tcb`.
bool fit(Context& context, Connection& connection, const Tcb& tcb, rte_mbuf* m) {
  const uint16_t full = tcp::payload_per_segment(context, tcb);
  return cut(context, connection, m, tcp::next_payload(context, tcb, info_of(m).payload_size, full));
}

/// A window smaller than the next packet is used when nothing is on its way: this is all such a peer will ever offer.
bool fit_window(Context& context, Connection& connection, rte_mbuf* m) {
  const int64_t room = connection.snd_wnd_end - DataSeq(info_of(m).dsn);
  if (room >= info_of(m).payload_size) return true;
  return room > 0 && connection.snd_una == connection.snd_nxt &&
         cut(context, connection, m, static_cast<uint16_t>(room));
}

/// Sends what lost its subflow, or waits on one that makes no progress. False: no subflow has room.
bool send_wanted(Context& context, Connection& connection) {
  for (rte_mbuf* m = connection.snd_head; m != connection.snd_unsent && connection.wanted != 0; m = info_of(m).next) {
    PacketInfo& info = info_of(m);
    if (!(info.flags & tcp::kPktWanted)) continue;
    const uint32_t holder = (info.flags & tcp::kPktInFlight) ? info.owner : kNoSubflow;
    Tcb* tcb = pick_subflow(context, connection, info.payload_size, holder);
    if (tcb == nullptr) return false;
    if (holder == kNoSubflow) {
      if (!fit(context, connection, *tcb, m)) return false;
      forget_want(connection, info);
      info.flags &= static_cast<uint16_t>(~tcp::kPktSubflowAcked);
      tcp::enqueue(context, *tcb, m);
    } else {
      // Still in the hands of its first subflow, which has to deliver it there as well (RX-1).
      Packet original(m);
      Packet copy = context.pools.reference(original, 0, info.payload_size);
      original.release();
      if (!copy) return false;
      copy.info().dsn = info.dsn;
      copy.info().flags = tcp::kPktCopy;
      forget_want(connection, info);
      info.flags |= tcp::kPktReinjected;
      tcp::enqueue(context, *tcb, copy.release());
    }
    connection.set(kNotContiguous);
    ++context.counters.mptcp_retransmitted;
    tcp::request_output(context, *tcb);
  }
  return true;
}

/// One window for all subflows (RFC 8684 §3.3.1): what was last heard on one of them may be older than what another one
/// has told since. The way Linux does it.
void share_window(Context& context, Connection& connection) {
  const int64_t allowed = connection.snd_wnd_end - connection.snd_nxt;
  if (allowed <= 0 || connection.has(kFallback)) return;
  const uint32_t window = static_cast<uint32_t>(std::min<int64_t>(allowed, INT32_MAX));
  for_each_subflow(context, connection, [window](Tcb& tcb) { tcb.snd_wnd = std::max(tcb.snd_wnd, window); });
}

void send_new(Context& context, Connection& connection) {
  if (connection.snd_unsent == nullptr) return;
  for_each_subflow(context, connection, [&context](Tcb& tcb) { tcp::restart_after_idle(context, tcb); });
  share_window(context, connection);
  while (connection.snd_unsent != nullptr) {
    rte_mbuf* m = connection.snd_unsent;
    if (!fit_window(context, connection, m)) return;
    Tcb* tcb = pick_subflow(context, connection, info_of(m).payload_size, kNoSubflow);
    if (tcb == nullptr) return;
    // A run of segments for one subflow (design D3): choosing again for each would cost more than it gains.
    uint32_t room = tcp::send_room(context, *tcb);
    bool first = true;
    while (m != nullptr && end_of(m) <= connection.snd_wnd_end) {
      if (!first && info_of(m).payload_size > room) break;
      if (!fit(context, connection, *tcb, m)) return;
      const uint16_t size = info_of(m).payload_size;
      prefetch_ahead(m);
      if (rte_mbuf* next = info_of(m).next) prefetch_unsent(next);
      tcp::enqueue(context, *tcb, m);
      connection.snd_nxt = end_of(m);
      connection.bytes_sent += size;
      room -= std::min<uint32_t>(room, size);
      m = info_of(m).next;
      connection.snd_unsent = m;
      first = false;
    }
    tcp::request_output(context, *tcb);
  }
}

void send_data_fin(Context& context, Connection& connection) {
  if (!connection.has(kCloseQueued) || connection.has(kDataFinSent) || connection.snd_unsent != nullptr) return;
  connection.set(kDataFinSent);
  if (connection.has(kFallback)) {
    for_each_subflow(context, connection, [&](Tcb& tcb) { tcp::close(context, tcb); });
    return;
  }
  // It rides on bare ACKs of every subflow, and again at each data-level time-out, until it is acknowledged.
  for_each_subflow(context, connection, [&](Tcb& tcb) {
    if (tcp::is_synchronized(tcb.state)) tcp::request_ack(context, tcb);
  });
}

}  // namespace

void request_schedule(Context& context, Connection& connection) {
  if (connection.has(kScheduleQueued)) return;
  connection.set(kScheduleQueued);
  context.schedule.push(context.connections.index(connection));
}

void want(Connection& connection, rte_mbuf* m) {
  PacketInfo& info = info_of(m);
  if (info.flags & (tcp::kPktWanted | tcp::kPktReinjected)) return;
  info.flags |= tcp::kPktWanted;
  ++connection.wanted;
}

void forget_wants(Connection& connection) {
  for (rte_mbuf* m = connection.snd_head; m != nullptr && connection.wanted != 0; m = info_of(m).next)
    forget_want(connection, info_of(m));
}

void want_original(Connection& connection, DataSeq dsn) {
  for (rte_mbuf* m = connection.snd_head; m != connection.snd_unsent; m = info_of(m).next) {
    if (end_of(m) <= dsn) continue;
    if (DataSeq(info_of(m).dsn) > dsn) return;
    info_of(m).flags &= static_cast<uint16_t>(~tcp::kPktReinjected);
    want(connection, m);
    return;
  }
}

uint32_t option_overhead(const Context& context, const Tcb& tcb) {
  const Connection& connection = context.connections.at(tcb.connection);
  return connection.has(kFallback) && !connection.has(kInfinitePending) ? 0 : kDssOverhead;
}

void schedule(Context& context, Connection& connection) {
  if (connection.state == State::kFailed || connection.subflow_count == 0) return;
  if (send_wanted(context, connection)) send_new(context, connection);
  send_data_fin(context, connection);
  close_if_done(context, connection);
  const bool outstanding = connection.snd_una != connection.snd_nxt || connection.snd_unsent != nullptr ||
                           (connection.has(kDataFinSent) && !connection.has(kDataFinAcked));
  if (outstanding && connection.rtx_deadline == Micros::never()) restart_data_timer(context, connection);
}

void on_data_ack(Context& context, Connection& connection, DataSeq data_ack, uint32_t window) {
  const DataSeq limit = connection.has(kDataFinSent) ? connection.write_seq + 1 : connection.snd_nxt;
  if (data_ack > limit || data_ack < connection.snd_una) return;
  connection.set(kDataAckSeen);
  connection.snd_wnd_end = max_seq(connection.snd_wnd_end, data_ack + window);
  if (data_ack > connection.snd_una) {
    const bool fin = connection.has(kDataFinSent) && data_ack == connection.write_seq + 1;
    advance_una(context, connection, fin ? connection.write_seq : data_ack);
    if (fin) connection.set(kDataFinAcked);
    connection.rtx_deadline = Micros::never();
  } else if (connection.snd_una == connection.snd_nxt && connection.snd_unsent != nullptr) {
    // A shut window, and somebody there who says so: no reason to give up (RFC 9293 §3.8.6.1).
    const uint8_t last = std::min<uint8_t>(kAnsweredBackoff, static_cast<uint8_t>(context.settings.data_retries - 1));
    connection.data_backoff = std::min(connection.data_backoff, last);
    request_schedule(context, connection);
    return;
  } else if (connection.snd_unsent == nullptr || connection.has(kScheduleQueued)) {
    return;
  }
  request_schedule(context, connection);
}

void on_split(Context& context, Tcb& tcb, rte_mbuf* m, rte_mbuf* rest) {
  Connection& connection = connection_of(context, tcb);
  info_of(rest).next = info_of(m).next;
  info_of(m).next = rest;
  if (connection.snd_tail == m) connection.snd_tail = rest;
  if (info_of(rest).flags & tcp::kPktWanted) ++connection.wanted;
}

void count_subflow_acks(Context& context, Connection& connection) {
  // FB-2: only the subflow's acknowledgements count, and its order is the data's.
  DataSeq una = connection.snd_una;
  for (rte_mbuf* m = connection.snd_head; m != connection.snd_unsent && (info_of(m).flags & tcp::kPktSubflowAcked);
       m = info_of(m).next)
    una = end_of(m);
  if (una != connection.snd_una) advance_una(context, connection, una);
  if (connection.snd_una > connection.infinite_from) connection.clear(kInfinitePending);
}

void on_subflow_progress(Context& context, Tcb& tcb) {
  Connection& connection = connection_of(context, tcb);
  if (tcb.has(tcp::kStale)) {
    tcb.clear(tcp::kStale);
    ++context.counters.mptcp_subflow_recover;
  }
  if (connection.has(kFallback)) count_subflow_acks(context, connection);
  // The ACK a bare DATA_FIN was to ride on may have left as a data segment.
  const bool fin_outstanding = connection.has(kDataFinSent) && !connection.has(kDataFinAcked);
  if (fin_outstanding && !connection.has(kFallback) && tcb.tx_head == nullptr) tcp::request_ack(context, tcb);
  if (connection.snd_unsent != nullptr || connection.wanted != 0 || connection.has(kCloseQueued))
    request_schedule(context, connection);
}

namespace {

/// Asks with an ACK that is not acceptable (RFC 9293 §3.8.6.1): the answer says what the peer's DATA_ACK is.
void probe(Context& context, Tcb& tcb) {
  tcp::transmit_control(context, tcb, kAck, tcb.snd_una - 1);
}

/// The first subflow, if it is the only one, has delivered data and none was ever DATA_ACKed: TCP may be all the peer
/// speaks (RFC 8684 §3.7), and then what is sent again would be delivered twice. Null: it does get our mappings.
Tcb* find_silent(Context& context, Connection& connection) {
  const bool delivered = info_of(connection.snd_head).flags & tcp::kPktSubflowAcked;
  if (!delivered || has_acknowledged_data(connection) || connection.subflow_count != 1) return nullptr;
  Tcb* only = nullptr;
  for_each_subflow(context, connection, [&only](Tcb& tcb) { only = &tcb; });
  return only->has(tcp::kJoin) ? nullptr : only;
}

}  // namespace

void restart_data_timer(Context& context, Connection& connection) {
  int64_t longest = kMinDataTimeout.count();
  const Tcb* best = best_subflow(context, connection);
  for_each_subflow(context, connection, [&](const Tcb& tcb) {
    // A dead path's backed-off time-out must not hold up the others.
    if (tcb.has(tcp::kStale) && best != nullptr && !best->has(tcp::kStale)) return;
    longest = std::max(longest, tcp::current_rto(context.settings, tcb).count());
  });
  // Later than any subflow's own time-out: those come first.
  const Micros period(longest + longest / 2);
  connection.rtx_deadline = context.now + std::min(Micros(period.count() << std::min<int>(connection.data_backoff, 10)),
                                                   context.settings.max_rto);
  arm_connection(context, connection);
}

void on_data_timer(Context& context, Connection& connection) {
  connection.rtx_deadline = Micros::never();
  if (connection.has(kFallback) || connection.subflow_count == 0) return;
  if (connection.data_backoff >= context.settings.data_retries) {  // as often as TCP tries
    end_connection(context, connection, StreamError::kTimeout);
    return;
  }
  ++connection.data_backoff;
  const bool fin_outstanding = connection.has(kDataFinSent) && !connection.has(kDataFinAcked);
  if (fin_outstanding && connection.snd_una == connection.write_seq) {
    for_each_subflow(context, connection, [&](Tcb& tcb) {
      if (tcp::is_synchronized(tcb.state)) tcp::request_ack(context, tcb);
    });
  } else if (connection.snd_una == connection.snd_nxt) {
    // Nothing in flight: the data-level window is shut. Ask (DA-2; the subflow's own window may look open), and on
    // every subflow: the path on which the opening was told may be dead without having shown it.
    if (connection.snd_unsent != nullptr)
      for_each_subflow(context, connection, [&context](Tcb& tcb) {
        if (tcp::is_synchronized(tcb.state)) probe(context, tcb);
      });
  } else {
    if (Tcb* silent = find_silent(context, connection)) {
      if (connection.data_backoff > kSilentProbes) {
        follow_fallback(context, connection, *silent);
        return;
      }
      probe(context, *silent);  // a single ACK may have lost its options
      restart_data_timer(context, connection);
      return;
    }
    // Delivered by a subflow and yet not DATA_ACKed: the receiver dropped it, or a middlebox acknowledged it (RX-1).
    unsigned left = kRecoverPackets;
    for (rte_mbuf* m = connection.snd_head; m != connection.snd_unsent && left > 0; m = info_of(m).next) {
      PacketInfo& info = info_of(m);
      // A subflow that waits for its window may wait for ever: the path may have died before it heard of the opening.
      if ((info.flags & tcp::kPktInFlight) && !context.tcbs.at(info.owner).has(tcp::kPersist)) continue;
      info.flags &= static_cast<uint16_t>(~tcp::kPktReinjected);
      want(connection, m);
      --left;
    }
  }
  request_schedule(context, connection);
  restart_data_timer(context, connection);
}

void arm_connection(Context& context, Connection& connection) {
  const Micros deadline = std::min(connection.rtx_deadline, connection.close_deadline);
  if (deadline == Micros::never())
    context.wheel.cancel(connection.timer);
  else
    context.wheel.arm(connection.timer, deadline);
}

void clear_send_queue(Connection& connection) {
  connection.snd_unsent = nullptr;
  while (connection.snd_head != nullptr) pop_head(connection);
  connection.wanted = 0;
}

}  // namespace tributary::mptcp
