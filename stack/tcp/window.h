// The receive window: what we advertise, and when to say that it has opened (RFC 9293 §3.8.6).
#pragma once

#include <algorithm>

#include "stack/context.h"

namespace tributary::tcp {

/// Bytes, about eleven segments: a stream may always invite so many, or it would not go on when all buffers are held by
/// others.
constexpr uint32_t kLeastShare = 16 * 1024;

/// What a stream with this budget may hold and invite now. Of an empty pool one may have half, and the less of what
/// is free the less is free: streams whose readers are slow come to equal parts, the smaller the more they are, and
/// there is always some left (dynamic thresholds, Choudhury and Hahne 1998).
inline uint32_t receive_limit(const Context& context, uint32_t budget) {
  return std::min(budget, context.receive_share);
}
/// Bytes a stream that holds `held` could take now.
inline uint32_t free_window(const Context& context, uint32_t budget, uint32_t held) {
  const uint32_t limit = receive_limit(context, budget);
  return limit > held ? limit - held : 0;
}
/// Bytes to advertise on the next segment of a plain stream; the right edge never moves left.
uint32_t receive_window(const Context& context, const Tcb& tcb, uint8_t scale);
/// Payload of the peer's full segments: what fits our MSS beside the options both sides send.
uint32_t segment_of_peer(const Context& context, const Tcb& tcb);
/// Bytes to advertise when `free` may be and `promised` were: more only when it is worth a segment or half the budget
/// (receiver-side SWS avoidance, RFC 9293 §3.8.6.2.2), and then by whole segments of the peer, to within the unit the
/// window field counts in. A sender that uses its window up (Linux) cuts a segment at its end, and a relay passes the
/// pieces on.
uint32_t open_in_steps(uint32_t free, uint32_t promised, uint32_t budget, uint32_t segment, uint8_t scale);
/// The window field for a segment that leaves now; records the right edge it promises.
uint16_t advertise_window(Context& context, Tcb& tcb, bool syn);
/// How far an edge must have moved before an ACK is sent for nothing else (receiver-side SWS avoidance).
uint32_t window_update_step(uint32_t budget, uint32_t mss);

}  // namespace tributary::tcp
