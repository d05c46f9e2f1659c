// A path: two links back to back between two sinks, with middleboxes at its B end.
//
//   A --forward link--> [middlebox 0] [middlebox 1] ... --> B
//   A <-backward link-- [middlebox 0] [middlebox 1] ... <-- B
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/link.h"
#include "tests/sim/middlebox.h"

namespace tributary::sim {

struct PathParameters {
  LinkParameters forward;
  LinkParameters backward;
  static PathParameters symmetric(const LinkParameters& both) { return {both, both}; }
};

class Path {
 public:
  Path(EventLoop& loop, Prng& prng, const PathParameters& parameters);
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  void attach(Side side, FrameSink& sink) { sinks_[static_cast<size_t>(side)] = &sink; }
  void send(Side from, Frame frame);

  /// Adds a middlebox on the A side of those there. Do it before traffic flows.
  template <typename Box, typename... Args>
  Box& add_middlebox(Args&&... args) {
    auto box = std::make_unique<Box>(std::forward<Args>(args)...);
    Box& added = *box;
    insert(std::move(box));
    return added;
  }

  Link& link(Direction d) { return d == Direction::kForward ? forward_ : backward_; }
  void set_up(bool up);
  /// Parameters and counts of both directions, for a failure.
  std::string describe() const;
  /// Both directions are down from `from` on for `duration` (both counted from now); never() means for good.
  void plan_outage(Micros from, Micros duration);

 private:
  void insert(std::unique_ptr<Middlebox> box);
  void leave_box(size_t position, Direction direction, Frame frame);

  EventLoop& loop_;
  Link forward_;
  Link backward_;
  FrameSink* sinks_[2] = {nullptr, nullptr};
  std::vector<std::unique_ptr<Middlebox>> boxes_;  // from B towards A
};

}  // namespace tributary::sim
