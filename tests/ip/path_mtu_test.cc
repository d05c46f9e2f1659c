#include "stack/ip/path_mtu.h"

#include <gtest/gtest.h>

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

TEST(PathMtu, PlateausDescendToTheLeastOfTheFamily) {
  std::vector<uint16_t> v4, v6;
  for (uint16_t mtu = 9000; v4.empty() || v4.back() != mtu;) v4.push_back(mtu), mtu = next_lower_mtu(kHost, mtu);
  for (uint16_t mtu = 1500; v6.empty() || v6.back() != mtu;) v6.push_back(mtu), mtu = next_lower_mtu(kSix, mtu);
  EXPECT_EQ(v4, (std::vector<uint16_t>{9000, 8166, 4352, 2002, 1492, 1400, 1280, 1006, 552}));
  EXPECT_EQ(v6, (std::vector<uint16_t>{1500, 1492, 1400, 1280}));
}

}  // namespace
}  // namespace tributary::ip
