#include "tests/sim/link.h"

#include <gtest/gtest.h>

#include "tests/sim/collector.h"
#include "tests/sim/path.h"

namespace tributary::sim {
namespace {

constexpr Micros kStart = Micros::seconds(1000);

class LinkTest : public testing::Test {
 protected:
  Link& make_link(const LinkParameters& parameters, uint64_t seed = 1) {
    link = std::make_unique<Link>(loop, Prng(seed), parameters, [this](Frame f) { sink.take_frame(std::move(f)); });
    return *link;
  }
  void send_numbered(size_t count, size_t size = 1000) {
    for (size_t i = 0; i < count; ++i) {
      Frame frame(size);
      frame[0] = static_cast<uint8_t>(i);
      frame[1] = static_cast<uint8_t>(i >> 8);
      link->send(std::move(frame));
    }
  }
  size_t number(size_t i) const { return sink.frames[i][0] | size_t{sink.frames[i][1]} << 8; }

  EventLoop loop;
  Collector sink{loop};
  std::unique_ptr<Link> link;
};

TEST(EventLoop, RunsInOrderOfTimeThenOfCreation) {
  EventLoop loop;
  std::vector<int> order;
  loop.after(Micros(20), [&] { order.push_back(3); });
  loop.after(Micros(10), [&] { order.push_back(1); });
  loop.after(Micros(10), [&] {
    order.push_back(2);
    loop.at(Micros(0), [&] { order.push_back(4); });  // the past means now
  });
  loop.run_for(Micros(10));
  EXPECT_EQ(order, (std::vector{1, 2, 4}));
  EXPECT_EQ(loop.now(), kStart + Micros(10));
  loop.run_for(Micros(100));
  EXPECT_EQ(order, (std::vector{1, 2, 4, 3}));
}

TEST(EventLoop, RunUntilStopsAtItsLimit) {
  EventLoop loop;
  loop.after(Micros(50), [] {});
  EXPECT_FALSE(loop.run_until([] { return false; }, kStart + Micros(10)));
  EXPECT_TRUE(loop.run_until([&] { return loop.now() == kStart + Micros(50); }, kStart + Micros(100)));
}

TEST_F(LinkTest, RateAndDelayGiveArrivalTimes) {
  make_link({.bits_per_second = 8'000'000, .delay = Micros(500)});
  send_numbered(3);
  loop.run_for(Micros::seconds(1));
  ASSERT_EQ(sink.times.size(), 3u);
  EXPECT_EQ(sink.times[0], kStart + Micros(1500));
  EXPECT_EQ(sink.times[1], kStart + Micros(2500));
  EXPECT_EQ(sink.times[2], kStart + Micros(3500));
}

TEST_F(LinkTest, FullQueueDropsAtTheTail) {
  make_link({.bits_per_second = 8'000'000, .queue_bytes = 4500});
  send_numbered(10);
  loop.run_for(Micros::seconds(1));
  ASSERT_EQ(sink.frames.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(number(i), i);
  EXPECT_EQ(link->statistics().queue_drops, 6u);
  send_numbered(1);  // empty again
  loop.run_for(Micros::seconds(1));
  EXPECT_EQ(sink.frames.size(), 5u);
}

TEST_F(LinkTest, LossIsNearItsProbability) {
  make_link({.loss = 0.05});
  send_numbered(10000, 60);
  loop.run_for(Micros::seconds(1));
  EXPECT_NEAR(static_cast<double>(link->statistics().lost), 500, 100);
  EXPECT_EQ(link->statistics().delivered + link->statistics().lost, 10000u);
}

TEST_F(LinkTest, BurstsLoseNeighbours) {
  make_link({.bits_per_second = 80'000'000, .queue_bytes = 1 << 20, .burst = 0.01, .burst_length = Micros(2000)});
  for (int i = 0; i < 1000; ++i) {
    loop.after(Micros(i * 100), [this, i] {
      Frame frame(60);
      frame[0] = static_cast<uint8_t>(i);
      frame[1] = static_cast<uint8_t>(i >> 8);
      link->send(std::move(frame));
    });
  }
  loop.run_for(Micros::seconds(1));
  size_t gaps = 0;
  for (size_t i = 1; i < sink.frames.size(); ++i) gaps += number(i) != number(i - 1) + 1;
  const uint64_t lost = link->statistics().lost;
  EXPECT_GT(gaps, 2u);
  EXPECT_GT(lost, 4 * gaps);  // 10 in a row on average
  EXPECT_LT(lost, 25 * gaps);
}

TEST_F(LinkTest, ReorderingLosesNothing) {
  make_link({.bits_per_second = 80'000'000, .reorder = 0.1, .reorder_delay = Micros(3000)});
  send_numbered(200);
  loop.run_for(Micros::seconds(1));
  ASSERT_EQ(sink.frames.size(), 200u);
  size_t late = 0;
  for (size_t i = 1; i < 200; ++i) late += number(i) < number(i - 1);
  EXPECT_GT(late, 5u);
  EXPECT_GE(link->statistics().reordered, late);
}

TEST_F(LinkTest, DuplicatesArriveTwice) {
  make_link({.duplicate = 0.1});
  send_numbered(1000, 60);
  loop.run_for(Micros::seconds(1));
  EXPECT_EQ(sink.frames.size(), 1000 + link->statistics().duplicated);
  EXPECT_GT(link->statistics().duplicated, 50u);
}

TEST_F(LinkTest, DownLosesWhatIsOnTheLinkAndWhatIsSent) {
  make_link({.delay = Micros(1000)});
  send_numbered(2);
  loop.after(Micros(500), [&] { link->set_up(false); });
  loop.after(Micros(600), [&] { send_numbered(3); });
  loop.after(Micros(700), [&] { link->set_up(true); });
  loop.after(Micros(800), [&] { send_numbered(1); });
  loop.run_for(Micros::seconds(1));
  EXPECT_EQ(sink.frames.size(), 1u);
  EXPECT_EQ(link->statistics().down_drops, 5u);
}

TEST_F(LinkTest, SameSeedSameFaults) {
  const LinkParameters parameters = {.loss = 0.1, .reorder = 0.1, .reorder_delay = Micros(100), .duplicate = 0.1};
  std::vector<Frame> runs[2];
  for (auto& frames : runs) {
    make_link(parameters, 42);
    send_numbered(500, 60);
    loop.run_for(Micros::seconds(1));
    frames = std::exchange(sink.frames, {});
  }
  EXPECT_EQ(runs[0], runs[1]);
  make_link(parameters, 43);
  send_numbered(500, 60);
  loop.run_for(Micros::seconds(1));
  EXPECT_NE(runs[0], sink.frames);
}

TEST(Corruption, IsAlwaysFoundByTheChecksum) {
  Prng prng(7);
  for (int i = 0; i < 20000; ++i) {
    const Frame good = make_segment(100, 1 + prng.below(200), wire::tcp_flag::kAck, prng.chance(0.5)).build();
    Frame bad = good;
    ASSERT_TRUE(corrupt_frame(bad, prng));
    ASSERT_NE(good, bad);
    const auto segment = Segment::parse(bad);
    if (!segment) continue;
    // What no checksum covers is all that may differ: IPv6's traffic class, flow label and hop limit.
    ASSERT_FALSE(segment->ip.is_v4());
    const auto original = Segment::parse(good);
    EXPECT_EQ(segment->payload, original->payload);
    EXPECT_EQ(segment->tcp, original->tcp);
    EXPECT_EQ(segment->ip.source, original->ip.source);
  }
}

TEST(Corruption, LeavesArpAlone) {
  Prng prng(7);
  Frame arp(60);
  arp[12] = 0x08;
  arp[13] = 0x06;
  EXPECT_FALSE(corrupt_frame(arp, prng));
}

TEST(PathTest, CarriesBothWaysAndGoesDown) {
  EventLoop loop;
  Prng prng(1);
  Path path(loop, prng, PathParameters::symmetric({.delay = Micros(100)}));
  Collector a(loop), b(loop);
  path.attach(Side::kA, a);
  path.attach(Side::kB, b);
  path.plan_outage(Micros(1000), Micros(1000));
  for (int i = 0; i < 30; ++i)
    loop.after(Micros(i * 100 + 50), [&] {
      path.send(Side::kA, Frame(60, 1));
      path.send(Side::kB, Frame(60, 2));
    });
  loop.run_for(Micros::seconds(1));
  EXPECT_EQ(a.frames.size(), 19u);  // 10 in the outage, one on the link when it began
  EXPECT_EQ(b.frames.size(), 19u);
  EXPECT_EQ(a.frames.front()[0], 2);
  EXPECT_EQ(b.frames.front()[0], 1);
}

}  // namespace
}  // namespace tributary::sim
