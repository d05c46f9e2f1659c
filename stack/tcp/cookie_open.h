// Opening by SYN cookie (RFC 4987 §3.6): while too many handshakes are under way a SYN leaves nothing behind, and the
// third ACK brings back what it said. What a cookie cannot carry is lost: payload of the SYN, an MSS between the
// table's steps, and without timestamps the window scale and SACK.
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::tcp {

/// Whether this SYN is to be answered with a cookie. Not with payload that the listener would take: a client told that
/// its Convert message was not taken must think a middlebox did it and stay away (RFC 8803 §8).
bool wants_cookie(const Context& context, const Listener& listener, const Segment& segment);

/// The answer.
void answer_with_cookie(Context& context, const Listener& listener, const Segment& segment);

/// An ACK that belongs to no connection, for a listener, while cookies are in use. With a good cookie it becomes one:
/// announced to the acceptor and established, whenever the acceptor decides (Stack::accept, refuse).
void on_cookie_ack(Context& context, uint16_t listener, Segment& segment);

}  // namespace tributary::tcp
