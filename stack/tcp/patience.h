// How long a peer that says nothing is waited for: R2 (RFC 9293 §3.8.3) and user timeout (RFC 5482).
#pragma once

#include "stack/context.h"

namespace tributary::tcp {

/// From one copy of what is unacknowledged to the next: the time-out with back-off, or what the user timeout has left.
Micros retransmission_interval(const Settings& settings, const Tcb& tcb);

/// The time-out that has just passed is the last. R2 is a number of retries, and no longer than they take where the
/// time-out begins at 200 ms, as in Linux: one of two minutes does not make it half an hour. A user timeout stands in
/// its place, be it shorter or longer. One retry there is always.
bool is_retransmission_in_vain(const Settings& settings, const Tcb& tcb);

/// From one probe of a shut window to the next. A user timeout is not left to a single probe, which may be lost.
Micros window_probe_interval(const Settings& settings, const Tcb& tcb);

/// Only silence counts: a peer that answers probes may keep its window shut for ever (RFC 9293 §3.8.6.1).
bool is_window_probe_in_vain(const Context& context, const Tcb& tcb);

/// Since the peer was heard last.
Micros silence_of(const Context& context, const Tcb& tcb);

/// Of keepalive probes. A user timeout stands in place of the number of probes, as in Linux, but
/// not before one has been sent.
bool is_keepalive_in_vain(const Settings& settings, Micros silence);

}  // namespace tributary::tcp
