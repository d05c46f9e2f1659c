// A link: two directions and the filter both share. "forward" is from the left interface to the right one.
#pragma once

#include <cstdint>
#include <string>

#include "testbed/link/direction.h"
#include "testbed/link/frame_filter.h"

namespace tributary::link {

struct Link {
  /// `pool` outlives the link. The directions draw from different sequences of the same seed.
  Link(FramePool& frames, std::uint64_t seed)
      : pool(frames), forward(frames, seed), backward(frames, seed ^ 0x9e3779b97f4a7c15u) {}

  FramePool& pool;
  Direction forward;
  Direction backward;
  FrameFilter filter;
};

/// Puts a frame that arrived into `direction`, which is one of the link's own, unless the filter swallows it.
void offer(Link& link, Direction& direction, TimePoint arrival, HeldFrame frame);

/// When the link has something to do without a new frame; nothing when it is empty.
std::optional<TimePoint> next_deadline(const Link& link);

/// One JSON line: the time in seconds since `start` and both directions.
std::string describe(const Link& link, TimePoint since_start);

}  // namespace tributary::link
