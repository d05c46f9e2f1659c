// BBR's Startup and Drain: the rate doubles every round until the path delivers no more, or loses much; then
// the queue this made is let go (§5.3.1, §5.3.2).
#include <algorithm>

#include "stack/congestion/bbr_parts.h"

namespace tributary::congestion::bbr {
namespace {

void enter_drain(Event& e) {
  e.b.mode = Bbr::Mode::kDrain;
  e.b.drain_start_round = e.b.round_count;
}

/// CheckStartupHighLoss (§5.3.1.3). The round is one that began with a loss: recovery has lasted as long.
void check_startup_high_loss(Event& e) {
  Bbr& b = e.b;
  if (b.mode == Bbr::Mode::kStartup && !b.full_bw_reached && e.c.in_recovery) {
    const bool sustained =
        b.loss_round_start && b.loss_events_in_round >= kStartupFullLossCount && is_inflight_too_high(e);
    const bool blind = !e.c.has_selective_acks && e.rs.lost > 0;
    if (sustained || blind) {
      b.full_bw_reached = b.full_bw_now = true;
      b.inflight_longterm = std::max(bdp_multiple(b, b.max_bw(), 100, e.c.mss), b.inflight_latest);
    }
  }
  if (b.loss_round_start) b.loss_events_in_round = 0;
}

}  // namespace

void enter_startup(Bbr& b) {
  b.mode = Bbr::Mode::kStartup;
}

void reset_full_bw(Bbr& b) {
  b.full_bw = 0;
  b.full_bw_count = 0;
  b.full_bw_now = false;
}

void check_full_bw_reached(Event& e) {
  Bbr& b = e.b;
  if (b.full_bw_now || !b.round_start || e.rs.is_app_limited) return;
  if (e.rs.delivery_rate >= take_share(b.full_bw, kFullBwGrowth)) {
    reset_full_bw(b);
    b.full_bw = e.rs.delivery_rate;
    return;
  }
  if (++b.full_bw_count < kFullBwRounds) return;
  b.full_bw_now = b.full_bw_reached = true;
}

void check_startup_done(Event& e) {
  check_startup_high_loss(e);
  if (e.b.mode == Bbr::Mode::kStartup && e.b.full_bw_reached) enter_drain(e);
}

void check_drain_done(Event& e) {
  Bbr& b = e.b;
  if (b.mode != Bbr::Mode::kDrain) return;
  const bool drained = e.c.in_flight <= inflight(b, b.bw, 100, e.c.mss);
  // A bandwidth estimated too high is never reached: the cycles of ProbeBW then forget it.
  if (drained || b.round_count > b.drain_start_round + kDrainRounds) start_probe_bw_down(e);
}

}  // namespace tributary::congestion::bbr
