// Links of special kinds: variable rate, policer, compressed ACKs; and the box that counts arrivals.
#include <gtest/gtest.h>

#include "tests/sim/ack_compressor.h"
#include "tests/sim/arrivals.h"
#include "tests/sim/collector.h"
#include "tests/sim/link.h"
#include "tests/sim/path.h"
#include "tests/sim/policer.h"
#include "tests/sim/rate_process.h"

namespace tributary::sim {
namespace {

constexpr Micros kStart = Micros::seconds(1000);
constexpr int64_t kStartNs = kStart.count() * 1000;
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr RateProcess::Shape kShape{.lowest = 4'000'000, .highest = 40'000'000};

TEST(RateProcess, StaysBetweenItsBoundsAndFollowsFromItsSeed) {
  RateProcess one(Prng(5), kShape, kStart), same(Prng(5), kShape, kStart), other(Prng(6), kShape, kStart);
  double lowest = 1e18, highest = 0;
  bool differs = false;
  for (int64_t at = kStartNs; at < kStartNs + 100 * kSecondNs; at += 20'000'000) {
    const double bits = one.granted(at, at + 20'000'000) * 8 * 50;
    lowest = std::min(lowest, bits);
    highest = std::max(highest, bits);
    EXPECT_EQ(bits, same.granted(at, at + 20'000'000) * 8 * 50);
    differs |= bits != other.granted(at, at + 20'000'000) * 8 * 50;
  }
  EXPECT_GE(lowest, 3.999e6);
  EXPECT_LE(highest, 40.001e6);
  EXPECT_GT(highest, 3 * lowest) << "it varies";
  EXPECT_TRUE(differs);
}

TEST(RateProcess, FinishIsTheInverseOfWhatIsGranted) {
  RateProcess rate(Prng(5), kShape, kStart);
  for (const uint64_t bytes : {1u, 1500u, 100'000u, 20'000'000u}) {
    const int64_t from = kStartNs + 12'345'678;
    const int64_t to = rate.finish(from, bytes);
    EXPECT_NEAR(rate.granted(from, to), static_cast<double>(bytes), 0.1);
  }
}

TEST(RateProcess, LinkSendsAllItMayAndQueuesTheRest) {
  EventLoop loop;
  Collector sink(loop);
  RateProcess rate(Prng(5), kShape, loop.now());
  Link link(loop, Prng(1), {.rate = &rate, .queue_bytes = 100'000}, [&](Frame f) { sink.take_frame(std::move(f)); });
  for (int i = 0; i < 101; ++i) link.send(Frame(1000));
  EXPECT_EQ(link.statistics().queue_drops, 1u);
  loop.run_for(Micros::seconds(1));
  ASSERT_EQ(sink.frames.size(), 100u);
  const int64_t last = (sink.times.back().count() - kStart.count()) * 1000;
  EXPECT_NEAR(rate.granted(kStartNs, kStartNs + last), 100'000, 10);
  EXPECT_GT(link.statistics().waited_us, 0u);
}

class BoxTest : public testing::Test {
 protected:
  BoxTest() {
    path.attach(Side::kA, a);
    path.attach(Side::kB, b);
  }
  EventLoop loop;
  Prng prng{1};
  Path path{loop, prng, {}};
  Collector a{loop}, b{loop};
};

TEST_F(BoxTest, PolicerLetsABurstThroughAndThenTheRate) {
  auto& box = path.add_middlebox<Policer>(Direction::kForward, 8'000'000, 10'000);
  for (int i = 0; i < 20; ++i) path.send(Side::kA, Frame(1000));
  loop.run_for(Micros(100));
  EXPECT_EQ(b.frames.size(), 10u);
  EXPECT_EQ(box.dropped(), 10u);
  for (int i = 0; i < 2000; ++i) {  // twice the rate for a second
    loop.run_for(Micros(500));
    path.send(Side::kA, Frame(1000));
  }
  loop.run_for(Micros(100));
  EXPECT_NEAR(static_cast<double>(b.frames.size()), 1010, 3);
  for (int i = 0; i < 20; ++i) path.send(Side::kB, Frame(1000));
  loop.run_for(Micros(100));
  EXPECT_EQ(a.frames.size(), 20u) << "the other way is free";
}

TEST_F(BoxTest, AckCompressorLetsGoAtItsSlots) {
  path.add_middlebox<AckCompressor>(Direction::kBackward, Micros(1000));
  for (int i = 0; i < 10; ++i) {
    path.send(Side::kB, Frame(60));
    loop.run_for(Micros(150));
  }
  loop.run_for(Micros(1000));
  ASSERT_EQ(a.frames.size(), 10u);
  EXPECT_EQ(a.times[0], kStart + Micros(1000));
  EXPECT_EQ(a.times[6], kStart + Micros(1000));
  EXPECT_EQ(a.times[7], kStart + Micros(2000));
  path.send(Side::kA, Frame(60));
  loop.run_for(Micros(1));
  EXPECT_EQ(b.frames.size(), 1u);
}

TEST_F(BoxTest, ArrivalsTellsTheSecondOfASegment) {
  const auto& arrivals = path.add_middlebox<Arrivals>(Direction::kForward);
  for (const uint32_t seq : {10u, 110u, 10u, 210u}) path.send(Side::kA, make_segment(seq, 100).build());
  path.send(Side::kA, make_segment(310, 0).build());
  path.send(Side::kB, make_reply(1, 100, 10).build());
  loop.run_for(Micros(10));
  EXPECT_EQ(arrivals.segments(), 4u);
  EXPECT_EQ(arrivals.again(), 1u);
}

}  // namespace
}  // namespace tributary::sim
