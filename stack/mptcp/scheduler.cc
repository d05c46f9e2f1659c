#include "stack/mptcp/scheduler.h"

#include <algorithm>

#include "stack/mptcp/subflow.h"
#include "stack/tcp/output.h"

namespace tributary::mptcp {
namespace {

using tcp::Tcb;

/// Lower is better: class first (active, backup, stale), then round-trip time.
uint64_t rank(const Tcb& tcb) {
  const uint64_t cls = tcb.has(tcp::kStale) ? 2 : tcb.has(tcp::kRemoteBackup | tcp::kLocalBackup) ? 1 : 0;
  return cls << 32 | (tcb.srtt != 0 ? tcb.srtt : UINT32_MAX);
}
uint64_t class_of(const Tcb& tcb) { return rank(tcb) >> 32; }

}  // namespace

Tcb* pick_subflow(Context& context, Connection& connection, uint32_t size, uint32_t except) {
  // Only the best class that has any subflow may send, full or not: a backup is not for overflow.
  uint64_t best_class = UINT64_MAX;
  for_each_subflow(context, connection, [&](const Tcb& tcb) {
    if (is_usable(tcb) && context.tcbs.index(tcb) != except) best_class = std::min(best_class, class_of(tcb));
  });
  Tcb* best = nullptr;
  for_each_subflow(context, connection, [&](Tcb& tcb) {
    if (!is_usable(tcb) || context.tcbs.index(tcb) == except || class_of(tcb) != best_class) return;
    const uint32_t wanted = std::min<uint32_t>(size, tcp::payload_per_segment(context, tcb));
    const bool busy = tcp::in_flight(tcb) != 0 || tcb.tx_unsent != nullptr;
    if (tcp::send_room(tcb) < wanted && busy) {
      tcb.set(tcp::kCwndLimited);
      return;
    }
    if (best == nullptr || rank(tcb) < rank(*best)) best = &tcb;
  });
  return best;
}

Tcb* best_subflow(Context& context, Connection& connection) {
  Tcb* best = nullptr;
  for_each_subflow(context, connection, [&](Tcb& tcb) {
    if (is_usable(tcb) && (best == nullptr || rank(tcb) < rank(*best))) best = &tcb;
  });
  return best;
}

}  // namespace tributary::mptcp
