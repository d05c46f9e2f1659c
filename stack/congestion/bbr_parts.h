// What BBR's files share: its constants, the path model, and the entry points of its modes. Sections are
// those of draft-ietf-ccwg-bbr-06.
#pragma once

#include "stack/congestion/bbr.h"

namespace tributary::congestion::bbr {

// Constants (§2). Gains and shares in hundredths, times in microseconds.
constexpr uint32_t kStartupPacingGain = 277;  ///< 4 ln 2: the least that doubles the rate every round
constexpr uint32_t kDrainPacingGain = 50;
constexpr uint32_t kProbeBwDownPacingGain = 90;
constexpr uint32_t kQueuePacingGain = 75;
constexpr uint32_t kProbeBwUpPacingGain = 125;
constexpr uint32_t kDefaultCwndGain = 200;
constexpr uint32_t kProbeBwUpCwndGain = 225;
constexpr uint32_t kProbeRttCwndGain = 50;
constexpr uint32_t kPacingMargin = 1;         ///< paced this much below bw, so that queues shrink
constexpr uint32_t kLossThresh = 2;           ///< of a round's data, tolerated while probing
constexpr uint32_t kBeta = 70;                ///< the most a round with losses takes away leaves this
constexpr uint32_t kHeadroom = 15;            ///< of inflight_longterm, left to others
constexpr uint32_t kMinPipeCwnd = 4;          ///< segments
constexpr uint8_t kStartupFullLossCount = 6;  ///< ranges lost in a round of Startup
constexpr uint8_t kFullBwRounds = 3;
constexpr uint32_t kFullBwGrowth = 125;
constexpr uint8_t kExtraAckedFilterRounds = 10;
constexpr uint8_t kDrainRounds = 3;
constexpr uint8_t kSlowRounds = 3;  ///< from the last ACK below the model's pace on
constexpr Micros kProbeRttInterval = Micros::seconds(5);
constexpr Micros kProbeRttDuration = Micros::milliseconds(200);

constexpr uint64_t take_share(uint64_t value, uint32_t hundredths) {
  return value / 100 * hundredths + value % 100 * hundredths / 100;
}

/// Everything one event needs, so that the functions below take one argument.
struct Event {
  Bbr& b;
  State& state;
  const Connection& c;
  const RateSample& rs;
  Micros rtt;
};

// bbr_model.cc: estimates of the path, §5.5.
void start_round(Event& e);
void update_latest_delivery_signals(Event& e);
void advance_latest_delivery_signals(Event& e);
void update_congestion_signals(Event& e);
void update_ack_aggregation(Event& e);
void advance_max_bw_filter(Bbr& b);
void reset_congestion_signals(Bbr& b);
void reset_short_term_model(Bbr& b);
void bound_bw_for_model(Bbr& b);
bool is_inflight_too_high(const Event& e);
/// Bytes: `gain` hundredths of bandwidth times least round trip; the initial window before there is a sample
/// (§5.6.4.2).
uint32_t bdp_multiple(const Bbr& b, uint64_t bw, uint32_t gain, uint32_t mss);
uint32_t quantization_budget(const Bbr& b, uint64_t inflight_cap, uint32_t mss);
uint32_t inflight(const Bbr& b, uint64_t bw, uint32_t gain, uint32_t mss);
uint32_t inflight_with_headroom(const Bbr& b, uint32_t mss);
uint32_t target_inflight(const Bbr& b, const State& state, uint32_t mss);
void save_cwnd(Bbr& b, const State& state, bool in_recovery);
void restore_cwnd(const Bbr& b, State& state);

// bbr_startup.cc: Startup and Drain, §5.3.1 and §5.3.2.
void enter_startup(Bbr& b);
void reset_full_bw(Bbr& b);
void check_full_bw_reached(Event& e);
void check_startup_done(Event& e);
void check_drain_done(Event& e);

// bbr_probe_bw.cc: §5.3.3.
bool is_in_probe_bw(const Bbr& b);
bool is_probing_bw(const Bbr& b);
void start_probe_bw_down(Event& e);
void start_probe_bw_up(Event& e);
void start_probe_bw_cruise(Bbr& b);
void update_probe_bw_cycle_phase(Event& e);
/// HandleInflightTooHigh: `tx_in_flight` bytes were more than the path takes.
void handle_inflight_too_high(Event& e, uint32_t tx_in_flight, bool is_app_limited);

// bbr_probe_rtt.cc: §5.3.4.
void update_min_rtt(Event& e);
void check_probe_rtt(Event& e);
void check_probe_rtt_done(Event& e);
uint32_t probe_rtt_cwnd(const Bbr& b, uint32_t mss);

// bbr.cc: §5.6.
void set_pacing_rate_with_gain(Bbr& b, uint32_t gain);

}  // namespace tributary::congestion::bbr
