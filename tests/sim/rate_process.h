// The rate of a radio link: it changes every few milliseconds by a random walk between two bounds, from a
// seed. What has been granted until any moment is known, so a link can say when a frame has left and a test
// what a perfect sender could have used.
#pragma once

#include <cstdint>
#include <vector>

#include "stack/base/units.h"
#include "tests/sim/prng.h"

namespace tributary::sim {

class RateProcess {
 public:
  struct Shape {
    uint64_t lowest = 0;   ///< bits a second
    uint64_t highest = 0;  ///< bits a second
    Micros step = Micros::milliseconds(20);
    double change = 0.25;  ///< a step multiplies the rate by up to e to this power, or divides it
  };
  RateProcess(Prng prng, const Shape& shape, Micros start);

  /// When `bytes` have left that begin at `from` (both in nanoseconds of the loop's clock).
  int64_t finish(int64_t from_ns, uint64_t bytes);
  /// Bytes granted from `from` to `to`.
  double granted(int64_t from_ns, int64_t to_ns) { return until(to_ns) - until(from_ns); }

 private:
  struct Step {
    double before;  ///< bytes granted before it
    double rate;    ///< bytes a nanosecond
  };
  const Step& step_at(size_t index);
  size_t index_of(int64_t ns) const;
  double until(int64_t ns);

  Prng prng_;
  Shape shape_;
  int64_t start_ns_;
  int64_t step_ns_;
  std::vector<Step> steps_;
};

}  // namespace tributary::sim
