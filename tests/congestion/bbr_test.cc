// BBR's rules one by one: rounds of made-up acknowledgements. Cases named A.n are those of
// draft-ietf-ccwg-bbr-06, appendix A.
#include "stack/congestion/bbr.h"

#include <gtest/gtest.h>

#include <vector>

#include "stack/congestion/bbr_parts.h"

namespace tributary::congestion {
namespace {

using Mode = Bbr::Mode;

constexpr uint32_t kMss = 1000;
constexpr Micros kRtt = Micros::milliseconds(50);
constexpr uint64_t kRate = 10'000'000;                        // bytes a second
constexpr uint32_t kBdp = static_cast<uint32_t>(kRate / 20);  // 50 ms of it

/// Every draw is the same.
struct FixedRandom : RandomSource {
  void fill(std::span<uint8_t> out) override { std::fill(out.begin(), out.end(), uint8_t{0}); }
};

/// What the ACK of a round tells.
struct Round {
  uint64_t rate = kRate;
  uint32_t in_flight = kBdp;
  bool app_limited = false;
  uint32_t lost = 0;
  bool in_recovery = false;
  Micros rtt = kRtt;
  bool cwnd_limited = false;
  bool sack = true;
};

class BbrTest : public testing::Test {
 protected:
  BbrTest() {
    congestion::start(state, Algorithm::kBbr, kMss);
    bbr::start(b, state, now, kRtt, kMss);
  }

  bbr::Connection connection(const Round& r) {
    return {.now = now,
            .random = random,
            .delivered = delivered,
            .in_flight = r.in_flight,
            .mss = kMss,
            .in_recovery = r.in_recovery,
            .has_selective_acks = r.sack,
            .cwnd_limited = r.cwnd_limited};
  }
  /// One round trip, in one ACK: of data sent after all that was acknowledged before.
  void round(const Round& r = {}) {
    now += r.rtt;
    RateSample rs;
    rs.has_data = true;
    rs.prior_delivered = delivered;
    rs.newly_acked = rs.delivered = static_cast<uint32_t>(r.rate * static_cast<uint64_t>(r.rtt.count()) / 1'000'000);
    rs.delivery_rate = r.rate;
    rs.is_app_limited = r.app_limited;
    rs.tx_in_flight = r.in_flight;
    rs.lost = r.lost;
    delivered += rs.delivered;
    bbr::on_ack(b, state, connection(r), rs, r.rtt);
  }
  void lose(uint32_t begin, uint32_t lost, uint32_t tx_in_flight = kBdp, bool in_recovery = true) {
    bbr::on_packet_lost(b, state, connection({.in_flight = tx_in_flight, .in_recovery = in_recovery}),
                        {SeqNum(begin), kMss, tx_in_flight, lost, false});
  }
  void fill_pipe() {
    for (int i = 0; i < 4; ++i) round({.in_flight = 2 * kBdp});
    ASSERT_TRUE(b.full_bw_reached);
  }
  void go_to(Mode mode) {
    if (!b.full_bw_reached) fill_pipe();
    for (int i = 0; i < 200 && b.mode != mode; ++i) round();
    ASSERT_EQ(b.mode, mode) << bbr::name(b.mode);
  }
  uint64_t paced(uint32_t gain) const { return b.bw * gain / 100 * 99 / 100; }

  FixedRandom random;
  Bbr b;
  State state;
  Micros now = Micros::seconds(100);
  uint64_t delivered = 0;
};

TEST_F(BbrTest, FirstPacingRateIsThatOfTheInitialWindow) {
  EXPECT_EQ(b.mode, Mode::kStartup);
  EXPECT_EQ(state.cwnd, 10 * kMss);
  EXPECT_EQ(b.pacing_rate, 10 * kMss * 20 * 277 / 100u);
  bbr::start(b, state, now, Micros(0), kMss);
  EXPECT_EQ(b.pacing_rate, 10 * kMss * 1000 * 277 / 100u) << "a millisecond until there is a sample";
  round({.rate = 1000});
  EXPECT_EQ(b.pacing_rate, 10 * kMss * 20 * 277 / 100u);
}

TEST_F(BbrTest, StartupDoublesTheRateEveryRound) {
  for (const uint64_t rate : {1'000'000, 2'000'000, 4'000'000, 8'000'000}) {
    round({.rate = rate});
    EXPECT_EQ(b.mode, Mode::kStartup);
    EXPECT_EQ(b.pacing_rate, rate * 277 / 100 * 99 / 100);
  }
  EXPECT_GE(state.cwnd, 2 * 4'000'000 / 20u);
}

// A.1
TEST_F(BbrTest, StartupEndsWhenThreeRoundsBringNoGrowth) {
  for (int i = 0; i < 3; ++i) {
    round({.in_flight = 2 * kBdp});
    EXPECT_EQ(b.mode, Mode::kStartup) << i;
  }
  round({.rate = kRate * 5 / 4 - 1000, .in_flight = 3 * kBdp});
  EXPECT_EQ(b.mode, Mode::kDrain);
  EXPECT_EQ(b.pacing_rate, paced(50));
}

// A.7
TEST_F(BbrTest, RoundsWithoutEnoughDataDoNotEndStartup) {
  for (int i = 0; i < 20; ++i) round({.app_limited = true});
  EXPECT_EQ(b.mode, Mode::kStartup);
  const uint64_t before = b.max_bw();
  round({.rate = kRate / 2, .app_limited = true});
  EXPECT_EQ(b.max_bw(), before) << "a limited sample says nothing when it is low";
  round({.rate = kRate * 2, .app_limited = true});
  EXPECT_EQ(b.max_bw(), kRate * 2) << "and something when it is high";
}

// A.2
TEST_F(BbrTest, StartupEndsWhenManyRangesOfARoundAreLost) {
  for (const uint32_t ranges : {5, 6}) {
    b = Bbr{};
    bbr::start(b, state, now, kRtt, kMss);
    round({.app_limited = true});
    for (uint32_t i = 0; i < ranges; ++i) lose(7000 + i * 3000, (i + 1) * kMss);
    round({.app_limited = true, .lost = kBdp / 40, .in_recovery = true});
    EXPECT_EQ(b.full_bw_reached, ranges == 6) << ranges;
    EXPECT_EQ(b.mode == Mode::kStartup, ranges == 5) << ranges;
    EXPECT_EQ(b.inflight_longterm, ranges == 6 ? kBdp : kNoInflightBound);
  }
}

TEST_F(BbrTest, OneLongHoleIsNoReasonToEndStartup) {
  round();
  for (uint32_t i = 0; i < 20; ++i) lose(i * kMss, (i + 1) * kMss);
  round({.lost = 20 * kMss, .in_recovery = true});
  EXPECT_EQ(b.mode, Mode::kStartup);
}

TEST_F(BbrTest, WithoutSelectiveAcksAnyLossEndsStartup) {
  round();
  round({.rate = 2 * kRate, .in_flight = 9 * kBdp, .lost = kMss, .in_recovery = true, .sack = false});
  EXPECT_EQ(b.mode, Mode::kDrain);
}

// A.3 and A.4
TEST_F(BbrTest, DrainEndsWithTheQueueOrAfterThreeRounds) {
  fill_pipe();
  ASSERT_EQ(b.mode, Mode::kDrain);
  round({.in_flight = kBdp});
  EXPECT_EQ(b.mode, Mode::kProbeBwCruise) << "there is nothing left to give back";

  b = Bbr{};
  bbr::start(b, state, now, kRtt, kMss);
  fill_pipe();
  for (int i = 0; i < 3; ++i) {
    round({.in_flight = 2 * kBdp});
    EXPECT_EQ(b.mode, Mode::kDrain) << i;
  }
  round({.in_flight = 2 * kBdp});
  EXPECT_EQ(b.mode, Mode::kProbeBwDown);
}

TEST_F(BbrTest, TheCycleHasItsOrderAndItsRates) {
  const struct {
    Mode mode;
    uint32_t pacing_gain;
  } steps[] = {
      {Mode::kProbeBwDown, 90}, {Mode::kProbeBwCruise, 100}, {Mode::kProbeBwRefill, 100}, {Mode::kProbeBwUp, 125}};
  go_to(Mode::kProbeBwDown);
  for (int cycle = 0; cycle < 2; ++cycle) {
    for (const auto& step : steps) {
      EXPECT_EQ(b.mode, step.mode) << bbr::name(b.mode);
      EXPECT_NEAR(static_cast<double>(b.pacing_rate), static_cast<double>(paced(step.pacing_gain)), 2.0);
      for (int i = 0; i < 100 && b.mode == step.mode; ++i) {
        // Lower round trips now and then, so that ProbeRTT is not due.
        round({.in_flight = kBdp - 10 * kMss, .rtt = kRtt - Micros(cycle * 100 + i % 2)});
      }
    }
  }
}

// The draft: nine tenths all along.
TEST_F(BbrTest, AProbesQueueIsGivenBackFasterThanTheRoomLeftToOthers) {
  go_to(Mode::kProbeBwUp);
  while (b.mode == Mode::kProbeBwUp) round({.in_flight = kBdp * 13 / 10});
  ASSERT_EQ(b.mode, Mode::kProbeBwDown);
  EXPECT_EQ(b.pacing_rate, paced(75));
  round({.in_flight = kBdp * 11 / 10});
  EXPECT_EQ(b.pacing_rate, paced(75)) << "still a tenth of a round trip of queue";
  b.inflight_longterm = kBdp;
  round({.in_flight = kBdp * 95 / 100});
  ASSERT_EQ(b.mode, Mode::kProbeBwDown) << "not yet down to the headroom";
  EXPECT_EQ(b.pacing_rate, paced(90));
}

// §5.3.3.8: after two seconds, or sooner where Reno would have its window back.
TEST_F(BbrTest, ProbesAsOftenAsRenoOnAShortPath) {
  go_to(Mode::kProbeBwCruise);
  const Micros begin = b.cycle_stamp;
  go_to(Mode::kProbeBwRefill);
  EXPECT_GT(now - begin, Micros::seconds(2));
  EXPECT_LT(now - begin, Micros::milliseconds(2150));

  // 20 segments in flight: 20 rounds are a second.
  b = Bbr{};
  bbr::start(b, state, now, kRtt, kMss);
  const Round small{.rate = 400'000, .in_flight = 10'000};
  for (int i = 0; i < 4; ++i) round({.rate = 400'000, .in_flight = 90'000});
  while (b.mode != Mode::kProbeBwCruise) round(small);
  const Micros start = b.cycle_stamp;
  while (b.mode == Mode::kProbeBwCruise) round(small);
  EXPECT_EQ(b.mode, Mode::kProbeBwRefill);
  EXPECT_EQ((now - start).count() / kRtt.count(), 20);
}

// The draft waits for a third round.
TEST_F(BbrTest, AProbeThatOnlyFillsTheQueueEndsAfterTwoRounds) {
  const struct {
    uint32_t in_flight;
    uint64_t rate;
    int rounds;
  } cases[] = {{kBdp * 13 / 10, kRate, 2}, {kBdp * 12 / 10, kRate, 3}, {kBdp * 13 / 10, kRate * 11 / 10, 3}};
  for (const auto& c : cases) {
    b = Bbr{};
    bbr::start(b, state, now, kRtt, kMss);
    go_to(Mode::kProbeBwUp);
    int rounds = 0;
    for (; rounds < 10 && b.mode == Mode::kProbeBwUp; ++rounds) round({.rate = c.rate, .in_flight = c.in_flight});
    EXPECT_EQ(rounds, c.rounds) << c.in_flight << " at " << c.rate;
  }
}

TEST_F(BbrTest, ManyLossesWhileProbingBoundWhatIsInFlight) {
  go_to(Mode::kProbeBwUp);
  EXPECT_EQ(b.inflight_longterm, kNoInflightBound);
  lose(0, kBdp / 100);
  EXPECT_EQ(b.mode, Mode::kProbeBwUp) << "one in a hundred is tolerated";
  lose(9000, kBdp / 50 + 2 * kMss, 600'000);
  EXPECT_EQ(b.mode, Mode::kProbeBwUp) << "so is two in a hundred, and two more";
  lose(18'000, 15 * kMss, 600'000);
  EXPECT_EQ(b.mode, Mode::kProbeBwDown);
  // 14 lost before this packet, of 599 KB: the threshold, 2 % and two segments, was crossed before it.
  EXPECT_EQ(b.inflight_longterm, 599'000u);
  EXPECT_TRUE(b.prev_probe_too_high);
  lose(27'000, 30 * kMss, 500'000);
  EXPECT_EQ(b.inflight_longterm, 599'000u) << "one answer a probe";
}

TEST_F(BbrTest, TheProbeAfterOneThatLostComesBackEarlyAndThenStays) {
  go_to(Mode::kProbeBwUp);
  lose(0, 20 * kMss, 600'000);
  ASSERT_EQ(b.mode, Mode::kProbeBwDown);
  go_to(Mode::kProbeBwUp);
  round({.in_flight = b.inflight_longterm});
  EXPECT_EQ(b.mode, Mode::kProbeBwDown);
  EXPECT_TRUE(b.prev_probe_precautionary);
  round({.in_flight = 2 * kBdp});
  EXPECT_EQ(b.mode, Mode::kProbeBwRefill) << "nothing was lost: at once again";
}

TEST_F(BbrTest, ACruiseWithLossesSlowsDownToWhatIsDelivered) {
  const struct { uint64_t delivered_rate, expected; } cases[] = {{9'500'000, 9'500'000}, {1'000'000, 7'000'000}};
  for (const auto& c : cases) {
    go_to(Mode::kProbeBwCruise);
    round({.rate = c.delivered_rate});
    lose(0, kMss);
    EXPECT_EQ(b.bw_shortterm, kNoBandwidthBound) << "not before the round is over";
    round({.rate = c.delivered_rate});
    EXPECT_EQ(b.bw_shortterm, c.expected);
    EXPECT_EQ(b.bw, c.expected);
    go_to(Mode::kProbeBwRefill);
    EXPECT_EQ(b.bw, b.max_bw()) << "a new try forgets it";
    EXPECT_EQ(b.inflight_shortterm, kNoInflightBound);
  }
}

// What left at three quarters of the rate is delivered at three quarters of it.
TEST_F(BbrTest, LossesAmongWhatWasSentSlowlySayNothingOfTheRate) {
  const Round slow{.rate = kRate * 3 / 4};
  for (const bool many : {false, true}) {
    go_to(Mode::kProbeBwDown);
    round(slow);
    lose(0, kMss);
    round({.rate = slow.rate, .lost = many ? kBdp / 10 : kMss});
    ASSERT_EQ(b.mode, Mode::kProbeBwCruise);
    EXPECT_EQ(b.bw_shortterm, many ? slow.rate : kNoBandwidthBound);
    lose(0, kMss);
    round(slow);
    EXPECT_EQ(b.bw_shortterm, slow.rate) << "but after two rounds they do";
  }
}

TEST_F(BbrTest, HeadroomIsLeftToOthersWhileCruising) {
  go_to(Mode::kProbeBwUp);
  lose(0, 20 * kMss, 600'000);
  go_to(Mode::kProbeBwCruise);
  EXPECT_LE(state.cwnd, b.inflight_longterm / 100 * 85 + 100);
  EXPECT_GT(state.cwnd, b.inflight_longterm / 100 * 84);
}

// A.10
TEST_F(BbrTest, ProbeRttEmptiesHalfThePipeForAMoment) {
  go_to(Mode::kProbeBwCruise);
  const uint32_t window = state.cwnd;
  for (int i = 0; i < 200 && b.mode != Mode::kProbeRtt; ++i) round({.rtt = kRtt + Micros(100)});
  ASSERT_EQ(b.mode, Mode::kProbeRtt);
  EXPECT_NEAR(state.cwnd, kBdp / 2, kMss);
  const Micros begin = now;
  while (b.mode == Mode::kProbeRtt) round({.in_flight = kBdp / 2});
  EXPECT_GE(now - begin, Micros::milliseconds(200));
  EXPECT_LE(now - begin, Micros::milliseconds(350));
  EXPECT_EQ(b.mode, Mode::kProbeBwCruise);
  EXPECT_GE(state.cwnd, window * 9 / 10);
}

// A.11
TEST_F(BbrTest, APauseOfTheApplicationStandsForProbeRtt) {
  go_to(Mode::kProbeBwCruise);
  now += Micros::seconds(7);
  bbr::on_restart_from_idle(b, state, connection({.in_flight = 0}));
  EXPECT_EQ(b.pacing_rate, paced(100));
  round();
  EXPECT_NE(b.mode, Mode::kProbeRtt);
}

TEST_F(BbrTest, TheLeastRoundTripIsForgottenAfterTenSeconds) {
  go_to(Mode::kProbeBwCruise);
  ASSERT_EQ(b.min_rtt, 50'000u);
  const Micros begin = now;
  while (b.min_rtt == 50'000 && now < begin + Micros::seconds(30)) round({.in_flight = 1000, .rtt = Micros(80'000)});
  EXPECT_EQ(b.min_rtt, 80'000u);
  EXPECT_GT(now - begin, Micros::seconds(6));
  EXPECT_LT(now - begin, Micros::seconds(12));
}

// A.14
TEST_F(BbrTest, FourSegmentsAreAlwaysAllowed) {
  for (int i = 0; i < 100; ++i) {
    round({.rate = 2000, .in_flight = kMss});
    EXPECT_GE(state.cwnd, 4 * kMss);
  }
  EXPECT_LT(b.pacing_rate, 3000u);
}

TEST_F(BbrTest, ATimeOutLeavesOneSegmentMoreThanIsInFlightUntilRepaired) {
  go_to(Mode::kProbeBwCruise);
  const uint32_t window = state.cwnd;
  bbr::on_timeout(b, state, connection({.in_flight = 3000}));
  EXPECT_EQ(state.cwnd, 4000u);
  bbr::on_recovery_end(b, state);
  EXPECT_EQ(state.cwnd, window);
}

// A.13: ACKs that come in bunches leave nothing to send in between, unless the window allows for it.
TEST_F(BbrTest, AggregatedAcksWidenTheWindow) {
  go_to(Mode::kProbeBwCruise);
  const uint32_t before = b.max_inflight;
  // A fifth of the round's data comes in at once.
  RateSample rs;
  rs.has_data = true;
  rs.delivery_rate = kRate;
  rs.delivered = rs.newly_acked = kBdp / 5;
  rs.prior_delivered = delivered;
  delivered += rs.delivered;
  bbr::on_ack(b, state, connection({}), rs, kRtt);
  EXPECT_GE(b.max_inflight, before + kBdp / 10);
  for (int i = 0; i < 12; ++i) round({.rate = kRate * 3 / 4});  // nothing in a hurry any more
  EXPECT_LT(b.max_inflight, before) << "remembered for ten rounds";
}

TEST_F(BbrTest, TheSendQuantumFollowsTheRate) {
  const struct {
    uint64_t rate;
    uint32_t quantum;
  } cases[] = {{1'000'000, 2 * kMss}, {40'000'000, 27423}, {1'000'000'000, 64 << 10}};
  for (const auto& c : cases) {
    round({.rate = c.rate});
    EXPECT_EQ(b.send_quantum, c.quantum) << c.rate;
  }
}

}  // namespace
}  // namespace tributary::congestion
