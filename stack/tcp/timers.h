// The one timer of a Tcb (design D6): which deadline is due, and what then happens (RFC 6298, RFC 8985 §7, RFC 9293
// §3.8.6.1).
#pragma once

#include "stack/context.h"

namespace tributary::tcp {

/// Files the Tcb under its earliest deadline; a later one than filed costs a store.
void arm_timer(Context& context, Tcb& tcb);

/// Chooses between RTO, tail loss probe and window probe for what is in flight now, counted from `context.now`.
void restart_retransmission(Context& context, Tcb& tcb);

/// Sets the deadline of the first keepalive probe, if there are to be any.
void watch_idleness(const Context& context, Tcb& tcb);

/// Called by the wheel. The Tcb may be gone afterwards.
void on_timer(Context& context, Tcb& tcb);

}  // namespace tributary::tcp
