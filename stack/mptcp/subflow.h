// Subflows of a connection: joining it, leaving it, and what their TCP events mean at the data level.
#pragma once

#include "stack/context.h"
#include "stack/tcp/open.h"
#include "stack/wire/mptcp_options.h"

namespace tributary::mptcp {

inline Connection& connection_of(Context& context, const tcp::Tcb& tcb) {
  return context.connections.at(tcb.connection);
}

/// Makes the Tcb a subflow. The caller has checked that there is room.
void attach_subflow(Context& context, Connection& connection, tcp::Tcb& tcb);

/// Whether no connection, live or in TIME-WAIT, has this 4-tuple.
bool is_free(Context& context, const FlowKey& key);
/// What new subflows get: as the first one.
tcp::LegOptions leg_of(const Connection& connection);

/// The stream a Tcb belongs to: itself, or its connection.
ByteStream stream_of(Context& context, const tcp::Tcb& tcb);
uint64_t user_data_of(Context& context, const tcp::Tcb& tcb);

/// An MP_TCPRST option for a reset.
wire::MptcpOptions reset_with(wire::RstReason reason);
/// Ends one subflow with a reset that says why; the connection goes on without it if it can.
void reset_subflow(Context& context, tcp::Tcb& tcb, wire::RstReason reason);

// Called by tcp/.
void on_subflow_established(Context& context, tcp::Tcb& tcb);
/// The peer's FIN was reached on this subflow.
void on_subflow_fin(Context& context, tcp::Tcb& tcb);
/// A retransmission time-out: what is outstanding is offered to the other subflows.
void on_subflow_stalled(Context& context, tcp::Tcb& tcb);
/// The Tcb is ending; its send queue is still linked.
void on_subflow_gone(Context& context, tcp::Tcb& tcb, StreamError error);

/// May be given new data.
bool is_usable(const tcp::Tcb& tcb);

template <typename F>
void for_each_subflow(Context& context, const Connection& connection, F&& f) {
  for (uint32_t index : connection.subflows)
    if (index != kNoSubflow) f(context.tcbs.at(index));
}

}  // namespace tributary::mptcp
