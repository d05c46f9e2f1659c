#include "stack/tcp/rtt.h"

#include <algorithm>

namespace tributary::tcp {
namespace {

constexpr Micros kRtoAfterLostSyn = Micros::seconds(3);  // RFC 6298 §5.7

}  // namespace

void update_rtt(Tcb& tcb, uint32_t sample) {
  sample = std::max<uint32_t>(sample, 1);
  if (tcb.min_rtt == 0 || sample < tcb.min_rtt) tcb.min_rtt = sample;
  if (tcb.srtt == 0) {
    tcb.srtt = sample;
    tcb.rttvar = sample / 2;
  } else {
    const uint32_t deviation = tcb.srtt > sample ? tcb.srtt - sample : sample - tcb.srtt;
    tcb.rttvar += (static_cast<int32_t>(deviation) - static_cast<int32_t>(tcb.rttvar)) / 4;
    tcb.srtt += (static_cast<int32_t>(sample) - static_cast<int32_t>(tcb.srtt)) / 8;
    tcb.srtt = std::max<uint32_t>(tcb.srtt, 1);
  }
}

Micros base_rto(const Settings& settings, const Tcb& tcb) {
  if (tcb.srtt == 0) return tcb.has(kSynLost) && is_synchronized(tcb.state) ? kRtoAfterLostSyn : settings.initial_rto;
  // The minimum bounds the variance term, as in Linux: with a steady round trip the time-out is srtt + min_rto.
  const int64_t variance = std::max<int64_t>(4 * int64_t{tcb.rttvar}, settings.min_rto.count());
  return std::min(Micros(tcb.srtt + variance), settings.max_rto);
}

Micros current_rto(const Settings& settings, const Tcb& tcb) {
  const int64_t base = base_rto(settings, tcb).count();
  const int shift = std::min<int>(tcb.backoff, 20);
  return std::min(Micros(base << shift), settings.max_rto);
}

}  // namespace tributary::tcp
