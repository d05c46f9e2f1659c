// Fragments, both families: put together in any order, within bounds, and never from overlapping pieces (RFC 791, RFC
// 8200 §4.5, RFC 5722, RFC 6946, RFC 7112).
#include <algorithm>

#include "tests/ip/ip_fixture.h"

namespace tributary {
namespace {

using namespace test;
using ip::Received;

constexpr uint8_t kFragmentHeader = 44;

/// One piece of a packet's payload.
struct Piece {
  size_t begin, end;
  bool more = true;
};

/// Whose fragments.
struct Source {
  const char* from = "192.0.2.9";
  const char* to = "192.0.2.1";
  uint32_t id = 7;
  uint8_t protocol = wire::ip_protocol::kTcp;
  uint8_t traffic_class = 0;
};

constexpr Source kV4{};
constexpr Source kV6{.from = "2001:db8:1::9", .to = "2001:db8:1::1"};

class ReassemblyFixture : public IpFixture {
 protected:
  using IpFixture::IpFixture;

  static Bytes fragment(const Source& p, const Bytes& whole, const Piece& piece) {
    wire::IpHeader header = ip_header(addr(p.from), addr(p.to), p.protocol);
    header.traffic_class = p.traffic_class;
    header.dont_fragment = false;
    header.identification = p.id;
    Bytes payload(whole.begin() + static_cast<long>(piece.begin), whole.begin() + static_cast<long>(piece.end));
    const Link link{kPeerMac, kAccessMac};
    if (header.is_v4()) {
      Bytes frame = ip_frame(link, header, payload);
      wire::store16(&frame[20], static_cast<uint16_t>(piece.begin / 8 | (piece.more ? 0x2000u : 0u)));
      wire::store16(&frame[24], 0);
      wire::store16(&frame[24], static_cast<uint16_t>(~wire::sum_bytes(std::span(frame).subspan(14, 20))));
      return frame;
    }
    header.protocol = kFragmentHeader;
    Bytes extended(8);
    extended[0] = p.protocol;
    wire::store16(&extended[2], static_cast<uint16_t>(piece.begin | (piece.more ? 1u : 0u)));
    wire::store32(&extended[4], p.id);
    extended.insert(extended.end(), payload.begin(), payload.end());
    return ip_frame(link, header, extended);
  }

  static Bytes segment(size_t size) {
    Bytes out = tcp_segment(1000, 80);
    for (size_t i = out.size(); i < size; ++i) out.push_back(static_cast<uint8_t>(i * 7 + i / 256));
    return out;
  }
  static std::vector<Piece> cut(size_t size, size_t step) {
    std::vector<Piece> out;
    for (size_t begin = 0; begin < size; begin += step)
      out.push_back({begin, std::min(begin + step, size), begin + step < size});
    return out;
  }

  /// Delivers the pieces; whether the last one made the packet whole and it is `whole`.
  bool assembles(const Source& p, const Bytes& whole, const std::vector<Piece>& pieces) {
    for (size_t i = 0; i < pieces.size(); ++i) {
      const Received r = receive(fragment(p, whole, pieces[i]));
      if (i + 1 < pieces.size()) {
        EXPECT_EQ(r.kind, Received::Kind::kConsumed) << "piece " << i;
        continue;
      }
      if (r.kind != Received::Kind::kTcp) return false;
      const auto got = handed_up_.bytes().subspan(r.segment_offset, r.segment_size);
      EXPECT_TRUE(std::equal(got.begin(), got.end(), whole.begin(), whole.end()));
      EXPECT_EQ(r.ip.source, addr(p.from));
      EXPECT_EQ(r.ip.destination, addr(p.to));
      EXPECT_FALSE(r.ip.is_fragment);
      EXPECT_FALSE(r.tcp_checksum_good);
      EXPECT_TRUE(r.for_us);
      handed_up_.reset();
      return true;
    }
    return false;
  }

  void TearDown() override {
    handed_up_.reset();
    layer_->drop_queued();
    EXPECT_EQ(pools_->data_in_use(), 0u);
  }
};

class Reassembly : public ReassemblyFixture, public testing::WithParamInterface<bool> {
 protected:
  Source packet() const { return GetParam() ? kV4 : kV6; }
  Source packet(uint32_t id) const {
    Source p = packet();
    p.id = id;
    return p;
  }
  Micros patience() const { return GetParam() ? Micros::seconds(30) : Micros::seconds(60); }
};
INSTANTIATE_TEST_SUITE_P(Families, Reassembly, testing::Bool(),
                         [](const auto& family) { return family.param ? "v4" : "v6"; });

TEST_P(Reassembly, InOrderBackwardsAndShuffled) {
  const Bytes whole = segment(1501);
  std::vector<Piece> pieces = cut(whole.size(), 400);
  EXPECT_TRUE(assembles(packet(1), whole, pieces));
  std::reverse(pieces.begin(), pieces.end());
  EXPECT_TRUE(assembles(packet(2), whole, pieces));
  SeededRandom random(5);
  for (uint32_t id = 3; id < 50; ++id) {
    pieces = cut(whole.size(), 8 * (4 + random.below(60)));
    for (size_t i = pieces.size(); i > 1; --i) std::swap(pieces[i - 1], pieces[random.below(i)]);
    EXPECT_TRUE(assembles(packet(id), whole, pieces)) << id;
  }
  EXPECT_EQ(counters_.ip_reassembled, 49u);
  EXPECT_EQ(counters_.ip_reassembly_failed, 0u);
  EXPECT_EQ(layer_->next_deadline(), Micros::never());
}

TEST_P(Reassembly, PacketsOfDifferentNumbersAndSendersAreKeptApart) {
  const Bytes one = segment(800), two = segment(900);
  Source other = packet();
  other.from = GetParam() ? "192.0.2.8" : "2001:db8:1::8";
  EXPECT_FALSE(assembles(packet(), one, {{0, 400}}));
  EXPECT_FALSE(assembles(packet(8), two, {{0, 400}}));
  EXPECT_FALSE(assembles(other, two, {{400, 900, false}}));
  EXPECT_TRUE(assembles(packet(), one, {{400, 800, false}}));
  EXPECT_TRUE(assembles(packet(8), two, {{400, 900, false}}));
  EXPECT_TRUE(assembles(other, two, {{0, 400}}));
}

TEST_P(Reassembly, TheNetworksDuplicateIsIgnored) {
  const Bytes whole = segment(800);
  EXPECT_TRUE(assembles(packet(), whole, {{0, 400}, {0, 400}, {400, 800, false}}));
}

// RFC 5722 §4, RFC 8200 §4.5: what comes of it later is dropped, too.
TEST_P(Reassembly, OverlapEndsThePacket) {
  const Bytes whole = segment(808);
  uint32_t id = 1;
  for (const std::vector<Piece>& pieces : std::vector<std::vector<Piece>>{{{0, 400}, {392, 800}, {800, 808, false}},
                                                                          {{400, 800}, {0, 408}, {800, 808, false}},
                                                                          {{0, 400}, {8, 16}, {400, 808, false}},
                                                                          {{8, 16}, {0, 400}, {400, 808, false}},
                                                                          {{0, 400}, {0, 408}, {408, 808, false}},
                                                                          {{0, 400}, {400, 808, false}, {0, 400}}}) {
    const uint64_t failed = counters_.ip_reassembly_failed;
    const bool is_last = id == 6;  // complete before the repetition: that begins a packet of its own
    if (is_last) {
      EXPECT_TRUE(assembles(packet(id), whole, {pieces[0], pieces[1]}));
      EXPECT_FALSE(assembles(packet(id), whole, {pieces[2]}));
      continue;
    }
    EXPECT_FALSE(assembles(packet(id), whole, pieces)) << id;
    EXPECT_FALSE(assembles(packet(id), whole, cut(whole.size(), 404 / 8 * 8)));
    EXPECT_GE(counters_.ip_reassembly_failed, failed + 2) << id;
    EXPECT_EQ(pools_->data_in_use(), 0u) << "it holds no buffers any more";
    ++id;
  }
}

TEST_P(Reassembly, ImpossibleFragmentsEndThePacket) {
  const Bytes whole = segment(1600);
  const struct {
    const char* what;
    std::vector<Piece> pieces;
  } table[] = {
      {"a size that is no multiple of eight", {{0, 404}}},
      {"nothing in it", {{400, 400}}},
      {"two ends", {{400, 800, false}, {800, 1200, false}}},
      {"beyond the end", {{400, 800, false}, {800, 1200}}},
      {"an end before what has come", {{800, 1200}, {400, 800, false}}},
      {"a first fragment without the whole TCP header", {{0, 16}}},
      {"a TCP header in a later fragment", {{16, 400}}},
  };
  uint32_t id = 1;
  for (const auto& row : table) {
    SCOPED_TRACE(row.what);
    const uint64_t failed = counters_.ip_reassembly_failed;
    EXPECT_FALSE(assembles(packet(id), whole, row.pieces));
    EXPECT_EQ(counters_.ip_reassembly_failed, failed + 1);
    EXPECT_FALSE(assembles(packet(id), whole, cut(whole.size(), 800)));
    ++id;
  }
}

TEST_P(Reassembly, MoreThanABufferHoldsIsGivenUp) {
  const Bytes whole = segment(4000);
  EXPECT_FALSE(assembles(packet(1), whole, cut(whole.size(), 1200)));
  EXPECT_EQ(counters_.ip_reassembly_failed, 3u);
  // The last fragment of the "ping of death": its end is beyond what a packet can be.
  Bytes frame = fragment(packet(2), whole, {0, 800, false});
  const size_t offset_at = GetParam() ? 20 : 14 + 40 + 2;
  wire::store16(&frame[offset_at], GetParam() ? 0x1fff : 0xfff8);
  if (GetParam()) {
    wire::store16(&frame[24], 0);
    wire::store16(&frame[24], static_cast<uint16_t>(~wire::sum_bytes(std::span(frame).subspan(14, 20))));
  }
  EXPECT_EQ(receive(frame).kind, Received::Kind::kConsumed);
  EXPECT_EQ(counters_.ip_reassembly_failed, 4u);
}

TEST_P(Reassembly, TinyPiecesAreBoundedInNumber) {
  const Bytes whole = segment(1600);
  std::vector<Piece> pieces = cut(whole.size(), 8);
  pieces.erase(pieces.begin(), pieces.begin() + 3);
  pieces.insert(pieces.begin(), {0, 24});
  EXPECT_FALSE(assembles(packet(), whole, pieces));
  EXPECT_GT(counters_.ip_reassembly_failed, 0u);
}

// RFC 792, RFC 4443 §3.3: the sender learns of it when the first fragment, by which it knows the packet, was there.
TEST_P(Reassembly, WhatIsNotCompleteInTimeIsGivenUpAndReported) {
  const Bytes whole = segment(900);
  EXPECT_FALSE(assembles(packet(1), whole, {{0, 400}}));
  EXPECT_FALSE(assembles(packet(2), whole, {{400, 900, false}}));
  EXPECT_EQ(layer_->next_deadline(), now_ + patience());
  sent(kAccessPort);
  run_for(patience() - Micros(1));
  EXPECT_EQ(counters_.ip_reassembly_timeout, 0u);
  run_for(Micros(1));
  EXPECT_EQ(counters_.ip_reassembly_timeout, 2u);
  // It waits for its neighbour to be resolved.
  const auto asked = sent(kAccessPort);
  ASSERT_EQ(asked.size(), 1u);
  if (GetParam()) {
    const wire::Arp reply{.operation = wire::Arp::Operation::kReply,
                          .sender_mac = kPeerMac,
                          .sender_ip = addr("192.0.2.9"),
                          .target_mac = kAccessMac,
                          .target_ip = addr("192.0.2.1")};
    receive(arp_frame({kPeerMac, kAccessMac}, reply));
  } else {
    auto header = ip_header(addr("2001:db8:1::9"), addr("2001:db8:1::1"), 0);
    header.hop_limit = 255;
    wire::NeighborMessage advertisement;
    advertisement.advertisement = advertisement.solicited = advertisement.override_ = true;
    advertisement.target = addr("2001:db8:1::9");
    advertisement.link_address = kPeerMac;
    receive(neighbor_frame({kPeerMac, kAccessMac}, header, advertisement));
  }
  const auto told = sent(kAccessPort);
  ASSERT_EQ(told.size(), 1u);
  ASSERT_TRUE(told[0].icmp);
  EXPECT_TRUE(told[0].good_icmp_checksum);
  EXPECT_EQ(told[0].icmp->type, GetParam() ? 11 : 3);
  EXPECT_EQ(told[0].icmp->code, 1);
  EXPECT_EQ(told[0].ip->source, addr(packet().to));
  EXPECT_EQ(told[0].ip->destination, addr(packet().from));
  const Bytes first = fragment(packet(1), whole, {0, 400});
  EXPECT_EQ(Bytes(told[0].payload.begin() + 8, told[0].payload.end()), Bytes(first.begin() + 14, first.end()));
  EXPECT_EQ(pools_->data_in_use(), 0u);
  // Its time over, the number may be used again.
  EXPECT_TRUE(assembles(packet(2), whole, cut(whole.size(), 400)));
}

// RFC 3168 §5.3.
TEST_P(Reassembly, CongestionMarksOfAnyFragmentCount) {
  const Bytes whole = segment(800);
  const auto both = [&](uint32_t id, uint8_t one, uint8_t two) -> int {
    Source p = packet(id);
    p.traffic_class = one;
    receive(fragment(p, whole, {0, 400}));
    p.traffic_class = two;
    const Received r = receive(fragment(p, whole, {400, 800, false}));
    handed_up_.reset();
    return r.kind == Received::Kind::kTcp ? r.ip.traffic_class : -1;
  };
  EXPECT_EQ(both(1, 0b10, 0b10), 0b10);
  EXPECT_EQ(both(2, 0b10, 0b11), 0b11);
  EXPECT_EQ(both(3, 0b11, 0b10), 0b11);
  EXPECT_EQ(both(4, 0b00, 0b11), -1);
  EXPECT_EQ(both(5, 0xb8, 0xb8), 0xb8);
}

TEST_P(Reassembly, AnEchoRequestInFragmentsIsAnswered) {
  Source p = packet();
  p.protocol = icmp_protocol(addr(p.from));
  Bytes message(1208);
  wire::emit_icmp({.type = static_cast<uint8_t>(GetParam() ? 8 : 128), .code = 0, .checksum = 0, .rest = 5}, message);
  for (size_t i = 8; i < message.size(); ++i) message[i] = static_cast<uint8_t>(i);
  seal_icmp(message, ip_header(addr(p.from), addr(p.to), p.protocol));
  receive(fragment(p, message, {0, 800}));
  receive(fragment(p, message, {800, 1208, false}));
  const auto answers = sent(kAccessPort);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].good_icmp_checksum);
  EXPECT_EQ(Bytes(answers[0].payload.begin() + 8, answers[0].payload.end()), Bytes(message.begin() + 8, message.end()));
  // More than a packet can carry is not.
  message.resize(1600);
  seal_icmp(message, ip_header(addr(p.from), addr(p.to), p.protocol));
  receive(fragment(p, message, {0, 800}));
  receive(fragment(p, message, {800, 1600, false}));
  EXPECT_TRUE(sent(kAccessPort).empty());
}

struct SmallTable : ReassemblyFixture {
  SmallTable() : ReassemblyFixture(ip::Limits{.fragmented_packets = 4}) {}
};

// Packets that are never completed neither take memory without end nor keep others out.
TEST_F(SmallTable, TheOldestMakesRoom) {
  const Bytes whole = segment(800);
  for (uint32_t id = 1; id <= 500; ++id) {
    Source p = id % 2 != 0 ? kV4 : kV6;
    p.id = id;
    receive(fragment(p, whole, {0, 400}));
    now_ += Micros(10);
    EXPECT_LE(pools_->data_in_use(), 8u);
  }
  EXPECT_EQ(counters_.ip_reassembly_failed, 496u);
  Source p = kV6;
  p.id = 500;
  EXPECT_TRUE(assembles(p, whole, {{400, 800, false}}));
}

struct NoTable : ReassemblyFixture {
  NoTable() : ReassemblyFixture(ip::Limits{.fragmented_packets = 0}) {}
};
TEST_F(NoTable, FragmentsAreDroppedAtOnce) {
  const Bytes whole = segment(800);
  EXPECT_FALSE(assembles(kV4, whole, cut(800, 400)));
  EXPECT_EQ(counters_.ip_reassembly_failed, 2u);
  EXPECT_EQ(layer_->next_deadline(), Micros::never());
}

struct ReassemblyV6 : ReassemblyFixture {};

// RFC 6946: a fragment header on a whole packet is only a header.
TEST_F(ReassemblyV6, AnAtomicFragmentIsAWholePacket) {
  const Bytes whole = segment(800);
  EXPECT_FALSE(assembles(kV6, whole, {{0, 400}}));
  EXPECT_TRUE(assembles(kV6, whole, {{0, 800, false}})) << "apart from fragments of the same number";
  EXPECT_TRUE(assembles(kV6, whole, {{400, 800, false}}));
  EXPECT_EQ(counters_.ip_reassembly_needed, 2u);
}

TEST_F(ReassemblyV6, ExtensionHeadersInFrontAndInsideAreWalked) {
  Bytes inside(8);
  inside[0] = wire::ip_protocol::kTcp;  // destination options: next header, length 0, padding
  inside[2] = 1, inside[3] = 4;
  const Bytes segment_bytes = segment(800);
  Bytes whole = inside;
  whole.insert(whole.end(), segment_bytes.begin(), segment_bytes.end());
  Source p = kV6;
  p.protocol = 60;
  receive(fragment(p, whole, {0, 400}));
  const Received r = receive(fragment(p, whole, {400, whole.size(), false}));
  ASSERT_EQ(r.kind, Received::Kind::kTcp);
  const auto got = handed_up_.bytes().subspan(r.segment_offset, r.segment_size);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), segment_bytes.begin(), segment_bytes.end()));
}

// RFC 7112: the chain of headers ends in the first fragment.
TEST_F(ReassemblyV6, AHeaderChainBeyondTheFirstFragmentIsRefused) {
  Bytes whole(64);
  whole[0] = wire::ip_protocol::kTcp;
  whole[1] = 6;  // 56 bytes of options
  Source p = kV6;
  p.protocol = 60;
  receive(fragment(p, whole, {0, 24}));
  EXPECT_EQ(counters_.ip_reassembly_failed, 1u);
}

// A packet put together that is a fragment again, and Neighbour Discovery in fragments (RFC 6980).
TEST_F(ReassemblyV6, NoFragmentsInFragments) {
  Bytes whole(72);
  whole[0] = wire::ip_protocol::kTcp;
  whole[3] = 1;
  Source p = kV6;
  p.protocol = kFragmentHeader;
  receive(fragment(p, whole, {0, 40}));
  receive(fragment(p, whole, {40, 72, false}));
  EXPECT_EQ(counters_.ip_reassembled, 0u);
  Bytes solicitation(72);
  solicitation[0] = 135;
  p.protocol = wire::ip_protocol::kIcmpv6;
  p.id = 8;
  receive(fragment(p, solicitation, {0, 40}));
  EXPECT_EQ(receive(fragment(p, solicitation, {40, 72, false})).kind, Received::Kind::kConsumed);
  EXPECT_EQ(counters_.drop_protocol, 1u);
}

// Whatever the pieces: nothing read or written out of place (sanitizers watch), nothing kept.
TEST_F(ReassemblyV6, RandomFragmentsDoNoHarm) {
  const Bytes whole = segment(3000);
  for (uint64_t seed = 1; seed <= 30'000; ++seed) {
    SeededRandom random(seed);
    Source p = random.below(2) != 0 ? kV4 : kV6;
    p.id = static_cast<uint32_t>(random.below(300));
    constexpr uint8_t kProtocols[] = {6, 6, 6, 60, 44, 0, 1, 58};
    p.protocol = kProtocols[random.below(8)];
    const size_t third = random.below(3);
    const bool fits = random.below(8) != 0;  // one of the pieces of the same cut
    if (fits) p.protocol = wire::ip_protocol::kTcp;
    const size_t begin = fits ? third * 400 : random.below(random.below(3) == 0 ? 370 : 20) * 8;
    const size_t size = fits ? 400 : random.below(2) != 0 ? random.below(4) * 8 : random.below(900);
    const Piece piece{begin, std::min(begin + size, whole.size()), fits ? third != 2 : random.below(3) != 0};
    if (piece.begin > piece.end) continue;
    Bytes frame = fragment(p, whole, piece);
    if (random.below(20) == 0)
      frame[14 + random.below(frame.size() - 14)] ^= static_cast<uint8_t>(1 << random.below(8));
    const Received r = receive(frame);
    if (r.kind != Received::Kind::kConsumed) {
      ASSERT_LE(size_t{r.segment_offset} + r.segment_size, handed_up_.size());
      handed_up_.reset();
    }
    if (random.below(20) == 0) run_for(Micros::seconds(7));
    sent(kAccessPort);
    layer_->undeliverable().clear();  // errors whose neighbour did not answer
    ASSERT_LE(pools_->data_in_use(), 2u * limits_.fragmented_packets + 1u + 2u * limits_.queued_per_neighbor);
  }
  EXPECT_GT(counters_.ip_reassembled, 20u);
  EXPECT_GT(counters_.ip_reassembly_timeout, 100u);
}

}  // namespace
}  // namespace tributary
