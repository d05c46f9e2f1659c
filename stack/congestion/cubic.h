// CUBIC (RFC 9438): the window follows a cubic function of the time since the last reduction.
#pragma once

#include "stack/congestion/congestion.h"

namespace tributary::congestion::cubic {

constexpr double kC = 0.4;                                ///< segments per second cubed (§5)
constexpr double kBeta = 0.7;                             ///< what remains of the window (§4.6)
constexpr double kAlpha = 3 * (1 - kBeta) / (1 + kBeta);  ///< Reno's increase that is fair beside kBeta (§4.3)

/// K: microseconds until the window is back at `w_max` from `cwnd`; 0 when it already is (§4.2, equation 2).
uint32_t time_to_origin(uint32_t w_max, uint32_t cwnd, uint32_t mss);
/// W_cubic(t) in bytes (§4.2, equation 1). Times in seconds.
double window_at(double t, double k, uint32_t w_max, uint32_t mss);

uint32_t reduced_window(uint32_t in_flight, uint32_t mss);
/// Sets W_max, smaller when the window did not get back to the last one (fast convergence, §4.7). Before cwnd
/// changes.
void on_loss(State& state);
/// The stage after a timeout starts afresh: K = 0, W_max = the window it starts with (§4.8).
void on_timeout(State& state);
/// Congestion avoidance. `acked` of the ACK's bytes count.
void on_ack(State& state, const Ack& ack, uint32_t acked);

}  // namespace tributary::congestion::cubic
