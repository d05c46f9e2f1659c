// Command lines taken apart without a shell.
#include <gtest/gtest.h>

#include "src/script/commands.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

using Words = std::vector<std::string>;

TEST(CommandWords, AreSplitLikeAShellWould) {
  const struct {
    std::string line;
    Words words;
  } cases[] = {
      {"sysctl -q a=1", {"sysctl", "-q", "a=1"}},
      {"a b=\"4096 5 6\" c", {"a", "b=4096 5 6", "c"}},
      {"a=\"1 $((256*1024))\"", {"a=1 262144"}},
      {"a=$(( 2 * 3 * 4 ))", {"a=24"}},
      {"ip tcp_metrics flush all > /dev/null 2>&1", {"ip", "tcp_metrics", "flush", "all"}},
      {"x &>/dev/null", {"x"}},
      {"x ''", {"x", ""}},
      {"", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(split_words(c.line), c.words) << c.line;
}

TEST(CommandWords, VariablesAreThoseOfTheEnvironment) {
  setenv("TRIBUTARY_WORD", "4", 1);
  EXPECT_EQ(split_words("a$TRIBUTARY_WORD ip=v$TRIBUTARY_WORD/$TRIBUTARY_WORD"), (Words{"a4", "ip=v4/4"}));
  unsetenv("TRIBUTARY_WORD");
}

TEST(CommandWords, WhatTheyDoNotNameIsUnsupported) {
  for (const char* line : {"a $TRIBUTARY_NO_WORD", "a $", "a=$((x*2))", "a=$((2"}) {
    try {
      split_words(line);
      ADD_FAILURE() << line;
    } catch (const ScriptError& error) {
      EXPECT_EQ(error.verdict(), Verdict::kUnsupported) << line;
    }
  }
}

}  // namespace
}  // namespace tributary::script
