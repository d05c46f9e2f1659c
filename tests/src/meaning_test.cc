#include "src/config/meaning.h"

#include <gtest/gtest.h>

#include "src/config/loader.h"
#include "tests/src/config_text.h"

namespace tributary::config {
namespace {

using test::break_config;
using test::kGoodConfig;

std::string check(std::string_view text) {
  Diagnostics diagnostics("t.toml");
  const auto config = read_config(text, diagnostics);
  if (config && !diagnostics.has_errors()) check_meaning(*config, diagnostics);
  return diagnostics.to_string();
}

TEST(Meaning, TheGoodConfigurationIsGood) {
  EXPECT_EQ(check(kGoodConfig), "");
}

struct MeaningCase {
  const char* name;
  std::string text;
  const char* expected;
};
void PrintTo(const MeaningCase& c, std::ostream* out) {
  *out << c.name;
}

class MeaningError : public testing::TestWithParam<MeaningCase> {};

TEST_P(MeaningError, NamesLineAndRemedy) {
  EXPECT_EQ(check(GetParam().text), GetParam().expected);
}

std::string with(std::string_view more) {
  return std::string(kGoodConfig) + std::string(more);
}

INSTANTIATE_TEST_SUITE_P(
    All, MeaningError,
    testing::Values(
        MeaningCase{"AddressTwice", break_config("\"10.9.0.2/24\"", "\"10.1.0.1/24\", \"10.9.0.2/24\""),
                    "t.toml:15: error: address 10.1.0.1 of \"server0\" is already used by \"access0\" (line 10)\n"},
        MeaningCase{"PoolAddressTwice", break_config("\"fd00:9::10\"]", "\"10.9.0.10\", \"fd00:9::10\"]"),
                    "t.toml:32: error: address 10.9.0.10 of server_leg.pool is already used by server_leg.pool (line "
                    "32)\n"},
        MeaningCase{"NameTwice", break_config("\"server0\"", "\"access0\""),
                    "t.toml:13: error: the name \"access0\" is taken\n"},
        MeaningCase{"MulticastAddress", break_config("\"10.1.0.1/24\"", "\"224.0.0.1/24\""),
                    "t.toml:10: error: 224.0.0.1 cannot be an address of ours\n"},
        MeaningCase{"DeviceTwice", break_config("net_af_packet1,iface=veth-s0", "net_af_packet0,iface=veth-s0"),
                    "t.toml:14: error: \"net_af_packet0,iface=veth-s0\" is already the device of port \"access0\" "
                    "(line 9)\n"},
        MeaningCase{"KernelInterfaceTwice",
                    break_config("net_af_packet1,iface=veth-s0", "net_af_packet1,iface=veth-a0"),
                    "t.toml:14: error: \"net_af_packet1,iface=veth-a0\" is already the device of port \"access0\" "
                    "(line 9)\n"},
        MeaningCase{"DeviceWithoutNumber", break_config("net_af_packet1,", "net_af_packet,"),
                    "t.toml:14: error: port.device: virtual device \"net_af_packet\" lacks its number; write "
                    "\"net_af_packet0\"\n"},
        MeaningCase{"NoDevice", break_config("net_af_packet1,iface=veth-s0", "01:00"),
                    "t.toml:14: error: port.device: \"01:00\" is neither a PCI address (0000:01:00.0) nor a virtual "
                    "device (net_af_packet0,iface=eth1)\n"},
        MeaningCase{"UnknownPort", break_config("ports = [\"access0\"]", "ports = [\"acces0\"]"),
                    "t.toml:24: error: there is no port or interface \"acces0\"; did you mean \"access0\"?\n"},
        MeaningCase{"GatewayOffLink", break_config("gateway = \"10.9.0.1\"", "gateway = \"10.8.0.1\""),
                    "t.toml:19: error: the gateway 10.8.0.1 is on the link of no port\n"},
        MeaningCase{"GatewayOnOtherPort",
                    break_config("gateway = \"10.9.0.1\"", "gateway = \"10.9.0.1\"\nport = \"access0\""),
                    "t.toml:19: error: the gateway 10.9.0.1 is on the link of no prefix of \"access0\"; it "
                    "is on that "
                    "of \"server0\"\n"},
        MeaningCase{"GatewayIsOurs", break_config("gateway = \"10.9.0.1\"", "gateway = \"10.9.0.2\""),
                    "t.toml:19: error: the gateway 10.9.0.2 is our own address\n"},
        MeaningCase{"GatewayOfOtherFamily", break_config("gateway = \"10.9.0.1\"", "gateway = \"fd00:9::1\""),
                    "t.toml:19: error: the gateway fd00:9::1 is not of the family of 0.0.0.0/0\n"},
        MeaningCase{"RouteToNowhere", break_config("gateway = \"10.9.0.1\"", ""),
                    "t.toml:18: error: the route to 0.0.0.0/0 has neither gateway nor port\n"},
        MeaningCase{"RouteTwice", with("[[route]]\ndestination = \"0.0.0.0/0\"\nport = \"server0\"\n"),
                    "t.toml:34: error: there is a route to 0.0.0.0/0 already (line 17)\n"},
        MeaningCase{"SameListenerTwice",
                    with("[[listener]]\nname = \"more\"\nkind = \"transparent\"\nports = [\"server0\", "
                         "\"access0\"]\n"),
                    "t.toml:36: error: listeners \"transparent\" and \"more\" want the same connections on "
                    "\"access0\"\n"},
        MeaningCase{"ConvertAddressNotOurs",
                    break_config("kind = \"convert\"", "kind = \"convert\"\naddresses = [\"10.1.0.9\"]"),
                    "t.toml:29: error: 10.1.0.9 is no address of the listener's ports\n"},
        MeaningCase{"TransparentWithPort",
                    break_config("kind = \"transparent\"", "kind = \"transparent\"\nlisten_port = 80"),
                    "t.toml:24: error: a transparent listener takes every destination; \"listen_port\" is for kind = "
                    "\"convert\"\n"},
        MeaningCase{"ConvertWithoutCookies",
                    break_config("kind = \"convert\"", "kind = \"convert\"\nfast_open = \"no_cookie\""),
                    "t.toml:29: error: listener \"convert\": fast_open = \"no_cookie\" is for kind = \"transparent\"; "
                    "convert takes a message in the SYN without a cookie anyway\n"},
        MeaningCase{"PoolOffLink", break_config("\"10.9.0.10\"", "\"192.0.2.10\""),
                    "t.toml:32: error: 192.0.2.10 is in the prefix of no port; say in server_leg.port which "
                    "one answers "
                    "for it\n"},
        MeaningCase{"PoolWithPreserve", break_config("[server_leg]", "[server_leg]\nsource = \"preserve\""),
                    "t.toml:33: error: server_leg.source is \"preserve\", so there is no use for a pool\n"},
        MeaningCase{"PoolLacksFamily", break_config("\"10.9.0.10\", \"fd00:9::10\"", "\"10.9.0.10\""),
                    "t.toml:32: warning: the pool has no IPv6 address, but listeners take such connections; "
                    "they will "
                    "leave from the address of the interface\n"},
        MeaningCase{"BuffersDoNotFit", break_config("data_buffers = 8192", "data_buffers = 200000"),
                    "t.toml:2: error: eal.memory_mb is 256, but the buffers of [worker] need 476\n"},
        MeaningCase{"RingsTakeAllBuffers", break_config("data_buffers = 8192", "data_buffers = 2048"),
                    "t.toml:5: error: worker.data_buffers is 2048, and the receive rings of the ports alone hold "
                    "2048\n"},
        MeaningCase{"SeveralWorkers", break_config("memory_mb = 256", "lcores = \"0,2-3\""),
                    "t.toml:2: error: eal.lcores names 3 CPUs; there is one worker for now\n"},
        MeaningCase{"BadLcores", break_config("memory_mb = 256", "lcores = \"zero\""),
                    "t.toml:2: error: eal.lcores: \"zero\" is not a list of CPUs such as \"0\" or \"2,4-5\", nor "
                    "\"auto\"\n"},
        MeaningCase{"BudgetsReversed", with("[relay]\nbudget = \"8MiB\"\n"),
                    "t.toml:34: error: relay.budget (8388608) is above relay.max_budget (4194304)\n"},
        MeaningCase{"RtoReversed", with("[tcp]\nmin_rto_ms = 2000\nmax_rto_ms = 1000\n"),
                    "t.toml:34: error: tcp.min_rto_ms (2000) is above tcp.max_rto_ms (1000)\n"},
        MeaningCase{"PortsReversed", with("[tcp]\nfirst_ephemeral_port = 2000\nlast_ephemeral_port = 1999\n"),
                    "t.toml:34: error: tcp.first_ephemeral_port (2000) is above tcp.last_ephemeral_port (1999)\n"},
        MeaningCase{"RelativeSocketDir", with("[control]\nsocket_dir = \"run\"\n"),
                    "t.toml:34: error: control.socket_dir must be an absolute path\n"},
        MeaningCase{"VlanTwice",
                    with("[[interface]]\nname = \"v\"\nport = \"access0\"\naddresses = [\"10.2.0.1/24\"]\n"),
                    "t.toml:33: error: \"v\" and \"access0\" are on one port and neither has a vlan\n"},
        MeaningCase{"InterfaceOfNoPort",
                    with("[[interface]]\nname = \"v\"\nport = \"acess0\"\nvlan = 7\naddresses = [\"10.2.0.1/24\"]\n"),
                    "t.toml:35: error: there is no port \"acess0\"; did you mean \"access0\"?\n"},
        MeaningCase{"SmallMtuWithIpv6", break_config("addresses = [\"10.1", "mtu = 1000\naddresses = [\"10.1"),
                    "t.toml:10: error: \"access0\" has an IPv6 address, so its mtu must be at least 1280 (RFC 8200 "
                    "§5)\n"},
        MeaningCase{"NoPorts", "", "t.toml: error: there is no [[port]]\nt.toml: error: there is no [[listener]]\n"}),
    [](const testing::TestParamInfo<MeaningCase>& test) { return std::string(test.param.name); });

TEST(Meaning, AWorldOfClientsOnlyHasNoWayToServers) {
  const std::string text = check(R"([worker]
data_buffers = 8192
[[port]]
name = "access0"
device = "net_null0"
addresses = ["10.1.0.1/24"]
[[listener]]
name = "t"
kind = "transparent"
ports = ["access0"]
)");
  EXPECT_EQ(text, "t.toml: error: there is no way to a server: no [[route]], and every port is one of a listener's\n");
}

TEST(Meaning, APortMayBeKnownByItsVlansAlone) {
  const std::string text = check(R"([[port]]
name = "trunk"
device = "0000:01:00.0"
[[interface]]
name = "access0"
port = "trunk"
vlan = 10
addresses = ["10.1.0.1/24"]
[[interface]]
name = "server0"
port = "trunk"
vlan = 20
addresses = ["10.9.0.2/24"]
[[listener]]
name = "t"
kind = "transparent"
ports = ["access0"]
)");
  EXPECT_EQ(text, "");
}

TEST(Meaning, ALinkLocalGatewayNeedsAPortOnly) {
  EXPECT_EQ(check(std::string(kGoodConfig) +
                  "[[route]]\ndestination = \"::/0\"\ngateway = \"fe80::1\"\nport = \"server0\"\n"),
            "");
}

}  // namespace
}  // namespace tributary::config
