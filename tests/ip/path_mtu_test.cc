#include "stack/ip/path_mtu.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace tributary::ip {
namespace {

const IpAddress kHost = *IpAddress::parse("192.0.2.1");
const IpAddress kOther = *IpAddress::parse("192.0.2.2");
const IpAddress kSix = *IpAddress::parse("2001:db8::1");
constexpr Micros kNow = Micros::seconds(1000);

TEST(PathMtu, TheLinkIsTheLimitUntilSomethingIsKnown) {
  PathMtuTable table(1);
  EXPECT_EQ(table.limit(kHost, 1500, kNow), 1500);
  table.learn(kHost, 1400, kNow);
  EXPECT_EQ(table.limit(kHost, 1500, kNow), 1400);
  EXPECT_EQ(table.limit(kHost, 1300, kNow), 1300);
}

TEST(PathMtu, TheLesserOfTwoWordsCounts) {
  PathMtuTable table(1);
  table.learn(kHost, 1300, kNow);
  table.learn(kHost, 1400, kNow);
  EXPECT_EQ(table.limit(kHost, 1500, kNow), 1300);
}

TEST(PathMtu, KnowledgeExpires) {
  PathMtuTable table(1);
  table.learn(kHost, 1300, kNow);
  EXPECT_EQ(table.limit(kHost, 1500, kNow + Micros::seconds(599)), 1300);
  EXPECT_EQ(table.limit(kHost, 1500, kNow + Micros::seconds(600)), 1500);
  table.learn(kHost, 1400, kNow + Micros::seconds(601));
  EXPECT_EQ(table.limit(kHost, 1500, kNow + Micros::seconds(602)), 1400) << "what has expired does not count";
}

TEST(PathMtu, LessThanTheLeastIsNotBelieved) {
  PathMtuTable table(1);
  table.learn(kHost, 68, kNow);
  EXPECT_EQ(table.limit(kHost, 1500, kNow), 552);
  table.learn(kSix, 68, kNow);
  EXPECT_EQ(table.limit(kSix, 1500, kNow), 1280);
}

TEST(PathMtu, OfTwoInOnePlaceTheNewerStays) {
  PathMtuTable table(1);
  for (uint32_t i = 0; i < 10'000; ++i) table.learn(IpAddress::v4(0x0a000000 + i), 1400, kNow);
  table.learn(kOther, 1350, kNow);
  EXPECT_EQ(table.limit(kOther, 1500, kNow), 1350);
  EXPECT_EQ(table.limit(kHost, 1500, kNow), 1500);
}

TEST(PathMtu, WhatGotThroughIsKnown) {
  PathMtuTable table(1);
  table.learn(kHost, 1280, kNow);
  table.raise(kHost, 1400);
  table.raise(kHost, 1300);
  table.raise(kOther, 1200);
  EXPECT_EQ(table.limit(kHost, 1500, kNow), 1400);
  EXPECT_EQ(table.limit(kOther, 1500, kNow), 1500);
}

using Sizes = std::vector<uint16_t>;
/// `mtu` and all that `next` makes of it until it stays.
Sizes walk(uint16_t mtu, const std::function<uint16_t(uint16_t)>& next) {
  Sizes out{mtu};
  while (next(out.back()) != out.back()) out.push_back(next(out.back()));
  return out;
}

TEST(PathMtu, PlateausDescendToTheLeastOfTheFamily) {
  EXPECT_EQ(walk(9000, [](uint16_t mtu) { return next_lower_mtu(kHost, mtu); }),
            (Sizes{9000, 8166, 4352, 2002, 1500, 1492, 1480, 1460, 1420, 1400, 1280, 1006, 552}));
  EXPECT_EQ(walk(1500, [](uint16_t mtu) { return next_lower_mtu(kSix, mtu); }),
            (Sizes{1500, 1492, 1480, 1460, 1420, 1400, 1280}));
}

TEST(PathMtu, PlateausAscendBeyondEveryLink) {
  EXPECT_EQ(walk(552, [](uint16_t mtu) { return next_higher_mtu(mtu); }),
            (Sizes{552, 1006, 1280, 1400, 1420, 1460, 1480, 1492, 1500, 2002, 4352, 8166, 65535}));
}

TEST(PathMtu, ABlackHoleIsLeftInTwoSteps) {
  EXPECT_EQ(walk(9000, [](uint16_t mtu) { return black_hole_mtu(kHost, mtu); }), (Sizes{9000, 1280, 552}));
  EXPECT_EQ(walk(1500, [](uint16_t mtu) { return black_hole_mtu(kSix, mtu); }), (Sizes{1500, 1280}));
}

}  // namespace
}  // namespace tributary::ip
