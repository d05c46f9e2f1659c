#include "stack/flow/port_allocator.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/seeded_random.h"

namespace tributary {
namespace {

bool any(uint16_t) {
  return true;
}

TEST(PickPort, StaysInTheRangeAndReachesAllOfIt) {
  test::SeededRandom random(1);
  std::set<uint16_t> seen;
  for (int i = 0; i < 2000; ++i) seen.insert(*pick_port(random, 40000, 40099, any));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(*seen.begin(), 40000);
  EXPECT_EQ(*seen.rbegin(), 40099);
}

TEST(PickPort, WholeRangeAndSinglePortAreRanges) {
  test::SeededRandom random(2);
  EXPECT_EQ(pick_port(random, 5000, 5000, any), 5000);
  EXPECT_TRUE(pick_port(random, 0, 65535, any));
  EXPECT_EQ(pick_port(random, 65535, 65535, any), 65535);
  EXPECT_FALSE(pick_port(random, 5001, 5000, any));
}

TEST(PickPort, FindsTheOnlyFreePortOfASmallRange) {
  test::SeededRandom random(3);
  for (uint16_t wanted = 1024; wanted < 1024 + kPortProbes; ++wanted)
    EXPECT_EQ(pick_port(random, 1024, 1024 + kPortProbes - 1, [&](uint16_t port) { return port == wanted; }), wanted);
}

TEST(PickPort, GivesUpAfterABoundedNumberOfProbes) {
  test::SeededRandom random(4);
  std::set<uint16_t> probed;
  unsigned calls = 0;
  EXPECT_FALSE(pick_port(random, 1024, 65535, [&](uint16_t port) {
    ++calls;
    probed.insert(port);
    return false;
  }));
  EXPECT_EQ(calls, kPortProbes);
  EXPECT_EQ(probed.size(), kPortProbes);  // none twice
}

TEST(PickPort, StartIsSpreadEvenly) {
  test::SeededRandom random(5);
  std::array<unsigned, 16> load{};
  constexpr unsigned kDraws = 160'000;
  for (unsigned i = 0; i < kDraws; ++i) ++load[(*pick_port(random, 32768, 65535, any) - 32768u) / 2048];
  for (const unsigned n : load) EXPECT_NEAR(n, kDraws / 16, 500);  // five standard deviations
}

TEST(PickPort, NearlyFullRangeIsUsedToItsEnd) {
  test::SeededRandom random(6);
  std::set<uint16_t> taken;
  const auto is_free = [&](uint16_t port) { return !taken.contains(port); };
  while (taken.size() < 4000 * 95 / 100) {
    const auto port = pick_port(random, 10000, 13999, is_free);
    if (port) taken.insert(*port);
    ASSERT_TRUE(port || taken.size() > 3500u);
  }
  EXPECT_EQ(taken.size(), 3800u);
}

}  // namespace
}  // namespace tributary
