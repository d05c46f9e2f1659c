// BBR version 3 (draft-ietf-ccwg-bbr-06): congestion control by a model of the path, its bandwidth and its
// round-trip time, instead of by losses alone. Version 3 is the one the IETF works on: unlike the first it
// bounds what it has in flight by the losses it meets (inflight_longterm, inflight_shortterm), so it shares a
// shallow buffer with CUBIC.
//
//            Startup --> Drain --> ProbeBW_DOWN --> ProbeBW_CRUISE --> ProbeBW_REFILL --> ProbeBW_UP
//               ^                    ^   |                                 ^                |
//               |                    |   +--- it is time to probe ---------+                |
//               |                    +-------------------------------------------------------+
//               +------ ProbeRTT, entered from any of them when no low round trip was seen for 5 s,
//                       left for ProbeBW_CRUISE, or for Startup if the pipe was never full
//
// Plain state and free functions, like the other algorithms; names are the draft's. The state is kept apart
// from congestion::State, for the connections that use it: several times its size.
#pragma once

#include <cstdint>

#include "stack/base/random.h"
#include "stack/base/units.h"
#include "stack/congestion/congestion.h"
#include "stack/congestion/rate_sample.h"

namespace tributary::congestion {

constexpr uint64_t kNoBandwidthBound = UINT64_MAX;
constexpr uint32_t kNoInflightBound = UINT32_MAX;

struct Bbr {
  enum class Mode : uint8_t { kStartup, kDrain, kProbeBwDown, kProbeBwCruise, kProbeBwRefill, kProbeBwUp, kProbeRtt };
  /// What the acknowledged data was sent for (§5.3.3.9).
  enum class AckPhase : uint8_t { kInit, kRefilling, kProbeStarting, kProbeFeedback, kProbeStopping };

  // Output, beside the window: bytes a second, bytes.
  uint64_t pacing_rate = 0;
  uint32_t send_quantum = 0;

  // Data rate, bytes a second.
  uint64_t max_bw_filter[2] = {};  ///< highest sample of the last and of this ProbeBW cycle (§5.5.6)
  uint64_t bw = 0;                 ///< max_bw, bounded by bw_shortterm
  uint64_t bw_shortterm = kNoBandwidthBound;
  uint64_t bw_latest = 0;  ///< highest sample of this round
  uint64_t full_bw = 0;    ///< what "still growing" is measured from (§5.3.1.2)

  // Data volume, bytes.
  uint32_t inflight_longterm = kNoInflightBound;
  uint32_t inflight_shortterm = kNoInflightBound;
  uint32_t inflight_latest = 0;
  uint32_t max_inflight = 0;
  uint32_t extra_acked[2] = {};  ///< highest of the last and of this window of rounds (§5.5.9)
  uint32_t extra_acked_delivered = 0;
  uint32_t prior_cwnd = 0;  ///< last known good window
  uint32_t probe_up_acked_per_inc = kNoInflightBound;
  uint32_t bw_probe_up_acked = 0;

  // Rounds; C.delivered at which they end.
  uint64_t next_round_delivered = 0;
  uint64_t loss_round_delivered = 0;
  uint32_t round_count = 0;
  uint32_t drain_start_round = 0;
  uint32_t rounds_since_probe_up = 0;

  // Points in time, and durations.
  Micros min_rtt_stamp;
  Micros probe_rtt_min_stamp;
  Micros probe_rtt_done_stamp;  ///< 0: not yet down to ProbeRTT's window
  Micros cycle_stamp;
  Micros extra_acked_interval_start;
  uint32_t bw_probe_wait = 0;        ///< microseconds
  uint32_t min_rtt = 0;              ///< microseconds; 0 = no sample
  uint32_t probe_rtt_min_delay = 0;  ///< likewise

  // As the first loss of the round found them: what a needless recovery takes back (§5.5.10.2).
  uint64_t undo_bw_shortterm = kNoBandwidthBound;
  uint32_t undo_inflight_shortterm = kNoInflightBound;
  uint32_t undo_inflight_longterm = kNoInflightBound;
  Mode undo_mode = Mode::kStartup;

  SeqNum last_lost_end;  ///< a loss that begins here continues the range
  Mode mode = Mode::kStartup;
  AckPhase ack_phase = AckPhase::kInit;
  uint8_t full_bw_count = 0;
  uint8_t bw_probe_up_rounds = 0;
  uint8_t loss_events_in_round = 0;  ///< discontiguous ranges lost
  uint8_t extra_acked_rounds = 0;    ///< of the window of `extra_acked`
  uint8_t slow_rounds = 0;           ///< that samples of what was sent below the model's rate may still come
  bool round_start : 1 = false;
  bool loss_round_start : 1 = false;
  bool is_loss_in_round : 1 = false;
  bool is_bw_probe_sample : 1 = false;
  bool full_bw_now : 1 = false;
  bool full_bw_reached : 1 = false;
  bool prev_probe_too_high : 1 = false;
  bool prev_probe_precautionary : 1 = false;
  bool probe_rtt_expired : 1 = false;
  bool probe_rtt_round_done : 1 = false;
  bool idle_restart : 1 = false;
  bool has_seen_rtt : 1 = false;      ///< the first pacing rate is from a measured round trip
  bool cwnd_limited_now : 1 = false;  ///< in this round, in the last one: C.is_cwnd_limited is either
  bool cwnd_limited_before : 1 = false;

  uint64_t max_bw() const { return max_bw_filter[0] > max_bw_filter[1] ? max_bw_filter[0] : max_bw_filter[1]; }
  bool is_cwnd_limited() const { return cwnd_limited_now || cwnd_limited_before; }
};
static_assert(sizeof(Bbr) <= 256);

namespace bbr {

/// What an event finds the connection like. Bytes.
struct Connection {
  Micros now;
  RandomSource& random;
  uint64_t delivered = 0;  ///< C.delivered
  uint32_t in_flight = 0;  ///< C.inflight, after the event
  uint32_t mss = 0;
  bool in_recovery = false;  ///< fast recovery or after a time-out
  bool has_selective_acks = true;
  bool cwnd_limited = false;  ///< what left last filled the window
};

/// OnInit (§5.2.1). `srtt`: of the handshake, or 0.
void start(Bbr& bbr, State& state, Micros now, Micros srtt, uint32_t mss);
/// UpdateOnACK (§5.2.3): for every ACK that delivered something, after losses were marked and recovery was
/// entered or left. `rtt`: of the most recently sent packet sent once, or 0.
void on_ack(Bbr& bbr, State& state, const Connection& connection, const RateSample& sample, Micros rtt);
/// HandleLostPacket (§5.5.10.2). `lost` = bytes lost since the packet was sent, itself included; `begin` its
/// first byte.
struct LostPacket {
  SeqNum begin;
  uint32_t size;
  uint32_t tx_in_flight;
  uint32_t lost;
  bool is_app_limited;
};
void on_packet_lost(Bbr& bbr, State& state, const Connection& connection, const LostPacket& packet);
/// Fast recovery begins (§5.6.4.4).
void on_recovery(Bbr& bbr, const State& state, bool in_recovery);
/// The retransmission timer expired; `connection.in_flight` without what that marked lost.
void on_timeout(Bbr& bbr, State& state, const Connection& connection);
/// Fast recovery or that after a time-out is over.
void on_recovery_end(Bbr& bbr, State& state);
/// HandleSpuriousLossDetection: nothing was lost, neither the timer nor the duplicates were right.
void on_spurious_loss(Bbr& bbr, State& state, const Connection& connection);
/// HandleRestartFromIdle (§5.4.1): about to send with nothing in flight after the application had nothing to
/// send.
void on_restart_from_idle(Bbr& bbr, State& state, const Connection& connection);

/// "startup", "probe_bw_cruise"...: for operators and tests.
std::string_view name(Bbr::Mode mode);

}  // namespace bbr
}  // namespace tributary::congestion
