#include "stack/mptcp/fallback.h"

#include "stack/mptcp/receive.h"
#include "stack/mptcp/send.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/close.h"
#include "stack/tcp/output.h"
#include "stack/tcp/transmit.h"

namespace tributary::mptcp {
namespace {

/// One subflow, and never another: what it carried is the data, in order and once.
bool may_go_infinite(const Connection& connection, const tcp::Tcb& tcb) {
  return connection.subflow_count == 1 && !connection.has(kNotContiguous) && connection.out_of_order.empty() &&
         can_carry_the_rest(connection, tcb);
}

}  // namespace

void enter_fallback(Context& context, Connection& connection) {
  if (connection.has(kFallback)) return;
  connection.set(kFallback);
  connection.clear(kFailing);
  // FB-2: the subflow's own window is the only one left.
  connection.snd_wnd_end = connection.snd_una + (uint64_t{1} << 62);
  if (connection.state == State::kEstablished) {
    ++context.counters.mptcp_fallback_data;
    connection.set(kInfinitePending);  // the peer may still believe in mappings
    connection.infinite_from = connection.snd_nxt;
  }
  for_each_subflow(context, connection, [&](tcp::Tcb& tcb) { deliver_pending(context, connection, tcb); });
  // A DATA_FIN means nothing any more: the subflow's FIN takes its place. What the subflow has delivered is delivered.
  connection.clear(kDataFinSent);
  forget_wants(connection);
  count_subflow_acks(context, connection);
  request_schedule(context, connection);
}

bool can_carry_the_rest(const Connection& connection, const tcp::Tcb& tcb) {
  const bool all_sent = connection.has(kCloseQueued) && connection.snd_unsent == nullptr;
  return all_sent || !tcb.has(tcp::kFinQueued | tcp::kFinSent);
}

bool fall_back_if_possible(Context& context, Connection& connection, const tcp::Tcb& tcb) {
  if (connection.has(kFallback)) return true;
  if (connection.has(kPeerDss) || !may_go_infinite(connection, tcb)) return false;
  enter_fallback(context, connection);
  return true;
}

bool follow_fallback(Context& context, Connection& connection, tcp::Tcb& tcb) {
  if (connection.has(kFallback) || connection.subflow_count != 1) return true;
  if (!may_go_infinite(connection, tcb)) {
    reset_subflow(context, tcb, wire::RstReason::kMiddleboxInterference);
    return false;
  }
  enter_fallback(context, connection);
  return true;
}

bool check_peer_in_fallback(Context& context, const Connection& connection, tcp::Tcb& tcb,
                            const tcp::Segment& segment) {
  const wire::MptcpOptions& options = segment.options->mptcp;
  const wire::Dss& dss = options.dss;
  // The first data, with the keys: its place is behind the SYN.
  const bool first_elsewhere = options.has(wire::MptcpOptions::kCapable) && options.capable.has_data_length &&
                               segment.seq != tcb.irs + 1 + tcb.syn_data;
  if (first_elsewhere) {
    reset_subflow(context, tcb, wire::RstReason::kMiddleboxInterference);
    return false;
  }
  if (!options.has(wire::MptcpOptions::kDss)) return true;
  const bool ends_subflow_only = segment.has(wire::tcp_flag::kFin) && !dss.data_fin;
  if (!ends_subflow_only) {
    if (!dss.has_mapping || dss.subflow_seq == 0 || !connection.has(kRemoteKeyKnown)) return true;
    const DataSeq dsn =
        dss.dsn_64 ? DataSeq(dss.dsn) : DataSeq::nearest(static_cast<uint32_t>(dss.dsn), connection.rcv_nxt);
    if (dsn == connection.remote_idsn + dss.subflow_seq) return true;
  }
  reset_subflow(context, tcb, wire::RstReason::kMiddleboxInterference);
  return false;
}

bool on_missing_mapping(Context& context, Connection& connection, tcp::Tcb& tcb, Packet packet) {
  if (fall_back_if_possible(context, connection, tcb)) return on_payload(context, tcb, std::move(packet));
  reset_subflow(context, tcb, wire::RstReason::kMiddleboxInterference);
  return false;
}

bool on_checksum_failure(Context& context, Connection& connection, tcp::Tcb& tcb, DataSeq dsn) {
  if (connection.has(kFailing)) return true;  // said already, and not heard yet
  if (may_go_infinite(connection, tcb) && dsn <= connection.rcv_nxt) {
    ++context.counters.mptcp_fail_tx;
    connection.set(kFailing);
    connection.infinite_from = dsn;
    tcp::request_ack(context, tcb);
    return true;
  }
  wire::MptcpOptions options = reset_with(wire::RstReason::kMiddleboxInterference);
  options.present |= wire::MptcpOptions::kFail;
  options.fail.dsn = dsn;
  ++context.counters.mptcp_fail_tx;
  tcp::abort(context, tcb, &options);
  return false;
}

bool on_fail(Context& context, Connection& connection, tcp::Tcb& tcb) {
  ++context.counters.mptcp_fail_rx;
  if (!may_go_infinite(connection, tcb)) {
    reset_subflow(context, tcb, wire::RstReason::kMiddleboxInterference);
    return false;
  }
  if (!connection.has(kFailing)) {  // not the echo of ours
    wire::MptcpOptions answer;
    answer.present = wire::MptcpOptions::kFail;
    answer.fail.dsn = connection.rcv_nxt;
    ++context.counters.mptcp_fail_tx;
    tcp::transmit_control(context, tcb, wire::tcp_flag::kAck, tcb.snd_nxt, &answer);
  }
  enter_fallback(context, connection);
  return true;
}

}  // namespace tributary::mptcp
