// A policer: frames of one direction beyond a token bucket are dropped at once, without any queue, as access
// networks enforce a contract.
#pragma once

#include <algorithm>

#include "tests/sim/middlebox.h"

namespace tributary::sim {

class Policer : public Middlebox {
 public:
  /// `burst` bytes may pass at once.
  Policer(Direction direction, uint64_t bits_per_second, uint32_t burst)
      : direction_(direction), bytes_per_micro_(static_cast<double>(bits_per_second) / 8e6), burst_(burst) {}

  void handle(Direction direction, Frame frame) override {
    if (direction == direction_ && !take(static_cast<double>(frame.size()))) return;
    pass(direction, std::move(frame));
  }
  uint64_t dropped() const { return dropped_; }

 private:
  void on_segment(Direction direction, Segment segment) override { pass(direction, segment); }
  bool take(double bytes) {
    if (filled_ == Micros::never())
      tokens_ = burst_;
    else
      tokens_ += bytes_per_micro_ * static_cast<double>((loop_->now() - filled_).count());
    filled_ = loop_->now();
    tokens_ = std::min(tokens_, burst_);
    if (tokens_ < bytes) return ++dropped_, false;
    tokens_ -= bytes;
    return true;
  }

  Direction direction_;
  double bytes_per_micro_;
  double burst_;
  double tokens_ = 0;
  Micros filled_ = Micros::never();
  uint64_t dropped_ = 0;
};

}  // namespace tributary::sim
