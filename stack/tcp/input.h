// Segment arrives (RFC 9293 §3.10.7, RFC 5961, RFC 7323 §5): the order of checks is the RFC's.
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::tcp {

/// Processes a segment of an existing connection. The Tcb may be gone afterwards.
void on_segment(Context& context, Tcb& tcb, Segment& segment);

/// A segment for a connection in TIME-WAIT. True when it was a SYN that may reopen it (RFC 6191): the entry is gone
/// then and the segment is to be treated as a new SYN.
bool on_time_wait_segment(Context& context, uint32_t index, Segment& segment);

/// A segment that belongs to nothing: reset, unless it is one itself or was not for us.
void on_stray_segment(Context& context, const Segment& segment);

/// An ICMP or ICMPv6 error that quotes a segment of this connection. Unreachables end an open that is not established
/// (RFC 5461 §4.1); established connections only take note (RFC 9293 §3.9.2.2).
void on_icmp_error(Context& context, Tcb& tcb, const ip::Received& received);

}  // namespace tributary::tcp
