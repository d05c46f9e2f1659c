// The only source of chance in a simulated world: one seed gives the same run, byte for byte.
#pragma once

#include <cmath>
#include <cstdint>

#include "tests/support/seeded_random.h"

namespace tributary::sim {

class Prng : public test::SeededRandom {
 public:
  using SeededRandom::SeededRandom;

  /// Uniform in [low, high].
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  /// True with probability `p`. Draws nothing for 0 and 1, so that turning a fault off does not shift others.
  bool chance(double p) { return p >= 1.0 || (p > 0.0 && unit() < p); }
  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(u64() >> 11) * 0x1.0p-53; }
  double real(double low, double high) { return low + (high - low) * unit(); }
  /// As many draws of each magnitude between `low` and `high`: transfer sizes, delays.
  uint64_t magnitude(uint64_t low, uint64_t high) {
    return static_cast<uint64_t>(
        std::exp(real(std::log(static_cast<double>(low)), std::log(static_cast<double>(high) + 0.5))));
  }
  /// A generator of its own for one part of the world, so that its draws do not depend on the others'.
  Prng fork() { return Prng(u64()); }
};

}  // namespace tributary::sim
