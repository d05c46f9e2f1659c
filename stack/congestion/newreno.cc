#include "stack/congestion/newreno.h"

#include <algorithm>

namespace tributary::congestion::newreno {

uint32_t reduced_window(uint32_t in_flight, uint32_t mss) {
  return std::max(in_flight / 2, 2 * mss);
}

void on_ack(State& s, const Ack& ack, uint32_t acked) {
  if (!ack.cwnd_limited) return;
  s.ack_credit += acked;
  if (s.ack_credit < s.cwnd) return;
  s.ack_credit -= s.cwnd;
  s.cwnd += ack.mss;
  s.ack_credit = std::min(s.ack_credit, s.cwnd);  // an ACK for several windows is one window's worth (RFC 3465 §2.1)
}

}  // namespace tributary::congestion::newreno
