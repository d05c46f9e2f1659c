#include "src/report.h"

#include <gtest/gtest.h>

#include "src/config/loader.h"
#include "src/log.h"
#include "src/settings.h"
#include "src/views.h"
#include "tests/src/config_text.h"

namespace tributary {
namespace {

config::Config load(std::string_view text) {
  config::Diagnostics diagnostics("t.toml");
  auto config = config::read_config(text, diagnostics);
  EXPECT_EQ(diagnostics.to_string(), "");
  return config.value();
}

PortReport make_port(const std::string& name, const std::string& device) {
  PortReport report;
  report.facts.name = name;
  report.facts.device = device;
  report.facts.driver = "net_af_packet";
  report.facts.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
  report.facts.mtu = 1500;
  report.facts.offloads.transmit_multi_segment = true;
  report.link = {.up = true, .megabits = 10'000};
  return report;
}

TEST(Report, NamesPortsOffloadsListenersAndPools) {
  const config::Config config = load(config::test::kGoodConfig);
  std::vector<PortReport> ports = {make_port("access0", "net_af_packet0,iface=veth-a0"),
                                   make_port("server0", "net_af_packet1,iface=veth-s0")};
  ports[0].facts.faults = {"veth-a0 is down: ip link set veth-a0 up"};
  ports[0].link = {};
  ports[1].facts.offloads = {true, true, true, true, true};
  // clang-format off
  EXPECT_EQ(describe_start(config, ports, "/run/t/s"), R"(port access0: net_af_packet0,iface=veth-a0, driver net_af_packet, MAC 02:00:00:00:00:01, MTU 1500, link down
  addresses 10.1.0.1/24, fd00:1::1/64
  offloads in use: frames of several buffers; done in software: IPv4 checksum received, TCP checksum received, IPv4 checksum sent, TCP checksum sent
  warning: veth-a0 is down: ip link set veth-a0 up
port server0: net_af_packet1,iface=veth-s0, driver net_af_packet, MAC 02:00:00:00:00:01, MTU 1500, link up, 10 Gbit/s
  addresses 10.9.0.2/24, fd00:9::2/64
  offloads in use: IPv4 checksum received, TCP checksum received, IPv4 checksum sent, TCP checksum sent, frames of several buffers; done in software: nothing
route 0.0.0.0/0: by 10.9.0.1, server0
listener transparent: every TCP connection through access0, cubic
listener convert: RFC 8803 on TCP port 5124 of all addresses of access0, cubic
server leg: from 10.9.0.10, fd00:9::10, cubic, 10 s for a server to answer
worker 0: CPU auto, naps of up to 150 us when idle, 1000 us after two seconds of silence; 8192 data and 16384 header buffers in ordinary pages
telemetry: /run/t/s
)");
  // clang-format on
}

TEST(Report, LinksInWords) {
  EXPECT_EQ(describe_link({}), "down");
  EXPECT_EQ(describe_link({.up = true, .megabits = 0}), "up");
  EXPECT_EQ(describe_link({.up = true, .megabits = 2500}), "up, 2500 Mbit/s");
  EXPECT_EQ(describe_link({.up = true, .megabits = 100'000}), "up, 100 Gbit/s");
}

TEST(MakeSettings, EveryValueArrives) {
  const config::Config config = load(R"([worker]
max_connections = 101
max_subflows = 102
max_half_open = 103
syn_cookies_from = 99
max_fast_open = 98
fast_open_cache = 97
max_time_wait = 104
fragmented_packets = 105
idle_backoff = false
[tcp]
congestion = "newreno"
window_scale = 3
receive_budget = "64KiB"
initial_rto_ms = 900
min_rto_ms = 30
max_rto_ms = 4000
delayed_ack_ms = 5
time_wait_s = 6
fin_wait2_s = 7
syn_retries = 8
syn_ack_retries = 9
data_retries = 10
max_out_of_order = 110
invalid_ratelimit_ms = 12
first_ephemeral_port = 2000
last_ephemeral_port = 3000
fast_open_keys = ["00000001-00000002-00000003-00000004", "0123456789abcdef0123456789abcdef"]
[mptcp]
enabled = false
checksum = true
max_subflows = 4
close_timeout_s = 14
join_timeout_s = 15
)");
  const Settings s = make_settings(config, WorkerId{2}, 4);
  EXPECT_EQ(s.max_connections, 101u);
  EXPECT_EQ(s.max_subflows, 102u);
  EXPECT_EQ(s.max_half_open, 103u);
  EXPECT_EQ(s.syn_cookies_from, 99u);
  EXPECT_EQ(s.max_fast_open, 98u);
  EXPECT_EQ(s.fast_open_cache, 97u);
  ASSERT_EQ(s.fast_open_keys.size(), 2u);
  EXPECT_EQ(s.fast_open_keys[0], (SipKey{0x0000000200000001, 0x0000000400000003}));
  EXPECT_EQ(s.max_time_wait, 104u);
  EXPECT_EQ(make_ip_limits(config).fragmented_packets, 105);
  EXPECT_EQ(s.algorithm, congestion::Algorithm::kNewReno);
  EXPECT_EQ(s.window_scale, 3);
  EXPECT_EQ(s.receive_budget, 65536u);
  EXPECT_EQ(s.initial_rto, Micros::milliseconds(900));
  EXPECT_EQ(s.min_rto, Micros::milliseconds(30));
  EXPECT_EQ(s.max_rto, Micros::seconds(4));
  EXPECT_EQ(s.delayed_ack, Micros::milliseconds(5));
  EXPECT_EQ(s.time_wait, Micros::seconds(6));
  EXPECT_EQ(s.fin_wait2, Micros::seconds(7));
  EXPECT_EQ(s.syn_retries, 8);
  EXPECT_EQ(s.syn_ack_retries, 9);
  EXPECT_EQ(s.data_retries, 10);
  EXPECT_EQ(s.max_out_of_order, 110);
  EXPECT_EQ(s.invalid_ratelimit, Micros::milliseconds(12));
  EXPECT_EQ(s.first_ephemeral_port, 2000);
  EXPECT_EQ(s.last_ephemeral_port, 3000);
  EXPECT_FALSE(s.mptcp_enabled);
  EXPECT_TRUE(s.mptcp_checksum);
  EXPECT_EQ(s.max_subflows_per_connection, 4);
  EXPECT_EQ(s.close_timeout, Micros::seconds(14));
  EXPECT_EQ(s.join_timeout, Micros::seconds(15));
  EXPECT_EQ(s.worker, WorkerId{2});
  EXPECT_EQ(s.workers, 4);
  EXPECT_FALSE(make_worker_options(config, WorkerId{0}).idle_backoff);
}

std::vector<std::string> source_addresses(const config::Config& config) {
  std::vector<std::string> texts;
  for (const IpAddress& address : make_policy(config, config::list_interfaces(config)).pool)
    texts.push_back(address.to_string());
  return texts;
}

TEST(MakePolicy, AFamilyThePoolLacksLeavesFromTheInterfaceTowardsServers) {
  using config::test::break_config;
  EXPECT_EQ(source_addresses(load(config::test::kGoodConfig)), (std::vector<std::string>{"10.9.0.10", "fd00:9::10"}));
  EXPECT_EQ(source_addresses(load(break_config("\"10.9.0.10\", \"fd00:9::10\"", "\"10.9.0.10\""))),
            (std::vector<std::string>{"10.9.0.10", "fd00:9::2"}));
  EXPECT_EQ(source_addresses(load(break_config("\"10.9.0.10\", \"fd00:9::10\"", ""))),
            (std::vector<std::string>{"10.9.0.2", "fd00:9::2"}));
}

TEST(MakePolicy, PreservedSourcesNeedNoPool) {
  const config::Config config =
      load("[server_leg]\nsource = \"preserve\"\nconnect_timeout_s = 3\ndscp = 10\n[relay]\nbudget = 131072\n");
  const proxy::Policy policy = make_policy(config, {});
  EXPECT_EQ(policy.server_dscp, 10);
  EXPECT_EQ(policy.source, proxy::Policy::Source::kPreserve);
  EXPECT_TRUE(policy.pool.empty());
  EXPECT_EQ(policy.connect_timeout, Micros::seconds(3));
  EXPECT_EQ(policy.budget, 131072u);
}

// Each leg's own word counts, and that of [tcp] where it has none; none of them is another's.
TEST(MakeLegs, EachLegHasItsOwnValues) {
  using congestion::Algorithm;
  const struct {
    const char* listener;
    const char* server_leg;
    proxy::AccessLeg access;
    Algorithm server_algorithm;
    uint8_t server_dscp;
    FastOpen server_fast_open;
  } cases[] = {{"", "", {Algorithm::kNewReno, 0, FastOpen::kOff}, Algorithm::kNewReno, 0, FastOpen::kOff},
               {"congestion = \"bbr\"\ndscp = 8\nfast_open = \"cookie\"\n",
                "",
                {Algorithm::kBbr, 8, FastOpen::kCookie},
                Algorithm::kNewReno,
                0,
                FastOpen::kOff},
               {"",
                "congestion = \"cubic\"\ndscp = 10\nfast_open = \"cookie\"\n",
                {Algorithm::kNewReno, 0, FastOpen::kOff},
                Algorithm::kCubic,
                10,
                FastOpen::kCookie},
               {"congestion = \"bbr\"\nfast_open = \"no_cookie\"\n",
                "congestion = \"cubic\"\nfast_open = \"off\"\n",
                {Algorithm::kBbr, 0, FastOpen::kNoCookie},
                Algorithm::kCubic,
                0,
                FastOpen::kOff},
               {"congestion = \"cubic\"\nfast_open = \"off\"\n",
                "congestion = \"bbr\"\nfast_open = \"no_cookie\"\n",
                {Algorithm::kCubic, 0, FastOpen::kOff},
                Algorithm::kBbr,
                0,
                FastOpen::kNoCookie}};
  for (const auto& c : cases) {
    const config::Config config = load(
        concat("[tcp]\ncongestion = \"newreno\"\n[[listener]]\nname = \"t\"\nkind = \"transparent\"\nports = [\"p\"]\n",
               c.listener, "[server_leg]\n", c.server_leg));
    SCOPED_TRACE(concat(c.listener, "|", c.server_leg));
    const proxy::AccessLeg access = make_access_leg(config, config.listeners.at(0));
    EXPECT_EQ(access.algorithm, c.access.algorithm);
    EXPECT_EQ(access.dscp, c.access.dscp);
    EXPECT_EQ(access.fast_open, c.access.fast_open);
    const proxy::Policy policy = make_policy(config, {});
    EXPECT_EQ(policy.server_algorithm, c.server_algorithm);
    EXPECT_EQ(policy.server_dscp, c.server_dscp);
    EXPECT_EQ(policy.server_fast_open, c.server_fast_open);
  }
}

TEST(MakePoolSizes, BuffersHoldAFrameOfTheGreatestMtu) {
  EXPECT_EQ(make_pool_sizes(load(config::test::kGoodConfig)).data_room, 2048);
  EXPECT_EQ(make_pool_sizes(load(config::test::break_config("addresses = [\"10.1", "mtu = 9000\naddresses = [\"10.1")))
                .data_room,
            9018);
}

const datapath::TelemetryValue* find(const datapath::TelemetryValue& value, std::string_view name) {
  for (const auto& [key, member] : std::get<datapath::TelemetryValue::Members>(value.value))
    if (key == name) return &member;
  return nullptr;
}

TEST(Views, ARelayHasBothLegsAndTheirSubflows) {
  proxy::RelayInfo relay;
  relay.id = 5;
  relay.state = proxy::RelayState::kRelaying;
  relay.age_seconds = 61;
  relay.access.emplace();
  relay.access->mptcp = true;
  relay.access->token = 0xfeedf00d;
  relay.access->subflows.resize(2);
  relay.access->subflows[1].key = {IpAddress::parse("2001:db8::1").value(), IpAddress::parse("2001:db8::2").value(), 80,
                                   4000};
  relay.access->subflows[1].backup = true;
  const auto view = view_relay(relay, "transparent");
  EXPECT_EQ(std::get<uint64_t>(find(view, "id")->value), 5u);
  EXPECT_EQ(std::get<std::string>(find(view, "state")->value), "relaying");
  EXPECT_EQ(find(view, "server"), nullptr) << "there is no server leg yet";
  const auto* access = find(view, "access");
  EXPECT_EQ(std::get<uint64_t>(find(*access, "token")->value), 0xfeedf00d);
  const auto* second = find(*find(*access, "subflows"), "s1");
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(std::get<std::string>(find(*second, "local")->value), "[2001:db8::1]:80");
  EXPECT_EQ(std::get<std::string>(find(*second, "remote")->value), "[2001:db8::2]:4000");
  EXPECT_EQ(std::get<uint64_t>(find(*second, "backup")->value), 1u);
}

TEST(Views, SeveralConnectionsOfEightSubflowsFitAReply) {
  proxy::RelayInfo relay;
  relay.access.emplace();
  relay.access->subflows.resize(8);
  relay.server.emplace();
  relay.server->subflows.resize(1);
  for (SubflowInfo& subflow : relay.access->subflows) subflow.state = "ESTAB";
  EXPECT_LT(2 * view_relay(relay, "transparent").json_size(), datapath::kTelemetryReplySize);
}

TEST(Views, CountersKeepTheirPublishedNames) {
  Counters counters;
  counters.tcp_retransmitted = 7;
  const auto view = view_counters(counters);
  EXPECT_EQ(std::get<uint64_t>(find(view, "TcpRetransSegs")->value), 7u);
  EXPECT_EQ(std::get<datapath::TelemetryValue::Members>(view.value).size(), kCounterInfo.size());
  EXPECT_LT(view.json_size(), datapath::kTelemetryReplySize);
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
}

TEST(Log, EveryLineOfAMessageIsMarkedAndTheLevelIsKept) {
  set_log_level(LogLevel::kWarning);
  testing::internal::CaptureStderr();
  log_info("not shown");
  log_warning("one ", 1, "\ntwo");
  log_error("three");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: one 1\nwarning: two\nerror: three\n");
  set_log_level(LogLevel::kInfo);
}

}  // namespace
}  // namespace tributary
