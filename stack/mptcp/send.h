// Sending at the data level: the queue by DSN, DATA_ACKs, and handing runs of it to subflows (RFC 8684 §3.3).
#pragma once

#include "stack/context.h"

namespace tributary::mptcp {

/// Puts the connection on the list of those whose scheduler runs at the end of the pass.
void request_schedule(Context& context, Connection& connection);

/// Gives data to subflows: what is wanted again first, then new data, the DATA_FIN last (scheduler.h chooses).
void schedule(Context& context, Connection& connection);

/// A DATA_ACK (64 bits) with the window of its segment. Never shrinks anything (DA-2).
void on_data_ack(Context& context, Connection& connection, DataSeq data_ack, uint32_t window);

/// Marks a packet of the send queue to be given to a subflow again.
void want(Connection& connection, rte_mbuf* m);
/// No packet is, from here on: the only subflow has them, or has delivered them.
void forget_wants(Connection& connection);
/// Marks the packet a lost copy stood for.
void want_original(Connection& connection, DataSeq dsn);

/// Options every data segment of this subflow carries; bytes of TCP option space.
uint32_t option_overhead(const Context& context, const tcp::Tcb& tcb);

// Called by tcp/.
/// A packet of the send queue was cut in two: `rest` follows `m`.
void on_split(Context& context, tcp::Tcb& tcb, rte_mbuf* m, rte_mbuf* rest);
/// SND.UNA of the subflow moved.
void on_subflow_progress(Context& context, tcp::Tcb& tcb);

/// In fallback: what the only subflow has delivered is acknowledged data.
void count_subflow_acks(Context& context, Connection& connection);

/// The data-level retransmission timer (RX-1).
void on_data_timer(Context& context, Connection& connection);
void restart_data_timer(Context& context, Connection& connection);
/// Files the connection's timer under its earliest deadline.
void arm_connection(Context& context, Connection& connection);

void clear_send_queue(Connection& connection);

}  // namespace tributary::mptcp
