#include "testbed/link/link.h"

#include <algorithm>
#include <cstdio>

namespace tributary::link {

void offer(Link& link, Direction& direction, TimePoint arrival, HeldFrame frame) {
  if (!link.filter.swallows(link.pool.bytes(frame.index).subspan(frame.offset, frame.length))) {
    return direction.offer(arrival, frame);
  }
  Statistics& statistics = direction.statistics();
  ++statistics.offered_frames;
  statistics.offered_bytes += frame.length;
  statistics.count_drop(Drop::kFilter);
  link.pool.release(frame.index);
}

std::optional<TimePoint> next_deadline(const Link& link) {
  auto forward = link.forward.next_deadline(), backward = link.backward.next_deadline();
  if (forward && backward) return std::min(*forward, *backward);
  return forward ? forward : backward;
}

std::string describe(const Link& link, TimePoint since_start) {
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%.6f", std::chrono::duration<double>(since_start).count());
  return std::string("{\"time\":") + seconds +
         ",\"forward\":" + to_json(link.forward.statistics(), link.forward.occupancy()) +
         ",\"backward\":" + to_json(link.backward.statistics(), link.backward.occupancy()) + "}\n";
}

}  // namespace tributary::link
