// HyStart++ (RFC 9406): slow start before the first loss ends when the round-trip time rises, by way of up to
// five rounds of conservative slow start in case the rise was an accident.
//
// Beyond the RFC, most of the queue that those rounds have filled is given back when they end: the round trip stayed
// long, so the link was full all the while. Linux's HyStart leaves at once, before there is one.
//
// A round is the time until all bytes in flight at its start are acknowledged; no sequence number is needed
// for that.
#pragma once

#include "stack/congestion/congestion.h"

namespace tributary::congestion::hystart {

// Constants of §4.3.
constexpr uint32_t kMinRttThreshold = 4'000;   ///< microseconds
constexpr uint32_t kMaxRttThreshold = 16'000;  ///< microseconds
constexpr uint32_t kMinRttDivisor = 8;
constexpr uint8_t kRttSamples = 8;  ///< of a round, before they are believed
constexpr uint32_t kCssGrowthDivisor = 4;
constexpr uint8_t kCssRounds = 5;

void reset(State& state);
/// Only in slow start before the first loss. Sets ssthresh and cwnd when slow start is over.
void on_ack(State& state, const Ack& ack);
/// What of `window`, which takes `srtt` to get through, gets through in the shortest round trip, and a little queue for
/// links whose rate varies: `rises` of those that are taken for a queue. kNoThreshold: there is no queue.
uint32_t without_queue(uint32_t window, Micros srtt, Micros min_rtt, unsigned rises, uint32_t mss);
/// What the increase of slow start is to be divided by.
inline uint32_t growth_divisor(const State& s) {
  return s.hystart.css_baseline != 0 ? kCssGrowthDivisor : 1;
}

}  // namespace tributary::congestion::hystart
