// What to send and when: retransmissions, new data, FIN, ACKs (RFC 9293 §3.8). Runs once a pass for every Tcb that
// asked.
#pragma once

#include "stack/context.h"

namespace tributary::tcp {

/// Payload of at most so many bytes, a quarter of a full segment, is a small piece: those that wait are gathered.
constexpr uint16_t kSmallPiece = 360;

/// Puts the Tcb on the list of those whose `output` runs at the end of the pass.
void request_output(Context& context, Tcb& tcb);
/// The same, with an ACK even if there is nothing to send.
void request_ack(Context& context, Tcb& tcb);

/// Sends what may be sent now and arms the timers. `push`: what is gathered as well.
void output(Context& context, Tcb& tcb, bool push = false);
/// A piece smaller than a segment waits to be gathered with more (Gathering, Stack::write).
bool is_gathering(const Tcb& tcb);

/// Appends a packet to the send queue: `m` is linked by subflow_next, gets its sequence number and kPktInFlight.
void enqueue(Context& context, Tcb& tcb, rte_mbuf* m);

/// Splits `m` of the send queue (and of the connection's, if it is in that) so that its first part has `size` bytes.
/// False when there was no buffer; nothing has changed then.
bool split_queued(Context& context, Tcb& tcb, rte_mbuf* m, uint16_t size);

/// Before data is sent, or given to the Tcb to be sent: after a pause the window starts again (RFC 5681 §4.1), or is
/// halved for every five minutes it was not used (RFC 7661 §4.4.3). BBR paces instead.
void restart_after_idle(const Context& context, Tcb& tcb);
/// Bytes of the peer's and the congestion window still open for data not yet in the send queue.
uint32_t send_room(const Context& context, const Tcb& tcb);
/// Payload one segment can carry: the peer's MSS less the options every segment of this Tcb has.
uint16_t payload_per_segment(const Context& context, const Tcb& tcb);
/// Bytes of the send queue never sent.
uint32_t unsent_bytes(const Tcb& tcb);
/// Bytes in the network: sent, not acknowledged in any way, not marked lost (RFC 6675 "pipe").
uint32_t in_flight(const Tcb& tcb);

}  // namespace tributary::tcp
