#include "src/config/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace tributary::config {
namespace {

TEST(Nearest, DistanceCountsEditsAndSwaps) {
  EXPECT_EQ(edit_distance("mtu", "mtu"), 0u);
  EXPECT_EQ(edit_distance("", "mtu"), 3u);
  EXPECT_EQ(edit_distance("mut", "mtu"), 1u);
  EXPECT_EQ(edit_distance("adresses", "addresses"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Nearest, OnlyTypingErrorsAreSuggested) {
  constexpr std::array<std::string_view, 3> kNames = {"addresses", "device", "mtu"};
  EXPECT_EQ(find_nearest("adresses", kNames), "addresses");
  EXPECT_EQ(find_nearest("devcie", kNames), "device");
  EXPECT_EQ(find_nearest("colour", kNames), "");
  EXPECT_EQ(find_nearest("x", kNames), "");
  EXPECT_EQ(suggest_nearest("mtuu", kNames), "; did you mean \"mtu\"?");
  EXPECT_EQ(suggest_nearest("colour", kNames), "");
}

}  // namespace
}  // namespace tributary::config
