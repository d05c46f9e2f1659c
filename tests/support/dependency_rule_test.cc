#include "tests/support/dependency_rule.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace tributary::test {
namespace {

TEST(DependencyRule, JudgesIncludesAndNames) {
  struct {
    const char* path;
    const char* text;
    bool allowed;
  } const table[] = {
      {"stack/tcp/input.cc", "#include \"stack/wire/tcp.h\"\n#include <vector>\n", true},
      {"stack/tcp/input.cc", "#include \"datapath/port.h\"\n", false},
      {"stack/tcp/input.cc", "#include \"proxy/relay/relay.h\"\n", false},
      {"stack/tcp/input.cc", "  #  include \"src/config.h\"\n", false},
      {"stack/tcp/input.cc", "#include \"tests/support/pools.h\"\n", false},
      {"stack/tcp/input.cc", "// #include \"datapath/port.h\"\n", true},
      {"stack/tcp/input.cc", "#include <rte_mbuf.h>\n", false},
      {"stack/ip/send.cc", "#include <rte_hash.h>\n", false},
      {"stack/packet/packet.h", "#include <rte_mbuf.h>\n", true},
      {"stack/flow/flow_table.cc", "#include <rte_hash.h>\n", true},
      {"stack/flow/flow_table.cc", "#include <rte_eal.h>\n", false},
      {"stack/packet/packet.cc", "#include <rte_ethdev.h>\n", false},
      {"stack/packet/packet.cc", "#include <rte_cycles.h>\n", false},
      {"stack/tcp/timers.cc", "auto now = std::chrono::steady_clock::now();\n", false},
      {"stack/tcp/timers.cc", "/* no\nsteady_clock */ int x;\n", true},
      {"stack/tcp/timers.cc", "int x;  // not steady_clock\n", true},
      {"stack/tcp/timers.cc", "int my_steady_clock_model;\n", true},
      {"stack/mptcp/keys.cc", "std::random_device seed;\n", false},
      {"stack/mptcp/keys.cc", "return std::rand();\n", false},
      {"stack/mptcp/keys.cc", "RAND_bytes(out, 8);\n", false},
      {"stack/mptcp/keys.cc", "clock_gettime(CLOCK_MONOTONIC, &t);\n", false},
      {"stack/flow/flow_table.cc", "return rte_rdtsc();\n", false},
      {"datapath/worker.cc", "return rte_rdtsc();\n", true},
      {"datapath/worker.cc", "#include <rte_ethdev.h>\n#include \"stack/stack.h\"\n", true},
      {"datapath/worker.cc", "#include \"proxy/node.h\"\n", false},
      {"proxy/node.cc", "#include \"stack/stack.h\"\n", true},
      {"proxy/node.cc", "#include \"datapath/worker.h\"\n", false},
      {"proxy/node.cc", "#include \"src/config.h\"\n", false},
      {"src/main.cc", "#include \"proxy/node.h\"\n#include \"datapath/worker.h\"\n#include \"stack/stack.h\"\n", true},
      {"src/main.cc", "#include \"tests/support/pools.h\"\n", false},
      {"examples/echo.cc", "#include \"tributary/stack.h\"\n", true},
      {"examples/echo.cc", "#include \"stack/stack.h\"\n", false},
      {"tests/ip/x_test.cc", "#include \"stack/ip/ip_layer.h\"\n#include <rte_eal.h>\n", true},
  };
  for (const auto& row : table) {
    const auto found = violations_of(row.path, row.text);
    EXPECT_EQ(found.empty(), row.allowed) << row.path << ": " << row.text;
  }
}

TEST(DependencyRule, ViolationsTellFileLineAndReason) {
  const auto found = violations_of("stack/tcp/a.cc", "/*\n*/\n\n#include \"proxy/b.h\"\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].substr(0, 36), "stack/tcp/a.cc:4 includes proxy/b.h;");
}

TEST(DependencyRule, HoldsInTheWholeTree) {
  const std::filesystem::path root = TRIBUTARY_SOURCE_ROOT;
  int files = 0;
  for (const char* folder : {"stack", "datapath", "proxy", "src", "include", "examples"}) {
    if (!std::filesystem::exists(root / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      ++files;
      for (const std::string& violation : violations_of(entry.path().lexically_relative(root).string(), text.str()))
        ADD_FAILURE() << violation;
    }
  }
  EXPECT_GT(files, 50) << "the tree was not found where it should be";
}

}  // namespace
}  // namespace tributary::test
