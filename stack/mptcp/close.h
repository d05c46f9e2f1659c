// Closing a connection: DATA_FINs, then the subflows' FINs; or at once, by MP_FASTCLOSE (RFC 8684 §3.3.3, §3.5).
#pragma once

#include "stack/context.h"

namespace tributary::mptcp {

/// Both DATA_FINs are acknowledged: closes the subflows.
/// The user is gone but for the DATA_FIN it leaves behind: what arrives is thrown away, and the peer's DATA_FIN is
/// waited for no longer than Settings::fin_wait2.
void leave(Context& context, Connection& connection);

/// Whether nobody reads what the subflow's connection receives.
bool has_no_reader(const Context& context, const tcp::Tcb& tcb);

void close_if_done(Context& context, Connection& connection);

/// Ends both directions with MP_FASTCLOSE on a reset of every subflow (option R), telling nobody here.
void abort(Context& context, Connection& connection);

/// The connection is over: resets what subflows are left, frees its queues, tells its user, leaves the token table.
/// `ended_by_peer` is the subflow whose reset ends it, if any.
void end_connection(Context& context, Connection& connection, StreamError error,
                    const tcp::Tcb* ended_by_peer = nullptr);

/// Called by the wheel.
void on_timer(Context& context, Connection& connection);

/// Gives ended connections back to their slab, except those a work list still holds.
void free_ended(Context& context);

}  // namespace tributary::mptcp
