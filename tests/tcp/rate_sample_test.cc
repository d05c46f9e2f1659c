// Delivery rate sampling and pacing by themselves: packets of a made-up flight, no stack.
#include "stack/tcp/rate_sample.h"

#include <gtest/gtest.h>

#include <vector>

#include "stack/tcp/pacing.h"
#include "stack/tcp/tcb.h"

namespace tributary::tcp {
namespace {

constexpr uint16_t kSize = 1000;
constexpr Micros kMinRtt = Micros::milliseconds(10);

class RateSampleTest : public testing::Test {
 protected:
  /// Sends the next packet at `at`, milliseconds.
  void send(int64_t at) {
    PacketInfo info{};
    info.sent_at = at * 1000;
    info.seq = static_cast<uint32_t>(packets.size()) * kSize;
    info.payload_size = kSize;
    sample_sent(sampler, info, in_flight);
    in_flight += kSize;
    packets.push_back(info);
  }
  /// One ACK at `at` for packets [first, last].
  congestion::RateSample acknowledge(int64_t at, size_t first, size_t last) {
    congestion::RateSample sample;
    for (size_t i = first; i <= last; ++i) {
      sample_delivered(sampler, sample, packets[i], SeqNum(packets[i].seq + kSize), Micros(at * 1000));
      in_flight -= kSize;
    }
    finish_sample(sampler, sample, kMinRtt);
    return sample;
  }

  RateSampler sampler;
  std::vector<PacketInfo> packets;
  uint32_t in_flight = 0;
};

TEST_F(RateSampleTest, SteadyFlowHasTheRateItIsAcknowledgedAt) {
  // A packet a millisecond, a round trip of ten.
  congestion::RateSample last;
  for (int64_t t = 1; t < 60; ++t) {
    send(t);
    if (t > 10) last = acknowledge(t, static_cast<size_t>(t - 11), static_cast<size_t>(t - 11));
  }
  EXPECT_NEAR(static_cast<double>(last.delivery_rate), 1'000'000, 1000);
  EXPECT_EQ(last.newly_acked, kSize);
  EXPECT_EQ(last.tx_in_flight, 11 * kSize) << "it left before the ACK of that moment came in";
  EXPECT_FALSE(last.is_app_limited);
}

TEST_F(RateSampleTest, AcksThatComeInABunchCountNoFasterThanWasSent) {
  for (int64_t t = 1; t <= 20; ++t) send(t);
  const auto sample = acknowledge(30, 0, 19);
  // 20 packets, the last of which was acknowledged 29 ms after the first was sent.
  EXPECT_EQ(sample.interval, Micros(29'000));
  EXPECT_NEAR(static_cast<double>(sample.delivery_rate), 20'000 / 0.029, 1000);
  for (int64_t t = 31; t <= 50; ++t) send(t);
  const auto bunch = acknowledge(51, 20, 39);
  EXPECT_NEAR(static_cast<double>(bunch.delivery_rate), 20'000 / 0.020, 5000) << "no faster than it was sent";
}

TEST_F(RateSampleTest, APauseIsNotPartOfTheNextSample) {
  send(1);
  acknowledge(11, 0, 0);
  send(5000);
  EXPECT_EQ(acknowledge(5010, 1, 1).interval, Micros(10'000));
}

TEST_F(RateSampleTest, SamplesAreLimitedUntilThePauseHasLeftThePath) {
  send(1);
  send(1);
  mark_app_limited(sampler, in_flight);
  send(5);
  EXPECT_FALSE(acknowledge(11, 0, 1).is_app_limited) << "sent before";
  send(12);
  EXPECT_TRUE(acknowledge(15, 2, 2).is_app_limited);
  send(16);
  EXPECT_TRUE(acknowledge(22, 3, 3).is_app_limited);
  EXPECT_EQ(sampler.app_limited, 0u);
  EXPECT_FALSE(acknowledge(26, 4, 4).is_app_limited);
}

TEST_F(RateSampleTest, AnIntervalShorterThanAnyRoundTripIsNoSample) {
  send(1);
  const auto sample = acknowledge(3, 0, 0);
  EXPECT_TRUE(sample.has_data);
  EXPECT_EQ(sample.delivery_rate, 0u);
  EXPECT_EQ(sample.newly_acked, kSize);
}

TEST_F(RateSampleTest, TheMostRecentlySentPacketOfAnAckMakesTheSample) {
  for (int64_t t = 1; t <= 4; ++t) send(t);
  packets[0].sent_at = 20'000;  // sent again
  sample_sent(sampler, packets[0], in_flight);
  const auto sample = acknowledge(31, 0, 3);
  EXPECT_EQ(sample.last_acked, SeqNum(kSize));
  EXPECT_EQ(sample.send_elapsed, Micros(19'000));
}

TEST_F(RateSampleTest, LossesAreThoseSinceThePacketWasSent) {
  sampler.lost = (uint64_t{1} << 32) - 500;
  send(1);
  send(2);
  sampler.lost += 3000;
  EXPECT_EQ(acknowledge(12, 1, 1).lost, 3000u);
}

TEST_F(RateSampleTest, CountsBeyondFourGigabytes) {
  sampler.delivered = (uint64_t{1} << 32) - 2500;
  for (int64_t t = 1; t <= 4; ++t) send(t);
  acknowledge(12, 0, 2);
  const auto sample = acknowledge(13, 3, 3);
  EXPECT_EQ(sample.delivered, 4u * kSize);
  EXPECT_EQ(sampler.delivered, (uint64_t{1} << 32) + 1500);
}

TEST_F(RateSampleTest, APacketWithoutNotesIsOnlyCounted) {
  send(1);
  packets[0].flags = 0;
  const auto sample = acknowledge(11, 0, 0);
  EXPECT_FALSE(sample.has_data);
  EXPECT_EQ(sampler.delivered, kSize);
}

TEST(Compact16, KeepsTwelveBits) {
  for (const uint64_t v : {0ull, 1ull, 4095ull}) EXPECT_EQ(Compact16(v).value(), v);
  for (uint64_t v = 4096; v < Compact16::kMax; v = v * 5 / 3) {
    EXPECT_LE(Compact16(v).value(), v);
    EXPECT_GT(Compact16(v).value(), v - v / 2048 - 1);
  }
  EXPECT_EQ(Compact16(UINT64_MAX).value(), Compact16::kMax);
}

TEST(Pacing, SpacesByTheRateAndLetsAQuantumGoAtOnce) {
  Pacing p;
  p.set_rate(1'000'000, 3000);  // a byte a microsecond
  Micros now = Micros::seconds(5);
  p.charge(now, 1000);
  int sent = 1;
  for (; p.is_open(now); ++sent) p.charge(now, 1000);
  EXPECT_EQ(sent, 6) << "what a pause of a quantum earned, and a quantum ahead";
  for (int i = 0; i < 1000; ++i) {
    now = p.opens_at();
    for (; p.is_open(now); ++sent) p.charge(now, 1000);
  }
  EXPECT_NEAR(sent, (now - Micros::seconds(5)).count() / 1000 + 6, 3);
}

TEST(Pacing, WakingLateIsMadeGoodUpToAQuantum) {
  Pacing p;
  p.set_rate(1'000'000, 3000);
  Micros now = Micros::seconds(5);
  while (p.is_open(now)) p.charge(now, 1000);
  const auto burst_after = [&](Micros late) {
    now = p.opens_at() + late;
    int n = 0;
    for (; p.is_open(now); ++n) p.charge(now, 1000);
    return n;
  };
  EXPECT_EQ(burst_after(Micros(0)), 3);
  EXPECT_EQ(burst_after(Micros(1000)), 4);
  EXPECT_EQ(burst_after(Micros(3000)), 6);
  EXPECT_EQ(burst_after(Micros::seconds(9)), 6);
}

}  // namespace
}  // namespace tributary::tcp
