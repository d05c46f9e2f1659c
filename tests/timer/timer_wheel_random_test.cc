// The wheel beside a model that looks at every node's deadline: random operations, a million timers.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "stack/timer/timer_wheel.h"

namespace tributary {
namespace {

using Rng = std::mt19937_64;

// Distances of every magnitude, from now to weeks; sometimes in the past.
Micros draw_deadline(Rng& rng, Micros now) {
  const unsigned magnitude = static_cast<unsigned>(rng() % 41);
  const int64_t distance = static_cast<int64_t>(rng() & ((uint64_t{1} << magnitude) - 1));
  return rng() % 16 == 0 ? now - Micros(distance % 1000) : now + Micros(distance);
}

struct Timer : TimerNode {
  Micros expected = Micros::never();  // what the model holds
  Micros armed_at;
};

class World {
 public:
  World(uint64_t seed, size_t count) : rng_(seed), wheel_(std::make_unique<TimerWheel>(now_)), timers_(count) {}

  void run(unsigned rounds, unsigned operations, unsigned cap) {
    for (unsigned round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
      for (unsigned i = 0; i < operations; ++i) operate(timers_[rng_() % timers_.size()]);
      step(cap);
    }
  }

  // Nothing due may be left a tick after its deadline (or after it was armed, when that was later).
  void check_none_overdue() {
    for (const Timer& t : timers_) {
      ASSERT_EQ(TimerWheel::deadline(t), t.expected);
      if (t.expected == Micros::never()) continue;
      ASSERT_GT(std::max(t.expected, t.armed_at) + Micros(2 * TimerWheel::kTickMicros), now_);
    }
  }

  void drain() {
    unsigned idle = 0;
    while (wheel_->next_deadline() != Micros::never() && !testing::Test::HasFailure()) {
      const Micros next = wheel_->next_deadline();
      now_ = std::max(now_, next);
      const uint64_t before = fired_;
      advance(1u << 20, false);
      idle = fired_ == before && wheel_->next_deadline() == next ? idle + 1 : 0;
      ASSERT_LT(idle, timers_.size() / 1000 + 2) << "virtual time does not progress";
    }
    for (const Timer& t : timers_) ASSERT_EQ(t.expected, Micros::never());
    EXPECT_EQ(wheel_->size(), 0u);
  }

  uint64_t fired() const { return fired_; }

 private:
  void operate(Timer& t) {
    switch (rng_() % 8) {
      case 0:
        wheel_->cancel(t);
        t.expected = Micros::never();
        break;
      case 1:
        wheel_->remove(t);
        t.expected = Micros::never();
        break;
      default:
        t.expected = draw_deadline(rng_, now_);
        t.armed_at = now_;
        wheel_->arm(t, t.expected);
    }
  }

  void step(unsigned cap) {
    const Micros next = wheel_->next_deadline();
    switch (rng_() % 4) {
      case 0:
        now_ += Micros(static_cast<int64_t>(rng_() % 300));
        break;
      case 1:
        now_ += Micros(static_cast<int64_t>(rng_() % 3'000'000));
        break;
      case 2:
        now_ += Micros(static_cast<int64_t>(rng_() % (uint64_t{1} << 36)));
        break;
      default:
        if (next != Micros::never()) now_ = std::max(now_, next);
    }
    if (cap == 0) {
      advance(1u << 20, true);
      check_none_overdue();
    } else {
      for (unsigned i = 0; i < 5; ++i) advance(cap, true);
    }
  }

  void advance(unsigned cap, bool act) {
    const unsigned n = wheel_->advance(now_, cap, [&](TimerNode& node) {
      Timer& t = static_cast<Timer&>(node);
      ASSERT_LE(t.expected, now_) << "fired early or twice";
      ASSERT_EQ(TimerWheel::deadline(t), Micros::never());
      t.expected = Micros::never();
      ++fired_;
      if (!act) return;
      if (rng_() % 4 == 0) operate(t);
      if (rng_() % 4 == 0) operate(timers_[rng_() % timers_.size()]);
    });
    ASSERT_LE(n, cap);
  }

  Rng rng_;
  Micros now_{123'456'789};
  std::unique_ptr<TimerWheel> wheel_;
  std::vector<Timer> timers_;
  uint64_t fired_ = 0;
};

class Seed : public testing::TestWithParam<uint64_t> {};

TEST_P(Seed, FiresWhatTheModelFires) {
  World world(GetParam(), 300);
  world.run(20'000, 5, 0);
  world.drain();
  EXPECT_GT(world.fired(), 10'000u);
}

TEST_P(Seed, FiresWhatTheModelFiresUnderASmallCap) {
  World world(GetParam() + 1000, 300);
  world.run(20'000, 5, 2);
  world.drain();
  EXPECT_GT(world.fired(), 10'000u);
}

INSTANTIATE_TEST_SUITE_P(TimerWheelRandom, Seed, testing::Range<uint64_t>(1, 9));

TEST(TimerWheelRandom, MillionTimers) {
  World world(42, 1'000'000);
  world.run(3, 1'500'000, 64);
  world.drain();
  EXPECT_GT(world.fired(), 500'000u);
}

}  // namespace
}  // namespace tributary
