#include "stack/mptcp/subflow.h"

#include "stack/mptcp/close.h"
#include "stack/mptcp/fallback.h"
#include "stack/mptcp/receive.h"
#include "stack/mptcp/send.h"
#include "stack/mptcp/stream.h"
#include "stack/tcp/close.h"
#include "stack/tcp/output.h"
#include "stack/tcp/timers.h"

namespace tributary::mptcp {
namespace {

using tcp::Tcb;

/// Everything of the connection in this subflow's send queue is to go out on another one.
void offer_to_others(Connection& connection, Tcb& tcb) {
  // A copy that waits here has its original elsewhere: without a third subflow there is nobody else to give it to.
  const bool copies_too = tcb.state == tcp::State::kClosed || connection.subflow_count > 2;
  for (rte_mbuf* m = tcb.tx_head; m != nullptr; m = info_of(m).subflow_next) {
    const PacketInfo& info = info_of(m);
    if (info.flags & tcp::kPktInStream)
      want(connection, m);
    else if (copies_too && (info.flags & tcp::kPktCopy))
      want_original(connection, DataSeq(info.dsn));
  }
}

/// DF-5: what cannot be sent waits a while for a join. Joins that come to nothing do not prolong it.
void await_join(Context& context, Connection& connection) {
  if (connection.close_deadline == Micros::never())
    connection.close_deadline = context.now + context.settings.close_timeout;
  arm_connection(context, connection);
}

}  // namespace

void attach_subflow(Context& context, Connection& connection, Tcb& tcb) {
  for (uint32_t& slot : connection.subflows) {
    if (slot != kNoSubflow) continue;
    slot = context.tcbs.index(tcb);
    break;
  }
  if (++connection.subflow_count > 1 || tcb.has(tcp::kJoin)) connection.set(kNotContiguous);
  if (!tcb.has(tcp::kJoin)) {
    connection.algorithm = tcb.cc.algorithm;
    connection.dscp = tcb.dscp;
  }
  tcb.connection = context.connections.index(connection);
  tcb.subflow = tcp::SubflowPart{};
}

bool is_free(Context& context, const FlowKey& key) {
  const uint32_t found = context.flows.find(context.flow_hash(key), [&](uint32_t value) {
    return (value & kTimeWaitBit) ? context.time_wait.at(value & ~kTimeWaitBit).key == key
                                  : context.tcbs.at(value).key == key;
  });
  return found == FlowTable::kNotFound;
}

tcp::LegOptions leg_of(const Connection& connection) {
  return {connection.algorithm, connection.dscp};
}

ByteStream stream_of(Context& context, const Tcb& tcb) {
  if (tcb.is_subflow()) {
    const auto handle = context.connections.handle(context.connections.at(tcb.connection));
    return {handle.index, handle.generation, ByteStream::Kind::kMptcp};
  }
  const auto handle = context.tcbs.handle(tcb);
  return {handle.index, handle.generation, ByteStream::Kind::kTcp};
}

uint64_t user_data_of(Context& context, const Tcb& tcb) {
  return tcb.is_subflow() ? context.connections.at(tcb.connection).user_data : tcb.plain.user_data;
}

wire::MptcpOptions reset_with(wire::RstReason reason) {
  wire::MptcpOptions options;
  options.present = wire::MptcpOptions::kTcprst;
  options.tcprst.reason = static_cast<uint8_t>(reason);
  return options;
}

void reset_subflow(Context& context, Tcb& tcb, wire::RstReason reason) {
  const wire::MptcpOptions options = reset_with(reason);
  ++context.counters.mptcp_rst_tx;
  tcp::abort(context, tcb, &options);
}

bool is_usable(const Tcb& tcb) {
  // Not before the third ACK, though RFC 8684 appendix B would allow it after SYN payload: without the peer's key there
  // is no DATA_ACK to send, and Linux takes a first segment without one for a middlebox's work and falls back to TCP.
  return (tcb.state == tcp::State::kEstablished || tcb.state == tcp::State::kCloseWait) && !tcb.has(tcp::kFinQueued) &&
         !(tcb.has(tcp::kPreEstablished) && tcb.has(tcp::kJoin));
}

void on_subflow_established(Context& context, Tcb& tcb) {
  Connection& connection = connection_of(context, tcb);
  if (!tcb.has(tcp::kJoin)) {
    connection.state = State::kEstablished;
    report(context, connection, kStreamEstablished);
  } else if (tcb.has(tcp::kPassive)) {
    ++context.counters.mptcp_join_ack_rx;
    tcp::request_ack(context, tcb);  // MJ-7: the fourth packet
  } else {
    tcb.idle_deadline = context.now + context.settings.join_timeout;  // for the fourth packet
    tcp::arm_timer(context, tcb);
  }
  if (connection.state == State::kEstablished && connection.close_deadline != Micros::never()) {
    connection.close_deadline = Micros::never();  // it had no subflow to send on
    connection.error = StreamError::kNone;
  }
  request_schedule(context, connection);
}

namespace {

/// A FIN from a peer that never said a DATA_ACK: it has fallen back, and its FIN ends its data. So it may have after a
/// DATA_FIN, and a DATA_ACK of nothing, while data of ours was on its way; a FIN of MPTCP would acknowledge some of it.
bool has_left_mptcp(const Connection& connection, const Tcb& tcb) {
  if (tcb.has(tcp::kJoin) || connection.has(kFinWithDss)) return false;
  const bool has_sent = connection.snd_nxt != connection.local_idsn + 1;
  const bool after_data_fin = connection.has(kDataFinSeen) && has_sent && !has_acknowledged_data(connection);
  return after_data_fin || !connection.has(kDataAckSeen | kDataFinSeen);
}

}  // namespace

void on_subflow_fin(Context& context, Tcb& tcb) {
  Connection& connection = connection_of(context, tcb);
  if (has_left_mptcp(connection, tcb) && !follow_fallback(context, connection, tcb)) return;
  if (connection.has(kFallback)) {
    connection.set(kDataFinReceived);
    report(context, connection, kStreamEnd);
    return;
  }
  // The peer needs this subflow no more; neither do we once its queue is empty.
  tcp::close(context, tcb);
  bool usable = false;
  for_each_subflow(context, connection, [&usable](const Tcb& other) { usable |= is_usable(other); });
  if (!usable) await_join(context, connection);
}

void on_subflow_stalled(Context& context, Tcb& tcb) {
  Connection& connection = connection_of(context, tcb);
  if (connection.has(kFallback) || connection.subflow_count < 2) return;
  if (!tcb.has(tcp::kStale)) {
    tcb.set(tcp::kStale);
    ++context.counters.mptcp_subflow_stale;
  }
  offer_to_others(connection, tcb);
  request_schedule(context, connection);
}

void on_subflow_gone(Context& context, Tcb& tcb, StreamError error) {
  Connection& connection = connection_of(context, tcb);
  const uint32_t index = context.tcbs.index(tcb);
  for (uint32_t& slot : connection.subflows)
    if (slot == index) slot = kNoSubflow;
  --connection.subflow_count;
  tcb.subflow.pending.clear();
  if (connection.state == State::kFailed) return;
  if (connection.state == State::kHandshake || connection.has(kFallback)) {
    if (connection.subflow_count == 0) end_connection(context, connection, error);
    return;
  }
  offer_to_others(connection, tcb);
  if (connection.subflow_count != 0) {
    request_schedule(context, connection);
    return;
  }
  if (connection.state == State::kClosing) {
    end_connection(context, connection, StreamError::kNone);
    return;
  }
  connection.error = error == StreamError::kNone ? StreamError::kNoPath : error;
  await_join(context, connection);
}

}  // namespace tributary::mptcp
