// The ends of a connection: FIN, reset, TIME-WAIT, and giving the control block back (RFC 9293 §3.6).
#pragma once

#include "stack/context.h"

namespace tributary::tcp {

/// Queues our FIN behind the data.
void close(Context& context, Tcb& tcb);

/// The same for a user who does not read any more either: the wait in FIN-WAIT-2 is bounded, and nobody is told of the
/// end.
void leave(Context& context, Tcb& tcb);

/// FIN-WAIT-2 with no reader left: the peer has Settings::fin_wait2 for its FIN.
void limit_fin_wait(Context& context, Tcb& tcb);

/// Sends a RST (with `extra` options, may be null) and ends the connection without telling its user.
void abort(Context& context, Tcb& tcb, const wire::MptcpOptions* extra);

/// The connection is over: leaves every table, frees its queues, tells whoever it belongs to. The Tcb itself is given
/// back once no work list holds it.
void end(Context& context, Tcb& tcb, StreamError error);

/// Ends it when both FINs are done: CLOSING goes to TIME-WAIT, LAST-ACK is over.
void end_if_done(Context& context, Tcb& tcb);

/// Trades the Tcb for a 64-byte TIME-WAIT entry that keeps acknowledging.
void enter_time_wait(Context& context, Tcb& tcb);

/// Gives ended Tcbs back to their slab, except those a work list still holds. For the end of a pass: until then nobody
/// who handles a Tcb has to ask whether it still exists.
void free_ended(Context& context);

}  // namespace tributary::tcp
