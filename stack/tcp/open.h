// Opening a connection, from either side (RFC 9293 §3.5, §3.10.7.2, §3.10.7.3).
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::tcp {

/// A SYN for a listener: makes a Tcb in DEFERRED and announces it to the acceptor. Full tables drop the SYN.
void on_listen_segment(Context& context, uint16_t listener, Segment& segment);

/// A SYN for a stream whose answer is still open, or anything else that reaches it.
void on_deferred_segment(Context& context, Tcb& tcb, Segment& segment);

/// Answers a deferred SYN.
void accept(Context& context, Tcb& tcb);

/// What an active open needs to know; the 4-tuple must be free.
/// What is chosen for a leg and not negotiated.
struct LegOptions {
  congestion::Algorithm algorithm = congestion::Algorithm::kCubic;
  uint8_t dscp = 0;
};

struct OpenRequest {
  FlowKey key;
  ip::NextHop hop;
  uint16_t mss_limit = 0;  ///< announce at most this; 0 = what the path allows
  LegOptions leg;
};
/// Makes a Tcb in SYN-SENT; the caller attaches MPTCP if it wants and then calls send_syn. Null when tables are full.
Tcb* create_active(Context& context, const OpenRequest& request);
void send_syn(Context& context, Tcb& tcb);
/// The same with the head of the queue in it, if Fast Open may (fast_open.h).
void send_fast_open_syn(Context& context, Tcb& tcb, bool without_cookie);

void on_syn_sent_segment(Context& context, Tcb& tcb, Segment& segment);

/// The ACK of our SYN-ACK. False: the segment or the Tcb is done with.
bool establish_passive(Context& context, Tcb& tcb, const Segment& segment);

/// A passive Tcb is established or ends before it was: it is counted no more.
void leave_half_open(Context& context, const Tcb& tcb);

/// Sends the SYN or SYN-ACK again.
void retransmit_syn(Context& context, Tcb& tcb);
/// The path's MTU has become less: a SYN whose payload made it too large goes again at once, without.
void on_path_of_syn_lowered(Context& context, Tcb& tcb);

/// A Tcb for a SYN that arrived, in DEFERRED, in the flow table: shared by listeners and joins. Null when full.
Tcb* create_passive(Context& context, const Segment& segment, const LegOptions& leg);
/// The same however many are half open: for a SYN whose handshake is over (cookie_open.h). It is counted as one all the
/// same.
Tcb* make_passive(Context& context, const Segment& segment, const LegOptions& leg);
/// Tells its listener's acceptor of a connection. `syn_payload` may be null.
void announce(Context& context, const Tcb& tcb, uint16_t interface, Packet syn_payload = Packet());

constexpr uint8_t kMaxWindowScale = 14;  // RFC 7323 §2.3
/// The MSS a SYN states, or the default (RFC 9293 §3.7.1).
uint16_t stated_mss(const FlowKey& key, const wire::TcpOptions& options);

}  // namespace tributary::tcp
