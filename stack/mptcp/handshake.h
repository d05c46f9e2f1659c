// MP_CAPABLE: from the first SYN to keys known on both sides (RFC 8684 §3.1), and what a third ACK or SYN-ACK means for
// a joining subflow (§3.2, details in join.h).
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::mptcp {

/// Responder: a SYN with MP_CAPABLE. Makes the connection and attaches the Tcb as its initial subflow when version,
/// flags and algorithm are acceptable and there is room; otherwise the Tcb stays plain TCP, as the RFC wants.
void on_capable_syn(Context& context, tcp::Tcb& tcb, const wire::MpCapable& capable);

/// Responder without state (cookie_open.h): answers MP_CAPABLE with a key that the third ACK lets us find again, if we
/// understand it.
void answer_capable_by_cookie(Context& context, const tcp::Segment& syn, const wire::MpCapable& capable,
                              wire::MptcpOptions& out);
/// Responder: the third ACK of a SYN answered so at `tick`. Makes the connection; when the key is not that one, the
/// token has been taken since, or there is no room, the Tcb stays plain TCP, and the peer falls back for lack of a DSS
/// (§3.7).
void restore_by_cookie(Context& context, tcp::Tcb& tcb, const wire::MpCapable& capable, uint32_t tick);

/// Initiator: makes the connection of a Tcb that is about to send its first SYN. False when tables are full.
bool start_connection(Context& context, tcp::Tcb& tcb);

/// Initiator: the SYN-ACK of an initial or joining subflow. False: the Tcb has been ended.
bool on_syn_ack(Context& context, tcp::Tcb& tcb, const tcp::Segment& segment);

/// Responder: the third ACK. Falls back to TCP, or refuses a join, as §3.1 and §3.2 say. False: stop processing the
/// segment; the Tcb may have been ended.
bool on_third_ack(Context& context, tcp::Tcb& tcb, const tcp::Segment& segment);

/// Both sides: the peer's key is known now.
void learn_remote_key(Context& context, Connection& connection, Key key);

}  // namespace tributary::mptcp
