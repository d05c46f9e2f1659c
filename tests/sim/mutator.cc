#include "tests/sim/mutator.h"

#include <algorithm>
#include <utility>

#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"
#include "stack/wire/tcp_options.h"
#include "tests/sim/link.h"

namespace tributary::sim {
namespace {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;
using wire::tcp_flag::kUrg;

constexpr size_t kKept = 24;                                // frames of a direction kept for replays
constexpr Micros kLongestHold = Micros::milliseconds(300);  // a frame overtaken by none goes on
constexpr unsigned kMostExtra = 40;                         // a flow: each is answered, and answers are replayed too
constexpr size_t kSmallestFrame = 15;                       // Ethernet and something

size_t index_of(Direction d) {
  return static_cast<size_t>(d);
}

wire::TcpOptions options_of(const Segment& segment) {
  wire::TcpOptions options;
  wire::parse_tcp_options(segment.options, options);
  return options;
}

void flip_bit(std::span<uint8_t> bytes, Prng& prng) {
  if (bytes.empty()) return;
  const uint64_t bit = prng.below(bytes.size() * 8);
  bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
}

void set_timestamp(Segment& segment, uint32_t value) {
  segment.for_each_option([value](uint8_t kind, std::span<uint8_t> option) {
    if (kind == kOptionTimestamps && option.size() == 10) wire::store32(&option[2], value);
  });
}

}  // namespace

const char* name_of(Mutation mutation) {
  constexpr const char* kNames[kMutations] = {"drop",     "duplicate", "reorder", "delay",
                                              "truncate", "flip",      "replay",  "inject"};
  return kNames[static_cast<size_t>(mutation)];
}

MutationPlan random_mutations(Prng& prng) {
  MutationPlan plan{};
  if (prng.chance(0.05)) return plan;
  const double worst = prng.chance(0.15) ? 0.5 : 0.15;
  for (double& chance : plan)
    if (prng.chance(0.6)) chance = worst * prng.unit() * prng.unit();
  return plan;
}

bool Mutator::happens(const Flow& flow, Mutation mutation) {
  const auto index = static_cast<size_t>(mutation);
  if (!prng_.chance(flow.plan[index])) return false;
  ++counts_[index];
  return true;
}

void Mutator::handle(Direction direction, Frame frame) {
  const auto segment = Segment::parse(frame);
  if (!segment || stopped_) return pass(direction, std::move(frame));
  const auto [entry, added] = flows_.try_emplace(flow_of(direction, *segment));
  Flow& flow = entry->second;
  if (added) flow.plan = rules_.plan ? *rules_.plan : random_mutations(prng_);
  learn(flow, direction, *segment);

  const bool may_add = flow.extra < kMostExtra;
  if (may_add && happens(flow, Mutation::kInject)) {
    ++flow.extra;
    inject(flow, direction);
  }
  auto& old = flow.ways[index_of(direction)].old;
  if (may_add && !old.empty() && happens(flow, Mutation::kReplay)) {
    ++flow.extra;
    pass_later(direction, old[prng_.below(old.size())],
               Micros(static_cast<int64_t>(prng_.magnitude(1000, 20'000'000))));
  }
  old.push_back(frame);
  if (old.size() > kKept) old.pop_front();

  if (happens(flow, Mutation::kDrop)) return;
  if (happens(flow, Mutation::kTruncate))
    frame = truncate(flow, *segment, frame);
  else if (happens(flow, Mutation::kFlip))
    frame = flip(flow, *segment, frame);
  if (happens(flow, Mutation::kDuplicate)) forward(flow, direction, frame);
  if (happens(flow, Mutation::kDelay))
    return pass_later(direction, std::move(frame), Micros(static_cast<int64_t>(prng_.magnitude(500, 3'000'000))));
  if (happens(flow, Mutation::kReorder)) return hold(flow, direction, std::move(frame));
  forward(flow, direction, std::move(frame));
}

void Mutator::learn(Flow& flow, Direction direction, const Segment& segment) {
  Way& way = flow.ways[index_of(direction)];
  const wire::TcpOptions options = options_of(segment);
  if (segment.tcp.has(kSyn)) {
    way.has_timestamps = options.has(wire::TcpOptions::kTimestamps);
    // The first of all, or a repeated SYN's would make "older" what is newer.
    const bool older = static_cast<int32_t>(options.ts_value - way.first_timestamp) < 0;
    if (!way.seen_syn || older) way.first_timestamp = options.ts_value;
    way.seen_syn = true;
    flow.join |= options.mptcp.has(wire::MptcpOptions::kJoin);
  }
  const bool dss = options.mptcp.has(wire::MptcpOptions::kDss) && options.mptcp.dss.has_mapping;
  if (options.mptcp.has(wire::MptcpOptions::kFail) || (dss && options.mptcp.dss.data_length == 0))
    flow.mptcp_broken = true;
  if (!segment.payload.empty()) way.mapped = dss;
  if (!segment.tcp.has(kRst)) way.last = segment;
}

/// Passes a frame and what it overtakes on its way.
void Mutator::forward(Flow& flow, Direction direction, Frame frame) {
  pass(direction, std::move(frame));
  auto& held = flow.held[index_of(direction)];
  std::vector<Frame> ready;
  for (Held& h : held)
    if (h.frames_to_go-- <= 1) ready.push_back(std::move(h.frame));
  std::erase_if(held, [](const Held& h) { return h.frames_to_go == 0; });
  for (Frame& f : ready) pass(direction, std::move(f));
}

void Mutator::hold(Flow& flow, Direction direction, Frame frame) {
  const uint64_t id = ++held_ids_;
  flow.held[index_of(direction)].push_back({std::move(frame), id, static_cast<unsigned>(prng_.between(1, 8))});
  loop_->after(kLongestHold, [this, &flow, direction, id] { let_go(flow, direction, id); });
}

void Mutator::let_go(Flow& flow, Direction direction, uint64_t id) {
  auto& held = flow.held[index_of(direction)];
  const auto entry = std::find_if(held.begin(), held.end(), [id](const Held& h) { return h.id == id; });
  if (entry == held.end()) return;
  Frame frame = std::move(entry->frame);
  held.erase(entry);
  pass(direction, std::move(frame));
}

void Mutator::pass_later(Direction direction, Frame frame, Micros delay) {
  loop_->after(delay, [this, direction, f = std::move(frame)]() mutable { pass(direction, std::move(f)); });
}

/// Cut anywhere, which the lengths of the headers belie, or cut in the payload with lengths and checksums put
/// right: a shorter segment, the rest of which has to be sent again.
Frame Mutator::truncate(Flow& flow, const Segment& segment, const Frame& frame) {
  if (segment.payload.size() > 1 && prng_.chance(0.4) && !flow.unmapped) {
    flow.cut = true;
    Segment cut = segment;
    cut.payload.resize(prng_.between(1, segment.payload.size() - 1));
    cut.tcp.flags &= static_cast<uint16_t>(~kFin);  // it stands behind the payload
    return cut.build();
  }
  Frame cut = frame;
  cut.resize(prng_.between(kSmallestFrame, frame.size() - 1));
  // Padding is no loss.
  return Segment::parse(cut) ? frame : cut;
}

Frame Mutator::flip(Flow& flow, const Segment& segment, const Frame& frame) {
  const bool checked_payload = rules_.dss_checksums && flow.join && flow.ways[0].mapped && flow.ways[1].mapped;
  if (checked_payload && !flow.mptcp_broken && !segment.payload.empty() && prng_.chance(0.2)) {
    Segment altered = segment;
    for (uint64_t n = prng_.between(1, 4); n > 0; --n) flip_bit(altered.payload, prng_);
    // Two opposite flips of the same bit of two words change no checksum: nobody could tell.
    const auto sum_of = [](const Segment& s) { return wire::sum_bytes(s.payload) % 0xffff; };
    if (sum_of(altered) == sum_of(segment)) return frame;
    ++forged_;
    return altered.build();
  }
  return prng_.chance(0.35) ? flip_header(flow, segment) : flip_anywhere(frame);
}

Frame Mutator::flip_anywhere(const Frame& frame) {
  Frame flipped = frame;
  if (prng_.chance(0.5)) {
    corrupt_frame(flipped, prng_);
  } else {
    constexpr size_t kEthernet = 14;
    for (uint64_t n = prng_.between(1, 8); n > 0; --n) flip_bit(std::span(flipped).subspan(kEthernet), prng_);
  }
  return Segment::parse(flipped) ? frame : flipped;
}

/// Of a header, with a right checksum.
Frame Mutator::flip_header(Flow& flow, const Segment& segment) {
  Segment s = segment;
  flow.clock_damaged |= s.tcp.has(kSyn);
  const bool bare = s.payload.empty() && !s.tcp.has(kFin);
  switch (prng_.below(bare ? 9 : 5)) {
    case 0:
      s.tcp.window ^= static_cast<uint16_t>(1u << prng_.below(16));
      break;
    case 1:
      s.tcp.urgent ^= static_cast<uint16_t>(1u << prng_.below(16));
      break;
    case 2: {
      constexpr uint16_t kFlags[] = {kSyn, kRst, kPsh, kAck, kUrg, 0x40, 0x80, 0x100};
      s.tcp.flags ^= kFlags[prng_.below(std::size(kFlags))];
      break;
    }
    case 3:
    case 4:
      flip_option(flow, s);
      break;
    case 5:
      s.tcp.seq += static_cast<uint32_t>(prng_.magnitude(1, UINT32_MAX));
      break;
    case 6:  // backwards: forwards would acknowledge what has not arrived
      s.tcp.ack = s.tcp.ack - static_cast<uint32_t>(prng_.magnitude(1, 1u << 30));
      break;
    case 7:
      s.tcp.source_port ^= static_cast<uint16_t>(1u << prng_.below(16));
      break;
    default:
      s.tcp.destination_port ^= static_cast<uint16_t>(1u << prng_.below(16));
      break;
  }
  return s.build();
}

void Mutator::flip_option(Flow& flow, Segment& segment) {
  if (segment.tcp.has(kSyn)) return flip_bit(segment.options, prng_);
  std::vector<std::span<uint8_t>> options;
  segment.for_each_option([&](uint8_t, std::span<uint8_t> option) { options.push_back(option); });
  if (options.empty()) return;
  const auto option = options[prng_.below(options.size())];
  flow.clock_damaged |= option[0] == kOptionTimestamps;
  // The numbers of MPTCP acknowledge and place data; without its kind it is no option of MPTCP any more.
  if (option[0] == kOptionMptcp)
    option[0] = 253;
  else
    flip_bit(option.subspan(2), prng_);
}

/// A forged segment of the sender's: right ports and checksum, everything else from what has been seen.
void Mutator::inject(Flow& flow, Direction direction) {
  const Way& way = flow.ways[index_of(direction)];
  const Way& back = flow.ways[index_of(reverse(direction))];
  if (!way.last || !back.last || !back.last->tcp.has(kAck)) return;
  Segment s = *way.last;
  s.payload.clear();
  s.tcp.flags = kAck;
  const SeqNum edge = back.last->tcp.ack;  // what the receiver waits for, or did a moment ago
  s.tcp.seq = edge;
  s.tcp.ack = way.last->tcp.ack;  // the truth: more would acknowledge what has not arrived
  const bool mptcp = way.mapped && back.mapped && !flow.mptcp_broken && !flow.cut;
  const uint32_t inside = static_cast<uint32_t>(prng_.magnitude(1, 30'000));
  const auto fill = [&] {
    s.payload.resize(prng_.between(1, 1200));
    prng_.fill(s.payload);
  };
  s.options.clear();
  if (way.has_timestamps && prng_.chance(0.8)) {
    const uint32_t value = options_of(*way.last).ts_value;
    const uint32_t echo = options_of(*back.last).ts_value;
    s.options = {kOptionNop, kOptionNop, kOptionTimestamps, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    wire::store32(&s.options[4], value);
    wire::store32(&s.options[8], echo);
  }
  switch (prng_.below(mptcp ? 8 : 6)) {
    case 0:
      s.tcp.flags = static_cast<uint16_t>(kRst | (prng_.chance(0.5) ? kAck : 0));
      s.tcp.seq += inside;
      break;
    case 1:
      s.tcp.flags = static_cast<uint16_t>(kSyn | (prng_.chance(0.5) ? kAck : 0));
      s.tcp.seq += inside;
      break;
    case 2:
      s.tcp.ack = s.tcp.ack - inside;
      s.tcp.window = prng_.u32() & 0xffff;
      break;
    case 3:
      s.tcp.ack += 0x1000'0000 + inside;  // never sent
      break;
    case 4: {  // options that mean nothing
      std::vector<uint8_t> garbage(4 * prng_.between(1, (40 - s.options.size()) / 4));
      prng_.fill(garbage);
      for (uint8_t& b : garbage)
        if (b == kOptionMptcp) b = 253;  // a DSS might acknowledge
      s.options.insert(s.options.end(), garbage.begin(), garbage.end());
      break;
    }
    case 5:  // from before the connection: PAWS
      if (!way.has_timestamps || !back.has_timestamps || flow.clock_damaged || s.options.empty()) break;
      fill();
      s.tcp.seq += static_cast<uint32_t>(prng_.below(3000));
      set_timestamp(s, way.first_timestamp - static_cast<uint32_t>(prng_.magnitude(1000, 1u << 30)));
      break;
    case 6:  // payload of no mapping
      flow.unmapped = true;
      fill();
      s.tcp.seq += prng_.chance(0.5) ? 0 : inside;
      ++forged_;
      break;
    default:  // a subflow's FIN ends nothing at the data level
      s.tcp.flags |= kFin;
      s.tcp.seq += prng_.chance(0.5) ? 0 : inside;
      ++forged_;
      break;
  }
  pass(direction, s.build());
}

}  // namespace tributary::sim
