// The buffers of the emulator: a fixed number of frames of one size, named by index, counted by reference
// because a duplicated frame is one buffer delivered twice.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tributary::link {

using FrameIndex = std::uint32_t;

class FramePool {
 public:
  /// Room for `frames` frames of at most `frame_bytes` each. Pages are touched only when first used.
  FramePool(std::uint32_t frames, std::size_t frame_bytes)
      : frame_bytes_(frame_bytes), bytes_(new std::uint8_t[frames * frame_bytes]), references_(frames, 0) {
    free_.reserve(frames);
    // The lowest index is handed out first, so that a quiet link stays in few pages.
    for (std::uint32_t i = frames; i > 0; --i) free_.push_back(i - 1);
  }
  ~FramePool() { delete[] bytes_; }
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  /// One buffer with one reference, or nothing when all are in use.
  std::optional<FrameIndex> take() {
    if (free_.empty()) return std::nullopt;
    FrameIndex frame = free_.back();
    free_.pop_back();
    references_[frame] = 1;
    return frame;
  }

  void add_reference(FrameIndex frame) {
    assert(references_[frame] > 0 && references_[frame] < UINT8_MAX);
    ++references_[frame];
  }

  /// Gives one reference back; the buffer is free with the last.
  void release(FrameIndex frame) {
    assert(references_[frame] > 0);
    if (--references_[frame] == 0) free_.push_back(frame);
  }

  std::span<std::uint8_t> bytes(FrameIndex frame) { return {bytes_ + frame * frame_bytes_, frame_bytes_}; }
  std::size_t count_free() const { return free_.size(); }
  std::size_t frame_bytes() const { return frame_bytes_; }

 private:
  std::size_t frame_bytes_;
  std::uint8_t* bytes_;  // not a vector: a vector would write every page at start
  std::vector<std::uint8_t> references_;
  std::vector<FrameIndex> free_;
};

}  // namespace tributary::link
