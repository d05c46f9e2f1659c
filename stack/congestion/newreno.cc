#include "stack/congestion/newreno.h"

#include <algorithm>

namespace tributary::congestion::newreno {

uint32_t reduced_window(uint32_t in_flight, uint32_t mss) {
  // Whole segments: a part of one cannot be used, but would have to be acknowledged for each step of growth.
  return std::max(in_flight / 2 / mss, 2u) * mss;
}

void on_ack(State& s, const Ack& ack, uint32_t acked) {
  if (!ack.cwnd_limited) return;
  s.ack_credit += acked;
  // Options take a little of each segment: what a full window carries is less by as much as a part of a segment.
  if (s.ack_credit + ack.mss / 2 < s.cwnd) return;
  s.ack_credit -= std::min(s.ack_credit, s.cwnd);
  s.cwnd += ack.mss;
  s.ack_credit = std::min(s.ack_credit, s.cwnd);  // an ACK for several windows is one window's worth (RFC 3465 §2.1)
}

}  // namespace tributary::congestion::newreno
