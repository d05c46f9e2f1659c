// A frame on the wire: plain bytes. Buffers never cross a link, so zero-copy sharing cannot leak between
// hosts.
#pragma once

#include <cstdint>
#include <vector>

namespace tributary::sim {

using Frame = std::vector<uint8_t>;

/// Which way along a path. A is the end named first (the client's, where there is one).
enum class Direction : uint8_t { kForward, kBackward };
enum class Side : uint8_t { kA, kB };

constexpr Direction direction_from(Side side) {
  return side == Side::kA ? Direction::kForward : Direction::kBackward;
}
constexpr Direction reverse(Direction d) {
  return d == Direction::kForward ? Direction::kBackward : Direction::kForward;
}
constexpr Side other(Side side) {
  return side == Side::kA ? Side::kB : Side::kA;
}

/// Where frames arrive: a host's port, or a test.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void take_frame(Frame frame) = 0;
};

}  // namespace tributary::sim
