// Payload that follows from a seed and its offset in the stream: any wrong, missing or doubled byte is found
// without keeping what was sent.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace tributary::sim {

class Pattern {
 public:
  explicit Pattern(uint64_t seed) : seed_(seed) {}

  void fill(uint64_t offset, std::span<uint8_t> out) const {
    for_each_word(offset, out.size(), [&](size_t i, uint64_t word, size_t size) {
      store(out.data() + i, word, size);
      return true;
    });
  }
  /// Where the first byte differs, or empty.
  std::optional<size_t> find_difference(uint64_t offset, std::span<const uint8_t> bytes) const {
    std::optional<size_t> found;
    for_each_word(offset, bytes.size(), [&](size_t i, uint64_t word, size_t size) {
      uint8_t wanted[sizeof word];
      store(wanted, word, size);
      const auto* at = bytes.data() + i;
      if (std::memcmp(wanted, at, size) != 0)
        found = i + static_cast<size_t>(std::mismatch(wanted, wanted + size, at).first - wanted);
      return !found;
    });
    return found;
  }

 private:
  /// Calls `f(index, word, size)` for pieces of up to 8 bytes, the lowest byte of `word` first, until it says
  /// no.
  template <typename F>
  void for_each_word(uint64_t offset, size_t bytes, F&& f) const {
    for (size_t i = 0; i < bytes;) {
      const size_t skipped = (offset + i) % 8;
      const size_t size = std::min(8 - skipped, bytes - i);
      if (!f(i, word_at((offset + i) / 8) >> skipped * 8, size)) return;
      i += size;
    }
  }
  static void store(uint8_t* to, uint64_t word, size_t size) {
    if constexpr (std::endian::native == std::endian::little) {
      if (size == sizeof word) {  // worth it: nearly all of them, and every byte of a simulation comes by here
        std::memcpy(to, &word, sizeof word);
        return;
      }
    }
    for (size_t i = 0; i < size; ++i) to[i] = static_cast<uint8_t>(word >> i * 8);
  }
  uint64_t word_at(uint64_t index) const {
    uint64_t z = seed_ + (index + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t seed_;
};

}  // namespace tributary::sim
