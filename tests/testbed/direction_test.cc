// The link model in virtual time: what a frame meets on its way and when it arrives.
#include "testbed/link/direction.h"

#include <gtest/gtest.h>

#include <vector>

namespace tributary::link {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Arrival {
  TimePoint at;
  std::uint32_t length;
};

class LinkDirection : public ::testing::Test {
 protected:
  void TearDown() override {
    drain(milliseconds(1'000'000));
    EXPECT_EQ(pool.count_free(), kFrames) << "a frame was neither delivered nor released";
  }

  void set(const Parameters& parameters, TimePoint now = TimePoint{0}) { direction.set_parameters(now, parameters); }

  bool offer(TimePoint now, std::uint32_t length = 1500) {
    auto frame = pool.take();
    if (!frame) return false;
    direction.offer(now, {*frame, length});
    return true;
  }

  // Steps from deadline to deadline as the event loop does, until `end`.
  std::vector<Arrival> drain(TimePoint end) {
    std::vector<Arrival> arrivals;
    for (;;) {
      auto next = direction.next_deadline();
      if (!next || *next > end) return arrivals;
      while (auto frame = direction.take_due(*next)) {
        arrivals.push_back({*next, frame->length});
        pool.release(frame->index);
      }
    }
  }

  std::uint64_t drops(Drop reason) const { return direction.statistics().drops_for(reason); }

  static constexpr std::size_t kFrames = 20000;
  FramePool pool{kFrames, 16};
  Direction direction{pool, 7};
};

// A process that wakes late reads several frames at once: to the line they came one by one.
TEST_F(LinkDirection, AFrameToldLateIsServedFromWhenItArrived) {
  Parameters parameters;
  parameters.rate = 12'000'000;  // a millisecond for 1500 bytes
  parameters.overhead = 0;
  parameters.queue_frames = 1;
  set(parameters);
  EXPECT_FALSE(direction.take_due(milliseconds(10)));
  for (const int ms : {2, 3, 7}) EXPECT_TRUE(offer(milliseconds(ms)));
  const std::vector<Arrival> arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 3u);
  EXPECT_EQ(arrivals[0].at, milliseconds(3));
  EXPECT_EQ(arrivals[1].at, milliseconds(4));
  EXPECT_EQ(arrivals[2].at, milliseconds(8));
}

// ... but not before the line was done with the frame before.
TEST_F(LinkDirection, AFrameToldLateWaitsForTheOneBefore) {
  Parameters parameters;
  parameters.rate = 12'000'000;
  parameters.overhead = 0;
  set(parameters);
  offer(milliseconds(1));
  auto first = direction.take_due(milliseconds(10));
  ASSERT_TRUE(first);
  pool.release(first->index);
  offer(milliseconds(1) + microseconds(500));
  const std::vector<Arrival> arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].at, milliseconds(3));
}

TEST_F(LinkDirection, AWireDeliversAtOnceAndAltersNothing) {
  offer(milliseconds(5), 60);
  auto frame = direction.take_due(milliseconds(5));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->length, 60u);
  EXPECT_FALSE(direction.take_due(milliseconds(5)));
  EXPECT_FALSE(direction.next_deadline());
  pool.release(frame->index);
}

TEST_F(LinkDirection, DelayIsAddedToEachFrame) {
  set({.delay = milliseconds(10)});
  offer(milliseconds(1));
  offer(milliseconds(3));
  EXPECT_FALSE(direction.take_due(milliseconds(11) - Nanos(1)));
  auto arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[0].at, milliseconds(11));
  EXPECT_EQ(arrivals[1].at, milliseconds(13));
}

TEST_F(LinkDirection, FramesFollowEachOtherAtTheLineRate) {
  set({.delay = milliseconds(10), .rate = 12'000'000});  // 1500 bytes take 1 ms
  for (int i = 0; i < 5; ++i) offer(TimePoint{0});
  auto arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(arrivals[static_cast<std::size_t>(i)].at, milliseconds(11 + i));
}

TEST_F(LinkDirection, OverheadTakesTimeOnTheLine) {
  set({.rate = 8'000'000, .overhead = 500});
  offer(TimePoint{0}, 1500);
  auto arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].at, milliseconds(2));
  EXPECT_EQ(arrivals[0].length, 1500u);
}

TEST_F(LinkDirection, LookingLateCostsNoCapacity) {
  set({.rate = 12'000'000});
  for (int i = 0; i < 10; ++i) offer(TimePoint{0});
  // Nobody looks for 10 ms: all ten have left by then, none later.
  int delivered = 0;
  while (auto frame = direction.take_due(milliseconds(10))) {
    ++delivered;
    pool.release(frame->index);
  }
  EXPECT_EQ(delivered, 10);
}

TEST_F(LinkDirection, AnIdleLineSavesUpNothing) {
  set({.rate = 12'000'000});
  offer(milliseconds(500));
  offer(milliseconds(500));
  auto arrivals = drain(milliseconds(1000));
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[1].at - arrivals[0].at, milliseconds(1));
}

TEST_F(LinkDirection, ALongRunCarriesExactlyTheRate) {
  set({.rate = 50'000'000, .queue_frames = 100});
  std::uint64_t bytes = 0;
  for (int i = 0; i < 10'000; ++i) {  // 120 Mbit/s offered for a second
    offer(microseconds(100 * i));
    for (const Arrival& arrival : drain(microseconds(100 * i))) bytes += arrival.length;
  }
  EXPECT_NEAR(static_cast<double>(bytes * 8), 50e6, 50e6 * 0.002);
  EXPECT_GT(drops(Drop::kQueue), 0u);
}

TEST_F(LinkDirection, QueueDropsItsTailAtTheFrameLimit) {
  set({.rate = 12'000'000, .queue_frames = 3});
  for (int i = 0; i < 5; ++i) offer(TimePoint{0});
  EXPECT_EQ(direction.occupancy().queue_frames, 3u);
  EXPECT_EQ(drops(Drop::kQueue), 2u);
  offer(milliseconds(1));  // the first has left
  EXPECT_EQ(drops(Drop::kQueue), 2u);
  EXPECT_EQ(drain(milliseconds(100)).size(), 4u);
}

TEST_F(LinkDirection, QueueDropsItsTailAtTheByteLimit) {
  set({.rate = 12'000'000, .queue_bytes = 3200, .queue_frames = 0});
  for (std::uint32_t length : {1500u, 1500u, 1500u, 200u, 60u}) offer(TimePoint{0}, length);
  EXPECT_EQ(direction.occupancy().queue_bytes, 3200u);
  EXPECT_EQ(drops(Drop::kQueue), 2u);
}

TEST_F(LinkDirection, AnEmptyQueueTakesAFrameLongerThanItsLimit) {
  set({.rate = 12'000'000, .queue_bytes = 100, .queue_frames = 0});
  offer(TimePoint{0});
  EXPECT_EQ(drain(milliseconds(10)).size(), 1u);
}

TEST_F(LinkDirection, LossIsTheShareAskedFor) {
  set({.loss = 0.05});
  for (int i = 0; i < 10'000; ++i) offer(microseconds(i));
  EXPECT_NEAR(static_cast<double>(drops(Drop::kLoss)), 500, 100);
  EXPECT_EQ(drain(milliseconds(100)).size(), 10'000 - drops(Drop::kLoss));
}

TEST_F(LinkDirection, ALostFrameHasTakenItsTimeOnTheLine) {
  set({.rate = 12'000'000, .loss = 1});
  offer(TimePoint{0});
  EXPECT_EQ(drops(Drop::kLoss), 0u);
  set({.rate = 12'000'000}, microseconds(500));
  offer(microseconds(500));
  auto arrivals = drain(milliseconds(10));
  ASSERT_EQ(arrivals.size(), 2u);  // loss was off when the first one left
  EXPECT_EQ(arrivals[1].at, milliseconds(2));
}

TEST_F(LinkDirection, ADuplicateArrivesWithItsOriginal) {
  set({.delay = milliseconds(2), .duplicate = 1});
  offer(TimePoint{0});
  auto arrivals = drain(milliseconds(10));
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[0].at, arrivals[1].at);
  EXPECT_EQ(direction.statistics().duplicated, 1u);
  EXPECT_EQ(direction.statistics().frames, 2u);
}

TEST_F(LinkDirection, AReorderedFrameIsOvertaken) {
  set({.delay = milliseconds(10), .reorder = 1, .reorder_delay = milliseconds(5)});
  offer(TimePoint{0}, 100);
  set({.delay = milliseconds(10)}, milliseconds(1));
  offer(milliseconds(1), 200);
  auto arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[0].length, 200u);
  EXPECT_EQ(arrivals[1].length, 100u);
  EXPECT_EQ(arrivals[1].at, milliseconds(15));
}

TEST_F(LinkDirection, AShorterDelayDoesNotReorder) {
  set({.delay = milliseconds(50)});
  offer(TimePoint{0}, 100);
  set({.delay = milliseconds(1)}, milliseconds(1));
  offer(milliseconds(1), 200);
  auto arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[0].length, 100u);
  EXPECT_EQ(arrivals[1].at, milliseconds(50));
}

TEST_F(LinkDirection, GoingDownSwallowsWhatIsUnderWay) {
  set({.delay = milliseconds(10), .rate = 12'000'000});
  for (int i = 0; i < 3; ++i) offer(TimePoint{0});
  Parameters down = direction.parameters();
  down.down = true;
  set(down, microseconds(1500));  // one in flight, two queued
  offer(milliseconds(2));
  EXPECT_TRUE(drain(milliseconds(100)).empty());
  EXPECT_EQ(drops(Drop::kDown), 4u);
}

TEST_F(LinkDirection, ComingUpAgainDeliversWhatFollows) {
  set({.delay = milliseconds(1), .down = true});
  offer(TimePoint{0});
  set({.delay = milliseconds(1)}, milliseconds(5));
  offer(milliseconds(6));
  auto arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].at, milliseconds(7));
}

TEST_F(LinkDirection, ANewRateServesTheNextFrame) {
  set({.rate = 12'000'000});
  offer(TimePoint{0});
  offer(TimePoint{0});
  set({.rate = 120'000'000}, microseconds(200));
  auto arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_EQ(arrivals[0].at, milliseconds(1));
  EXPECT_EQ(arrivals[1].at, microseconds(1100));
}

TEST_F(LinkDirection, LiftingTheRateKeepsTheOrderOfTheQueue) {
  set({.rate = 12'000'000});
  offer(TimePoint{0}, 1500);
  offer(TimePoint{0}, 100);
  set({}, microseconds(1));
  offer(microseconds(2), 200);
  auto arrivals = drain(milliseconds(100));
  ASSERT_EQ(arrivals.size(), 3u);
  EXPECT_EQ(arrivals[0].length, 1500u);
  EXPECT_EQ(arrivals[1].length, 100u);
  EXPECT_EQ(arrivals[2].length, 200u);
}

TEST_F(LinkDirection, TheSameSeedGivesTheSameFates) {
  FramePool pool_a(1000, 16), pool_b(1000, 16);
  Direction a(pool_a, 42), b(pool_b, 42);
  for (Direction* d : {&a, &b}) d->set_parameters(TimePoint{0}, {.loss = 0.3, .duplicate = 0.2, .reorder = 0.2});
  for (int i = 0; i < 500; ++i) {
    a.offer(microseconds(i), {*pool_a.take(), 100});
    b.offer(microseconds(i), {*pool_b.take(), 100});
  }
  for (;;) {
    auto from_a = a.take_due(milliseconds(100)), from_b = b.take_due(milliseconds(100));
    ASSERT_EQ(from_a.has_value(), from_b.has_value());
    if (!from_a) break;
    EXPECT_EQ(from_a->index, from_b->index);
  }
  EXPECT_GT(a.statistics().drops_for(Drop::kLoss), 0u);
  EXPECT_GT(a.statistics().duplicated, 0u);
  EXPECT_GT(a.statistics().reordered, 0u);
}

}  // namespace
}  // namespace tributary::link
