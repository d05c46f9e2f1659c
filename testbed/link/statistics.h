// What a direction counts, and how it is written as JSON.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tributary::link {

/// Why a frame did not reach the other side.
enum class Drop : std::uint8_t {
  kQueue,     ///< the queue was at its limit (tail drop)
  kLoss,      ///< random loss
  kDown,      ///< the link was down
  kFilter,    ///< its destination is one of those to swallow
  kPool,      ///< the emulator had no buffer left
  kOversize,  ///< longer than the emulator's frame size (an offload left on?)
  kReceive,   ///< the receiving socket overflowed before the emulator read it
  kTransmit,  ///< the sending socket did not take it
};
inline constexpr std::size_t kDropReasons = 8;
std::string_view name_of(Drop reason);

struct Statistics {
  std::uint64_t offered_frames = 0;
  std::uint64_t offered_bytes = 0;
  std::uint64_t frames = 0;  ///< delivered
  std::uint64_t bytes = 0;   ///< delivered, Ethernet header included, frame check sequence not
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t checksum_unfinished = 0;  ///< arrived with a checksum the sender left to its NIC: turn tx off
  std::array<std::uint64_t, kDropReasons> drops{};

  void count_drop(Drop reason, std::uint64_t frames_lost = 1) {
    drops[static_cast<std::size_t>(reason)] += frames_lost;
  }
  std::uint64_t drops_for(Drop reason) const { return drops[static_cast<std::size_t>(reason)]; }
};

/// What is in a direction now.
struct Occupancy {
  std::uint64_t queue_frames = 0;
  std::uint64_t queue_bytes = 0;
  std::uint64_t in_flight = 0;  ///< frames past the queue whose delay is running
};

/// One JSON object, no line break.
std::string to_json(const Statistics& statistics, const Occupancy& occupancy);

}  // namespace tributary::link
