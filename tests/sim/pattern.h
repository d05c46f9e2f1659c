// Payload that follows from a seed and its offset in the stream: any wrong, missing or doubled byte is found
// without keeping what was sent.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace tributary::sim {

class Pattern {
 public:
  explicit Pattern(uint64_t seed) : seed_(seed) {}

  void fill(uint64_t offset, std::span<uint8_t> out) const {
    uint64_t word = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      if (i == 0 || (offset + i) % 8 == 0) word = word_at((offset + i) / 8);
      out[i] = static_cast<uint8_t>(word >> (offset + i) % 8 * 8);
    }
  }
  /// Where the first byte differs, or empty.
  std::optional<size_t> find_difference(uint64_t offset, std::span<const uint8_t> bytes) const {
    uint64_t word = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (i == 0 || (offset + i) % 8 == 0) word = word_at((offset + i) / 8);
      if (bytes[i] != static_cast<uint8_t>(word >> (offset + i) % 8 * 8)) return i;
    }
    return {};
  }

 private:
  uint64_t word_at(uint64_t index) const {
    uint64_t z = seed_ + (index + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t seed_;
};

}  // namespace tributary::sim
