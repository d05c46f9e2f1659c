// NewReno: RFC 5681 congestion avoidance with appropriate byte counting (RFC 3465).
#pragma once

#include "stack/congestion/congestion.h"

namespace tributary::congestion::newreno {

/// Half of what was in flight, at least two segments (RFC 5681 §3.1, equation 4).
uint32_t reduced_window(uint32_t in_flight, uint32_t mss);
/// Congestion avoidance: one segment a window acknowledged. `acked` of the ACK's bytes count.
void on_ack(State& state, const Ack& ack, uint32_t acked);

}  // namespace tributary::congestion::newreno
