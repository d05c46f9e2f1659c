// Quantities with a unit in their type. Time is always an argument: nothing in stack/ reads a clock.
#pragma once

#include <cstdint>

namespace tributary {

/// A duration or a point on the caller's monotonic clock, in microseconds.
class Micros {
 public:
  constexpr Micros() = default;
  constexpr explicit Micros(int64_t count) : count_(count) {}

  static constexpr Micros never() { return Micros(INT64_MAX); }
  static constexpr Micros milliseconds(int64_t n) { return Micros(n * 1000); }
  static constexpr Micros seconds(int64_t n) { return Micros(n * 1'000'000); }

  constexpr int64_t count() const { return count_; }
  constexpr int64_t in_milliseconds() const { return count_ / 1000; }

  constexpr Micros operator+(Micros o) const { return Micros(count_ + o.count_); }
  constexpr Micros operator-(Micros o) const { return Micros(count_ - o.count_); }
  constexpr Micros operator*(int64_t n) const { return Micros(count_ * n); }
  constexpr Micros operator/(int64_t n) const { return Micros(count_ / n); }
  constexpr Micros& operator+=(Micros o) {
    count_ += o.count_;
    return *this;
  }
  constexpr auto operator<=>(const Micros&) const = default;

 private:
  int64_t count_ = 0;
};

/// A rate. Zero means "unknown".
class BytesPerSecond {
 public:
  constexpr BytesPerSecond() = default;
  constexpr explicit BytesPerSecond(uint64_t value) : value_(value) {}
  constexpr uint64_t value() const { return value_; }
  constexpr auto operator<=>(const BytesPerSecond&) const = default;

 private:
  uint64_t value_ = 0;
};

}  // namespace tributary
