// Numbers with units, as operators write them.
#include "testbed/link/units.h"

#include <gtest/gtest.h>

namespace tributary::link {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(LinkUnits, DurationsHaveUnitsAndMillisecondsAreTheDefault) {
  EXPECT_EQ(parse_duration("10ms"), milliseconds(10));
  EXPECT_EQ(parse_duration("10"), milliseconds(10));
  EXPECT_EQ(parse_duration("250us"), microseconds(250));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("800ns"), Nanos(800));
}

TEST(LinkUnits, RatesArePowersOfTen) {
  EXPECT_EQ(parse_rate("20M"), 20'000'000u);
  EXPECT_EQ(parse_rate("2.5G"), 2'500'000'000u);
  EXPECT_EQ(parse_rate("64k"), 64'000u);
  EXPECT_EQ(parse_rate("unlimited"), 0u);
}

TEST(LinkUnits, BytesArePowersOfTwo) {
  EXPECT_EQ(parse_bytes("256K"), 256u * 1024);
  EXPECT_EQ(parse_bytes("1500"), 1500u);
}

TEST(LinkUnits, SharesAreBetweenNothingAndAll) {
  EXPECT_EQ(parse_share("0.25"), 0.25);
  EXPECT_EQ(parse_share("1%"), 0.01);
  EXPECT_FALSE(parse_share("1.5"));
  EXPECT_FALSE(parse_share("101%"));
}

TEST(LinkUnits, NonsenseIsRefused) {
  for (const char* text : {"", "ms", "-1ms", "10 ms", "10mss", "nan", "inf", "1e300s", "x"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  for (const char* text : {"", "M", "-1", "5X", "infinity"}) EXPECT_FALSE(parse_rate(text)) << text;
  for (const char* text : {"", "-1", "1.5", "12p"}) EXPECT_FALSE(parse_count(text)) << text;
}

}  // namespace
}  // namespace tributary::link
