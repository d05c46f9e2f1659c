// Equality of option sets. Members that `present` does not name hold anything, so the types have no
// operator==.
#pragma once

#include <algorithm>

#include "stack/wire/tcp_options.h"

namespace tributary::test {

/// Whether both carry the same MPTCP options. The marks for what was left out are not compared.
inline bool same_options(const wire::MptcpOptions& a, const wire::MptcpOptions& b) {
  using O = wire::MptcpOptions;
  constexpr uint16_t kLeftOut = O::kMalformed | O::kUnknown;
  if ((a.present & ~kLeftOut) != (b.present & ~kLeftOut)) return false;
  return (!a.has(O::kDss) || a.dss == b.dss) && (!a.has(O::kCapable) || a.capable == b.capable) &&
         (!a.has(O::kJoin) || a.join == b.join) && (!a.has(O::kAddAddr) || a.add_addr == b.add_addr) &&
         (!a.has(O::kRemoveAddr) || a.remove_addr == b.remove_addr) && (!a.has(O::kPrio) || a.prio == b.prio) &&
         (!a.has(O::kFail) || a.fail == b.fail) && (!a.has(O::kFastclose) || a.fastclose == b.fastclose) &&
         (!a.has(O::kTcprst) || a.tcprst == b.tcprst);
}

inline bool same_options(const wire::TcpOptions& a, const wire::TcpOptions& b) {
  using O = wire::TcpOptions;
  constexpr uint16_t kLeftOut = O::kMalformed | O::kUnknown;
  if ((a.present & ~kLeftOut) != (b.present & ~kLeftOut)) return false;
  if (a.has(O::kSack) &&
      (a.sack_count != b.sack_count || !std::equal(a.sack.begin(), a.sack.begin() + a.sack_count, b.sack.begin())))
    return false;
  if (a.has(O::kFastOpen) &&
      (a.fast_open_experimental != b.fast_open_experimental || a.fast_open_size != b.fast_open_size ||
       !std::equal(a.fast_open_cookie.begin(), a.fast_open_cookie.begin() + a.fast_open_size,
                   b.fast_open_cookie.begin())))
    return false;
  return (!a.has(O::kMss) || a.mss == b.mss) && (!a.has(O::kWindowScale) || a.window_scale == b.window_scale) &&
         (!a.has(O::kTimestamps) || (a.ts_value == b.ts_value && a.ts_echo == b.ts_echo)) &&
         (!a.has(O::kUserTimeout) || a.user_timeout == b.user_timeout) &&
         (!a.has(O::kAccEcn) || a.acc_ecn == b.acc_ecn) && same_options(a.mptcp, b.mptcp);
}

}  // namespace tributary::test
