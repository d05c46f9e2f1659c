#include "tests/sim/event_loop.h"

#include <algorithm>
#include <utility>

namespace tributary::sim {

void EventLoop::at(Micros when, Action action) {
  queue_.push({std::max(when, now_), made_++, std::move(action)});
}

bool EventLoop::step(Micros limit) {
  if (queue_.empty() || queue_.top().when > limit) return false;
  now_ = queue_.top().when;
  // top() is const because moving could break the heap; the element is popped before anything compares it.
  Action action = std::move(const_cast<Event&>(queue_.top()).action);
  queue_.pop();
  ++events_;
  action();
  return true;
}

bool EventLoop::run_until(const std::function<bool()>& done, Micros limit) {
  while (!done())
    if (!step(limit)) return done();
  return true;
}

void EventLoop::run_for(Micros duration) {
  const Micros limit = now_ + duration;
  while (step(limit)) {
  }
  now_ = limit;
}

}  // namespace tributary::sim
