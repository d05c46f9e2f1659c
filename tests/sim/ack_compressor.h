// ACK compression: what goes back is held and let go all at once at fixed times, as uplinks with granted
// slots (cable, Wi-Fi, mobile) do. The sender sees bursts of ACKs with silence between them.
#pragma once

#include <utility>
#include <vector>

#include "tests/sim/middlebox.h"

namespace tributary::sim {

class AckCompressor : public Middlebox {
 public:
  /// Frames of `direction` leave at multiples of `slot`.
  AckCompressor(Direction direction, Micros slot) : direction_(direction), slot_(slot) {}

  void handle(Direction direction, Frame frame) override {
    if (direction != direction_) return pass(direction, std::move(frame));
    held_.push_back(std::move(frame));
    if (held_.size() > 1) return;
    const int64_t next = (loop_->now().count() / slot_.count() + 1) * slot_.count();
    loop_->at(Micros(next), [this] {
      ++changed_;
      for (Frame& f : std::exchange(held_, {})) pass(direction_, std::move(f));
    });
  }

 private:
  void on_segment(Direction direction, Segment segment) override { pass(direction, segment); }

  Direction direction_;
  Micros slot_;
  std::vector<Frame> held_;
};

}  // namespace tributary::sim
