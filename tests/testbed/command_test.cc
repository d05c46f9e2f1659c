// The emulator's command language.
#include "testbed/link/command.h"

#include <gtest/gtest.h>

namespace tributary::link {
namespace {

using std::chrono::milliseconds;

class LinkCommand : public ::testing::Test {
 protected:
  Outcome apply(std::string_view line) { return apply_command(link, TimePoint{0}, line); }
  const Parameters& forward() const { return link.forward.parameters(); }
  const Parameters& backward() const { return link.backward.parameters(); }

  FramePool pool{16, 64};
  Link link{pool, 1};
};

TEST_F(LinkCommand, SeveralParametersInOneLineGoToBothDirections) {
  EXPECT_EQ(apply("rate 50M delay 10ms loss 1%").error, "");
  for (const Parameters* p : {&forward(), &backward()}) {
    EXPECT_EQ(p->rate, 50'000'000u);
    EXPECT_EQ(p->delay, milliseconds(10));
    EXPECT_EQ(p->loss, 0.01);
  }
}

TEST_F(LinkCommand, ADirectionWordHoldsUntilTheNext) {
  EXPECT_EQ(apply("forward rate 5M delay 1ms backward rate 9M both overhead 24").error, "");
  EXPECT_EQ(forward().rate, 5'000'000u);
  EXPECT_EQ(forward().delay, milliseconds(1));
  EXPECT_EQ(backward().rate, 9'000'000u);
  EXPECT_EQ(backward().delay, milliseconds(0));
  EXPECT_EQ(backward().overhead, 24u);
}

TEST_F(LinkCommand, DownAndUpAreForOneDirectionOrBoth) {
  apply("forward down");
  EXPECT_TRUE(forward().down);
  EXPECT_FALSE(backward().down);
  apply("down");
  EXPECT_TRUE(backward().down);
  apply("up");
  EXPECT_FALSE(forward().down);
  EXPECT_FALSE(backward().down);
}

TEST_F(LinkCommand, AQueueIsLimitedInBytesOrInFrames) {
  apply("queue 64K");
  EXPECT_EQ(forward().queue_bytes, 65536u);
  EXPECT_EQ(forward().queue_frames, 0u);
  apply("queue 50p");
  EXPECT_EQ(forward().queue_bytes, 0u);
  EXPECT_EQ(forward().queue_frames, 50u);
}

TEST_F(LinkCommand, ALineWithAnErrorChangesNothing) {
  for (const char* line : {"rate 5M loss 7", "rate 5M colour red", "rate 5M delay", "rate 5M drop-dst somewhere"}) {
    EXPECT_NE(apply(line).error, "") << line;
    EXPECT_EQ(forward().rate, 0u) << line;
  }
}

TEST_F(LinkCommand, ErrorsNameTheWord) {
  EXPECT_NE(apply("colour red").error.find("colour"), std::string::npos);
  EXPECT_NE(apply("loss 7").error.find("'7'"), std::string::npos);
}

TEST_F(LinkCommand, StatsAreAskedForAndABlankLineIsNothing) {
  EXPECT_TRUE(apply("stats").wants_stats);
  EXPECT_FALSE(apply("  \n").wants_stats);
  EXPECT_EQ(apply("").error, "");
}

TEST_F(LinkCommand, DestinationsToDropAreBounded) {
  for (std::size_t i = 0; i < FrameFilter::kMostAddresses; ++i) EXPECT_EQ(apply("drop-dst 192.0.2.1").error, "");
  EXPECT_NE(apply("drop-dst 192.0.2.1").error, "");
  EXPECT_EQ(apply("drop-dst none").error, "");
  EXPECT_EQ(apply("drop-dst 2001:db8::1").error, "");
}

TEST_F(LinkCommand, StatisticsAreOneLineOfJson) {
  link.forward.offer(TimePoint{0}, {*pool.take(), 60});
  pool.release(link.forward.take_due(TimePoint{0})->index);
  std::string line = describe(link, milliseconds(1500));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find("{\"time\":1.500000,\"forward\":{\"offered_frames\":1,\"offered_bytes\":60,\"frames\":1,"), 0u)
      << line;
  EXPECT_NE(line.find("\"drops\":{\"queue\":0,"), std::string::npos);
}

}  // namespace
}  // namespace tributary::link
