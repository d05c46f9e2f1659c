#include "tests/sim/rate_process.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tributary::sim {
namespace {
constexpr int64_t kNanosPerMicro = 1000;
constexpr double kBitsPerByte = 8;
constexpr double kNanosPerSecond = 1e9;

double bytes_per_nano(uint64_t bits_per_second) {
  return static_cast<double>(bits_per_second) / kBitsPerByte / kNanosPerSecond;
}
}  // namespace

RateProcess::RateProcess(Prng prng, const Shape& shape, Micros start)
    : prng_(std::move(prng)),
      shape_(shape),
      start_ns_(start.count() * kNanosPerMicro),
      step_ns_(shape.step.count() * kNanosPerMicro) {
  const double middle = std::sqrt(bytes_per_nano(shape.lowest) * bytes_per_nano(shape.highest));
  steps_.push_back({0, middle});
}

const RateProcess::Step& RateProcess::step_at(size_t index) {
  const double lowest = bytes_per_nano(shape_.lowest), highest = bytes_per_nano(shape_.highest);
  while (steps_.size() <= index) {
    const Step& last = steps_.back();
    double rate = last.rate * std::exp(prng_.real(-shape_.change, shape_.change));
    // Reflected at the bounds, or the walk would stick to them.
    if (rate > highest) rate = highest * highest / rate;
    if (rate < lowest) rate = lowest * lowest / rate;
    steps_.push_back({last.before + last.rate * static_cast<double>(step_ns_), rate});
  }
  return steps_[index];
}

size_t RateProcess::index_of(int64_t ns) const {
  return static_cast<size_t>(std::max<int64_t>(ns - start_ns_, 0) / step_ns_);
}

double RateProcess::until(int64_t ns) {
  const size_t index = index_of(ns);
  const int64_t begin = start_ns_ + static_cast<int64_t>(index) * step_ns_;
  const Step& step = step_at(index);
  return step.before + step.rate * static_cast<double>(std::max<int64_t>(ns - begin, 0));
}

int64_t RateProcess::finish(int64_t from_ns, uint64_t bytes) {
  const double target = until(from_ns) + static_cast<double>(bytes);
  size_t index = index_of(from_ns);
  while (step_at(index + 1).before < target) ++index;
  const Step& step = step_at(index);
  const int64_t begin = start_ns_ + static_cast<int64_t>(index) * step_ns_;
  return begin + static_cast<int64_t>((target - step.before) / step.rate);
}

}  // namespace tributary::sim
