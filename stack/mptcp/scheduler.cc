#include "stack/mptcp/scheduler.h"

#include <algorithm>

#include "stack/mptcp/subflow.h"
#include "stack/tcp/output.h"

namespace tributary::mptcp {
namespace {

using tcp::Tcb;

enum class Class : uint8_t { kActive, kBackup, kStale, kNone };

Class class_of(const Tcb& tcb) {
  if (tcb.has(tcp::kStale)) return Class::kStale;
  return tcb.has(tcp::kRemoteBackup | tcp::kLocalBackup) ? Class::kBackup : Class::kActive;
}

/// How long a segment given to this subflow now will take, about: its round trip, and as much again when the window is
/// full. A path with nothing in flight has drained its queue: what its last round trips took says nothing any more.
uint64_t delay(const Tcb& tcb) {
  const uint64_t flight = tcp::in_flight(tcb);
  const uint64_t rtt = flight == 0 ? tcb.min_rtt : tcb.srtt;
  if (rtt == 0) return UINT64_MAX;
  return rtt + rtt * flight / std::max<uint32_t>(tcb.cc.cwnd, 1);
}

bool is_better(const Tcb& a, const Tcb& b) {
  return class_of(a) != class_of(b) ? class_of(a) < class_of(b) : delay(a) < delay(b);
}

}  // namespace

Tcb* pick_subflow(Context& context, Connection& connection, uint32_t size, uint32_t except) {
  // Only the best class that has any subflow may send, full or not: a backup is not for overflow.
  Class best_class = Class::kNone;
  for_each_subflow(context, connection, [&](const Tcb& tcb) {
    if (is_usable(tcb) && context.tcbs.index(tcb) != except) best_class = std::min(best_class, class_of(tcb));
  });
  Tcb* best = nullptr;
  for_each_subflow(context, connection, [&](Tcb& tcb) {
    if (!is_usable(tcb) || context.tcbs.index(tcb) == except || class_of(tcb) != best_class) return;
    const uint32_t wanted = std::min<uint32_t>(size, tcp::payload_per_segment(context, tcb));
    const bool busy = tcp::in_flight(tcb) != 0 || tcb.tx_unsent() != nullptr;
    if (tcp::send_room(context, tcb) < wanted && busy) return;
    if (best == nullptr || delay(tcb) < delay(*best)) best = &tcb;
  });
  return best;
}

Tcb* best_subflow(Context& context, Connection& connection) {
  Tcb* best = nullptr;
  for_each_subflow(context, connection, [&](Tcb& tcb) {
    if (is_usable(tcb) && (best == nullptr || is_better(tcb, *best))) best = &tcb;
  });
  return best;
}

}  // namespace tributary::mptcp
