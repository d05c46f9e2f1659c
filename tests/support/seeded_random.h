// A reproducible RandomSource for tests (splitmix64). Print the seed when a test fails.
#pragma once

#include <cstdint>
#include <span>

#include "stack/base/random.h"

namespace tributary::test {

class SeededRandom : public RandomSource {
 public:
  explicit SeededRandom(uint64_t seed = 1) : state_(seed) {}

  void fill(std::span<uint8_t> out) override {
    uint64_t word = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      if (i % 8 == 0) word = next();
      out[i] = static_cast<uint8_t>(word >> (i % 8 * 8));
    }
  }

  /// Uniform enough in [0, bound); 0 for bound 0.
  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : next() % bound; }

 private:
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t state_;
};

}  // namespace tributary::test
