#include "tests/sim/middlebox.h"

#include <gtest/gtest.h>

#include "stack/wire/byte_order.h"
#include "tests/sim/collector.h"
#include "tests/sim/path.h"

namespace tributary::sim {
namespace {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kPsh;
using wire::tcp_flag::kSyn;

const std::vector<uint8_t> kDssOption = {30, 8, 0x20, 0x01, 1, 2, 3, 4};

class MiddleboxTest : public testing::Test {
 protected:
  MiddleboxTest() {
    path.attach(Side::kA, a);
    path.attach(Side::kB, b);
  }
  /// Sends and returns what arrives; every arriving segment must have right checksums.
  std::vector<Segment> send(Side from, const std::vector<Segment>& segments) {
    for (const Segment& s : segments) path.send(from, s.build());
    loop.run_for(Micros::seconds(1));
    std::vector<Segment> arrived;
    for (const Frame& frame : std::exchange((from == Side::kA ? b : a).frames, {})) {
      auto segment = Segment::parse(frame);
      EXPECT_TRUE(segment) << "a middlebox made a bad checksum";
      if (segment) arrived.push_back(*segment);
    }
    return arrived;
  }

  EventLoop loop;
  Prng prng{1};
  Path path{loop, prng, {}};
  Collector a{loop}, b{loop};
};

TEST(SegmentTest, BuildIsTheMirrorOfParse) {
  for (const bool v6 : {false, true}) {
    for (const size_t size : {0, 1, 2, 777, 1400}) {
      Segment s = make_segment(0xfffffff0, size, kAck | kPsh, v6);
      s.options = kDssOption;
      const Frame frame = s.build();
      const auto parsed = Segment::parse(frame);
      ASSERT_TRUE(parsed);
      EXPECT_EQ(parsed->build(), frame);
      EXPECT_EQ(parsed->payload, s.payload);
      EXPECT_EQ(parsed->options, s.options);
    }
  }
}

TEST_F(MiddleboxTest, DamagedSegmentsPassUntouched) {
  auto& box = path.add_middlebox<SequenceRewriter>(Prng(3));
  Frame bad = make_segment(1, 100).build();
  bad.back() ^= 1;
  path.send(Side::kA, bad);
  loop.run_for(Micros(10));
  ASSERT_EQ(b.frames.size(), 1u);
  EXPECT_EQ(b.frames[0], bad);
  EXPECT_EQ(box.changed(), 0u);
}

TEST_F(MiddleboxTest, SequenceRewriterShiftsBothSequenceSpaces) {
  path.add_middlebox<SequenceRewriter>(Prng(3));
  const auto syn = send(Side::kA, {make_segment(100, 0, kSyn)});
  ASSERT_EQ(syn.size(), 1u);
  const uint32_t shift = syn[0].tcp.seq.raw() - 100;
  EXPECT_NE(shift, 0u);
  Segment reply = make_reply(7000, 10, 101 + shift);
  reply.options = {kOptionSack, 10, 0, 0, 0, 0, 0, 0, 0, 0, kOptionNop, kOptionNop};
  wire::store32(&reply.options[2], 200 + shift);
  wire::store32(&reply.options[6], 300 + shift);
  const auto at_a = send(Side::kB, {reply});
  ASSERT_EQ(at_a.size(), 1u);
  EXPECT_EQ(at_a[0].tcp.ack, SeqNum(101));
  EXPECT_EQ(wire::load32(&at_a[0].options[2]), 200u);
  EXPECT_EQ(wire::load32(&at_a[0].options[6]), 300u);
  Segment data = make_segment(101, 5);
  data.tcp.ack = at_a[0].tcp.seq + 10;
  const auto at_b = send(Side::kA, {data});
  ASSERT_EQ(at_b.size(), 1u);
  EXPECT_EQ(at_b[0].tcp.ack, SeqNum(7010));
  EXPECT_EQ(at_b[0].tcp.seq, SeqNum(101 + shift));
  EXPECT_EQ(at_b[0].payload, data.payload);
}

struct StripCase {
  const char* name;
  OptionStripper::Rule rule;
  bool syn, syn_ack, data, reply;  ///< whether the option survives
};
void PrintTo(const StripCase& c, std::ostream* out) {
  *out << c.name;
}

class StripTest : public MiddleboxTest, public testing::WithParamInterface<StripCase> {};

TEST_P(StripTest, StripsWhereToldAndOnlyThere) {
  auto& box = path.add_middlebox<OptionStripper>(GetParam().rule);
  auto with_option = [](Segment s) {
    s.options = kDssOption;
    return s;
  };
  const auto up = send(Side::kA, {with_option(make_segment(1, 0, kSyn)), with_option(make_segment(2, 3))});
  const auto down = send(Side::kB, {with_option(make_reply(1, 0, 2, kSyn | kAck)), with_option(make_reply(2, 3, 2))});
  EXPECT_EQ(up[0].has_option(kOptionMptcp), GetParam().syn);
  EXPECT_EQ(down[0].has_option(kOptionMptcp), GetParam().syn_ack);
  EXPECT_EQ(up[1].has_option(kOptionMptcp), GetParam().data);
  EXPECT_EQ(down[1].has_option(kOptionMptcp), GetParam().reply);
  EXPECT_EQ(box.changed(), 4u - GetParam().syn - GetParam().syn_ack - GetParam().data - GetParam().reply);
}

INSTANTIATE_TEST_SUITE_P(
    Places, StripTest,
    testing::Values(StripCase{"Syn", {.from_syn = true}, false, true, true, true},
                    StripCase{"SynAck", {.from_syn_ack = true}, true, false, true, true},
                    StripCase{"NonSyn", {.from_non_syn = true}, true, true, false, false},
                    StripCase{"OneWay", {.from_non_syn = true, .only = Direction::kBackward}, true, true, true, false},
                    StripCase{"Later", {.from_non_syn = true, .after_segments = 1}, true, true, true, true},
                    StripCase{"OtherSubtype", {.from_non_syn = true, .subtype = uint8_t{3}}, true, true, true, true},
                    StripCase{"Dss", {.from_non_syn = true, .subtype = uint8_t{2}}, true, true, false, false}),
    [](const auto& test) { return test.param.name; });

TEST_F(MiddleboxTest, SplitterKeepsTheStream) {
  path.add_middlebox<Splitter>(500, Splitter::Options::kOnEveryPiece);
  Segment s = make_segment(10, 1200, kAck | kPsh | kFin);
  s.options = kDssOption;
  const auto pieces = send(Side::kA, {s});
  ASSERT_EQ(pieces.size(), 3u);
  std::vector<uint8_t> stream;
  for (const Segment& piece : pieces) {
    EXPECT_EQ(piece.tcp.seq, SeqNum(10 + static_cast<uint32_t>(stream.size())));
    EXPECT_TRUE(piece.has_option(kOptionMptcp));
    stream.insert(stream.end(), piece.payload.begin(), piece.payload.end());
  }
  EXPECT_EQ(stream, s.payload);
  EXPECT_FALSE(pieces[0].tcp.has(kFin | kPsh));
  EXPECT_TRUE(pieces[2].tcp.has(kFin));
}

TEST_F(MiddleboxTest, SplitterCanLeaveOptionsToTheFirstPiece) {
  path.add_middlebox<Splitter>(500, Splitter::Options::kOnFirstPiece);
  Segment s = make_segment(10, 700);
  s.options = kDssOption;
  const auto pieces = send(Side::kA, {s});
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_TRUE(pieces[0].has_option(kOptionMptcp));
  EXPECT_FALSE(pieces[1].has_option(kOptionMptcp));
}

TEST_F(MiddleboxTest, CoalescerJoinsNeighbours) {
  path.add_middlebox<Coalescer>(1000, Micros(100));
  const auto joined = send(Side::kA, {make_segment(10, 400), make_segment(410, 400), make_segment(810, 400)});
  ASSERT_EQ(joined.size(), 2u);
  EXPECT_EQ(joined[0].payload.size(), 800u);
  EXPECT_EQ(joined[0].payload, make_segment(10, 800).payload);
  EXPECT_EQ(joined[1].tcp.seq, SeqNum(810));
}

TEST_F(MiddleboxTest, CoalescerLetsGoInTimeAndOnGaps) {
  path.add_middlebox<Coalescer>(1000, Micros(100));
  path.send(Side::kA, make_segment(10, 400).build());
  path.send(Side::kA, make_segment(500, 100).build());  // not the next one
  loop.run_for(Micros(10));
  EXPECT_EQ(b.frames.size(), 1u);
  loop.run_for(Micros(200));
  EXPECT_EQ(b.frames.size(), 2u);
  path.send(Side::kA, make_segment(600, 100).build());
  path.send(Side::kA, make_segment(700, 0, kAck | kFin).build());  // a pure FIN must not overtake
  loop.run_for(Micros(200));
  ASSERT_EQ(b.frames.size(), 4u);
  EXPECT_EQ(Segment::parse(b.frames[2])->tcp.seq, SeqNum(600));
}

TEST_F(MiddleboxTest, RewriterChangesPayloadWithARightChecksum) {
  auto& box = path.add_middlebox<PayloadRewriter>(Direction::kForward, 1, 2);
  const auto arrived =
      send(Side::kA, {make_segment(1, 9), make_segment(10, 9), make_segment(19, 9), make_segment(28, 9)});
  ASSERT_EQ(arrived.size(), 4u);
  EXPECT_EQ(arrived[0].payload, make_segment(1, 9).payload);
  EXPECT_NE(arrived[1].payload, make_segment(10, 9).payload);
  EXPECT_EQ(arrived[2].payload, make_segment(19, 9).payload);
  EXPECT_NE(arrived[3].payload, make_segment(28, 9).payload);
  EXPECT_EQ(box.changed(), 2u);
}

TEST_F(MiddleboxTest, ChainsRunFromAToBAndBack) {
  path.add_middlebox<Splitter>(100, Splitter::Options::kOnEveryPiece);                              // next to B
  auto& stripper = path.add_middlebox<OptionStripper>(OptionStripper::Rule{.from_non_syn = true});  // on its A side
  Segment s = make_segment(1, 300);
  s.options = kDssOption;
  EXPECT_EQ(send(Side::kA, {s}).size(), 3u);
  EXPECT_EQ(stripper.changed(), 1u);  // stripped before it was split
  Segment reply = make_reply(1, 300, 1);
  reply.options = kDssOption;
  EXPECT_EQ(send(Side::kB, {reply}).size(), 3u);
  EXPECT_EQ(stripper.changed(), 4u);  // split before it was stripped
}

}  // namespace
}  // namespace tributary::sim
