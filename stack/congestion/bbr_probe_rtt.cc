// BBR's ProbeRTT: when five seconds have shown no lower round trip, half the pipe is emptied for a moment, so
// that the queue drains and the path's own delay shows (§5.3.4).
#include <algorithm>

#include "stack/congestion/bbr_parts.h"

namespace tributary::congestion::bbr {
namespace {

using Mode = Bbr::Mode;

constexpr int64_t kProbeRttRounds = 25;

/// ProbeRTT takes half of the rate for a round trip at least. The draft's five seconds are meant to make that 2 %; over
/// a satellite they are eight round trips, and it would be 6 %.
Micros probe_rtt_interval(const Bbr& b) {
  return std::max(kProbeRttInterval, Micros(kProbeRttRounds * b.min_rtt));
}

void exit_probe_rtt(Event& e) {
  Bbr& b = e.b;
  reset_short_term_model(b);
  if (!b.full_bw_reached) return enter_startup(b);
  start_probe_bw_down(e);  // for its clock
  start_probe_bw_cruise(b);
}

void handle_probe_rtt(Event& e) {
  Bbr& b = e.b;
  if (b.probe_rtt_done_stamp == Micros(0)) {
    if (e.c.in_flight > probe_rtt_cwnd(b, e.c.mss)) return;
    b.probe_rtt_done_stamp = e.c.now + kProbeRttDuration;
    b.probe_rtt_round_done = false;
    start_round(e);
    return;
  }
  if (b.round_start) b.probe_rtt_round_done = true;
  if (b.probe_rtt_round_done) check_probe_rtt_done(e);
}

}  // namespace

void update_min_rtt(Event& e) {
  Bbr& b = e.b;
  const uint32_t rtt = static_cast<uint32_t>(std::clamp<int64_t>(e.rtt.count(), 0, UINT32_MAX));
  b.probe_rtt_expired = e.c.now > b.probe_rtt_min_stamp + probe_rtt_interval(b);
  if (rtt != 0 && (b.probe_rtt_min_delay == 0 || rtt < b.probe_rtt_min_delay || b.probe_rtt_expired)) {
    b.probe_rtt_min_delay = rtt;
    b.probe_rtt_min_stamp = e.c.now;
  }
  const bool min_rtt_expired = e.c.now > b.min_rtt_stamp + probe_rtt_interval(b) * 2;
  if (b.probe_rtt_min_delay != 0 && (b.min_rtt == 0 || b.probe_rtt_min_delay < b.min_rtt || min_rtt_expired)) {
    b.min_rtt = b.probe_rtt_min_delay;
    b.min_rtt_stamp = b.probe_rtt_min_stamp;
  }
}

void check_probe_rtt(Event& e) {
  Bbr& b = e.b;
  // A pause of the application has drained the queue as well as ProbeRTT would.
  if (b.mode != Mode::kProbeRtt && b.probe_rtt_expired && !b.idle_restart) {
    save_cwnd(b, e.state, e.c.in_recovery);
    b.mode = Mode::kProbeRtt;
    b.probe_rtt_done_stamp = Micros(0);
    b.ack_phase = Bbr::AckPhase::kProbeStopping;
    start_round(e);
  }
  if (b.mode == Mode::kProbeRtt) handle_probe_rtt(e);
  if (e.rs.delivered > 0) b.idle_restart = false;
}

void check_probe_rtt_done(Event& e) {
  Bbr& b = e.b;
  if (b.probe_rtt_done_stamp == Micros(0) || e.c.now <= b.probe_rtt_done_stamp) return;
  b.probe_rtt_min_stamp = e.c.now;  // the next one
  restore_cwnd(b, e.state);
  exit_probe_rtt(e);
}

uint32_t probe_rtt_cwnd(const Bbr& b, uint32_t mss) {
  return std::max(bdp_multiple(b, b.bw, kProbeRttCwndGain, mss), kMinPipeCwnd * mss);
}

}  // namespace tributary::congestion::bbr
