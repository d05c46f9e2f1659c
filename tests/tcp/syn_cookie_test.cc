// SYN cookies as numbers: what goes in comes out, for so long and for nobody else (RFC 4987 §3.6). And the hash under
// them.
#include "stack/tcp/syn_cookie.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/seeded_random.h"

namespace tributary::test {
namespace {

using tcp::Cookie;
using tcp::CookieOffer;
using tcp::SynCookies;

// The reference vectors: key 00 01 .. 0f, message 00 01 .. of each length.
TEST(SipHash, ReferenceVectors) {
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::array<uint8_t, 16> message;
  std::iota(message.begin(), message.end(), uint8_t{0});
  const std::pair<size_t, uint64_t> vectors[] = {{0, 0x726fdb47dd0e0e31},
                                                 {1, 0x74f839c593dc67fd},
                                                 {7, 0xab0200f58b01d137},
                                                 {8, 0x93f5f5799a932462},
                                                 {15, 0xa129ca6149be45e5}};
  for (const auto& [size, expected] : vectors)
    EXPECT_EQ(sip_hash(key, std::span(message).first(size)), expected) << size;
}

class Cookies : public testing::Test {
 protected:
  static constexpr SeqNum kPeerIsn{0x12345678};
  static FlowKey flow(std::string_view local = "192.0.2.1", std::string_view remote = "192.0.2.2",
                      uint16_t port = 40000) {
    return {*IpAddress::parse(local), *IpAddress::parse(remote), 80, port};
  }
  static CookieOffer full(uint16_t mss = 1460) {
    return {.mss = mss, .timestamps = true, .sack = true, .ecn = true, .window_scale = 7};
  }
  static CookieOffer bare(uint16_t mss, bool timestamps = false) {
    CookieOffer offer;
    offer.mss = mss;
    offer.timestamps = timestamps;
    return offer;
  }
  SeqNum make(const CookieOffer& offer, const FlowKey& key = flow()) {
    return cookies.make(key, kPeerIsn, offer, now).value();
  }
  std::optional<Cookie> check(SeqNum cookie, const CookieOffer& offer, const FlowKey& key = flow()) const {
    const auto echo = offer.timestamps ? std::optional(SynCookies::stamp(0x55555555, offer)) : std::nullopt;
    return cookies.check(key, kPeerIsn, cookie, echo, now);
  }

  SeededRandom random{3};
  SynCookies cookies{random};
  Micros now = Micros::seconds(1000);
};

TEST_F(Cookies, EveryMssComesBackAsTheNextStepDown) {
  const std::pair<uint16_t, uint16_t> v4[] = {{216, 216},   {535, 216},   {536, 536},   {1199, 536},  {1200, 1200},
                                              {1359, 1200}, {1360, 1360}, {1400, 1400}, {1439, 1400}, {1440, 1440},
                                              {1460, 1460}, {8959, 1460}, {8960, 8960}, {65535, 8960}};
  const std::pair<uint16_t, uint16_t> v6[] = {{216, 216},   {536, 536},   {1220, 1220}, {1340, 1340}, {1380, 1380},
                                              {1420, 1420}, {1439, 1420}, {1440, 1440}, {8939, 1440}, {8940, 8940}};
  const auto both_ways = [this](const auto& table, const FlowKey& key) {
    for (const auto& [stated, kept] : table) {
      for (const bool timestamps : {false, true}) {
        CookieOffer offer = bare(stated, timestamps);
        const auto back = check(make(offer, key), offer, key);
        ASSERT_TRUE(back) << stated;
        offer.mss = kept;
        EXPECT_EQ(back->offer, offer) << stated;
      }
    }
  };
  both_ways(v4, flow());
  both_ways(v6, flow("2001:db8::1", "2001:db8::2"));
}

TEST_F(Cookies, AnMssBelowAllStepsGetsNone) {
  EXPECT_FALSE(cookies.make(flow(), kPeerIsn, bare(215), now));
  EXPECT_FALSE(cookies.in_use(now));
}

TEST_F(Cookies, EveryOptionComesBackThroughTheTimestamp) {
  for (int scale = -1; scale <= 14; ++scale) {
    for (int bits = 0; bits < 4; ++bits) {
      CookieOffer offer{
          .mss = 1400, .timestamps = true, .sack = (bits & 1) != 0, .ecn = (bits & 2) != 0, .window_scale = {}};
      if (scale >= 0) offer.window_scale = static_cast<uint8_t>(scale);
      const auto back = check(make(offer), offer);
      ASSERT_TRUE(back);
      EXPECT_EQ(back->offer, offer);
    }
  }
}

TEST_F(Cookies, AStampIsNeverLaterThanTheClockAndNeverMoreThanSixtyFourBefore) {
  for (const CookieOffer& offer : {full(), bare(1460, true)}) {
    for (uint32_t clock : {0u, 1u, 37u, 63u, 64u, 1000u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
      const uint32_t behind = clock - SynCookies::stamp(clock, offer);
      EXPECT_LT(behind, 64u) << clock;
    }
  }
}

TEST_F(Cookies, ACookieIsGoodForItsTickAndTheNext) {
  const int64_t tick = SynCookies::kTick.count();
  for (const int64_t into : {int64_t{0}, tick / 2, tick - 1}) {
    const Micros start(20 * tick);
    now = start + Micros(into);
    const SeqNum cookie = make(full());
    EXPECT_TRUE(check(cookie, full())) << "at once";
    now = start + Micros(2 * tick - 1);
    EXPECT_TRUE(check(cookie, full())) << "at the end of the next tick, made " << into << " into its own";
    EXPECT_EQ(check(cookie, full())->tick, 20u);
    EXPECT_TRUE(cookies.in_use(now));
    // The bit of the cookie tells neighbouring ticks apart; that it is no later one with the same bit the MAC says.
    for (int later = 2; later < 10; ++later) {
      now = start + Micros(later * tick);
      EXPECT_FALSE(check(cookie, full())) << later << " ticks later";
      EXPECT_FALSE(cookies.in_use(now));
    }
  }
}

TEST_F(Cookies, InTheFirstTickThereIsNoneBefore) {
  now = Micros(0);
  const SeqNum cookie = make(full());
  EXPECT_TRUE(check(cookie, full()));
  EXPECT_FALSE(check(SeqNum(cookie.raw() ^ 1u << 28), full()));
}

TEST_F(Cookies, ACookieSurvivesTheChangeOfKeysOnce) {
  const int64_t tick = SynCookies::kTick.count();
  now = Micros(2 * tick * SynCookies::kTicksPerKey - 1);
  const SeqNum before = make(full());
  now += Micros(1);
  const SeqNum after = make(full());
  EXPECT_NE(before, after);
  EXPECT_TRUE(check(before, full())) << "made with the key before";
  EXPECT_TRUE(check(after, full()));
}

TEST_F(Cookies, EveryChangedBitIsNoticed) {
  const SeqNum cookie = make(full());
  for (int bit = 0; bit < 32; ++bit)
    EXPECT_FALSE(check(SeqNum(cookie.raw() ^ 1u << bit), full())) << "cookie bit " << bit;
  const uint32_t echo = SynCookies::stamp(0x55555555, full());
  for (int bit = 0; bit < 32; ++bit) {
    const auto back = cookies.check(flow(), kPeerIsn, cookie, echo ^ 1u << bit, now);
    EXPECT_EQ(back.has_value(), bit >= 6) << "only the options are in the MAC, time moves on: bit " << bit;
  }
  EXPECT_FALSE(cookies.check(flow(), kPeerIsn, cookie, std::nullopt, now)) << "timestamps left out";
  for (int bit = 0; bit < 32; ++bit)
    EXPECT_FALSE(cookies.check(flow(), SeqNum(kPeerIsn.raw() ^ 1u << bit), cookie, echo, now))
        << "peer's ISN, bit " << bit;
}

TEST_F(Cookies, ACookieIsForOneFlow) {
  const SeqNum cookie = make(full());
  EXPECT_FALSE(check(cookie, full(), flow("192.0.2.1", "192.0.2.2", 40001)));
  EXPECT_FALSE(check(cookie, full(), flow("192.0.2.1", "192.0.2.3")));
  EXPECT_FALSE(check(cookie, full(), flow("192.0.2.9")));
  SeededRandom other_random{4};
  SynCookies other{other_random};
  EXPECT_FALSE(other.check(flow(), kPeerIsn, cookie, std::nullopt, now)) << "one that never made any";
  other.make(flow(), kPeerIsn, full(), now);
  EXPECT_FALSE(other.check(flow(), kPeerIsn, cookie, SynCookies::stamp(0, full()), now)) << "one with other keys";
}

TEST_F(Cookies, GuessesFail) {
  make(full());
  for (int i = 0; i < 100'000; ++i) ASSERT_FALSE(check(SeqNum(random.u32()), full())) << i;
}

TEST_F(Cookies, AnMptcpKeyIsFoundAgainAndBelongsToOneHandshake) {
  make(full());
  const uint32_t tick = SynCookies::tick_of(now);
  const uint64_t key = cookies.derive_key(flow(), kPeerIsn, tick, 0);
  now += SynCookies::kTick;
  EXPECT_EQ(cookies.derive_key(flow(), kPeerIsn, tick, 0), key);
  EXPECT_NE(cookies.derive_key(flow(), kPeerIsn, tick, 1), key);
  EXPECT_NE(cookies.derive_key(flow(), kPeerIsn + 1, tick, 0), key);
  EXPECT_NE(cookies.derive_key(flow(), kPeerIsn, tick - 1, 0), key);
  EXPECT_NE(cookies.derive_key(flow("192.0.2.1", "192.0.2.3"), kPeerIsn, tick, 0), key);
}

}  // namespace
}  // namespace tributary::test
