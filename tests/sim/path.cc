#include "tests/sim/path.h"

#include <utility>

namespace tributary::sim {

Path::Path(EventLoop& loop, Prng& prng, const PathParameters& parameters)
    : loop_(loop),
      forward_(loop, prng.fork(), parameters.forward,
               [this](Frame frame) { leave_box(boxes_.size(), Direction::kForward, std::move(frame)); }),
      backward_(loop, prng.fork(), parameters.backward,
                [this](Frame frame) { sinks_[static_cast<size_t>(Side::kA)]->take_frame(std::move(frame)); }) {}

void Path::send(Side from, Frame frame) {
  if (from == Side::kA) return forward_.send(std::move(frame));
  if (boxes_.empty()) return backward_.send(std::move(frame));
  boxes_.front()->handle(Direction::kBackward, std::move(frame));
}

void Path::insert(std::unique_ptr<Middlebox> box) {
  const size_t position = boxes_.size();
  box->connect(loop_, [this, position](Direction d, Frame frame) { leave_box(position, d, std::move(frame)); });
  boxes_.push_back(std::move(box));
}

// A frame leaves the box at `position` (or, forward, enters the chain from the link).
void Path::leave_box(size_t position, Direction direction, Frame frame) {
  if (direction == Direction::kForward) {
    if (position > 0) return boxes_[position - 1]->handle(direction, std::move(frame));
    return sinks_[static_cast<size_t>(Side::kB)]->take_frame(std::move(frame));
  }
  if (position + 1 < boxes_.size()) return boxes_[position + 1]->handle(direction, std::move(frame));
  backward_.send(std::move(frame));
}

void Path::set_up(bool up) {
  forward_.set_up(up);
  backward_.set_up(up);
}

std::string Path::describe() const {
  std::string text;
  for (const Link* link : {&forward_, &backward_}) {
    const LinkParameters& p = link->parameters();
    const LinkStatistics& s = link->statistics();
    text += link == &forward_ ? "-> " : "; <- ";
    text += std::to_string(p.bits_per_second / 1000) + " kbit/s " + std::to_string(p.delay.count()) + " us queue " +
            std::to_string(p.queue_bytes) + " loss " + std::to_string(p.loss) + " burst " + std::to_string(p.burst) +
            "/" + std::to_string(p.burst_length.count()) + " us" + " reorder " + std::to_string(p.reorder) + "/" +
            std::to_string(p.reorder_delay.count()) + " us duplicate " + std::to_string(p.duplicate) + " corrupt " +
            std::to_string(p.corrupt) + (p.up ? "" : " down") + ": offered " + std::to_string(s.offered) +
            " delivered " + std::to_string(s.delivered) + " lost " + std::to_string(s.lost) + " queue " +
            std::to_string(s.queue_drops) + " down " + std::to_string(s.down_drops);
  }
  return text + "; " + std::to_string(boxes_.size()) + " middleboxes";
}

void Path::plan_outage(Micros from, Micros duration) {
  loop_.after(from, [this] { set_up(false); });
  if (duration != Micros::never()) loop_.after(from + duration, [this] { set_up(true); });
}

}  // namespace tributary::sim
