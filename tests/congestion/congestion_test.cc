#include "stack/congestion/congestion.h"

#include <gtest/gtest.h>

#include "stack/congestion/cubic.h"
#include "stack/congestion/hystart.h"

namespace tributary::congestion {
namespace {

constexpr uint32_t kMss = 1000;
constexpr Micros kRtt = Micros::milliseconds(50);

class Each : public testing::TestWithParam<Algorithm> {
 protected:
  Each() { start(state, GetParam(), kMss); }
  // One window acknowledged, an ACK per segment.
  void acknowledge_window(bool cwnd_limited = true) {
    const uint32_t window = state.cwnd;
    for (uint32_t acked = 0; acked + kMss <= window; acked += kMss) {
      now += kRtt / (window / kMss);
      on_ack(state, {now, kMss, cwnd_limited ? state.cwnd : state.cwnd / 2, kRtt, kRtt, kRtt, kMss, cwnd_limited});
    }
  }
  void lose(uint32_t in_flight) {
    on_loss(state, now, in_flight, kMss);
    on_recovery_end(state, Micros(0), Micros(0), kMss);
  }

  State state;
  Micros now = Micros::seconds(1);
};

std::string algorithm_name(const testing::TestParamInfo<Algorithm>& info) {
  return std::string(name(info.param));
}
INSTANTIATE_TEST_SUITE_P(Congestion, Each, testing::Values(Algorithm::kNewReno, Algorithm::kCubic), algorithm_name);

TEST_P(Each, StartsWithTheInitialWindowAndNoThreshold) {
  EXPECT_EQ(state.cwnd, 10 * kMss);
  EXPECT_EQ(state.ssthresh, kNoThreshold);
  EXPECT_TRUE(state.in_slow_start());
  EXPECT_EQ(state.algorithm, GetParam());
}

TEST_P(Each, SlowStartDoublesEveryRoundTrip) {
  acknowledge_window();
  EXPECT_EQ(state.cwnd, 20 * kMss);
  acknowledge_window();
  EXPECT_EQ(state.cwnd, 40 * kMss);
}

TEST_P(Each, CoalescedAcksDoubleToo) {
  state.cwnd = 400 * kMss;
  for (int i = 0; i < 10; ++i) on_ack(state, {now, 40 * kMss, state.cwnd, kRtt, kRtt, kRtt, kMss, true});
  EXPECT_EQ(state.cwnd, 800 * kMss);
}

TEST_P(Each, WindowThatIsNotUsedDoesNotGrow) {
  acknowledge_window(false);
  EXPECT_EQ(state.cwnd, 10 * kMss);
  state.cwnd = 100 * kMss;
  lose(100 * kMss);
  const uint32_t after_loss = state.cwnd;
  for (int i = 0; i < 20; ++i) acknowledge_window(false);
  EXPECT_EQ(state.cwnd, after_loss);
}

// RFC 7661 §4.3, in slow start; what is beyond half of it was validated.
TEST_P(Each, WindowMoreThanHalfUsedGrowsInSlowStart) {
  on_ack(state, {now, 2 * kMss, 6 * kMss, kRtt, kRtt, kRtt, kMss, false});
  EXPECT_EQ(state.cwnd, 12 * kMss);
  on_ack(state, {now, 2 * kMss, 4 * kMss, kRtt, kRtt, kRtt, kMss, false});
  EXPECT_EQ(state.cwnd, 12 * kMss);
  lose(12 * kMss);
  const uint32_t after_loss = state.cwnd;
  on_ack(state, {now, 2 * kMss, 6 * kMss, kRtt, kRtt, kRtt, kMss, false});
  EXPECT_EQ(state.cwnd, after_loss);
}

TEST_P(Each, SlowStartStopsAtTheThresholdExactly) {
  state.ssthresh = 15 * kMss;
  on_ack(state, {now, 10 * kMss, 10 * kMss, kRtt, kRtt, kRtt, kMss, true});
  EXPECT_GE(state.cwnd, 15 * kMss);
  EXPECT_LE(state.cwnd, 16 * kMss);
  EXPECT_FALSE(state.in_slow_start());
}

TEST_P(Each, LossReducesByTheAlgorithmsFactor) {
  state.cwnd = 100 * kMss;
  const uint32_t expected = GetParam() == Algorithm::kCubic ? 70 * kMss : 50 * kMss;
  EXPECT_EQ(on_loss(state, now, 100 * kMss, kMss), expected);
  EXPECT_EQ(state.ssthresh, expected);
  EXPECT_EQ(state.cwnd, 100 * kMss);  // the recovery's to reduce
  state.cwnd = 3 * kMss;
  on_recovery_end(state, Micros(0), Micros(0), kMss);
  EXPECT_EQ(state.cwnd, expected);
}

TEST_P(Each, ThresholdNeverFallsBelowTwoSegments) {
  EXPECT_EQ(on_loss(state, now, kMss, kMss), 2 * kMss);
  on_timeout(state, now, 0, kMss, true);
  EXPECT_EQ(state.ssthresh, 2 * kMss);
}

TEST_P(Each, WhatWasInFlightCountsNotAWindowNeverFilled) {
  state.cwnd = 1000 * kMss;
  EXPECT_LE(on_loss(state, now, 20 * kMss, kMss), 14 * kMss);
}

TEST_P(Each, TimeoutsOfASeriesReduceTheThresholdOnce) {
  state.cwnd = 100 * kMss;
  on_timeout(state, now, 100 * kMss, kMss, true);
  const uint32_t threshold = state.ssthresh;
  EXPECT_EQ(state.cwnd, kMss);
  EXPECT_TRUE(threshold == 50 * kMss || threshold == 70 * kMss);
  on_timeout(state, now, kMss, kMss, false);
  EXPECT_EQ(state.ssthresh, threshold);
  EXPECT_EQ(state.cwnd, kMss);
  for (int i = 0; i < 7; ++i) acknowledge_window();  // slow start again, up to the threshold
  EXPECT_GE(state.cwnd, threshold);
  EXPECT_LT(state.cwnd, threshold + 5 * kMss);
}

TEST_P(Each, UndoRestoresWhatWasBefore) {
  for (const bool timeout : {false, true}) {
    start(state, GetParam(), kMss);
    state.cwnd = 100 * kMss;
    lose(100 * kMss);
    for (int i = 0; i < 5; ++i) acknowledge_window();
    const State before = state;
    if (timeout) {
      on_timeout(state, now, state.cwnd, kMss, true);
      on_timeout(state, now, kMss, kMss, false);
    } else {
      on_loss(state, now, state.cwnd, kMss);
    }
    on_undo(state);
    EXPECT_EQ(state.cwnd, before.cwnd);
    EXPECT_EQ(state.ssthresh, before.ssthresh);
    EXPECT_EQ(state.w_max, before.w_max);
    acknowledge_window();
    EXPECT_GE(state.cwnd, before.cwnd);
    EXPECT_LE(state.cwnd, before.cwnd + 2 * kMss);
  }
}

TEST_P(Each, UndoOfTheFirstReductionReturnsToSlowStart) {
  acknowledge_window();
  on_timeout(state, now, state.cwnd, kMss, true);
  on_undo(state);
  EXPECT_EQ(state.ssthresh, kNoThreshold);
  EXPECT_EQ(state.cwnd, 20 * kMss);
  acknowledge_window();
  EXPECT_EQ(state.cwnd, 40 * kMss);
  const State settled = state;
  on_undo(state);  // nothing left to take back
  EXPECT_EQ(state.cwnd, settled.cwnd);
}

TEST_P(Each, IdleRestartsWithTheInitialWindowAndRemembersThePath) {
  on_idle(state, kMss);
  EXPECT_EQ(state.cwnd, 10 * kMss);
  state.cwnd = 200 * kMss;
  lose(200 * kMss);
  const uint32_t cwnd = state.cwnd;
  on_idle(state, kMss);
  EXPECT_EQ(state.cwnd, 10 * kMss);
  EXPECT_GE(state.ssthresh, cwnd * 3 / 4);
  EXPECT_TRUE(state.in_slow_start());
  state.cwnd = 4 * kMss;
  on_idle(state, kMss);
  EXPECT_EQ(state.cwnd, 4 * kMss);  // never larger than before
}

TEST_P(Each, WindowIsBounded) {
  state.cwnd = kMaxWindow - 10;
  for (int i = 0; i < 100; ++i) on_ack(state, {now, 65'000, kMaxWindow, kRtt, kRtt, kRtt, kMss, true});
  EXPECT_EQ(state.cwnd, kMaxWindow);
  lose(kMaxWindow);
  state.cwnd = kMaxWindow - 10 * kMss;
  for (int i = 0; i < 100'000; ++i) {
    now += kRtt;
    on_ack(state, {now, kMaxWindow, kMaxWindow, kRtt, kRtt, kRtt, kMss, true});
  }
  EXPECT_EQ(state.cwnd, kMaxWindow);
}

TEST(InitialWindow, FollowsRfc6928) {
  const struct {
    uint32_t mss, window;
  } cases[] = {{536, 5360}, {1220, 12200}, {1460, 14600}, {1448, 14480}, {2000, 14600}, {7300, 14600}, {8948, 17896}};
  for (const auto& c : cases) EXPECT_EQ(initial_window(c.mss), c.window) << c.mss;
}

// RFC 7661 §4.4.2.
TEST_P(Each, LossOfARateLimitedFlowReducesFromWhatThePathLatelyTook) {
  state.cwnd = 100 * kMss;
  state.ssthresh = 100 * kMss;
  on_ack(state, {now, 2 * kMss, 90 * kMss, kRtt, kRtt, kRtt, kMss, false});
  EXPECT_NEAR(state.pipe_ack.value(), 90 * kMss, kMss);
  const double factor = GetParam() == Algorithm::kCubic ? 0.7 : 0.5;
  State validated = state;
  EXPECT_EQ(on_loss(validated, now, 60 * kMss, kMss), static_cast<uint32_t>(60 * kMss * factor))
      << "while the window is in use, what was in flight counts";
  // The application sends a fifth of that from now on: forgotten in some round trips.
  for (int round = 0; round < 5; ++round)
    for (int i = 0; i < 9; ++i) on_ack(state, {now, 2 * kMss, 18 * kMss, kRtt, kRtt, kRtt, kMss, false});
  EXPECT_EQ(state.cwnd, 100 * kMss);
  const uint32_t pipe = state.pipe_ack.value();
  EXPECT_LT(pipe, 50 * kMss);
  EXPECT_GT(pipe, 25 * kMss);
  const uint32_t reduced = on_loss(state, now, 5 * kMss, kMss);
  EXPECT_LE(reduced, pipe * factor);
  EXPECT_GT(reduced, pipe * factor - kMss) << "whole segments";
}

// RFC 7661 §4.4.3. A flow that lost a segment once, so that the threshold counts.
class Unused : public Each {
 protected:
  Unused() {
    state.cwnd = 160 * kMss;
    lose(160 * kMss);
    state.cwnd = 160 * kMss;
    use(160 * kMss);
  }
  // An ACK that found so much in flight, the window not limiting it.
  void use(uint32_t in_flight) { on_ack(state, {now, in_flight, in_flight, kRtt, kRtt, kRtt, kMss, false}); }
  void use_for(int minutes, uint32_t in_flight) {
    for (const Micros end = now + Micros::seconds(60 * minutes); now < end; now += Micros::seconds(1)) use(in_flight);
  }
};
INSTANTIATE_TEST_SUITE_P(Congestion, Unused, testing::Values(Algorithm::kNewReno, Algorithm::kCubic), algorithm_name);

TEST_P(Unused, WindowIsHalvedAfterEachFiveMinutesDownToWhatIsUsed) {
  const struct {
    int minutes;
    uint32_t cwnd;
  } steps[] = {{4, 160}, {2, 80}, {4, 80}, {1, 40}, {9, 40}, {60, 40}};  // 20 segments are half of 40
  for (const auto& step : steps) {
    use_for(step.minutes, 20 * kMss);
    EXPECT_EQ(state.cwnd, step.cwnd * kMss) << now.count() / 60'000'000;
  }
}

TEST_P(Unused, WindowThatIsHalfUsedIsKept) {
  use_for(120, 80 * kMss);
  EXPECT_EQ(state.cwnd, 160 * kMss);
}

TEST_P(Unused, UseNowAndThenIsEnough) {
  for (int i = 0; i < 20; ++i) {
    use_for(4, kMss);
    use(100 * kMss);
  }
  EXPECT_EQ(state.cwnd, 160 * kMss);
}

TEST_P(Unused, PauseCountsWhenItEnds) {
  const struct {
    int minutes;
    uint32_t cwnd, ssthresh;  // segments
  } cases[] = {{4, 160, 0}, {6, 80, 120}, {11, 40, 120}, {16, 20, 120}, {21, 10, 120}, {300, 10, 120}, {1000, 10, 120}};
  for (const auto& c : cases) {
    State paused = state;
    end_nonvalidated_periods(paused, now + Micros::seconds(60 * c.minutes), kMss);
    EXPECT_EQ(paused.cwnd, c.cwnd * kMss) << c.minutes;
    EXPECT_EQ(paused.ssthresh, c.ssthresh != 0 ? c.ssthresh * kMss : state.ssthresh) << c.minutes;
    const State once = paused;
    end_nonvalidated_periods(paused, now + Micros::seconds(60 * c.minutes + 1), kMss);
    EXPECT_EQ(paused.cwnd, once.cwnd) << "and only once: " << c.minutes;
  }
}

TEST_P(Unused, InitialWindowAndLessAreKept) {
  for (const uint32_t segments : {1, 4, 10}) {
    state.cwnd = segments * kMss;
    state.pipe_ack = Compact16(kMss / 4);
    use_for(30, kMss / 4);
    end_nonvalidated_periods(state, now + Micros::seconds(3600), kMss);
    EXPECT_EQ(state.cwnd, segments * kMss);
  }
}

TEST_P(Unused, BeforeTheFirstLossSlowStartGoesOn) {
  start(state, GetParam(), kMss);
  while (state.cwnd < 160 * kMss) acknowledge_window();
  now += Micros::seconds(310);
  end_nonvalidated_periods(state, now, kMss);
  EXPECT_EQ(state.cwnd, 80 * kMss);
  EXPECT_EQ(state.ssthresh, kNoThreshold);
  acknowledge_window();
  EXPECT_EQ(state.cwnd, 160 * kMss);
}

TEST(Idle, IsAPauseLongerThanTheTimeOut) {
  const struct {
    int64_t pause_ms, rto_ms;
    bool idle;
  } cases[] = {{0, 200, false},     {150, 200, false},  {400, 200, true},      {1000, 200, true},
               {1000, 1200, false}, {3000, 1200, true}, {3'600'000, 200, true}};
  for (const auto& c : cases)
    for (const int64_t start : {0, 77, 100'000'123}) {
      State s;
      note_sent(s, Micros(start));
      EXPECT_EQ(is_idle(s, Micros(start) + Micros::milliseconds(c.pause_ms), Micros::milliseconds(c.rto_ms)), c.idle)
          << c.pause_ms << " " << c.rto_ms << " " << start;
    }
}

TEST(Algorithm, NamesRoundTrip) {
  for (const Algorithm a : {Algorithm::kNewReno, Algorithm::kCubic, Algorithm::kBbr})
    EXPECT_EQ(parse_algorithm(name(a)), a);
  for (const char* wrong : {"", "Cubic", "bbr2", "cubic ", "reno"}) EXPECT_FALSE(parse_algorithm(wrong)) << wrong;
}

// Options leave less than an MSS in each segment; the part of a window that is less than a segment is never sent.
TEST(NewReno, GrowsByOneSegmentForAsManyAsFitTheWindow) {
  for (const uint32_t payload : {kMss, kMss - 12, kMss - 25}) {
    for (const uint32_t lost_at : {11u, 12u, 25u}) {
      State s;
      start(s, Algorithm::kNewReno, kMss);
      s.cwnd = s.ssthresh = lost_at * kMss;
      on_loss(s, Micros::seconds(1), s.cwnd, kMss);
      on_recovery_end(s, Micros(0), Micros(0), kMss);
      EXPECT_EQ(s.cwnd, lost_at / 2 * kMss);
      for (uint32_t window = lost_at / 2; window < lost_at / 2 + 5; ++window) {
        for (uint32_t acked = 0; acked < window; ++acked) {
          EXPECT_EQ(s.cwnd, window * kMss) << payload << " lost at " << lost_at;
          on_ack(s, {Micros::seconds(2), payload, s.cwnd, kRtt, kRtt, kRtt, kMss, true});
        }
      }
    }
  }
}

TEST(NewReno, GrowsByOneSegmentAWindow) {
  State s;
  start(s, Algorithm::kNewReno, kMss);
  s.ssthresh = s.cwnd;
  for (uint32_t window = 10; window < 200; ++window) {
    ASSERT_EQ(s.cwnd, window * kMss);
    uint32_t left = s.cwnd;
    while (left > 0) {  // two segments an ACK, as a delaying receiver acknowledges
      const uint32_t acked = std::min(left, 2 * kMss);
      on_ack(s, {kRtt, acked, s.cwnd, kRtt, kRtt, kRtt, kMss, true});
      left -= acked;
    }
  }
}

// protocol/mptcp-cc.md: segments, window after reduction 0.7 W.
TEST(Cubic, TimeToOriginMatchesTheVectors) {
  const struct {
    uint32_t segments;
    double k;
  } cases[] = {{100, 4.217}, {1000, 9.086}, {10'000, 19.574}};
  for (const uint32_t mss : {1000u, 1448u}) {
    for (const auto& c : cases)
      EXPECT_NEAR(cubic::time_to_origin(c.segments * mss, c.segments * mss / 10 * 7, mss) / 1e6, c.k, 0.001);
    EXPECT_NEAR(cubic::window_at(1.5 * 4.217163, 4.217163, 100 * mss, mss) / mss, 103.75, 0.01);
  }
  EXPECT_EQ(cubic::time_to_origin(70'000, 70'000, kMss), 0u);
  EXPECT_EQ(cubic::time_to_origin(70'000, 80'000, kMss), 0u);
}

TEST(Cubic, ConstantsAreThoseOfTheRfc) {
  EXPECT_DOUBLE_EQ(cubic::kC, 0.4);
  EXPECT_DOUBLE_EQ(cubic::kBeta, 0.7);
  EXPECT_NEAR(cubic::kAlpha, 0.5294, 0.0001);
}

// Follows W(t) on a path long enough that Reno's window stays below: back at W_max after K, and beyond
// after 1.5 K.
TEST(Cubic, WindowFollowsTheCubicFunction) {
  constexpr uint32_t kWindow = 1000;
  constexpr Micros kLongRtt = Micros::milliseconds(100);
  State s;
  start(s, Algorithm::kCubic, kMss);
  s.cwnd = kWindow * kMss;
  Micros now = Micros::seconds(100);
  on_loss(s, now, s.cwnd, kMss);
  on_recovery_end(s, Micros(0), Micros(0), kMss);
  const Micros begin = now;
  const double k = cubic::time_to_origin(kWindow * kMss, s.cwnd, kMss) / 1e6;
  int compared = 0;
  while (now - begin < Micros(static_cast<int64_t>(1.5 * k * 1e6))) {
    const uint32_t acks = s.cwnd / (2 * kMss);
    for (uint32_t i = 0; i < acks; ++i) {
      now += kLongRtt / acks;
      on_ack(s, {now, 2 * kMss, s.cwnd, kLongRtt, kLongRtt, kLongRtt, kMss, true});
    }
    const double t = static_cast<double>((now - begin).count()) / 1e6;
    const double expected = cubic::window_at(t, k, kWindow * kMss, kMss);
    EXPECT_NEAR(s.cwnd, expected, 0.015 * expected) << "at " << t;
    ++compared;
  }
  EXPECT_GT(compared, 100);
  EXPECT_GT(s.cwnd, kWindow * kMss);
}

TEST(Cubic, FastConvergenceReleasesBandwidth) {
  State s;
  start(s, Algorithm::kCubic, kMss);
  s.cwnd = 100 * kMss;
  on_loss(s, kRtt, s.cwnd, kMss);
  EXPECT_EQ(s.w_max, 100 * kMss);
  s.cwnd = 80 * kMss;  // did not get back to 100
  on_loss(s, kRtt, s.cwnd, kMss);
  EXPECT_EQ(s.w_max, 68 * kMss);
  s.cwnd = 90 * kMss;
  on_loss(s, kRtt, s.cwnd, kMss);
  EXPECT_EQ(s.w_max, 90 * kMss);
}

TEST(Cubic, PauseDoesNotMakeTheWindowLeap) {
  State s;
  start(s, Algorithm::kCubic, kMss);
  s.cwnd = 100 * kMss;
  Micros now = Micros::seconds(10);
  on_loss(s, now, s.cwnd, kMss);
  on_recovery_end(s, Micros(0), Micros(0), kMss);
  const auto ack = [&](bool limited) { on_ack(s, {now, kMss, s.cwnd, kRtt, kRtt, kRtt, kMss, limited}); };
  for (int i = 0; i < 70; ++i) {
    now += Micros(700);
    ack(true);
  }
  const uint32_t before = s.cwnd;
  for (int i = 0; i < 10; ++i) {  // little to send for ten seconds
    now += Micros::seconds(1);
    ack(false);
  }
  now += Micros::seconds(7200);  // and nothing for two hours
  ack(true);
  ack(true);
  EXPECT_LE(s.cwnd, before + 2 * kMss);
}

// Feeds rounds of eight ACKs with a given RTT.
class HyStartTest : public testing::Test {
 protected:
  HyStartTest() { start(state, Algorithm::kCubic, kMss); }
  void run_round(Micros rtt) { run_round(rtt, rtt); }
  void run_round(Micros rtt, Micros min_rtt) {
    const uint32_t window = state.cwnd;
    const uint32_t piece = window / 16;
    for (int i = 0; i < 16; ++i)
      on_ack(state, {now, piece, window - static_cast<uint32_t>(i) * piece + state.cwnd - window, rtt, rtt, min_rtt,
                     kMss, true});
  }
  State state;
  Micros now = Micros::seconds(1);
};

TEST_F(HyStartTest, SteadyRttKeepsSlowStart) {
  for (int i = 0; i < 10; ++i) run_round(Micros::milliseconds(40 + i % 2 * 3));
  EXPECT_EQ(state.ssthresh, kNoThreshold);
  EXPECT_GT(state.cwnd, 10 * kMss * 400);
}

TEST_F(HyStartTest, RisingRttEndsSlowStartAfterAtMostFiveGentleRounds) {
  for (int i = 0; i < 4; ++i) run_round(Micros::milliseconds(40));
  const uint32_t before = state.cwnd;
  int rounds = 0;
  while (state.ssthresh == kNoThreshold && rounds < 20) {
    run_round(Micros::milliseconds(50));
    ++rounds;
  }
  EXPECT_LE(rounds, 8);
  EXPECT_GE(rounds, 5);
  EXPECT_LT(state.cwnd, before * 8);  // 2 * 1.25^5 and a part of a round
  EXPECT_FALSE(state.in_slow_start());
}

TEST_F(HyStartTest, TheQueueOfTheGentleRoundsIsGivenBack) {
  constexpr uint32_t kPath = 200 * kMss;  // what the path holds in 40 ms
  uint32_t peak = 0;
  while (state.ssthresh == kNoThreshold && state.cwnd < 100 * kPath) {
    peak = std::max(peak, state.cwnd);
    run_round(Micros(int64_t{40'000} * std::max(state.cwnd, kPath) / kPath), Micros::milliseconds(40));
  }
  EXPECT_GT(peak, kPath * 2);
  EXPECT_GE(state.cwnd, kPath);
  EXPECT_LT(state.cwnd, kPath * 3 / 2);
}

// What the losses of an overshoot leave of the window is up to twice what the path holds.
TEST_F(HyStartTest, TheQueueLeftByAnOvershootIsGivenBackOnce) {
  const Micros shortest = Micros::milliseconds(100);
  const struct {
    int64_t srtt;  // milliseconds
    uint32_t window;
  } cases[] = {{100, 700}, {112, 700}, {225, 350}, {450, 175}};
  for (const auto& c : cases) {
    const auto lose_and_recover = [&] {
      state.cwnd = 1000 * kMss;
      on_loss(state, now, state.cwnd, kMss);
      on_recovery_end(state, Micros::milliseconds(500), shortest, kMss);
      EXPECT_EQ(state.cwnd, 700 * kMss);
    };
    Ack ack{now, 350 * kMss, 700 * kMss, Micros(0), Micros(0), shortest, kMss, true};
    start(state, Algorithm::kCubic, kMss);
    lose_and_recover();
    // A recovery's retransmissions give no round trips: the first ACKs may still know that of the full queue.
    ack.srtt = Micros::milliseconds(500);
    on_ack(state, ack);
    EXPECT_EQ(state.cwnd, 700 * kMss);
    ack.srtt = Micros::milliseconds(c.srtt);
    on_ack(state, ack);
    EXPECT_EQ(state.cwnd, c.window * kMss) << c.srtt;
    EXPECT_FALSE(state.in_slow_start());
    lose_and_recover();
    for (int i = 0; i < 2; ++i) on_ack(state, ack);
    EXPECT_GE(state.cwnd, 700 * kMss) << "a loss later is an ordinary one";
  }
}

TEST_F(HyStartTest, AFirstLossWithoutAQueueIsNoOvershoot) {
  start(state, Algorithm::kNewReno, kMss);
  state.cwnd = 20 * kMss;
  on_loss(state, now, state.cwnd, kMss);
  on_recovery_end(state, Micros::milliseconds(110), Micros::milliseconds(100), kMss);
  for (int i = 0; i < 10; ++i)
    on_ack(state, {now, kMss, 10 * kMss, kRtt, Micros::milliseconds(110), Micros::milliseconds(100), kMss, true});
  EXPECT_EQ(state.cwnd, 11 * kMss) << "growth goes on at once";
}

// What takes the reduction back takes this back with it.
TEST_F(HyStartTest, AnOvershootThatWasNoneIsNotGivenBack) {
  start(state, Algorithm::kCubic, kMss);
  state.cwnd = 1000 * kMss;
  on_loss(state, now, state.cwnd, kMss);
  on_recovery_end(state, Micros::milliseconds(450), Micros::milliseconds(100), kMss);
  on_undo(state);
  on_ack(state,
         {now, 1000 * kMss, 1000 * kMss, Micros(0), Micros::milliseconds(450), Micros::milliseconds(100), kMss, true});
  EXPECT_GE(state.cwnd, 1000 * kMss);
  EXPECT_TRUE(state.in_slow_start());
}

TEST_F(HyStartTest, RttThatFallsAgainResumesSlowStart) {
  for (int i = 0; i < 4; ++i) run_round(Micros::milliseconds(40));
  run_round(Micros::milliseconds(50));
  run_round(Micros::milliseconds(50));
  EXPECT_NE(state.hystart.css_baseline, 0u);
  for (int i = 0; i < 3; ++i) run_round(Micros::milliseconds(40));
  EXPECT_EQ(state.hystart.css_baseline, 0u);
  EXPECT_EQ(state.ssthresh, kNoThreshold);
}

TEST_F(HyStartTest, FewSamplesAreNotBelieved) {
  run_round(Micros::milliseconds(40));
  for (int i = 0; i < 20; ++i) {
    const uint32_t window = state.cwnd;
    on_ack(state, {now, window, window, Micros::milliseconds(40 + 20 * i), kRtt, kRtt, kMss, true});
    state.cwnd = std::min(state.cwnd, 100 * kMss);
  }
  EXPECT_EQ(state.ssthresh, kNoThreshold);
}

}  // namespace
}  // namespace tributary::congestion
