// A raw packet socket on one interface: whole Ethernet frames in and out in batches, VLAN tags where they
// were.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "testbed/link/direction.h"
#include "testbed/link/frame_pool.h"

namespace tributary::link {

struct Received {
  HeldFrame frame;
  TimePoint time;  ///< when the kernel got it, on the clock of `read_clock`
};

/// CLOCK_MONOTONIC.
TimePoint read_clock();

class PacketSocket {
 public:
  static constexpr std::size_t kBatch = 64;

  /// Opens interface `name` in promiscuous mode, for frames that arrive on it (not those sent from it).
  /// Throws std::system_error with the step that failed.
  explicit PacketSocket(const std::string& name);
  ~PacketSocket();
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;

  int descriptor() const { return descriptor_; }

  /// Up to kBatch frames into buffers of `pool`, whose references pass to the caller. Frames that are too
  /// long or find no buffer are counted in `statistics` and discarded. Returns false when the socket had no
  /// more to read.
  bool receive(FramePool& pool, Statistics& statistics, std::array<Received, kBatch>& frames, std::size_t& count);

  /// Sends `frames` in order; what the interface does not take becomes a drop in `statistics`. References
  /// stay with the caller.
  void send(FramePool& pool, Statistics& statistics, std::span<const HeldFrame> frames);

  /// Adds what the kernel dropped before we read it to `statistics`.
  void collect_kernel_drops(Statistics& statistics);

 private:
  int descriptor_ = -1;
  TimePoint last_arrival_{0};
};

}  // namespace tributary::link
