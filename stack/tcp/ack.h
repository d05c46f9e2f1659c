// Acknowledgements: what they free, what they measure, what they let us conclude (RFC 9293 §3.10.7.4, RFC 2018, RFC
// 6298).
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::tcp {

/// Processes the acknowledgement, SACK blocks and window of an acceptable segment in a synchronized state.
/// The caller has checked that the ACK number is acceptable. May change the state (FIN acknowledged).
void process_ack(Context& context, Tcb& tcb, const Segment& segment);

/// Updates SND.WND by the rules of RFC 9293 §3.10.7.4.
void update_send_window(Tcb& tcb, const Segment& segment);

/// Drops the whole send queue: the connection ends. Packets of an MPTCP connection stay in its own queue.
void clear_send_queue(Context& context, Tcb& tcb);

/// The SYN-ACK acknowledges `bytes` of payload that went with our SYN: the front of the queue, as yet unsent in its
/// books.
void take_off_syn_payload(Context& context, Tcb& tcb, uint16_t bytes);

}  // namespace tributary::tcp
