// What one direction of an emulated link does to frames. Plain data: commands write it, Direction reads it.
// The defaults are a wire: no delay, no limit, nothing lost, nothing altered.
#pragma once

#include <chrono>
#include <cstdint>

namespace tributary::link {

using Nanos = std::chrono::nanoseconds;

/// A time on the emulator's clock. The model never reads a clock: every call is told the time.
using TimePoint = Nanos;

struct Parameters {
  Nanos delay{0};                     ///< one way, added after the last bit has left the queue
  std::uint64_t rate = 0;             ///< bits per second; 0 is unlimited
  std::uint64_t overhead = 0;         ///< bytes added to each frame when its time on the line is reckoned
  std::uint64_t queue_bytes = 0;      ///< waiting and in service; 0 is no limit in bytes
  std::uint64_t queue_frames = 1000;  ///< waiting and in service; 0 is no limit in frames
  double loss = 0;                    ///< share of frames lost after they took their time on the line
  double duplicate = 0;               ///< share of frames that arrive twice
  double reorder = 0;                 ///< share of frames held back by reorder_delay, so that later ones overtake them
  Nanos reorder_delay{std::chrono::milliseconds(2)};
  bool down = false;  ///< everything is swallowed, also what is under way; the carrier stays up
};

}  // namespace tributary::link
