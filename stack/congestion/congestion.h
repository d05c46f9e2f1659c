// Congestion control of one subflow: the window and nothing else. Which segments are lost, and how the window
// is spent during recovery, is tcp/'s business (RFC 6675, RFC 8985, RFC 9937).
//
// Plain state and free functions; the algorithms are a closed set. Those of the window (newreno.h, cubic.h) have
// slow start in common: RFC 5681 §3.1 with HyStart++ (RFC 9406, hystart.h) before the first loss. BBR (bbr.h) works
// by a model of the path, which is kept elsewhere and has events of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "stack/base/compact16.h"
#include "stack/base/units.h"

namespace tributary::congestion {

enum class Algorithm : uint8_t { kNewReno, kCubic, kBbr };

constexpr uint32_t kNoThreshold = UINT32_MAX;  ///< ssthresh before the first loss
constexpr uint32_t kMaxWindow = 1u << 30;      ///< no peer can offer more (RFC 7323 §2.3)

/// What one ACK that advances SND.UNA (or SACKs) tells.
struct Ack {
  Micros now;
  uint32_t newly_acked = 0;  ///< bytes
  uint32_t in_flight = 0;    ///< bytes, before this ACK
  Micros rtt;                ///< sample, or 0
  Micros srtt;
  Micros min_rtt;
  uint32_t mss = 0;           ///< payload bytes of a full segment
  bool cwnd_limited = false;  ///< the window, not the application, limited what was in flight
};

/// Slow start's round trips while HyStart++ watches them. Times in microseconds; 0 = none yet.
struct HyStart {
  uint32_t round_left;    ///< bytes to be acknowledged until this round ends
  uint32_t last_min_rtt;  ///< of the round before
  uint32_t min_rtt;       ///< of this round
  uint32_t css_baseline;  ///< conservative slow start: the RTT that ended slow start; 0 = not in it
};

/// CUBIC's congestion-avoidance stage (RFC 9438 §4.1.2).
struct CubicEpoch {
  uint32_t elapsed;   ///< t: microseconds of the stage in which the window was in use
  uint32_t last_ack;  ///< low half of the time of the ACK before
  uint32_t k;         ///< K, microseconds
  uint32_t w_est;     ///< Reno's window in the same conditions, bytes (§4.3)
};

/// Windows in bytes.
struct State {
  uint32_t cwnd = 0;
  uint32_t ssthresh = kNoThreshold;
  uint32_t ack_credit = 0;  ///< bytes acknowledged and not yet turned into window
  uint32_t w_max = 0;       ///< CUBIC: window before the last reduction; 0 = none that counts
  uint32_t prior_cwnd = 0;  ///< at the last reduction, for `on_undo`; CUBIC's cwnd_prior. 0 = none
  uint32_t prior_ssthresh = 0;
  uint32_t prior_w_max = 0;
  Algorithm algorithm : 7 = Algorithm::kCubic;
  bool in_epoch : 1 = false;      ///< `epoch` is in force, not `hystart`
  uint8_t rtt_samples : 4 = 0;    ///< HyStart++: of this round, counted to kRttSamples
  uint8_t css_rounds : 3 = 0;     ///< HyStart++: rounds of conservative slow start so far
  bool has_overshot : 1 = false;  ///< for a window's worth of ACKs after the first recovery, counted in `hystart`
  uint16_t validated_at = 0;      ///< when pipe_ack last said that the window is in use, in units of `kValidationTick`
  union {
    HyStart hystart{};
    CubicEpoch epoch;
    uint32_t model;  ///< BBR: one more than the index of its model; 0 = none yet
  };
  Compact16 pipe_ack;      ///< pipeACK (RFC 7661 §4.2): bytes lately acknowledged in a round trip; 0 = undefined
  uint16_t last_sent = 0;  ///< when payload last left, in units of `kIdleTick`

  bool in_slow_start() const { return cwnd < ssthresh; }
};
static_assert(sizeof(State) <= 52 && std::is_trivially_copyable_v<State>);

/// IW = min(10*MSS, max(2*MSS, 14600)) (RFC 6928 §2).
uint32_t initial_window(uint32_t mss);

void start(State& state, Algorithm algorithm, uint32_t mss);

// Events of the algorithms of the window; BBR without a model yet is treated as one whose window does not grow.
/// Not called while loss recovery decides about the window.
void on_ack(State& state, const Ack& ack);
/// Entering recovery: sets and returns ssthresh from the bytes in flight. cwnd is the recovery's until
/// `on_recovery_end`.
uint32_t on_loss(State& state, Micros now, uint32_t in_flight, uint32_t mss);
/// Recovery is over: cwnd = ssthresh. After the first one, from losses that ended the first slow start, that is half of
/// a window that was up to twice what the path and its queue hold: if `srtt` tells of a queue, what is left of it a round
/// trip later is given back.
void on_recovery_end(State& state, Micros srtt, Micros min_rtt, uint32_t mss);
/// The retransmission timer expired: cwnd = 1 MSS; ssthresh only on the `first` of a series (RFC 5681 §3.1).
void on_timeout(State& state, Micros now, uint32_t in_flight, uint32_t mss, bool first);
/// The last `on_loss` or `on_timeout` was spurious: takes it back (RFC 4015 §3.2, RFC 9438 §4.9).
void on_undo(State& state);

constexpr unsigned kIdleTick = 16;  ///< two to the power of this: microseconds in which `last_sent` counts
inline void note_sent(State& state, Micros now) {
  state.last_sent = static_cast<uint16_t>(now.count() >> kIdleTick);
}
/// Whether nothing has been sent for longer than `rto`. (A pause of 71 minutes looks like none, and so do those of
/// twice that and so on.)
inline bool is_idle(const State& state, Micros now, Micros rto) {
  const uint16_t ticks = static_cast<uint16_t>((now.count() >> kIdleTick) - state.last_sent);
  return ticks > 0 && (int64_t{ticks} - 1) << kIdleTick > rto.count();
}
constexpr unsigned kValidationTick = 20;  ///< two to the power of this: microseconds in which `validated_at` counts
constexpr uint16_t kNonValidatedPeriod = 286;  ///< NVP: five minutes (RFC 7661 §4.4.3), in those
/// Before data is sent after a pause; `on_ack` sees to flows that do not pause. For every five minutes in which less
/// than half of the window was used it is halved, down to the initial one; ssthresh remembers three quarters of it (RFC
/// 7661 §4.4.3).
void end_nonvalidated_periods(State& state, Micros now, uint32_t mss);
/// Nothing was sent for longer than the RTO: restart window (RFC 5681 §4.1), ssthresh remembering what the
/// path took.
void on_idle(State& state, uint32_t mss);

std::string_view name(Algorithm algorithm);
/// Exactly what `name` gives.
std::optional<Algorithm> parse_algorithm(std::string_view text);

}  // namespace tributary::congestion
