#include "src/config/loader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/src/config_text.h"

namespace tributary::config {
namespace {

using test::break_config;
using test::kGoodConfig;

std::string read_errors(std::string_view text) {
  Diagnostics diagnostics("t.toml");
  read_config(text, diagnostics);
  return diagnostics.to_string();
}

TEST(Loader, ReadsEveryKindOfValue) {
  Diagnostics diagnostics("t.toml");
  const auto config = read_config(std::string(kGoodConfig) +
                                      "\n[relay]\nbudget = \"256KiB\"\nmax_budget = 8388608\n"
                                      "[log]\nlevel = \"debug\"\n",
                                  diagnostics);
  ASSERT_TRUE(config);
  EXPECT_EQ(diagnostics.to_string(), "");
  EXPECT_EQ(config->eal.memory_mb, 256u);
  ASSERT_EQ(config->ports.size(), 2u);
  EXPECT_EQ(config->ports[0].device, "net_af_packet0,iface=veth-a0");
  EXPECT_EQ(config->ports[0].addresses.at(1).to_string(), "fd00:1::1/64");
  EXPECT_FALSE(config->ports[0].vlan);
  EXPECT_EQ(config->ports[1].section_line, 12u);
  EXPECT_EQ(config->ports[1].line_of("device"), 14u);
  EXPECT_EQ(config->routes.at(0).gateway, IpAddress::parse("10.9.0.1"));
  EXPECT_EQ(config->listeners.at(1).kind, "convert");
  EXPECT_EQ(config->server_leg.pool.at(1), IpAddress::parse("fd00:9::10"));
  EXPECT_EQ(config->relay.budget, 262144u);
  EXPECT_EQ(config->relay.max_budget, 8388608u);
  EXPECT_EQ(config->log.level, "debug");
}

TEST(Loader, FillsDefaultsFromTheTable) {
  Diagnostics diagnostics("t.toml");
  const auto config = read_config("", diagnostics);
  ASSERT_TRUE(config);
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_FALSE(config->eal.hugepages);
  EXPECT_EQ(config->eal.lcores, "auto");
  EXPECT_TRUE(config->worker.idle_backoff);
  EXPECT_EQ(config->tcp.congestion, "cubic");
  EXPECT_EQ(config->tcp.receive_budget, 1u << 20);
  EXPECT_EQ(config->server_leg.source, "pool");
  EXPECT_EQ(config->control.socket_dir, "/run/tributary");
  EXPECT_TRUE(config->ports.empty());
}

struct ErrorCase {
  const char* name;
  std::string text;
  const char* expected;
};
void PrintTo(const ErrorCase& c, std::ostream* out) {
  *out << c.name;
}

class LoaderError : public testing::TestWithParam<ErrorCase> {};

TEST_P(LoaderError, NamesLineAndWhatWasExpected) {
  EXPECT_EQ(read_errors(GetParam().text), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, LoaderError,
    testing::Values(
        ErrorCase{"UnknownKey", break_config("device = \"net_af_packet0", "devcie = 1\ndevice = \"net_af_packet0"),
                  "t.toml:9: error: unknown key \"devcie\" in [port]; did you mean \"device\"?\n"},
        ErrorCase{"KeyOfAnotherSection", break_config("memory_mb = 256", "data_buffers = 9000"),
                  "t.toml:2: error: unknown key \"data_buffers\" in [eal]; [worker] has one\n"},
        ErrorCase{"KeyOfNoSection", break_config("memory_mb = 256", "colour = 1"),
                  "t.toml:2: error: unknown key \"colour\" in [eal]; it has hugepages, memory_mb, lcores, "
                  "file_prefix, extra_args\n"},
        ErrorCase{"UnknownSection", break_config("[eal]", "[eall]"),
                  "t.toml:1: error: unknown section \"eall\"; did you mean \"eal\"?\n"},
        ErrorCase{"UnknownTopLevelKey", "prot = 1\n",
                  "t.toml:1: error: unknown key \"prot\"; did you mean \"port\"?\n"},
        ErrorCase{"SingleForRepeated", "[route]\ndestination = \"::/0\"\n",
                  "t.toml:1: error: there may be several of \"route\": write [[route]]\n"},
        ErrorCase{"RepeatedForSingle", "[[eal]]\n", "t.toml:1: error: \"eal\" is one section: write [eal]\n"},
        ErrorCase{"MissingKey", break_config("device = \"net_af_packet0,iface=veth-a0\"", ""),
                  "t.toml:7: error: [[port]] lacks \"device\": text\n"},
        ErrorCase{"WrongType", break_config("memory_mb = 256", "memory_mb = \"much\""),
                  "t.toml:2: error: eal.memory_mb: expected an integer from 64 to 1048576 (MB); found \"much\"\n"},
        ErrorCase{"OutOfRange", break_config("memory_mb = 256", "memory_mb = 63"),
                  "t.toml:2: error: eal.memory_mb: expected an integer from 64 to 1048576 (MB); found 63\n"},
        ErrorCase{"NotABool", "[eal]\nhugepages = 1\n",
                  "t.toml:2: error: eal.hugepages: expected true or false; found 1\n"},
        ErrorCase{"Fraction", "[tcp]\nmin_rto_ms = 0.5\n",
                  "t.toml:2: error: tcp.min_rto_ms: expected an integer from 1 to 60000 (milliseconds); found a "
                  "fraction\n"},
        ErrorCase{"WrongChoice", "[tcp]\ncongestion = \"cubik\"\n",
                  "t.toml:2: error: tcp.congestion: expected one of \"cubic\", \"newreno\", \"bbr\"; found \"cubik\"; "
                  "did you "
                  "mean \"cubic\"?\n"},
        ErrorCase{
            "BoolForChoice", break_config("kind = \"convert\"", "kind = \"convert\"\nfast_open = true"),
            "t.toml:29: error: listener.fast_open: expected one of \"off\", \"cookie\", \"no_cookie\"; found true\n"},
        ErrorCase{"WrongFastOpen", break_config("[server_leg]", "[server_leg]\nfast_open = \"no-cookie\""),
                  "t.toml:32: error: server_leg.fast_open: expected one of \"off\", \"cookie\", \"no_cookie\"; found "
                  "\"no-cookie\"; did you mean \"no_cookie\"?\n"},
        ErrorCase{"WrongSize", "[relay]\nbudget = \"1 mega\"\n",
                  "t.toml:2: error: relay.budget: expected a size from 16KiB to 1024MiB, in bytes or as text "
                  "such as "
                  "\"1MiB\"; found \"1 mega\"\n"},
        ErrorCase{"NotAList", break_config("pool = [\"10.9.0.10\", \"fd00:9::10\"]", "pool = \"10.9.0.10\""),
                  "t.toml:32: error: server_leg.pool: expected a list in [ ], each an address such as "
                  "\"192.0.2.1\" or "
                  "\"2001:db8::1\"; found \"10.9.0.10\"\n"},
        ErrorCase{"BadAddressInList", break_config("\"10.9.0.10\"", "\"10.9.0.300\""),
                  "t.toml:32: error: server_leg.pool: expected a list in [ ], each an address such as "
                  "\"192.0.2.1\" or "
                  "\"2001:db8::1\"; found \"10.9.0.300\"\n"},
        ErrorCase{"AddressWithoutLength", break_config("\"10.1.0.1/24\"", "\"10.1.0.1\""),
                  "t.toml:10: error: port.addresses: expected a list in [ ], each an address with a prefix "
                  "length such "
                  "as \"192.0.2.1/24\"; found \"10.1.0.1\"\n"},
        ErrorCase{"HostBitsInNetwork", break_config("\"0.0.0.0/0\"", "\"10.0.0.1/8\""),
                  "t.toml:18: error: route.destination: expected a prefix without host bits such as "
                  "\"192.0.2.0/24\"; found \"10.0.0.1/8\"\n"},
        ErrorCase{"BadName", break_config("\"access0\"", "\"access 0\""),
                  "t.toml:8: error: port.name: expected a name of letters, digits, '_', '-' and '.', at most "
                  "32; found "
                  "\"access 0\"\n"}),
    [](const testing::TestParamInfo<ErrorCase>& test) { return std::string(test.param.name); });

TEST(Loader, SyntaxErrorsNameTheirLine) {
  const std::string errors = read_errors("[eal]\nmemory_mb = = 3\n");
  EXPECT_EQ(errors.rfind("t.toml:2: error: no TOML: ", 0), 0u) << errors;
  EXPECT_NE(read_errors("[eal]\nmemory_mb = 100\nmemory_mb = 200\n").find("t.toml:3: error:"), std::string::npos);
}

TEST(Loader, AllErrorsAreToldInTheOrderOfTheFile) {
  const std::string errors = read_errors("[relay]\nbudgt = 1\n[eal]\nmemory = 1\nhugepages = 2\n");
  const std::vector<std::string> wanted = {"t.toml:2:", "t.toml:4:", "t.toml:5:"};
  size_t at = 0;
  for (const std::string& line : wanted) {
    at = errors.find(line, at);
    ASSERT_NE(at, std::string::npos) << errors;
  }
  EXPECT_EQ(std::ranges::count(errors, '\n'), 3);
}

TEST(Loader, AFileThatCannotBeReadIsAnError) {
  Diagnostics diagnostics("/nonexistent/tributary.toml");
  EXPECT_FALSE(load_config("/nonexistent/tributary.toml", diagnostics));
  EXPECT_EQ(diagnostics.to_string(), "/nonexistent/tributary.toml: error: cannot be read\n");
  Diagnostics directory("/");
  EXPECT_FALSE(load_config("/", directory));
  EXPECT_TRUE(directory.has_errors());
}

TEST(Loader, SizesHaveUnits) {
  EXPECT_EQ(parse_bytes("64KiB"), 65536);
  EXPECT_EQ(parse_bytes("2 MB"), 2'000'000);
  EXPECT_EQ(parse_bytes("7"), 7);
  EXPECT_EQ(parse_bytes("1GiB"), 1 << 30);
  EXPECT_FALSE(parse_bytes("KiB"));
  EXPECT_FALSE(parse_bytes("-1"));
  EXPECT_FALSE(parse_bytes("1kib"));
  EXPECT_FALSE(parse_bytes("9223372036854775807GiB"));
}

}  // namespace
}  // namespace tributary::config
