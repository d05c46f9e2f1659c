#include "stack/congestion/bbr.h"

#include <algorithm>

#include "stack/congestion/bbr_parts.h"
#include "stack/congestion/send_quantum.h"

namespace tributary::congestion::bbr {
namespace {

constexpr uint64_t kMicrosPerSecond = 1'000'000;

struct Gains {
  uint32_t pacing;
  uint32_t cwnd;
};
/// The table of §5.6.1.
Gains gains_of(Bbr::Mode mode) {
  switch (mode) {
    case Bbr::Mode::kStartup:
      return {kStartupPacingGain, kDefaultCwndGain};
    case Bbr::Mode::kDrain:
      return {kDrainPacingGain, kDefaultCwndGain};
    case Bbr::Mode::kProbeBwDown:
      return {kProbeBwDownPacingGain, kDefaultCwndGain};
    case Bbr::Mode::kProbeBwCruise:
    case Bbr::Mode::kProbeBwRefill:
      return {100, kDefaultCwndGain};
    case Bbr::Mode::kProbeBwUp:
      return {kProbeBwUpPacingGain, kProbeBwUpCwndGain};
    case Bbr::Mode::kProbeRtt:
      return {100, kProbeRttCwndGain};
  }
  return {100, 100};
}

/// The draft gives a probe's queue back at the gain that makes room for others below the path's volume. Above it there
/// is a queue, the path is full whatever the pace, and the sooner it is gone the better.
uint32_t pacing_gain(const Event& e) {
  const Bbr& b = e.b;
  const bool has_queue = e.c.in_flight > inflight(b, b.max_bw(), 100, e.c.mss);
  return b.mode == Bbr::Mode::kProbeBwDown && has_queue ? kQueuePacingGain : gains_of(b.mode).pacing;
}

/// InitPacingRate (§5.6.2): there is no bandwidth yet; a millisecond stands for a round trip not measured
/// yet.
void init_pacing_rate(Bbr& b, Micros srtt, uint32_t mss) {
  const uint64_t round_trip = srtt > Micros(0) ? static_cast<uint64_t>(srtt.count()) : 1000;
  b.has_seen_rtt = srtt > Micros(0);
  b.pacing_rate = take_share(initial_window(mss) * kMicrosPerSecond / round_trip, kStartupPacingGain);
}

void update_max_inflight(Event& e) {
  Bbr& b = e.b;
  const uint64_t extra = std::max(b.extra_acked[0], b.extra_acked[1]);
  b.max_inflight = quantization_budget(b, bdp_multiple(b, b.bw, gains_of(b.mode).cwnd, e.c.mss) + extra, e.c.mss);
}

/// BoundCwndForModel (§5.6.4.7).
void bound_cwnd_for_model(Event& e) {
  const Bbr& b = e.b;
  uint32_t cap = kNoInflightBound;
  if (b.mode == Bbr::Mode::kProbeRtt || b.mode == Bbr::Mode::kProbeBwCruise)
    cap = inflight_with_headroom(b, e.c.mss);
  else if (is_in_probe_bw(b))
    cap = b.inflight_longterm;
  cap = std::max(std::min(cap, b.inflight_shortterm), kMinPipeCwnd * e.c.mss);
  e.state.cwnd = std::min({e.state.cwnd, cap, kMaxWindow});
}

/// SetCwnd (§5.6.4.6).
void set_cwnd(Event& e) {
  Bbr& b = e.b;
  uint32_t& cwnd = e.state.cwnd;
  update_max_inflight(e);
  if (b.full_bw_reached)
    cwnd = std::min(cwnd + e.rs.newly_acked, b.max_inflight);
  else if (cwnd < b.max_inflight || e.c.delivered < initial_window(e.c.mss))
    cwnd += e.rs.newly_acked;
  cwnd = std::max(cwnd, kMinPipeCwnd * e.c.mss);
  if (b.mode == Bbr::Mode::kProbeRtt) cwnd = std::min(cwnd, probe_rtt_cwnd(b, e.c.mss));
  bound_cwnd_for_model(e);
}

void note_cwnd_limited(Event& e) {
  Bbr& b = e.b;
  b.cwnd_limited_now |= e.c.cwnd_limited;
  if (!b.round_start) return;
  b.cwnd_limited_before = b.cwnd_limited_now;
  b.cwnd_limited_now = false;
}

}  // namespace

void set_pacing_rate_with_gain(Bbr& b, uint32_t gain) {
  if (b.bw == 0) return;
  const uint64_t rate = std::max<uint64_t>(take_share(take_share(b.bw, gain), 100 - kPacingMargin), 1);
  // Until the pipe was full once, low samples are the application's doing.
  if (b.full_bw_reached || rate > b.pacing_rate) b.pacing_rate = rate;
}

void start(Bbr& b, State& state, Micros now, Micros srtt, uint32_t mss) {
  b = Bbr{};
  b.min_rtt = b.probe_rtt_min_delay = static_cast<uint32_t>(srtt.count());
  b.min_rtt_stamp = b.probe_rtt_min_stamp = b.extra_acked_interval_start = now;
  init_pacing_rate(b, srtt, mss);
  b.send_quantum = send_quantum(b.pacing_rate, mss);
  enter_startup(b);
  state.ssthresh = kNoThreshold;
}

void on_ack(Bbr& b, State& state, const Connection& connection, const RateSample& sample, Micros rtt) {
  Event e{b, state, connection, sample, rtt};
  if (!b.has_seen_rtt && rtt > Micros(0)) init_pacing_rate(b, rtt, connection.mss);
  // UpdateModelAndState
  update_latest_delivery_signals(e);
  update_congestion_signals(e);
  note_cwnd_limited(e);
  update_ack_aggregation(e);
  check_full_bw_reached(e);
  check_startup_done(e);
  check_drain_done(e);
  update_probe_bw_cycle_phase(e);
  update_min_rtt(e);
  check_probe_rtt(e);
  advance_latest_delivery_signals(e);
  bound_bw_for_model(b);
  // UpdateControlParameters
  set_pacing_rate_with_gain(b, pacing_gain(e));
  b.send_quantum = send_quantum(b.pacing_rate, connection.mss);
  set_cwnd(e);
}

void on_recovery(Bbr& b, const State& state, bool in_recovery) {
  save_cwnd(b, state, in_recovery);
}

void on_timeout(Bbr& b, State& state, const Connection& connection) {
  save_cwnd(b, state, connection.in_recovery);
  state.cwnd = connection.in_flight + connection.mss;
}

void on_recovery_end(Bbr& b, State& state) {
  restore_cwnd(b, state);
}

void on_spurious_loss(Bbr& b, State& state, const Connection& connection) {
  restore_cwnd(b, state);
  b.is_loss_in_round = false;
  reset_full_bw(b);
  b.bw_shortterm = std::max(b.bw_shortterm, b.undo_bw_shortterm);
  b.inflight_shortterm = std::max(b.inflight_shortterm, b.undo_inflight_shortterm);
  b.inflight_longterm = std::max(b.inflight_longterm, b.undo_inflight_longterm);
  if (b.mode == Bbr::Mode::kProbeRtt || b.mode == b.undo_mode) return;
  const RateSample nothing;
  Event e{b, state, connection, nothing, Micros(0)};
  if (b.undo_mode == Bbr::Mode::kStartup) {
    b.full_bw_reached = false;
    enter_startup(b);
  } else if (b.undo_mode == Bbr::Mode::kProbeBwUp) {
    start_probe_bw_up(e);
  }
}

void on_restart_from_idle(Bbr& b, State& state, const Connection& connection) {
  b.idle_restart = true;
  b.extra_acked_interval_start = connection.now;
  if (is_in_probe_bw(b)) {
    set_pacing_rate_with_gain(b, 100);
  } else if (b.mode == Bbr::Mode::kProbeRtt) {
    const RateSample nothing;
    Event e{b, state, connection, nothing, Micros(0)};
    check_probe_rtt_done(e);
  }
}

std::string_view name(Bbr::Mode mode) {
  switch (mode) {
    case Bbr::Mode::kStartup:
      return "startup";
    case Bbr::Mode::kDrain:
      return "drain";
    case Bbr::Mode::kProbeBwDown:
      return "probe_bw_down";
    case Bbr::Mode::kProbeBwCruise:
      return "probe_bw_cruise";
    case Bbr::Mode::kProbeBwRefill:
      return "probe_bw_refill";
    case Bbr::Mode::kProbeBwUp:
      return "probe_bw_up";
    case Bbr::Mode::kProbeRtt:
      return "probe_rtt";
  }
  return "?";
}

}  // namespace tributary::congestion::bbr
