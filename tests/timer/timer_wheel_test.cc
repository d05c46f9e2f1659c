#include "stack/timer/timer_wheel.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace tributary {
namespace {

constexpr Micros kTick(TimerWheel::kTickMicros);
constexpr unsigned kNoCap = 1u << 20;

struct Fired {
  std::vector<const TimerNode*> nodes;
  void operator()(TimerNode& node) { nodes.push_back(&node); }
};

// Steps virtual time from deadline to deadline until something fires; returns when.
Micros run_until_fired(TimerWheel& wheel, unsigned& steps) {
  for (steps = 1; steps < 1000; ++steps) {
    const Micros next = wheel.next_deadline();
    if (next == Micros::never()) break;
    if (wheel.advance(next, kNoCap, [](TimerNode&) {}) > 0) return next;
  }
  return Micros::never();
}

class Distance : public testing::TestWithParam<int64_t> {};

TEST_P(Distance, FiresAtTheDeadlineOrOneTickLaterAfterFewSteps) {
  for (const int64_t start : {int64_t{0}, int64_t{1}, int64_t{987'654'321}, int64_t{1} << 50}) {
    auto wheel = std::make_unique<TimerWheel>(Micros(start));
    TimerNode node;
    const Micros deadline(start + GetParam());
    wheel->arm(node, deadline);
    EXPECT_EQ(TimerWheel::deadline(node), deadline);
    unsigned steps = 0;
    const Micros fired = run_until_fired(*wheel, steps);
    EXPECT_GE(fired, deadline);
    EXPECT_LT(fired, deadline + kTick);
    EXPECT_LE(steps, 6u);  // at most once a level
    EXPECT_EQ(TimerWheel::deadline(node), Micros::never());
    EXPECT_EQ(wheel->next_deadline(), Micros::never());
    EXPECT_EQ(wheel->size(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(TimerWheel, Distance,
                         testing::Values(0, 1, 127, 128, 129, 255 * 128, 256 * 128, 256 * 128 + 1, 200'000, 1'000'000,
                                         256 * 256 * 128 - 1, 256 * 256 * 128, 60'000'000, 7'200'000'000,
                                         int64_t{30} * 86'400 * 1'000'000, int64_t{1} << 50));

TEST(TimerWheel, TicksMayBeFiner) {
  for (const int64_t distance : {1, 16, 17, 4000, 5000, 2'000'000}) {
    const auto wheel = std::make_unique<TimerWheel>(Micros(1000), 4);
    TimerNode node;
    const Micros deadline = Micros(777'000) + Micros(distance);
    wheel->arm(node, deadline);
    wheel->advance(deadline - Micros(1), 10, [](TimerNode&) { FAIL() << "early"; });
    unsigned fired = 0;
    wheel->advance(deadline + Micros(16), 10, [&](TimerNode&) { ++fired; });
    EXPECT_EQ(fired, 1u) << distance;
  }
}

TEST(TimerWheel, NothingFiresEarly) {
  auto wheel = std::make_unique<TimerWheel>(Micros(1000));
  TimerNode node;
  wheel->arm(node, Micros(1500));
  Fired fired;
  EXPECT_EQ(wheel->advance(Micros(1499), kNoCap, fired), 0u);
  EXPECT_EQ(wheel->advance(Micros(1500 + TimerWheel::kTickMicros), kNoCap, fired), 1u);
  EXPECT_EQ(fired.nodes, std::vector<const TimerNode*>{&node});
}

TEST(TimerWheel, LaterDeadlineIsOnlyStoredAndFoundWhenTheSlotComes) {
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  TimerNode node;
  wheel->arm(node, Micros(12'800));
  wheel->arm(node, Micros(25'600));
  EXPECT_EQ(wheel->next_deadline(), Micros(12'800));
  Fired fired;
  EXPECT_EQ(wheel->advance(Micros(12'800), kNoCap, fired), 0u);
  EXPECT_EQ(wheel->next_deadline(), Micros(25'600));
  EXPECT_EQ(wheel->advance(Micros(25'599), kNoCap, fired), 0u);
  EXPECT_EQ(wheel->advance(Micros(25'600), kNoCap, fired), 1u);
}

TEST(TimerWheel, EarlierDeadlineMovesTheNode) {
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  TimerNode node;
  wheel->arm(node, Micros::seconds(7200));
  wheel->arm(node, Micros(12'800));
  EXPECT_EQ(wheel->size(), 1u);
  EXPECT_EQ(wheel->next_deadline(), Micros(12'800));
  EXPECT_EQ(wheel->advance(Micros(12'800), kNoCap, [](TimerNode&) {}), 1u);
  EXPECT_EQ(wheel->next_deadline(), Micros::never());
}

TEST(TimerWheel, CancelledNodeStaysFiledUntilItsSlotAndMayBeArmedAgain) {
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  TimerNode node;
  wheel->arm(node, Micros(12'800));
  wheel->cancel(node);
  EXPECT_EQ(TimerWheel::deadline(node), Micros::never());
  EXPECT_EQ(wheel->size(), 1u);
  EXPECT_EQ(wheel->advance(Micros(12'800), kNoCap, [](TimerNode&) {}), 0u);
  EXPECT_EQ(wheel->size(), 0u);
  EXPECT_EQ(wheel->next_deadline(), Micros::never());
  wheel->arm(node, Micros(20'000));
  wheel->arm(node, Micros::never());
  EXPECT_EQ(wheel->advance(Micros(30'000), kNoCap, [](TimerNode&) {}), 0u);
}

TEST(TimerWheel, RemovedNodeIsUnlinkedAtOnce) {
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  {
    TimerNode node;
    wheel->remove(node);  // never filed: nothing to do
    wheel->arm(node, Micros(12'800));
    wheel->remove(node);
    wheel->remove(node);
  }
  EXPECT_EQ(wheel->size(), 0u);
  EXPECT_EQ(wheel->next_deadline(), Micros::never());
  EXPECT_EQ(wheel->advance(Micros::seconds(1), kNoCap, [](TimerNode&) {}), 0u);
}

TEST(TimerWheel, CapLeavesTheRestForTheNextCall) {
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  std::vector<TimerNode> nodes(10);
  for (TimerNode& node : nodes) wheel->arm(node, Micros(5000));
  Fired fired;
  EXPECT_EQ(wheel->advance(Micros(6000), 4, fired), 4u);
  EXPECT_LE(wheel->next_deadline(), Micros(6000));
  EXPECT_EQ(wheel->advance(Micros(6000), 4, fired), 4u);
  EXPECT_EQ(wheel->advance(Micros(6000), 4, fired), 2u);
  EXPECT_EQ(wheel->next_deadline(), Micros::never());
  EXPECT_EQ(fired.nodes.size(), 10u);
}

TEST(TimerWheel, CallbackMayArmItselfForThePastAndTheCallStillEnds) {
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  TimerNode node;
  wheel->arm(node, Micros(1000));
  unsigned calls = 0;
  auto again = [&](TimerNode& n) {
    ++calls;
    wheel->arm(n, Micros(1));
  };
  EXPECT_EQ(wheel->advance(Micros::seconds(3600), kNoCap, again), 1u);
  EXPECT_EQ(wheel->advance(Micros::seconds(3600) + kTick, kNoCap, again), 1u);
  EXPECT_EQ(calls, 2u);
}

TEST(TimerWheel, CallbackMayRemoveCancelPostponeAndArmOthersOfTheSameTick) {
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  TimerNode first, removed, cancelled, postponed, fresh;
  for (TimerNode* node : {&first, &removed, &cancelled, &postponed}) wheel->arm(*node, Micros(4000));
  Fired fired;
  EXPECT_EQ(wheel->advance(Micros(5000), kNoCap,
                           [&](TimerNode& node) {
                             fired(node);
                             wheel->remove(removed);
                             wheel->cancel(cancelled);
                             wheel->arm(postponed, Micros(9000));
                             wheel->arm(fresh, Micros(7000));
                           }),
            1u);
  EXPECT_EQ(fired.nodes, std::vector<const TimerNode*>{&first});
  fired.nodes.clear();
  wheel->advance(Micros(10'000), kNoCap, fired);
  EXPECT_EQ(fired.nodes, (std::vector<const TimerNode*>{&fresh, &postponed}));
  EXPECT_EQ(wheel->size(), 0u);
}

TEST(TimerWheel, KindBelongsToTheOwner) {
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  TimerNode node;
  node.kind = 7;
  wheel->arm(node, Micros(100));
  uint8_t seen = 0;
  wheel->advance(Micros(1000), kNoCap, [&](TimerNode& n) { seen = n.kind; });
  EXPECT_EQ(seen, 7);
}

TEST(TimerWheel, OneCallMovesABoundedNumberOfPostponedNodes) {
  constexpr unsigned kNodes = 50'000;
  auto wheel = std::make_unique<TimerWheel>(Micros(0));
  std::vector<TimerNode> nodes(kNodes);
  const Micros deadline = Micros::seconds(60);
  for (TimerNode& node : nodes) wheel->arm(node, deadline);
  unsigned calls = 0, fired = 0, idle_calls = 0;
  while (fired < kNodes && calls < 10'000) {
    const unsigned n = wheel->advance(deadline + kTick, 32, [](TimerNode&) {});
    EXPECT_LE(n, 32u);
    if (n == 0) {
      ++idle_calls;
      EXPECT_LE(wheel->next_deadline(), deadline + kTick);  // says that it has more to do
    }
    fired += n;
    ++calls;
  }
  EXPECT_EQ(fired, kNodes);
  EXPECT_GT(idle_calls, 10u);  // re-filing 50,000 nodes was spread
  EXPECT_EQ(wheel->next_deadline(), Micros::never());
}

}  // namespace
}  // namespace tributary
