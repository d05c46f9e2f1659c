// BBR's steady state: send a little faster to see whether the path has more, a little slower to give back the
// queue that makes, and cruise in between (§5.3.3).
#include <algorithm>

#include "stack/congestion/bbr_parts.h"

namespace tributary::congestion::bbr {
namespace {

using Mode = Bbr::Mode;
using AckPhase = Bbr::AckPhase;

constexpr uint32_t kMaxProbeRounds = 63;       // T_reno_bound (§5.3.3.8.2)
constexpr uint32_t kMinProbeWait = 2'000'000;  // microseconds, and up to one second more
constexpr uint32_t kProbeWaitSpread = 1'000'001;
constexpr uint8_t kMaxProbeUpRounds = 30;

void start_probe_bw_refill(Event& e) {
  Bbr& b = e.b;
  reset_short_term_model(b);
  b.bw_probe_up_rounds = 0;
  b.bw_probe_up_acked = 0;
  b.prev_probe_precautionary = false;
  b.ack_phase = AckPhase::kRefilling;
  start_round(e);
  b.mode = Mode::kProbeBwRefill;
}

/// RaiseInflightLongtermSlope: what a round adds doubles from round to round.
void raise_inflight_longterm_slope(Event& e) {
  Bbr& b = e.b;
  const uint32_t growth_this_round = 1u << b.bw_probe_up_rounds;
  b.bw_probe_up_rounds = std::min<uint8_t>(b.bw_probe_up_rounds + 1, kMaxProbeUpRounds);
  b.probe_up_acked_per_inc = std::max(e.state.cwnd / growth_this_round, e.c.mss);
}

/// PickProbeWait: at random, so that flows do not probe in step.
void pick_probe_wait(Event& e) {
  const uint64_t random = e.c.random.u64();
  e.b.rounds_since_probe_up = static_cast<uint32_t>(random & 1);
  e.b.bw_probe_wait = kMinProbeWait + static_cast<uint32_t>((random >> 1) % kProbeWaitSpread);
}

/// As often as Reno would reach the window again after a loss: leaves it its share (§5.3.3.8).
bool is_reno_coexistence_probe_time(const Event& e) {
  const uint32_t reno_rounds = target_inflight(e.b, e.state, e.c.mss) / e.c.mss;
  return e.b.rounds_since_probe_up >= std::min(reno_rounds, kMaxProbeRounds);
}

bool start_refill_when_due(Event& e) {
  const bool waited = e.c.now > e.b.cycle_stamp + Micros(e.b.bw_probe_wait);
  if (!waited && !is_reno_coexistence_probe_time(e)) return false;
  start_probe_bw_refill(e);
  return true;
}

bool is_time_to_cruise(const Event& e) {
  return e.c.in_flight <= inflight_with_headroom(e.b, e.c.mss) &&
         e.c.in_flight <= inflight(e.b, e.b.max_bw(), 100, e.c.mss);
}

/// Two rounds without enough growth, and what is in flight is what this gain makes of the model: the rate did not
/// follow, or the model would have grown with it. The draft waits for a third, another quarter of a round trip of
/// queue.
bool has_filled_queue(const Event& e) {
  return e.b.full_bw_count >= 2 && e.c.in_flight >= inflight(e.b, e.b.max_bw(), kProbeBwUpPacingGain, e.c.mss);
}

bool is_time_to_go_down(Event& e) {
  Bbr& b = e.b;
  // The last probe lost too much at this volume: this one looks, and comes back (§5.3.3.6).
  if (b.prev_probe_too_high && e.c.in_flight >= b.inflight_longterm) {
    b.prev_probe_precautionary = true;
    return true;
  }
  if (b.is_cwnd_limited() && e.state.cwnd >= b.inflight_longterm) {
    reset_full_bw(b);  // the bound held the rate back, not the path
    b.full_bw = e.rs.delivery_rate;
    return false;
  }
  return b.full_bw_now || has_filled_queue(e);
}

void probe_inflight_longterm_upward(Event& e) {
  Bbr& b = e.b;
  if (!b.is_cwnd_limited() || e.state.cwnd < b.inflight_longterm) return;
  b.bw_probe_up_acked += e.rs.newly_acked;
  if (b.bw_probe_up_acked >= b.probe_up_acked_per_inc) {
    const uint32_t delta = b.bw_probe_up_acked / b.probe_up_acked_per_inc;
    b.bw_probe_up_acked -= delta * b.probe_up_acked_per_inc;
    b.inflight_longterm = std::min(b.inflight_longterm + delta * e.c.mss, kMaxWindow);
  }
  if (b.round_start) raise_inflight_longterm_slope(e);
}

/// AdaptLongTermModel. True when it has decided a transition.
bool adapt_long_term_model(Event& e) {
  Bbr& b = e.b;
  if (b.ack_phase == AckPhase::kProbeStarting && b.round_start) b.ack_phase = AckPhase::kProbeFeedback;
  if (b.ack_phase == AckPhase::kProbeStopping && b.round_start) {
    // One round after probing: its samples are all in.
    b.is_bw_probe_sample = false;
    b.ack_phase = AckPhase::kInit;
    if (is_in_probe_bw(b) && !e.rs.is_app_limited) advance_max_bw_filter(b);
    if (is_in_probe_bw(b) && b.prev_probe_precautionary && !b.prev_probe_too_high) {
      start_probe_bw_refill(e);
      return true;
    }
  }
  if (is_inflight_too_high(e) || b.inflight_longterm == kNoInflightBound) return false;
  b.inflight_longterm = std::max(b.inflight_longterm, e.rs.tx_in_flight);
  if (b.mode == Mode::kProbeBwUp) probe_inflight_longterm_upward(e);
  return false;
}

}  // namespace

bool is_in_probe_bw(const Bbr& b) {
  switch (b.mode) {
    case Mode::kProbeBwDown:
    case Mode::kProbeBwCruise:
    case Mode::kProbeBwRefill:
    case Mode::kProbeBwUp:
      return true;
    case Mode::kStartup:
    case Mode::kDrain:
    case Mode::kProbeRtt:
      return false;
  }
  return false;
}

bool is_probing_bw(const Bbr& b) {
  return b.mode == Mode::kStartup || b.mode == Mode::kProbeBwRefill || b.mode == Mode::kProbeBwUp;
}

void start_probe_bw_up(Event& e) {
  Bbr& b = e.b;
  b.ack_phase = AckPhase::kProbeStarting;
  start_round(e);
  reset_full_bw(b);
  b.full_bw = e.rs.delivery_rate;
  b.mode = Mode::kProbeBwUp;
  raise_inflight_longterm_slope(e);
}

void start_probe_bw_down(Event& e) {
  Bbr& b = e.b;
  reset_congestion_signals(b);
  b.probe_up_acked_per_inc = kNoInflightBound;
  pick_probe_wait(e);
  b.cycle_stamp = e.c.now;
  b.ack_phase = AckPhase::kProbeStopping;
  start_round(e);
  b.mode = Mode::kProbeBwDown;
}

void start_probe_bw_cruise(Bbr& b) {
  b.mode = Mode::kProbeBwCruise;
}

void handle_inflight_too_high(Event& e, uint32_t tx_in_flight, bool is_app_limited) {
  Bbr& b = e.b;
  b.prev_probe_too_high = true;
  b.is_bw_probe_sample = false;  // one answer a probe
  if (!is_app_limited) {
    const uint64_t least = take_share(target_inflight(b, e.state, e.c.mss), kBeta);
    b.inflight_longterm = std::max(tx_in_flight, static_cast<uint32_t>(least));
  }
  if (b.mode == Mode::kProbeBwUp) start_probe_bw_down(e);
}

void update_probe_bw_cycle_phase(Event& e) {
  Bbr& b = e.b;
  if (!b.full_bw_reached || adapt_long_term_model(e)) return;
  switch (b.mode) {
    case Mode::kProbeBwDown:
      if (!start_refill_when_due(e) && is_time_to_cruise(e)) start_probe_bw_cruise(b);
      break;
    case Mode::kProbeBwCruise:
      start_refill_when_due(e);
      break;
    case Mode::kProbeBwRefill:
      if (b.round_start) {
        b.is_bw_probe_sample = true;
        start_probe_bw_up(e);
      }
      break;
    case Mode::kProbeBwUp:
      if (is_time_to_go_down(e)) {
        b.prev_probe_too_high = false;  // no high loss, so far
        start_probe_bw_down(e);
      }
      break;
    case Mode::kStartup:
    case Mode::kDrain:
    case Mode::kProbeRtt:
      break;
  }
}

}  // namespace tributary::congestion::bbr
