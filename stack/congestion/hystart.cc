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

bool has_rtt_risen(const HyStart& h) {
  if (h.last_min_rtt == 0) return false;
  const uint32_t threshold = std::clamp(h.last_min_rtt / kMinRttDivisor, kMinRttThreshold, kMaxRttThreshold);
  return h.min_rtt >= uint64_t{h.last_min_rtt} + threshold;
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
      s.ssthresh = s.cwnd;
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
