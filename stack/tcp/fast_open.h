// TCP Fast Open (RFC 7413), both roles: payload in the SYN. The server takes it from clients that bring a cookie of
// ours, or from all where the listener says so; the client sends it to servers that gave it one, and remembers who did
// not answer.
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::tcp {

/// Server: whether the payload of this SYN is delivered and acknowledged (§4.2). Notes in the Tcb whether the SYN-ACK
/// is to bring a cookie.
bool takes_syn_payload(Context& context, Tcb& tcb, const Listener& listener, const Segment& syn);

/// Either side, a segment with SYN and kFastOpen: the cookie, or the request for one.
void write_fast_open_option(Context& context, const Tcb& tcb, bool ack, wire::TcpOptions& options);

/// Client: sends the SYN with the head of the queue when it may. False: nothing was sent, and what the plain SYN is to
/// carry is noted in the Tcb.
bool transmit_fast_open_syn(Context& context, Tcb& tcb, bool without_cookie);

/// Client: the SYN has to be sent again. From here on it is an ordinary one (§4.1.3.1).
void on_fast_open_timeout(Context& context, Tcb& tcb);

/// Client: the SYN-ACK, with SND.UNA behind our SYN. Keeps its cookie; takes what it acknowledges of the SYN's payload
/// off the queue, where the rest waits to be sent.
void on_fast_open_answer(Context& context, Tcb& tcb, const Segment& syn_ack);

}  // namespace tributary::tcp
