// MP_JOIN: additional subflows, authenticated by HMAC (RFC 8684 §3.2).
#pragma once

#include <optional>

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::mptcp {

/// Responder: a SYN with MP_JOIN. Found by its token, not by its destination (MJ-1); refused with a reset that says
/// why.
void on_join_syn(Context& context, tcp::Segment& segment);
/// Responder: the third ACK. False: refused, the Tcb is ended.
bool on_join_third_ack(Context& context, tcp::Tcb& tcb, const tcp::Segment& segment);
/// Initiator: the SYN-ACK. False: refused, the Tcb is ended.
bool on_join_syn_ack(Context& context, tcp::Tcb& tcb, const tcp::Segment& segment);

/// Initiator: opens another subflow between two addresses. False when the peer has not confirmed our key (MC-9), the
/// connection is full or fell back, the path is taken, or there is no route.
bool open_subflow(Context& context, Connection& connection, const IpAddress& local, const IpAddress& remote,
                  uint16_t remote_port, std::optional<uint16_t> interface, bool backup);

}  // namespace tributary::mptcp
