// How far the receive window opens.
#include "stack/tcp/window.h"

#include <gtest/gtest.h>

namespace tributary::tcp {
namespace {

constexpr uint32_t kSegment = 1448;

TEST(ReceiveWindow, OpensByWholeSegmentsOfThePeer) {
  for (const uint8_t scale : {0, 7, 9}) {
    for (const uint32_t promised : {0u, 7u, 1448u, 30'000u}) {
      for (uint32_t free = 60'000; free < 64'000; free += 37) {
        const uint32_t window = open_in_steps(free, promised, 65'536, kSegment, scale);
        EXPECT_LE(window, free);
        EXPECT_EQ((window - promised) % kSegment, 0u) << promised << " of " << free;
        EXPECT_GE(window - promised + kSegment, (free - promised) * 3 / 4) << promised << " of " << free;
      }
    }
  }
}

// A window field counts in units. What it cannot say, the peer would cut from its last segment.
TEST(ReceiveWindow, OpensToWhereTheFieldLosesLeast) {
  for (uint32_t free = 200'000; free < 203'000; free += 37)
    EXPECT_EQ(open_in_steps(free, 0, 262'144, kSegment, 7) % 128, 0u) << free;
}

TEST(ReceiveWindow, StaysAsItIsForLessThanASegment) {
  EXPECT_EQ(open_in_steps(31'447, 30'000, 65'536, kSegment, 7), 30'000u);
  EXPECT_EQ(open_in_steps(31'448, 30'000, 65'536, kSegment, 7), 31'448u);
  EXPECT_EQ(open_in_steps(20'000, 30'000, 65'536, kSegment, 7), 30'000u) << "never to the left";
}

TEST(ReceiveWindow, OfAFewSegmentsIsUsedUp) {
  EXPECT_EQ(open_in_steps(4000, 0, 4000, kSegment, 0), 4000u);
  EXPECT_EQ(open_in_steps(900, 0, 1000, kSegment, 0), 900u);
}

}  // namespace
}  // namespace tributary::tcp
