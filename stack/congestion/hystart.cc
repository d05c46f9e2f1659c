#include "stack/congestion/hystart.h"

#include <algorithm>

namespace tributary::congestion::hystart {

namespace {

void begin_round(State& s, const Ack& ack) {
  HyStart& h = s.hystart;
  h.last_min_rtt = h.min_rtt;
  h.min_rtt = 0;
  h.round_left = ack.in_flight > ack.newly_acked ? ack.in_flight - ack.newly_acked : 0;
  s.rtt_samples = 0;
}

void take_sample(State& s, const Ack& ack) {
  if (ack.rtt <= Micros(0)) return;
  HyStart& h = s.hystart;
  const uint32_t rtt = static_cast<uint32_t>(std::min<int64_t>(ack.rtt.count(), UINT32_MAX));
  h.min_rtt = h.min_rtt == 0 ? rtt : std::min(h.min_rtt, rtt);
  if (s.rtt_samples < kRttSamples) ++s.rtt_samples;
}

/// The rise of a round-trip time that is taken for a queue: microseconds.
uint32_t threshold(uint32_t rtt) {
  return std::clamp(rtt / kMinRttDivisor, kMinRttThreshold, kMaxRttThreshold);
}

bool has_rtt_risen(const HyStart& h) {
  return h.last_min_rtt != 0 && h.min_rtt >= uint64_t{h.last_min_rtt} + threshold(h.last_min_rtt);
}

/// The window without the queue that it has filled: what gets through in the shortest round trip, and a little queue
/// for links whose rate varies. What is acknowledged now left when the window was by a fifth smaller, a round ago.
uint32_t window_without_queue(const State& s, const Ack& ack) {
  if (ack.min_rtt <= Micros(0) || ack.srtt <= ack.min_rtt) return s.cwnd;
  const auto shortest = static_cast<uint32_t>(ack.min_rtt.count());
  const uint64_t then = uint64_t{s.cwnd} * kCssGrowthDivisor / (kCssGrowthDivisor + 1);
  const uint64_t kept = uint64_t{shortest} + 2 * threshold(shortest);
  const uint64_t window = then * kept / static_cast<uint64_t>(ack.srtt.count());
  return std::min(s.cwnd, static_cast<uint32_t>(std::max<uint64_t>(window, 2 * ack.mss)));
}

}  // namespace

void reset(State& s) {
  s.hystart = {};
  s.rtt_samples = 0;
  s.css_rounds = 0;
}

void on_ack(State& s, const Ack& ack) {
  HyStart& h = s.hystart;
  if (ack.newly_acked >= h.round_left) {
    if (h.css_baseline != 0 && ++s.css_rounds >= kCssRounds) {
      s.ssthresh = s.cwnd = window_without_queue(s, ack);
      return;
    }
    begin_round(s, ack);
  } else {
    h.round_left -= ack.newly_acked;
  }
  take_sample(s, ack);
  if (s.rtt_samples < kRttSamples) return;
  if (h.css_baseline == 0) {
    if (has_rtt_risen(h)) {
      h.css_baseline = h.min_rtt;
      s.css_rounds = 0;
    }
  } else if (h.min_rtt < h.css_baseline) {
    h.css_baseline = 0;
  }
}

}  // namespace tributary::congestion::hystart
