// BBR's model of the path: rounds, bandwidth, volume in flight, aggregation of ACKs, and what losses do to it
// (§5.5).
#include <algorithm>

#include "stack/congestion/bbr_parts.h"

namespace tributary::congestion::bbr {
namespace {

constexpr uint64_t kMicrosPerSecond = 1'000'000;
constexpr uint64_t kLongestInterval = 1000 * kMicrosPerSecond;  // times 100 Gbit/s still fits 64 bits

uint32_t to_volume(uint64_t bytes) {
  return static_cast<uint32_t>(std::min<uint64_t>(bytes, kMaxWindow));
}

bool paces_below_model(Bbr::Mode mode) {
  return mode == Bbr::Mode::kDrain || mode == Bbr::Mode::kProbeBwDown || mode == Bbr::Mode::kProbeRtt;
}

/// UpdateRound (§5.5.1): a round ends when something is acknowledged that was sent after its begin.
void update_round(Event& e) {
  Bbr& b = e.b;
  b.round_start = e.rs.has_data && e.rs.prior_delivered >= b.next_round_delivered;
  if (paces_below_model(b.mode)) b.slow_rounds = kSlowRounds;
  if (!b.round_start) return;
  if (b.slow_rounds > 0) --b.slow_rounds;
  start_round(e);
  ++b.round_count;
  ++b.rounds_since_probe_up;
}

/// UpdateMaxBw (§5.5.5).
void update_max_bw(Event& e) {
  update_round(e);
  const uint64_t rate = e.rs.delivery_rate;
  if (rate > 0 && (rate >= e.b.max_bw() || !e.rs.is_app_limited))
    e.b.max_bw_filter[1] = std::max(e.b.max_bw_filter[1], rate);
}

/// Bytes of a flight that may be lost while probing. Two segments more than the draft says: of a flight of a hundred, 2
/// % are lost by chance every few rounds when the link loses 1 %.
uint64_t tolerated_loss(uint64_t flight, uint32_t mss) {
  return take_share(flight, kLossThresh) + 2 * mss;
}

/// Lost no more than is tolerated, and all else that was sent came through at the rate it was sent: such losses are the
/// link's, not a queue's. What was sent below the model's rate cannot come through at it.
bool delivers_what_is_sent(const Event& e) {
  const uint64_t expected = take_share(e.b.bw, 100 - kLossThresh - kPacingMargin);
  return !is_inflight_too_high(e) && (e.b.slow_rounds > 0 || e.b.bw_latest >= expected);
}

/// AdaptLowerBoundsFromCongestion (§5.5.10.3): a round with losses, not of our own probing, brings the short-term model
/// down to what was delivered. That is always less than what was sent, by the losses and the pacing margin, so that a
/// link with random losses would lose a little in every round: a round in which nothing else was missing leaves the
/// model alone.
void adapt_lower_bounds(Event& e) {
  Bbr& b = e.b;
  if (is_probing_bw(b) || !b.is_loss_in_round || delivers_what_is_sent(e)) return;
  if (b.bw_shortterm == kNoBandwidthBound) b.bw_shortterm = b.max_bw();
  if (b.inflight_shortterm == kNoInflightBound) b.inflight_shortterm = e.state.cwnd;
  b.bw_shortterm = std::max(b.bw_latest, take_share(b.bw_shortterm, kBeta));
  b.inflight_shortterm = std::max(b.inflight_latest, to_volume(take_share(b.inflight_shortterm, kBeta)));
}

/// NoteLoss and SaveStateUponLoss: the first loss of a round begins the round in which it counts.
void note_loss(Event& e) {
  Bbr& b = e.b;
  if (!b.is_loss_in_round) {
    b.loss_round_delivered = e.c.delivered;
    save_cwnd(b, e.state, e.c.in_recovery);
    b.undo_mode = b.mode;
    b.undo_bw_shortterm = b.bw_shortterm;
    b.undo_inflight_shortterm = b.inflight_shortterm;
    b.undo_inflight_longterm = b.inflight_longterm;
  }
  b.is_loss_in_round = true;
}

}  // namespace

void start_round(Event& e) {
  e.b.next_round_delivered = e.c.delivered;
}

void update_latest_delivery_signals(Event& e) {
  Bbr& b = e.b;
  b.loss_round_start = false;
  b.bw_latest = std::max(b.bw_latest, e.rs.delivery_rate);
  b.inflight_latest = std::max(b.inflight_latest, e.rs.delivered);
  if (e.rs.has_data && e.rs.prior_delivered >= b.loss_round_delivered) {
    b.loss_round_delivered = e.c.delivered;
    b.loss_round_start = true;
  }
}

void advance_latest_delivery_signals(Event& e) {
  if (!e.b.loss_round_start) return;
  e.b.bw_latest = e.rs.delivery_rate;
  e.b.inflight_latest = e.rs.delivered;
}

void update_congestion_signals(Event& e) {
  update_max_bw(e);
  if (!e.b.loss_round_start) return;
  adapt_lower_bounds(e);
  e.b.is_loss_in_round = false;
}

void update_ack_aggregation(Event& e) {
  Bbr& b = e.b;
  const uint64_t interval = static_cast<uint64_t>((e.c.now - b.extra_acked_interval_start).count());
  uint64_t expected = b.bw * std::min(interval, kLongestInterval) / kMicrosPerSecond;
  if (b.extra_acked_delivered <= expected) {
    b.extra_acked_delivered = 0;
    b.extra_acked_interval_start = e.c.now;
    expected = 0;
  }
  b.extra_acked_delivered = to_volume(uint64_t{b.extra_acked_delivered} + e.rs.newly_acked);
  const uint64_t extra = b.extra_acked_delivered > expected ? b.extra_acked_delivered - expected : 0;
  // The highest of the last rounds, in two halves of which the older one is forgotten: one round each until
  // the pipe is full.
  const uint8_t half = b.full_bw_reached ? kExtraAckedFilterRounds / 2 : 1;
  if (b.round_start && ++b.extra_acked_rounds >= half) {
    b.extra_acked_rounds = 0;
    b.extra_acked[0] = b.extra_acked[1];
    b.extra_acked[1] = 0;
  }
  b.extra_acked[1] = std::max(b.extra_acked[1], static_cast<uint32_t>(std::min<uint64_t>(extra, e.state.cwnd)));
}

void advance_max_bw_filter(Bbr& b) {
  if (b.max_bw_filter[1] == 0) return;  // a cycle without a sample forgets nothing
  b.max_bw_filter[0] = b.max_bw_filter[1];
  b.max_bw_filter[1] = 0;
}

void reset_congestion_signals(Bbr& b) {
  b.is_loss_in_round = false;
  b.bw_latest = 0;
  b.inflight_latest = 0;
}

void reset_short_term_model(Bbr& b) {
  b.bw_shortterm = kNoBandwidthBound;
  b.inflight_shortterm = kNoInflightBound;
}

void bound_bw_for_model(Bbr& b) {
  b.bw = std::min(b.max_bw(), b.bw_shortterm);
}

bool is_inflight_too_high(const Event& e) {
  return e.rs.lost > tolerated_loss(e.rs.tx_in_flight, e.c.mss) || (e.rs.lost > 0 && !e.c.has_selective_acks);
}

void on_packet_lost(Bbr& b, State& state, const Connection& connection, const LostPacket& packet) {
  RateSample rs;
  rs.tx_in_flight = packet.tx_in_flight;
  rs.lost = packet.lost;
  rs.is_app_limited = packet.is_app_limited;
  Event e{b, state, connection, rs, Micros(0)};
  note_loss(e);
  if (packet.begin != b.last_lost_end && b.loss_events_in_round < UINT8_MAX) ++b.loss_events_in_round;
  b.last_lost_end = packet.begin + packet.size;
  if (!b.is_bw_probe_sample || !is_inflight_too_high(e)) return;
  // InflightAtLoss: the volume at which the share of losses crossed the threshold, somewhere within this
  // packet.
  const uint64_t inflight_prev = packet.tx_in_flight > packet.size ? packet.tx_in_flight - packet.size : 0;
  const uint64_t lost_prev = packet.lost > packet.size ? packet.lost - packet.size : 0;
  const uint64_t tolerated = tolerated_loss(inflight_prev, connection.mss);
  const uint64_t lost_prefix = tolerated > lost_prev ? (tolerated - lost_prev) * 100 / (100 - kLossThresh) : 0;
  handle_inflight_too_high(e, to_volume(inflight_prev + lost_prefix), packet.is_app_limited);
}

uint32_t bdp_multiple(const Bbr& b, uint64_t bw, uint32_t gain, uint32_t mss) {
  if (b.min_rtt == 0) return initial_window(mss);
  return to_volume(take_share(bw * b.min_rtt / kMicrosPerSecond, gain));
}

uint32_t quantization_budget(const Bbr& b, uint64_t inflight_cap, uint32_t mss) {
  // One quantum that waits here, one on its way, one not yet acknowledged by a receiver that coalesces
  // (§5.5.8.1).
  inflight_cap = std::max<uint64_t>({inflight_cap, 3 * uint64_t{b.send_quantum}, kMinPipeCwnd * mss});
  if (b.mode == Bbr::Mode::kProbeBwUp) inflight_cap += 2 * mss;
  return to_volume(inflight_cap);
}

uint32_t inflight(const Bbr& b, uint64_t bw, uint32_t gain, uint32_t mss) {
  return quantization_budget(b, bdp_multiple(b, bw, gain, mss), mss);
}

uint32_t inflight_with_headroom(const Bbr& b, uint32_t mss) {
  if (b.inflight_longterm == kNoInflightBound) return kNoInflightBound;
  const uint32_t headroom = std::max(mss, to_volume(take_share(b.inflight_longterm, kHeadroom)));
  return std::max(b.inflight_longterm > headroom ? b.inflight_longterm - headroom : 0, kMinPipeCwnd * mss);
}

uint32_t target_inflight(const Bbr& b, const State& state, uint32_t mss) {
  return std::min(bdp_multiple(b, b.bw, 100, mss), state.cwnd);
}

void save_cwnd(Bbr& b, const State& state, bool in_recovery) {
  const bool good = !in_recovery && b.mode != Bbr::Mode::kProbeRtt;
  b.prior_cwnd = good ? state.cwnd : std::max(b.prior_cwnd, state.cwnd);
}

void restore_cwnd(const Bbr& b, State& state) {
  state.cwnd = std::max(state.cwnd, b.prior_cwnd);
}

}  // namespace tributary::congestion::bbr
