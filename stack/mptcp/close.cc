#include "stack/mptcp/close.h"

#include "stack/mptcp/receive.h"
#include "stack/mptcp/send.h"
#include "stack/mptcp/stream.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/close.h"
#include "stack/tcp/output.h"

namespace tributary::mptcp {
namespace {

using tcp::Tcb;

/// Ends every subflow with a reset carrying `options`. on_subflow_gone leaves a failed connection alone.
void reset_subflows(Context& context, Connection& connection, const wire::MptcpOptions* options,
                    const Tcb* ended_by_peer) {
  connection.state = State::kFailed;
  for (uint32_t index : connection.subflows) {
    if (index == kNoSubflow) continue;
    Tcb& tcb = context.tcbs.at(index);
    if (&tcb == ended_by_peer)
      tcp::end(context, tcb, StreamError::kReset);  // a reset is not answered with one
    else
      tcp::abort(context, tcb, options);
  }
}

/// A subflow whose peer said FIN still has data on its way, and is not waiting in vain.
bool is_delivering(Context& context, Connection& connection) {
  bool found = false;
  for_each_subflow(context, connection,
                   [&found](const Tcb& tcb) { found |= tcb.tx_head != nullptr && tcb.backoff == 0; });
  return found && connection.state == State::kEstablished;
}

}  // namespace

void close_if_done(Context& context, Connection& connection) {
  if (connection.state != State::kEstablished || connection.has(kFallback)) return;
  if (!connection.has(kDataFinAcked)) return;
  if (!connection.has(kDataFinReceived)) {
    if (connection.has(kUserGone) && connection.close_deadline == Micros::never()) {
      connection.close_deadline = context.now + context.settings.fin_wait2;
      arm_connection(context, connection);
    }
    return;
  }
  connection.state = State::kClosing;
  connection.close_deadline = context.now + context.settings.close_timeout;
  arm_connection(context, connection);
  // The stream is over for its user; what is left is the subflows' own business.
  report(context, connection, kStreamClosed);
  if (connection.subflow_count == 0) return end_connection(context, connection, StreamError::kNone);
  for (uint32_t index : connection.subflows) {
    if (index == kNoSubflow) continue;
    Tcb& tcb = context.tcbs.at(index);
    // DF-3: a dead path would keep its queue for a quarter of an hour.
    if (tcb.has(tcp::kStale))
      reset_subflow(context, tcb, wire::RstReason::kTooMuchOutstandingData);
    else
      tcp::close(context, tcb);
  }
}

void leave(Context& context, Connection& connection) {
  connection.set(kUserGone);
  close(context, connection);
  close_if_done(context, connection);
}

bool has_no_reader(const Context& context, const Tcb& tcb) {
  return context.connections.at(tcb.connection).has(kUserGone);
}

void abort(Context& context, Connection& connection) {
  if (connection.state == State::kFailed) return;
  connection.set(kUserGone);
  if (connection.has(kRemoteKeyKnown) && !connection.has(kFallback)) {
    wire::MptcpOptions options;
    options.present = wire::MptcpOptions::kFastclose;
    options.fastclose.receiver_key = connection.remote_key;
    ++context.counters.mptcp_fastclose_tx;
    reset_subflows(context, connection, &options, nullptr);
  }
  end_connection(context, connection, StreamError::kAborted);
}

void end_connection(Context& context, Connection& connection, StreamError error, const Tcb* ended_by_peer) {
  if (!context.tokens.erase(connection.local_token)) return;  // it has ended before
  const bool told = connection.state == State::kClosing;
  // Both directions said their end and our data is acknowledged: all that was lost is an acknowledgement of the
  // DATA_FIN.
  const bool done =
      connection.has(kDataFinReceived) && connection.has(kDataFinSent) && connection.snd_una == connection.write_seq;
  if (done && error != StreamError::kAborted) error = StreamError::kNone;
  reset_subflows(context, connection, nullptr, ended_by_peer);
  context.wheel.remove(connection.timer);
  connection.rtx_deadline = connection.close_deadline = Micros::never();
  connection.error = error;
  clear_send_queue(connection);
  if (!told) report(context, connection, error == StreamError::kNone ? kStreamClosed : kStreamReset);
  context.ended_connections.push_back(context.connections.index(connection));
}

void on_timer(Context& context, Connection& connection) {
  if (connection.state == State::kFailed) return;
  if (connection.close_deadline <= context.now && is_delivering(context, connection)) {
    connection.close_deadline = context.now + context.settings.close_timeout;
  } else if (connection.close_deadline <= context.now) {
    const bool orderly = connection.state == State::kClosing;
    end_connection(context, connection, orderly ? StreamError::kNone : StreamError::kNoPath);
    return;
  }
  if (connection.rtx_deadline <= context.now) on_data_timer(context, connection);
  arm_connection(context, connection);
}

void free_ended(Context& context) {
  std::erase_if(context.ended_connections, [&context](uint32_t index) {
    Connection& connection = context.connections.at(index);
    if (connection.has(kReadyQueued | kScheduleQueued)) return false;
    clear_receive_queues(connection);
    context.connections.destroy(connection);
    return true;
  });
}

}  // namespace tributary::mptcp
