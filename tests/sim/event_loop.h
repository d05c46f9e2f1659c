// Discrete events in virtual time. Events of the same microsecond run in the order they were made, so a run
// depends on the seed alone.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "stack/base/units.h"

namespace tributary::sim {

class EventLoop {
 public:
  using Action = std::function<void()>;

  explicit EventLoop(Micros start = Micros::seconds(1000)) : now_(start) {}

  Micros now() const { return now_; }
  /// Runs `action` at `when`, or next if that has passed. Events cannot be taken back: an action looks
  /// whether it is still wanted.
  void at(Micros when, Action action);
  void after(Micros delay, Action action) { at(now_ + delay, std::move(action)); }

  /// Runs until `done` holds (true) or until nothing is left to do before `limit` (false).
  bool run_until(const std::function<bool()>& done, Micros limit);
  /// Runs what is due within `duration` and leaves the clock at its end.
  void run_for(Micros duration);

  uint64_t events() const { return events_; }
  bool empty() const { return queue_.empty(); }

 private:
  struct Event {
    Micros when;
    uint64_t order;
    Action action;
    bool operator<(const Event& o) const { return when != o.when ? when > o.when : order > o.order; }
  };
  bool step(Micros limit);

  Micros now_;
  uint64_t made_ = 0;
  uint64_t events_ = 0;
  std::priority_queue<Event> queue_;
};

}  // namespace tributary::sim
