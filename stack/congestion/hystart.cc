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

}  // namespace

void reset(State& s) {
  s.hystart = {};
  s.rtt_samples = 0;
  s.css_rounds = 0;
}

uint32_t without_queue(uint32_t window, Micros srtt, Micros min_rtt, unsigned rises, uint32_t mss) {
  if (min_rtt <= Micros(0) || srtt <= min_rtt) return kNoThreshold;
  const auto shortest = static_cast<uint32_t>(min_rtt.count());
  const uint64_t kept = uint64_t{shortest} + rises * threshold(shortest);
  const uint64_t rest = window * kept / static_cast<uint64_t>(srtt.count());
  return static_cast<uint32_t>(std::clamp<uint64_t>(rest, 2 * mss, kNoThreshold));
}

void on_ack(State& s, const Ack& ack) {
  HyStart& h = s.hystart;
  if (ack.newly_acked >= h.round_left) {
    if (h.css_baseline != 0 && ++s.css_rounds >= kCssRounds) {
      // What is acknowledged now left when the window was by a fifth smaller, a round ago.
      const uint32_t then = s.cwnd - s.cwnd / (kCssGrowthDivisor + 1);
      s.ssthresh = s.cwnd = std::min(s.cwnd, without_queue(then, ack.srtt, ack.min_rtt, 2, ack.mss));
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
