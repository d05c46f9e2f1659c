// One direction of an emulated link, in virtual time: a queue drained at the line rate, then a delay.
//
//   offer ──► [tail drop] ──► queue ──(rate)──► loss? duplicate? ──(delay, reorder)──► take_due
//
// It holds indices of frames, not frames, reads no clock and touches no socket. Frames are offered in the order they
// arrived, with the time they did, which may have been before the last `take_due`: then the line, if it was free, has
// been busy with them since. A frame's finish on the line is reckoned from the finish of the one before it, not from
// when the caller looked, so waking late delays frames but never costs capacity.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <queue>
#include <random>
#include <vector>

#include "testbed/link/frame_pool.h"
#include "testbed/link/parameters.h"
#include "testbed/link/statistics.h"

namespace tributary::link {

struct HeldFrame {
  FrameIndex index;
  std::uint32_t length;      ///< bytes, Ethernet header included
  std::uint32_t offset = 0;  ///< where in its buffer the frame begins
};

class Direction {
 public:
  /// `pool` owns the buffers and outlives the direction. The same seed and the same calls give the same
  /// fates.
  Direction(FramePool& pool, std::uint64_t seed) : pool_(pool), random_(seed) {}

  /// Takes over one reference to `frame`; a frame not accepted is released and counted.
  void offer(TimePoint arrival, HeldFrame frame);

  /// The next frame whose time has come, whose reference passes to the caller; nothing when none is due.
  std::optional<HeldFrame> take_due(TimePoint now);

  /// When something happens next without a new frame; nothing when the direction is empty.
  std::optional<TimePoint> next_deadline() const;

  const Parameters& parameters() const { return parameters_; }
  /// Applies from the next frame on; one in service keeps the rate it started with. Going down empties the
  /// link.
  void set_parameters(TimePoint now, const Parameters& parameters);

  Statistics& statistics() { return statistics_; }
  const Statistics& statistics() const { return statistics_; }
  Occupancy occupancy() const { return {queue_.size(), queue_bytes_, flying_.size()}; }

 private:
  struct Flying {
    TimePoint due;
    std::uint64_t order;  // among equal times: first in, first out
    HeldFrame frame;
    bool operator>(const Flying& other) const { return due != other.due ? due > other.due : order > other.order; }
  };

  void drop(HeldFrame frame, Drop reason);
  bool draw(double share);
  bool has_room_for(std::uint32_t length) const;
  Nanos time_on_line(std::uint32_t length) const;
  void start_service(TimePoint start);
  void advance(TimePoint now);
  void launch(TimePoint departure, HeldFrame frame);

  FramePool& pool_;
  std::mt19937_64 random_;
  Parameters parameters_;
  Statistics statistics_;
  std::deque<HeldFrame> queue_;  // the front one is in service until front_finish_
  std::uint64_t queue_bytes_ = 0;
  TimePoint front_finish_{0};  // or when the line fell idle
  TimePoint last_due_{0};      // only reordering reorders: a shortened delay must not
  std::uint64_t order_ = 0;
  std::priority_queue<Flying, std::vector<Flying>, std::greater<>> flying_;
};

}  // namespace tributary::link
