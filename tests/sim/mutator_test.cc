// Each mutation does what it says and no more.
#include "tests/sim/mutator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/collector.h"
#include "tests/sim/path.h"

namespace tributary::sim {
namespace {

using wire::tcp_flag::kAck;
using wire::tcp_flag::kFin;
using wire::tcp_flag::kRst;
using wire::tcp_flag::kSyn;

class MutatorTest : public testing::Test {
 protected:
  MutatorTest() {
    path.attach(Side::kA, a);
    path.attach(Side::kB, b);
  }
  Mutator& add(Mutation mutation, double chance = 1) {
    MutationPlan plan{};
    plan[static_cast<size_t>(mutation)] = chance;
    return path.add_middlebox<Mutator>(Prng(7), Mutator::Rules{.plan = plan});
  }
  void send(Side from, const Segment& segment) {
    path.send(from, segment.build());
    loop.run_for(Micros(100));
  }
  void send_data(unsigned count) {
    for (uint32_t i = 0; i < count; ++i) send(Side::kA, make_segment(10 + 100 * i, 100));
    loop.run_for(Micros::seconds(30));
  }
  uint64_t count(const Mutator& box, Mutation m) const { return box.counts()[static_cast<size_t>(m)]; }

  EventLoop loop;
  Prng prng{1};
  Path path{loop, prng, {}};
  Collector a{loop}, b{loop};
};

TEST_F(MutatorTest, DropsAll) {
  const auto& box = add(Mutation::kDrop);
  send_data(10);
  EXPECT_TRUE(b.frames.empty());
  EXPECT_EQ(count(box, Mutation::kDrop), 10u);
}

TEST_F(MutatorTest, DuplicatesEach) {
  add(Mutation::kDuplicate);
  send_data(10);
  EXPECT_EQ(b.frames.size(), 20u);
}

TEST_F(MutatorTest, ReorderedFramesAllArriveInAnotherOrder) {
  add(Mutation::kReorder, 0.3);
  send_data(100);
  ASSERT_EQ(b.frames.size(), 100u);
  std::vector<uint32_t> order, sorted;
  for (const Frame& f : b.frames) order.push_back(Segment::parse(f)->tcp.seq.raw());
  sorted = order;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_NE(order, sorted);
  EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
}

TEST_F(MutatorTest, DelayedFramesArriveLater) {
  add(Mutation::kDelay);
  send_data(10);
  ASSERT_EQ(b.frames.size(), 10u);
  for (const Micros at : b.times) EXPECT_GE((at - Micros::seconds(1000)).count(), 500);
}

TEST_F(MutatorTest, ReplaysAreCopiesOfWhatPassed) {
  const auto& box = add(Mutation::kReplay);
  send_data(10);
  EXPECT_EQ(b.frames.size(), 10u + count(box, Mutation::kReplay));
  EXPECT_EQ(count(box, Mutation::kReplay), 9u);  // before the first there is nothing
}

TEST_F(MutatorTest, TruncatedFramesAreDamagedOrHonestlyShorter) {
  add(Mutation::kTruncate);
  send_data(200);
  ASSERT_EQ(b.frames.size(), 200u);
  unsigned shorter = 0;
  for (uint32_t i = 0; i < 200; ++i) {
    const auto s = Segment::parse(b.frames[i]);
    if (!s) continue;
    ++shorter;
    const auto whole = make_segment(10 + 100 * i, 100).payload;
    EXPECT_LT(s->payload.size(), 100u);
    EXPECT_TRUE(std::equal(s->payload.begin(), s->payload.end(), whole.begin()));
  }
  EXPECT_GT(shorter, 40u);
  EXPECT_LT(shorter, 160u);
}

TEST_F(MutatorTest, FlipsNeverChangePayloadUnderARightChecksum) {
  add(Mutation::kFlip);
  send_data(1000);
  unsigned right = 0;
  for (uint32_t i = 0; i < 1000; ++i) {
    const auto s = Segment::parse(b.frames[i]);
    if (!s) continue;
    ++right;
    EXPECT_EQ(s->payload, make_segment(10 + 100 * i, 100).payload);
    EXPECT_EQ(s->tcp.seq, SeqNum(10 + 100 * i));
    EXPECT_EQ(s->tcp.ack, SeqNum(7000));
    EXPECT_FALSE(s->tcp.has(kFin));
  }
  EXPECT_GT(right, 200u);
  EXPECT_LT(right, 500u) << "most leave the checksum wrong";
}

TEST_F(MutatorTest, InjectedSegmentsHaveRightChecksumsAndHarmNoPlainStream) {
  const auto& box = add(Mutation::kInject);
  send(Side::kB, make_reply(7000, 0, 10));
  for (int i = 0; i < 40; ++i) send(Side::kA, make_segment(10, 0));
  EXPECT_EQ(b.frames.size(), 40u + count(box, Mutation::kInject) - 1) << "the reply had nothing to go by";
  unsigned resets = 0, syns = 0;
  for (const Frame& f : b.frames) {
    const auto s = Segment::parse(f);
    ASSERT_TRUE(s);
    EXPECT_TRUE(s->payload.empty()) << "without timestamps PAWS cannot refuse it";
    EXPECT_FALSE(s->tcp.has(kFin));
    resets += s->tcp.has(kRst);
    syns += s->tcp.has(kSyn);
    EXPECT_TRUE(!s->tcp.has(kRst | kSyn) || s->tcp.seq > SeqNum(10)) << "in the window, not at its edge";
  }
  EXPECT_GT(resets, 0u);
  EXPECT_GT(syns, 0u);
}

TEST_F(MutatorTest, StoppedItLetsAllPass) {
  auto& box = add(Mutation::kDrop);
  box.stop();
  send_data(10);
  EXPECT_EQ(b.frames.size(), 10u);
}

}  // namespace
}  // namespace tributary::sim
