#include "stack/congestion/congestion.h"

#include <algorithm>

#include "stack/congestion/cubic.h"
#include "stack/congestion/hystart.h"
#include "stack/congestion/newreno.h"

namespace tributary::congestion {

namespace {

// What one ACK may add in slow start. More than the 8 segments of RFC 9406 §4.2: receivers that coalesce
// segments acknowledge up to 64 KB at once, and slow start must still double.
constexpr uint32_t kSlowStartLimit = 65'536;

// Of a queue that an overshoot leaves, what is not given back: for links whose rate varies (hystart::without_queue).
constexpr unsigned kOvershootRises = 1;

// pipeACK (RFC 7661 §4.2), without rounds or clock: what an ACK finds in flight was sent within a round trip. A higher
// one is taken at once, a lower one in about four round trips.
void note_pipe(State& s, const Ack& ack) {
  const uint32_t pipe = s.pipe_ack.value();
  if (ack.in_flight >= pipe) {
    s.pipe_ack = Compact16(ack.in_flight);
    return;
  }
  const uint64_t forgotten =
      uint64_t{pipe - ack.in_flight} * ack.newly_acked / (4 * uint64_t{std::max(ack.in_flight, ack.mss)});
  s.pipe_ack = Compact16(std::max<uint64_t>(pipe - std::min<uint64_t>(forgotten, pipe), ack.in_flight));
}

// Whether the window is in use: RFC 7661 §4.3. With no pipeACK yet it counts as validated, and so does one that has
// nothing to lose. pipeACK does not go as far as windows may.
bool is_validated(const State& s, uint32_t mss) {
  const uint32_t pipe = s.pipe_ack.value();
  return pipe == 0 || pipe >= std::min<uint64_t>(s.cwnd / 2, Compact16::kMax) || s.cwnd <= initial_window(mss);
}

uint16_t validation_ticks(Micros now) {
  return static_cast<uint16_t>(now.count() >> kValidationTick);
}

// A smaller window for the next burst, with slow start back to what the path took before.
void restart_from(State& s, uint32_t window) {
  if (s.ssthresh != kNoThreshold) s.ssthresh = std::max(s.ssthresh, s.cwnd - s.cwnd / 4);
  s.cwnd = window;
  s.ack_credit = 0;
  s.in_epoch = s.has_overshot = false;
  if (s.ssthresh == kNoThreshold) hystart::reset(s);
}

uint32_t reduced_window(const State& s, uint32_t in_flight, uint32_t mss) {
  // What was really in flight, not a window that was never filled (RFC 5681 §3.1, equation 4), or what was there
  // lately, if the application has let less than half of the window be validated (RFC 7661 §4.4.2).
  const uint32_t pipe = s.pipe_ack.value();
  const uint32_t window = std::min(pipe < s.cwnd / 2 ? std::max(pipe, in_flight) : in_flight, s.cwnd);
  switch (s.algorithm) {
    case Algorithm::kNewReno:
    case Algorithm::kBbr:
      return newreno::reduced_window(window, mss);
    case Algorithm::kCubic:
      return cubic::reduced_window(window, mss);
  }
  return 2 * mss;
}

void avoid_congestion(State& s, const Ack& ack, uint32_t acked) {
  switch (s.algorithm) {
    case Algorithm::kNewReno:
      return newreno::on_ack(s, ack, acked);
    case Algorithm::kCubic:
      return cubic::on_ack(s, ack, acked);
    case Algorithm::kBbr:
      return;
  }
}

void remember_for_undo(State& s) {
  s.prior_cwnd = s.cwnd;
  s.prior_ssthresh = s.ssthresh;
  s.prior_w_max = s.w_max;
  s.has_overshot = false;
}

// Returns the acknowledged bytes that slow start did not use because it ended within this ACK.
uint32_t grow_in_slow_start(State& s, const Ack& ack) {
  uint32_t increase = std::min(ack.newly_acked, kSlowStartLimit);
  if (s.ssthresh == kNoThreshold) increase /= hystart::growth_divisor(s);
  const uint32_t room = s.ssthresh - s.cwnd;
  s.cwnd += std::min(increase, room);
  return increase > room ? increase - room : 0;
}

// The round trip of a recovery is that of the last thing sent once, when the queue was full: what is left of the queue
// shows in that of the round after.
void give_overshoot_back(State& s, const Ack& ack) {
  if (ack.newly_acked < s.hystart.round_left) {
    s.hystart.round_left -= ack.newly_acked;
    return;
  }
  s.has_overshot = false;
  const uint32_t window = hystart::without_queue(s.cwnd, ack.srtt, ack.min_rtt, kOvershootRises, ack.mss);
  if (window >= s.cwnd) return;
  s.ssthresh = s.cwnd = window;
  if (s.algorithm == Algorithm::kCubic) s.w_max = s.cwnd;
}

}  // namespace

uint32_t initial_window(uint32_t mss) {
  constexpr uint32_t kSegments = 10, kBytes = 14'600;
  return std::min(kSegments * mss, std::max(2 * mss, kBytes));
}

void start(State& s, Algorithm algorithm, uint32_t mss) {
  s = State{};
  s.algorithm = algorithm;
  s.cwnd = initial_window(mss);
}

void on_ack(State& s, const Ack& ack) {
  if (s.algorithm == Algorithm::kBbr) return;
  note_pipe(s, ack);
  if (is_validated(s, ack.mss))
    s.validated_at = validation_ticks(ack.now);
  else
    end_nonvalidated_periods(s, ack.now, ack.mss);
  if (s.has_overshot) return give_overshoot_back(s, ack);
  uint32_t acked = ack.newly_acked;
  if (s.in_slow_start()) {
    const bool initial = s.ssthresh == kNoThreshold;
    if (initial) hystart::on_ack(s, ack);  // sees every sample, may end slow start here
    // A window more than half of which is in use is a validated one, which grows whether or not there was more to send
    // (RFC 7661 §4.3); Linux counts so too.
    if (!ack.cwnd_limited && 2 * uint64_t{s.pipe_ack.value()} <= s.cwnd) return;
    if (s.in_slow_start()) acked = grow_in_slow_start(s, ack);
    if (acked == 0 || s.in_slow_start()) {
      s.cwnd = std::min(s.cwnd, kMaxWindow);
      return;
    }
  }
  avoid_congestion(s, ack, acked);
  s.cwnd = std::min(s.cwnd, kMaxWindow);
}

uint32_t on_loss(State& s, Micros, uint32_t in_flight, uint32_t mss) {
  remember_for_undo(s);
  s.ssthresh = reduced_window(s, in_flight, mss);
  s.ack_credit = 0;
  if (s.algorithm == Algorithm::kCubic) cubic::on_loss(s);
  return s.ssthresh;
}

void on_recovery_end(State& s, Micros srtt, Micros min_rtt, uint32_t mss) {
  s.cwnd = std::max(s.ssthresh == kNoThreshold ? s.cwnd : s.ssthresh, mss);
  s.ack_credit = 0;
  if (s.prior_ssthresh != kNoThreshold || s.prior_cwnd == 0) return;
  if (hystart::without_queue(s.cwnd, srtt, min_rtt, kOvershootRises, mss) >= s.cwnd) return;
  s.has_overshot = true;
  s.hystart.round_left = s.cwnd;
}

void on_timeout(State& s, Micros, uint32_t in_flight, uint32_t mss, bool first) {
  if (first) {
    remember_for_undo(s);
    s.ssthresh = reduced_window(s, in_flight, mss);
    if (s.algorithm == Algorithm::kCubic) cubic::on_timeout(s);
  }
  s.cwnd = mss;
  s.ack_credit = 0;
}

void on_undo(State& s) {
  if (s.prior_cwnd == 0) return;
  s.cwnd = std::max(s.cwnd, s.prior_cwnd);
  s.ssthresh = std::max(s.ssthresh, s.prior_ssthresh);
  s.w_max = s.prior_w_max;
  s.prior_cwnd = 0;
  s.in_epoch = s.has_overshot = false;
  if (s.ssthresh == kNoThreshold) hystart::reset(s);
}

void end_nonvalidated_periods(State& s, Micros now, uint32_t mss) {
  if (s.pipe_ack.value() == 0 || s.algorithm == Algorithm::kBbr) return;
  const uint16_t elapsed = static_cast<uint16_t>(validation_ticks(now) - s.validated_at);
  s.validated_at = static_cast<uint16_t>(s.validated_at + elapsed / kNonValidatedPeriod * kNonValidatedPeriod);
  for (unsigned periods = elapsed / kNonValidatedPeriod; periods > 0; --periods) {
    const uint32_t window = std::max(s.cwnd / 2, initial_window(mss));
    if (s.cwnd <= window) return;
    restart_from(s, window);
  }
}

void on_idle(State& s, uint32_t mss) {
  const uint32_t restart_window = initial_window(mss);
  if (s.cwnd <= restart_window || s.algorithm == Algorithm::kBbr) return;
  restart_from(s, restart_window);
}

std::string_view name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kNewReno:
      return "newreno";
    case Algorithm::kCubic:
      return "cubic";
    case Algorithm::kBbr:
      return "bbr";
  }
  return "?";
}

std::optional<Algorithm> parse_algorithm(std::string_view text) {
  for (const Algorithm algorithm : {Algorithm::kNewReno, Algorithm::kCubic, Algorithm::kBbr})
    if (text == name(algorithm)) return algorithm;
  return std::nullopt;
}

}  // namespace tributary::congestion
