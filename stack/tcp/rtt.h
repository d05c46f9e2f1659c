// Round-trip time and retransmission time-out (RFC 6298, constants of §2).
#pragma once

#include "stack/settings.h"
#include "stack/tcp/tcb.h"

namespace tributary::tcp {

/// Takes a sample (microseconds, at least 1) of a segment sent once (Karn).
void update_rtt(Tcb& tcb, uint32_t sample);

/// The time-out without back-off: derived, not stored.
Micros base_rto(const Settings& settings, const Tcb& tcb);
/// The time-out with back-off.
Micros current_rto(const Settings& settings, const Tcb& tcb);

}  // namespace tributary::tcp
