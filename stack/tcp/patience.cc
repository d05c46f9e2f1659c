#include "stack/tcp/patience.h"

#include <algorithm>

#include "stack/tcp/rtt.h"

namespace tributary::tcp {
namespace {

/// What the intervals of a series take together, the one after the back-off `backoff` included.
Micros series_time(Micros first, Micros longest, int backoff) {
  int64_t sum = 0;
  int64_t interval = std::min(first, longest).count();
  for (int i = 0; i <= backoff; ++i) {
    sum += interval;
    interval = std::min(2 * interval, longest.count());
  }
  return Micros(sum);
}

/// Of this time-out R2's retries make R2's time, whatever the settings and the path say: Linux TCP_RTO_MIN.
constexpr Micros kRetryBase = Micros::milliseconds(200);

/// So many probes at least fit into a user timeout.
constexpr int64_t kWindowProbes = 4;

Micros longest_probe_interval(const Settings& settings) {
  if (settings.user_timeout == Micros(0)) return settings.max_rto;
  return std::min(settings.max_rto, Micros(settings.user_timeout.count() / kWindowProbes));
}

}  // namespace

Micros retransmission_interval(const Settings& settings, const Tcb& tcb) {
  const Micros rto = current_rto(settings, tcb);
  if (settings.user_timeout == Micros(0) || tcb.backoff == 0 || !is_synchronized(tcb.state)) return rto;
  const Micros passed = series_time(base_rto(settings, tcb), settings.max_rto, tcb.backoff - 1);
  return std::clamp(settings.user_timeout - passed, Micros::milliseconds(1), rto);
}

bool is_retransmission_in_vain(const Settings& settings, const Tcb& tcb) {
  if (tcb.state == State::kSynSent) return tcb.backoff >= settings.syn_retries;
  if (tcb.state == State::kSynReceived) return tcb.backoff >= settings.syn_ack_retries;
  if (tcb.backoff == 0) return false;
  if (tcb.backoff == UINT8_MAX) return true;
  const Micros base = base_rto(settings, tcb);
  const Micros passed = series_time(base, settings.max_rto, tcb.backoff);
  if (settings.user_timeout != Micros(0)) return passed >= settings.user_timeout;
  return tcb.backoff >= settings.data_retries ||
         passed - base >= series_time(kRetryBase, settings.max_rto, settings.data_retries);
}

Micros window_probe_interval(const Settings& settings, const Tcb& tcb) {
  return std::min(current_rto(settings, tcb), longest_probe_interval(settings));
}

bool is_window_probe_in_vain(const Context& context, const Tcb& tcb) {
  const Settings& settings = context.settings;
  if (settings.user_timeout == Micros(0)) return tcb.backoff >= settings.data_retries;
  if (!tcb.window_probe_sent) return false;
  // The peer may have been silent before there was anything to send.
  return silence_of(context, tcb) >= settings.user_timeout &&
         series_time(base_rto(settings, tcb), longest_probe_interval(settings), tcb.backoff) >= settings.user_timeout;
}

Micros silence_of(const Context& context, const Tcb& tcb) {
  return Micros::milliseconds(context.milliseconds() - tcb.heard_at);
}

bool is_keepalive_in_vain(const Settings& settings, Micros silence) {
  const Micros asked = silence - settings.keepalive;
  if (settings.user_timeout != Micros(0))
    return asked >= settings.keepalive_interval && silence >= settings.user_timeout;
  return asked >= settings.keepalive_interval * settings.keepalive_probes;
}

}  // namespace tributary::tcp
