#include "stack/tcp/rtt.h"

#include <algorithm>

namespace tributary::tcp {

void update_rtt(const Settings& settings, Tcb& tcb, uint32_t sample) {
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
  // The minimum bounds the variance term, as in Linux: with a steady round trip the time-out is srtt + min_rto.
  const uint64_t variance = std::max<uint64_t>(4ull * tcb.rttvar, settings.min_rto.count());
  tcb.rto = static_cast<uint32_t>(std::min<uint64_t>(tcb.srtt + variance, settings.max_rto.count()));
}

Micros current_rto(const Settings& settings, const Tcb& tcb) {
  const int64_t base = tcb.rto != 0 ? tcb.rto : settings.initial_rto.count();
  const int shift = std::min<int>(tcb.backoff, 20);
  return std::min(Micros(base << shift), settings.max_rto);
}

}  // namespace tributary::tcp
