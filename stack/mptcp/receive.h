// Receiving at the data level: mappings, reassembly by DSN, the shared window (RFC 8684 §3.3.1, §3.3.4, §3.3.5).
#pragma once

#include "stack/context.h"

namespace tributary::mptcp {

/// Payload in subflow order. False: the Tcb has been ended (mapping or checksum impossible).
bool on_payload(Context& context, tcp::Tcb& tcb, Packet packet);

/// What waits for the rest of its mapping goes on unverified: there is no such thing any more.
void deliver_pending(Context& context, Connection& connection, tcp::Tcb& tcb);

/// Bytes to advertise on a subflow: relative to DATA_ACK, the same on all, never moving the right edge left, in the
/// units of `scale` (none in a SYN). Records the edge it promises.
uint32_t receive_window(Context& context, const tcp::Tcb& tcb, uint8_t scale);

/// Bytes beyond RCV.NXT, of a subflow or of the data, that are still taken. More than was promised: Linux adds each
/// DATA_ACK to the window it heard on that subflow before, if the segment that brings it does not move the subflow's
/// own ACK, and so sends as much as a window too far. Dropping that costs it 200 ms a chunk (LX-10); holding it costs
/// at most twice the budget.
uint32_t acceptable_window(const Connection& connection);
/// The same, by subflow.
uint32_t acceptable_window(const Context& context, const tcp::Tcb& tcb);

/// Payload the connection of this subflow holds, in and out of order, in bytes and more: zero when it holds none.
uint32_t held_bytes(const Context& context, const tcp::Tcb& tcb);

/// The peer's DATA_FIN lies at `dsn`.
void on_data_fin(Context& context, Connection& connection, tcp::Tcb& tcb, DataSeq dsn);

void clear_receive_queues(Connection& connection);

}  // namespace tributary::mptcp
