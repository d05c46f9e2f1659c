// A seeded source of randomness, so that every run of a benchmark sees the same keys, ports and hashes.
#pragma once

#include <random>

#include "stack/base/random.h"

namespace tributary::bench {

class SeededRandom : public RandomSource {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  void fill(std::span<uint8_t> out) override {
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace tributary::bench
