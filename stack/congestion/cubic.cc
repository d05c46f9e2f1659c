#include "stack/congestion/cubic.h"

#include <algorithm>
#include <cmath>

namespace tributary::congestion::cubic {

namespace {

constexpr double kMicrosPerSecond = 1e6;

void begin_epoch(State& s, const Ack& ack) {
  s.in_epoch = true;
  s.ack_credit = 0;
  s.w_max = std::max(s.w_max, s.cwnd);
  s.epoch = {.elapsed = 0,
             .last_ack = static_cast<uint32_t>(ack.now.count()),
             .k = time_to_origin(s.w_max, s.cwnd, ack.mss),
             .w_est = s.cwnd};
}

// Time counts while the window is in use only, so that an application's pauses do not make it leap (§5.8). A
// gap of more than two round trips between ACKs is a pause.
void advance_clock(CubicEpoch& epoch, const Ack& ack) {
  const uint32_t gap = static_cast<uint32_t>(ack.now.count()) - epoch.last_ack;
  epoch.last_ack = static_cast<uint32_t>(ack.now.count());
  if (!ack.cwnd_limited) return;
  const int64_t longest = std::clamp<int64_t>(2 * ack.srtt.count(), 1000, UINT32_MAX);
  const uint64_t elapsed = epoch.elapsed + std::min<uint64_t>(gap, static_cast<uint64_t>(longest));
  epoch.elapsed = static_cast<uint32_t>(std::min<uint64_t>(elapsed, UINT32_MAX));
}

// Reno's window beside ours, in whole bytes; the rest of `acked` stays as credit (§4.3, equation 4).
void advance_reno_window(State& s, const Ack& ack, uint32_t acked) {
  s.ack_credit += acked;
  const double alpha = s.epoch.w_est >= s.prior_cwnd ? 1.0 : kAlpha;
  const double bytes_per_acked = alpha * ack.mss / s.cwnd;
  const uint32_t whole = static_cast<uint32_t>(s.ack_credit * bytes_per_acked);
  if (whole == 0) return;
  s.epoch.w_est = std::min(s.epoch.w_est + whole, kMaxWindow);
  s.ack_credit -= std::min(s.ack_credit, static_cast<uint32_t>(whole / bytes_per_acked));
}

}  // namespace

uint32_t time_to_origin(uint32_t w_max, uint32_t cwnd, uint32_t mss) {
  if (w_max <= cwnd || mss == 0) return 0;
  return static_cast<uint32_t>(std::cbrt((w_max - cwnd) / (kC * mss)) * kMicrosPerSecond);
}

double window_at(double t, double k, uint32_t w_max, uint32_t mss) {
  const double x = t - k;
  return kC * x * x * x * mss + w_max;
}

uint32_t reduced_window(uint32_t in_flight, uint32_t mss) {
  return std::max(static_cast<uint32_t>(in_flight * kBeta), 2 * mss);
}

void on_loss(State& s) {
  s.in_epoch = false;
  s.w_max = s.cwnd < s.w_max ? static_cast<uint32_t>(s.cwnd * ((1 + kBeta) / 2)) : s.cwnd;
}

void on_timeout(State& s) {
  s.in_epoch = false;
  s.w_max = 0;
}

void on_ack(State& s, const Ack& ack, uint32_t acked) {
  if (!s.in_epoch) begin_epoch(s, ack);
  advance_clock(s.epoch, ack);
  if (!ack.cwnd_limited) return;
  advance_reno_window(s, ack, acked);

  const double t = s.epoch.elapsed / kMicrosPerSecond;
  const double k = s.epoch.k / kMicrosPerSecond;
  if (window_at(t, k, s.w_max, ack.mss) < s.epoch.w_est) {
    s.cwnd = std::max(s.cwnd, s.epoch.w_est);
    return;
  }
  const double srtt = static_cast<double>(ack.srtt.count()) / kMicrosPerSecond;
  const double cwnd = s.cwnd;
  const double target = std::clamp(window_at(t + srtt, k, s.w_max, ack.mss), cwnd, 1.5 * cwnd);
  s.cwnd += static_cast<uint32_t>((target - cwnd) * std::min(acked, s.cwnd) / cwnd);
}

}  // namespace tributary::congestion::cubic
