// Which subflow sends next: the usable one with the lowest round-trip time that has room; backups only when no other
// subflow is left, stale ones last (RFC 8684 §3.3.8; the first deployments' choice, RFC 8041 §3.6).
#pragma once

#include "stack/context.h"

namespace tributary::mptcp {

/// The subflow for the next `size` bytes, or null when none has room now (subflows that lack only congestion window are
/// told that it limits them). `except` is a Tcb index that must not be chosen.
tcp::Tcb* pick_subflow(Context& context, Connection& connection, uint32_t size, uint32_t except);

/// The best usable subflow whether it has room or not; null without any.
tcp::Tcb* best_subflow(Context& context, Connection& connection);

}  // namespace tributary::mptcp
