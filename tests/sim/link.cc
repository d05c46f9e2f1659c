#include "tests/sim/link.h"

#include <algorithm>
#include <utility>

#include "stack/wire/ethernet.h"

namespace tributary::sim {
namespace {
constexpr int64_t kNanosPerMicro = 1000;
constexpr double kNanosPerSecond = 1e9;
constexpr double kBitsPerByte = 8;
}  // namespace

Link::Link(EventLoop& loop, Prng prng, const LinkParameters& parameters, Deliver deliver)
    : loop_(loop), prng_(std::move(prng)), parameters_(parameters), deliver_(std::move(deliver)) {}

bool Link::is_lost() {
  if (loop_.now() < burst_end_) return true;
  if (prng_.chance(parameters_.burst)) {
    burst_end_ = loop_.now() +
                 Micros(static_cast<int64_t>(prng_.below(static_cast<uint64_t>(parameters_.burst_length.count())) + 1));
    return true;
  }
  return prng_.chance(parameters_.loss);
}

/// Reserves the rate for a frame behind those that wait. False: the queue is full.
bool Link::enqueue(size_t size) {
  const int64_t now_ns = loop_.now().count() * kNanosPerMicro;
  busy_until_ns_ = std::max(busy_until_ns_, now_ns);
  const int64_t wait_ns = busy_until_ns_ - now_ns;
  if (parameters_.rate != nullptr) {
    const double waiting = parameters_.rate->granted(now_ns, busy_until_ns_);
    if (waiting + static_cast<double>(size) > parameters_.queue_bytes) return false;
    busy_until_ns_ = parameters_.rate->finish(busy_until_ns_, size);
  } else if (parameters_.bits_per_second > 0) {
    const double ns_per_byte = kBitsPerByte * kNanosPerSecond / static_cast<double>(parameters_.bits_per_second);
    const double waiting = static_cast<double>(wait_ns) / ns_per_byte;
    if (waiting + static_cast<double>(size) > parameters_.queue_bytes) return false;
    busy_until_ns_ += static_cast<int64_t>(static_cast<double>(size) * ns_per_byte);
  }
  statistics_.waited_us += static_cast<uint64_t>(wait_ns / kNanosPerMicro);
  return true;
}

void Link::send(Frame frame) {
  ++statistics_.offered;
  if (!parameters_.up) {
    ++statistics_.down_drops;
    return;
  }
  constexpr size_t kEthernetSize = 14;
  if (parameters_.mtu != 0 && frame.size() > kEthernetSize + parameters_.mtu) {
    ++statistics_.oversize_drops;
    return;
  }
  if (!enqueue(frame.size())) {
    ++statistics_.queue_drops;
    return;
  }
  if (is_lost()) {  // behind the queue: a lost frame has used its share of the rate
    ++statistics_.lost;
    return;
  }
  Micros arrival = Micros((busy_until_ns_ + kNanosPerMicro - 1) / kNanosPerMicro) + parameters_.delay;
  if (prng_.chance(parameters_.reorder) && parameters_.reorder_delay.count() > 0) {
    ++statistics_.reordered;
    arrival += Micros(static_cast<int64_t>(prng_.below(static_cast<uint64_t>(parameters_.reorder_delay.count())) + 1));
  }
  if (prng_.chance(parameters_.duplicate)) {
    ++statistics_.duplicated;
    launch(frame, arrival);
  }
  if (prng_.chance(parameters_.corrupt) && corrupt_frame(frame, prng_)) ++statistics_.corrupted;
  launch(std::move(frame), arrival);
}

void Link::launch(Frame frame, Micros arrival) {
  flying_.emplace(arrival, std::move(frame));
  loop_.at(arrival, [this] { land(); });
}

// One call a launch; frames lost when the link went down leave calls behind that find nothing due.
void Link::land() {
  if (flying_.empty() || flying_.begin()->first > loop_.now()) return;
  Frame frame = std::move(flying_.begin()->second);
  flying_.erase(flying_.begin());
  ++statistics_.delivered;
  statistics_.delivered_bytes += frame.size();
  deliver_(std::move(frame));
}

void Link::set_up(bool up) {
  parameters_.up = up;
  if (up) return;
  statistics_.down_drops += flying_.size();
  flying_.clear();
  busy_until_ns_ = 0;
}

bool corrupt_frame(Frame& frame, Prng& prng) {
  const auto ethernet = wire::parse_ethernet(frame);
  if (!ethernet || (ethernet->type != wire::ether_type::kIpv4 && ethernet->type != wire::ether_type::kIpv6))
    return false;
  const size_t first_bit = ethernet->size() * 8;
  const size_t bits = frame.size() * 8;
  if (bits <= first_bit) return false;
  const size_t length = std::min<size_t>(prng.between(1, 15), bits - first_bit);
  const size_t start = first_bit + prng.below(bits - first_bit - length + 1);
  for (size_t bit = start; bit < start + length; ++bit) {
    const bool at_end = bit == start || bit + 1 == start + length;
    if (at_end || prng.chance(0.5)) frame[bit / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
  }
  return true;
}

}  // namespace tributary::sim
