// One segment onto the wire: header, options, checksum, and the payload without copying it (design D1, D2).
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::tcp {

/// Sends `m`'s payload (in the Tcb's send queue) with the header it needs now; marks it sent. False when a buffer was
/// missing: nothing was sent then.
bool transmit_payload(Context& context, Tcb& tcb, rte_mbuf* m);

/// Sends a segment without payload: SYN, SYN-ACK, ACK, FIN, window probe. MPTCP's options are added as the connection
/// wants them, `extra` (may be null) on top.
bool transmit_control(Context& context, Tcb& tcb, uint16_t flags, SeqNum seq,
                      const wire::MptcpOptions* extra = nullptr);

/// Sends our SYN with as much of the head of the queue, which stays there, as a segment of `mss` has room for. Returns
/// the bytes; 0: nothing was sent.
uint16_t transmit_syn_payload(Context& context, Tcb& tcb, uint16_t mss);

/// Sends a RST for this connection (RFC 9293 §3.5.2), optionally with MP_TCPRST or MP_FASTCLOSE.
void transmit_reset(Context& context, Tcb& tcb, const wire::MptcpOptions* extra);

/// Answers a segment that belongs to no connection with a RST, never a RST with a RST.
void reset_segment(Context& context, const Segment& segment, const wire::MptcpOptions* extra);

/// Answers a SYN for which nothing is kept. `flags`, `options`: all of them.
void transmit_cookie(Context& context, const Segment& syn, const ip::NextHop& hop, SeqNum iss, uint16_t flags,
                     uint8_t traffic_class, const wire::TcpOptions& options);

/// A bare ACK without control block: TIME-WAIT and challenge ACKs there.
void transmit_bare_ack(Context& context, const TimeWait& entry);

}  // namespace tributary::tcp
