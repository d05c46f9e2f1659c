#include "tests/sim/middlebox.h"

#include <algorithm>

#include "stack/wire/byte_order.h"

namespace tributary::sim {
namespace {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;
using wire::tcp_flag::kUrg;

size_t index_of(Direction d) {
  return d == Direction::kForward ? 0 : 1;
}

}  // namespace

FlowId flow_of(Direction direction, const Segment& s) {
  if (direction == Direction::kForward)
    return {s.ip.source, s.ip.destination, s.tcp.source_port, s.tcp.destination_port};
  return {s.ip.destination, s.ip.source, s.tcp.destination_port, s.tcp.source_port};
}

void Middlebox::handle(Direction direction, Frame frame) {
  if (auto segment = Segment::parse(frame)) {
    on_segment(direction, std::move(*segment));
  } else {
    pass(direction, std::move(frame));
  }
}

void SequenceRewriter::on_segment(Direction direction, Segment segment) {
  const auto [entry, added] = flows_.try_emplace(flow_of(direction, segment));
  if (added) entry->second = {prng_.u32(), prng_.u32()};
  const Shift& shift = entry->second;
  const bool forward = direction == Direction::kForward;
  const uint32_t own = forward ? shift.forward : shift.backward;
  const uint32_t peer = forward ? shift.backward : shift.forward;
  segment.tcp.seq += own;
  if (segment.tcp.has(kAck)) segment.tcp.ack = segment.tcp.ack - peer;
  segment.for_each_option([&](uint8_t kind, std::span<uint8_t> option) {
    if (kind != kOptionSack) return;
    for (size_t i = 2; i + 4 <= option.size(); i += 4) wire::store32(&option[i], wire::load32(&option[i]) - peer);
  });
  ++changed_;
  pass(direction, segment);
}

void OptionStripper::on_segment(Direction direction, Segment segment) {
  bool strip = false;
  if (!segment.tcp.has(kSyn)) {
    strip = rule_.from_non_syn && seen_[index_of(direction)]++ >= rule_.after_segments;
  } else {
    strip = segment.tcp.has(kAck) ? rule_.from_syn_ack : rule_.from_syn;
  }
  if (rule_.only && *rule_.only != direction) strip = false;
  bool found = false;
  if (strip) {
    segment.for_each_option([&](uint8_t kind, std::span<uint8_t> option) {
      if (kind != rule_.kind) return;
      if (rule_.subtype && (option.size() < 3 || option[2] >> 4 != *rule_.subtype)) return;
      std::fill(option.begin(), option.end(), kOptionNop);
      found = true;
    });
  }
  changed_ += found;
  pass(direction, segment);
}

void Splitter::on_segment(Direction direction, Segment segment) {
  if (segment.payload.size() <= size_ || segment.tcp.has(kSyn | kRst | kUrg)) return pass(direction, segment);
  ++changed_;
  for (size_t from = 0; from < segment.payload.size(); from += size_) {
    const size_t size = std::min(size_, segment.payload.size() - from);
    Segment piece = segment;
    const auto begin = segment.payload.begin() + static_cast<ptrdiff_t>(from);
    piece.payload.assign(begin, begin + static_cast<ptrdiff_t>(size));
    piece.tcp.seq += static_cast<uint32_t>(from);
    if (from + size < segment.payload.size()) piece.tcp.flags &= static_cast<uint16_t>(~(kFin | kPsh));
    if (from > 0 && options_ == Options::kOnFirstPiece) {
      piece.for_each_option([](uint8_t kind, std::span<uint8_t> option) {
        if (kind == kOptionMptcp) std::fill(option.begin(), option.end(), kOptionNop);
      });
    }
    pass(direction, piece);
  }
}

void Coalescer::on_segment(Direction direction, Segment segment) {
  auto& held = held_[index_of(direction)];
  const auto flow = flow_of(direction, segment);
  const bool plain = !segment.payload.empty() && !segment.tcp.has(kSyn | kRst | kUrg);
  if (const auto before = held.find(flow); before != held.end()) {
    Segment& first = before->second.segment;
    const bool next = segment.tcp.seq == first.tcp.seq + static_cast<uint32_t>(first.payload.size());
    if (plain && next && first.payload.size() + segment.payload.size() <= size_) {
      first.payload.insert(first.payload.end(), segment.payload.begin(), segment.payload.end());
      first.tcp.ack = segment.tcp.ack;
      first.tcp.window = segment.tcp.window;
      first.tcp.flags |= segment.tcp.flags;
      ++changed_;
      if (first.tcp.has(kFin)) flush(direction, flow);
      return;
    }
    flush(direction, flow);
  }
  if (!plain || segment.tcp.has(kFin) || segment.payload.size() >= size_) return pass(direction, segment);
  held.emplace(flow, Held{std::move(segment), loop_->now()});
  const Micros since = loop_->now();
  loop_->after(hold_, [this, direction, flow, since] {
    const auto& waiting = held_[index_of(direction)];
    const auto entry = waiting.find(flow);
    if (entry != waiting.end() && entry->second.since == since) flush(direction, flow);
  });
}

void Coalescer::flush(Direction direction, const FlowId& flow) {
  const auto entry = held_[index_of(direction)].extract(flow);
  pass(direction, entry.mapped().segment);
}

void PayloadRewriter::on_segment(Direction direction, Segment segment) {
  if (direction == direction_ && !segment.payload.empty() && seen_++ == next_) {
    next_ += period_;
    segment.payload[segment.payload.size() / 2] ^= 0x20;
    ++changed_;
  }
  pass(direction, segment);
}

}  // namespace tributary::sim
