#include "testbed/link/direction.h"

#include <algorithm>

namespace tributary::link {

void Direction::offer(TimePoint arrival, HeldFrame frame) {
  ++statistics_.offered_frames;
  statistics_.offered_bytes += frame.length;
  if (parameters_.down) return drop(frame, Drop::kDown);
  advance(arrival);
  if (parameters_.rate == 0 && queue_.empty()) return launch(arrival, frame);
  if (!has_room_for(frame.length)) return drop(frame, Drop::kQueue);
  queue_.push_back(frame);
  queue_bytes_ += frame.length;
  if (queue_.size() == 1) {
    start_service(std::max(arrival, front_finish_));
    advance(arrival);
  }
}

std::optional<HeldFrame> Direction::take_due(TimePoint now) {
  advance(now);
  if (flying_.empty() || flying_.top().due > now) return std::nullopt;
  HeldFrame frame = flying_.top().frame;
  flying_.pop();
  ++statistics_.frames;
  statistics_.bytes += frame.length;
  return frame;
}

std::optional<TimePoint> Direction::next_deadline() const {
  std::optional<TimePoint> next;
  // The end of service itself can be made up for later; what must not be late is the arrival that follows it.
  if (!queue_.empty()) next = front_finish_ + parameters_.delay;
  if (!flying_.empty()) next = next ? std::min(*next, flying_.top().due) : flying_.top().due;
  return next;
}

void Direction::set_parameters(TimePoint now, const Parameters& parameters) {
  advance(now);
  parameters_ = parameters;
  if (!parameters_.down) return;
  for (HeldFrame frame : queue_) drop(frame, Drop::kDown);
  queue_.clear();
  queue_bytes_ = 0;
  for (; !flying_.empty(); flying_.pop()) drop(flying_.top().frame, Drop::kDown);
}

void Direction::drop(HeldFrame frame, Drop reason) {
  statistics_.count_drop(reason);
  pool_.release(frame.index);
}

bool Direction::draw(double share) {
  // No draw for an impairment that is off, so that turning one on does not change the fates the others deal.
  if (share <= 0) return false;
  return static_cast<double>(random_() >> 11) * 0x1p-53 < share;
}

bool Direction::has_room_for(std::uint32_t length) const {
  if (parameters_.queue_frames != 0 && queue_.size() >= parameters_.queue_frames) return false;
  // An empty queue takes any frame: a limit below one frame would otherwise be a dead link.
  if (parameters_.queue_bytes == 0 || queue_.empty()) return true;
  return queue_bytes_ + length <= parameters_.queue_bytes;
}

Nanos Direction::time_on_line(std::uint32_t length) const {
  if (parameters_.rate == 0) return Nanos{0};
  return Nanos{(length + parameters_.overhead) * 8 * 1'000'000'000 / parameters_.rate};
}

void Direction::start_service(TimePoint start) {
  front_finish_ = start + time_on_line(queue_.front().length);
}

void Direction::advance(TimePoint now) {
  while (!queue_.empty() && front_finish_ <= now) {
    HeldFrame frame = queue_.front();
    queue_.pop_front();
    queue_bytes_ -= frame.length;
    TimePoint departure = front_finish_;
    if (!queue_.empty()) start_service(departure);
    launch(departure, frame);
  }
}

void Direction::launch(TimePoint departure, HeldFrame frame) {
  if (draw(parameters_.loss)) return drop(frame, Drop::kLoss);
  TimePoint due = std::max(departure + parameters_.delay, last_due_);
  if (draw(parameters_.duplicate)) {
    ++statistics_.duplicated;
    pool_.add_reference(frame.index);
    flying_.push({due, order_++, frame});
  }
  if (draw(parameters_.reorder)) {
    ++statistics_.reordered;
    flying_.push({due + parameters_.reorder_delay, order_++, frame});
    return;
  }
  last_due_ = due;
  flying_.push({due, order_++, frame});
}

}  // namespace tributary::link
