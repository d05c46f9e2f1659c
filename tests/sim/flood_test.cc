// A flood of SYNs from addresses nobody has, while clients go on working: state stays within its bound, transfers under
// way and new ones come through, and afterwards everything is as before (RFC 4987).
#include <gtest/gtest.h>

#include "stack/wire/tcp.h"
#include "tests/ip/frames.h"
#include "tests/sim/concentrator.h"
#include "tests/sim/plans.h"
#include "tests/support/pools.h"

namespace tributary::sim {
namespace {

constexpr LinkParameters kAccess = {.bits_per_second = 200'000'000, .delay = Micros(5000), .queue_bytes = 500'000};
constexpr LinkParameters kServerSide = {
    .bits_per_second = 1'000'000'000, .delay = Micros(1000), .queue_bytes = 1'000'000};
constexpr uint32_t kMark = 64;  // half-open connections from which on cookies are sent
constexpr unsigned kSyns = 100'000;
constexpr Micros kBetween = Micros(100);

/// Sends SYNs from 172.16.0.0/12, no two alike, into the first access; every eighth time an ACK instead, with made-up
/// numbers.
class Flood {
 public:
  Flood(World& world, const Concentrated& net, bool mptcp) : world_(world), net_(net), mptcp_(mptcp) {}
  void start() { step(); }
  bool over() const { return sent_ == kSyns; }
  uint32_t most_half_open = 0, most_tcbs = 0, most_relays = 0;

 private:
  void step() {
    const Context& context = net_.concentrator->stack().context();
    most_half_open = std::max(most_half_open, context.half_open);
    most_tcbs = std::max(most_tcbs, static_cast<uint32_t>(context.tcbs.size()));
    most_relays = std::max(most_relays, static_cast<uint32_t>(net_.proxy->size()));
    send(wire::tcp_flag::kSyn);
    if (++sent_ % 8 == 0) send(wire::tcp_flag::kAck);
    if (!over()) world_.loop.at(world_.loop.now() + kBetween, [this] { step(); });
  }
  void send(uint16_t flags) {
    const uint32_t host = world_.prng.u32() & 0xfffff;
    const std::string source = "172." + std::to_string(16 + (host >> 16)) + "." + std::to_string(host >> 8 & 0xff) +
                               "." + std::to_string(host & 0xff);
    wire::TcpOptions options;
    if (flags == wire::tcp_flag::kSyn) {
      options.present = wire::TcpOptions::kMss | wire::TcpOptions::kTimestamps | wire::TcpOptions::kSackPermitted |
                        wire::TcpOptions::kWindowScale;
      options.mss = 1460;
      options.window_scale = 7;
      options.ts_value = world_.prng.u32();
      if (mptcp_) options.mptcp.present = wire::MptcpOptions::kCapable;
    }
    wire::TcpHeader header;
    header.source_port = static_cast<uint16_t>(1024 + world_.prng.below(60'000));
    header.destination_port = kServerPort;
    header.seq = SeqNum(world_.prng.u32());
    if (flags == wire::tcp_flag::kAck) header.ack = SeqNum(world_.prng.u32());
    header.flags = flags;
    header.header_size = static_cast<uint8_t>(wire::kTcpHeaderSize + wire::tcp_options_size(options));
    header.window = 65535;
    std::vector<uint8_t> tcp(header.header_size);
    wire::emit_tcp(header, tcp);
    wire::emit_tcp_options(options, std::span(tcp).subspan(wire::kTcpHeaderSize));
    const auto ip = test::ip_header(test::addr(source), test::addr("192.0.2.2"), wire::ip_protocol::kTcp);
    const wire::Sum sum =
        wire::add(wire::pseudo_header_sum(ip.source, ip.destination, ip.protocol, static_cast<uint32_t>(tcp.size())),
                  wire::sum_bytes(tcp));
    wire::store16(&tcp[16], static_cast<uint16_t>(~sum));
    const test::Link link{net_.client->ip().interface(0).mac, net_.concentrator->ip().interface(0).mac};
    net_.accesses[0]->send(Side::kA, test::ip_frame(link, ip, tcp));
  }

  World& world_;
  const Concentrated& net_;
  bool mptcp_;
  unsigned sent_ = 0;
};

class FloodSim : public SimTest, public testing::WithParamInterface<bool> {
 protected:
  static Settings with_mark(uint32_t mark) {
    Settings settings = HostConfig::small_settings();
    settings.syn_cookies_from = mark;
    return settings;
  }
};

TEST_P(FloodSim, ClientsAreServedAndStateStaysBounded) {
  const bool mptcp = GetParam();
  ConcentratedOptions options;
  options.concentrator = with_mark(kMark);
  options.beyond_client = "172.16.0.0/12";
  const Concentrated net =
      make_concentrated(world, {PathParameters::symmetric(kAccess), PathParameters::symmetric(kAccess)},
                        PathParameters::symmetric(kServerSide), options);
  // What the flood's first SYNs open at the server ends by itself, without a byte.
  std::vector<Transfer*> servers;
  TransferPlan plan;
  plan.send_bytes = 20'000'000;
  net.server->listen(kServerPort, [&](const IncomingConnection&) {
    auto made = std::make_unique<Transfer>(answer_to(plan));
    servers.push_back(made.get());
    return made;
  });

  std::vector<const Transfer*> clients = {&start_transfer(client_paths(net), plan, mptcp)};
  world.run_for(Micros::milliseconds(300));
  Flood flood(world, net, mptcp);
  flood.start();
  // In the midst of it, one after the other.
  for (int i = 0; i < 5; ++i) {
    world.run_for(Micros::seconds(1));
    clients.push_back(&start_transfer(client_paths(net), plan, mptcp));
  }
  const auto started = static_cast<uint64_t>(clients.size()) - 1;
  ASSERT_TRUE(world.run_until([&] { return flood.over(); }, Micros::seconds(60)));
  EXPECT_TRUE(run_to_end(world, clients, Micros::seconds(120))) << net.concentrator->describe_counters();

  const Counters& counters = net.concentrator->counters();
  EXPECT_LE(flood.most_half_open, kMark + options.concentrator.max_subflows_per_connection);
  EXPECT_LT(flood.most_tcbs, 3 * kMark + 50);  // two legs each, and those of clients
  EXPECT_LT(flood.most_relays, kMark + 10);
  EXPECT_GT(counters.tcp_syncookies_sent, kSyns * 9 / 10);
  EXPECT_GE(counters.tcp_syncookies_received, started) << "new clients came in by cookie";
  EXPECT_LE(counters.tcp_syncookies_received, started + 1);
  EXPECT_GE(counters.tcp_syncookies_failed, kSyns / 8 * 9 / 10) << "made-up ACKs";
  for (const Transfer* server : servers)
    EXPECT_TRUE(server->is_complete() || server->received() == 0) << server->describe();
  EXPECT_EQ(counters.mptcp_fallback_ack, 0u);
}
INSTANTIATE_TEST_SUITE_P(All, FloodSim, testing::Bool(), [](const auto& test) { return test.param ? "Mptcp" : "Tcp"; });

// A server that does not answer leaves the client to wait, and one that refuses is a reset, only later than without.
TEST_F(SimTest, ByCookieTheServerIsAskedAfterTheThirdAck) {
  for (const bool refused : {true, false}) {
    ConcentratedOptions options;
    options.concentrator = HostConfig::small_settings();
    options.concentrator.syn_cookies_from = 0;
    const Concentrated net =
        make_concentrated(world, {PathParameters::symmetric(kAccess)}, PathParameters::symmetric(kServerSide), options);
    TransferPlan plan;
    plan.send_bytes = 50'000;
    Transfer* server = nullptr;
    if (!refused)
      net.server->listen(kServerPort, [&](const IncomingConnection&) {
        auto made = std::make_unique<Transfer>(answer_to(plan));
        server = made.get();
        return made;
      });
    Transfer& client = start_transfer(client_paths(net), plan, true);
    ASSERT_TRUE(world.run_until([&] { return client.is_gone(); }, Micros::seconds(60)));
    EXPECT_TRUE(client.established());
    EXPECT_EQ(client.was_reset(), refused);
    if (!refused) {
      EXPECT_TRUE(client.is_complete()) << client.describe();
      EXPECT_TRUE(server->is_complete()) << server->describe();
    }
    EXPECT_EQ(net.concentrator->counters().tcp_syncookies_received, 1u);
  }
}

/// Asks a converter for a server (RFC 8803 §6.2.5) and keeps what comes back.
class ConvertClient : public Application {
 public:
  std::string received;

 private:
  void on_established() override {
    constexpr uint8_t kConnectTo192_0_2_2Port80[] = {0x01, 0x06, 0x22, 0x63, 0x0a, 0x05, 0x00, 0x50,
                                                     0,    0,    0,    0,    0,    0,    0,    0,
                                                     0,    0,    0xff, 0xff, 0xc0, 0x00, 0x02, 0x02};
    PacketList list;
    list.push_back(test::make_payload(host().pools(), kConnectTo192_0_2_2Port80));
    stack().write(stream(), std::move(list));
  }
  void on_readable() override {
    PacketList list = stack().read(stream(), UINT32_MAX);
    while (Packet packet = list.pop_front()) {
      const auto payload = packet.payload();
      received.append(payload.begin(), payload.end());
      stack().release(stream(), static_cast<uint32_t>(payload.size()));
    }
  }
  void on_end() override { stack().close(stream()); }
};

// A SYN without a message gets a cookie; the message comes after the handshake and is served all the same.
TEST_F(SimTest, AConverterTakesTheMessageAfterACookie) {
  ConcentratedOptions options;
  options.concentrator = HostConfig::small_settings();
  options.concentrator.syn_cookies_from = 0;
  const Concentrated net =
      make_concentrated(world, {PathParameters::symmetric(kAccess)}, PathParameters::symmetric(kServerSide), options);
  net.proxy->listen_convert({0}, {}, 5124);
  TransferPlan plan;
  plan.send_bytes = 1000;
  Transfer* server = nullptr;
  net.server->listen(kServerPort, [&](const IncomingConnection&) {
    auto made = std::make_unique<Transfer>(plan);
    server = made.get();
    return made;
  });
  auto made = std::make_unique<ConvertClient>();
  ConvertClient& client = *made;
  client.bind(*net.client, {});
  net.client->post([&] {
    ConnectOptions to;
    to.local = *IpAddress::parse("10.0.0.1");
    to.remote = *IpAddress::parse("10.0.0.2");
    to.remote_port = 5124;
    to.mptcp = true;
    net.client->connect(std::move(made), to);
  });
  ASSERT_TRUE(world.run_until([&] { return client.is_gone(); }, Micros::seconds(60)));
  ASSERT_NE(server, nullptr);
  EXPECT_TRUE(server->is_complete()) << server->describe();
  EXPECT_GT(client.received.size(), 1000u) << "the reply comes first";
  EXPECT_EQ(client.received.substr(0, 1), "\x01");
  EXPECT_EQ(net.concentrator->counters().tcp_syncookies_received, 1u);
}

}  // namespace
}  // namespace tributary::sim
