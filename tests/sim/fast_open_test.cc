// Fast Open through a concentrator: a request in the client's SYN goes on in the SYN to the server, and the answer is
// back after one round trip (RFC 7413).
#include <gtest/gtest.h>

#include "tests/sim/concentrator.h"
#include "tests/support/pools.h"

namespace tributary::sim {
namespace {

constexpr LinkParameters kAccess = {.bits_per_second = 100'000'000, .delay = Micros(20'000), .queue_bytes = 200'000};
constexpr LinkParameters kServerSide = {
    .bits_per_second = 1'000'000'000, .delay = Micros(5000), .queue_bytes = 1'000'000};
constexpr Micros kRoundTrip = Micros(50'000);

/// Says one thing when it is asked anything, and closes; `early` is what came with the SYN.
class Talker : public Application {
 public:
  Talker(std::string says, std::string early) : received(std::move(early)), says_(std::move(says)) {}
  std::string received;
  Micros heard_at = Micros::never();
  void say() {
    PacketList list;
    list.push_back(test::make_payload(host().pools(), {reinterpret_cast<const uint8_t*>(says_.data()), says_.size()}));
    stack().write(stream(), std::move(list));
    stack().close(stream());
  }

 private:
  void on_readable() override {
    const bool first = received.empty();
    PacketList list = stack().read(stream(), UINT32_MAX);
    while (Packet packet = list.pop_front()) {
      const auto payload = packet.payload();
      received.append(payload.begin(), payload.end());
      stack().release(stream(), static_cast<uint32_t>(payload.size()));
    }
    heard_at = host().now();
    if (first && !says_.empty()) say();
  }
  void on_end() override { stack().close(stream()); }

  std::string says_;
};

TEST_F(SimTest, ARequestInTheSynIsAnsweredAfterOneRoundTrip) {
  // The first of two connections gets cookies on both legs, the second uses them.
  const struct {
    FastOpen proxy, ends;
    uint32_t taken;
  } cases[] = {{FastOpen::kCookie, FastOpen::kCookie, 1},
               {FastOpen::kNoCookie, FastOpen::kNoCookie, 2},
               {FastOpen::kOff, FastOpen::kCookie, 0}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.taken);
    ConcentratedOptions options;
    options.fast_open = c.proxy;
    const Concentrated net =
        make_concentrated(world, {PathParameters::symmetric(kAccess)}, PathParameters::symmetric(kServerSide), options);
    std::vector<Talker*> servers;
    net.server->listen(kServerPort,
                       [&](const IncomingConnection& incoming) {
                         std::string early;
                         if (incoming.syn_payload)
                           early.assign(incoming.syn_payload.payload().begin(), incoming.syn_payload.payload().end());
                         auto made = std::make_unique<Talker>("answer", early);
                         servers.push_back(made.get());
                         // Without waiting for the third ACK.
                         if (!early.empty()) net.server->post([talker = made.get()] { talker->say(); });
                         return made;
                       },
                       {.fast_open = c.ends});
    std::vector<Talker*> clients;
    std::vector<Micros> started;
    for (int i = 0; i < 2; ++i) {
      auto made = std::make_unique<Talker>("", "");
      clients.push_back(made.get());
      clients.back()->bind(*net.client, {});
      started.push_back(world.loop.now());
      net.client->post([&] {
        ConnectOptions to;
        to.local = *IpAddress::parse("10.0.0.1");
        to.remote = *IpAddress::parse("192.0.2.2");
        to.remote_port = kServerPort;
        to.fast_open = c.ends;
        PacketList early;
        early.push_back(test::make_payload(net.client->pools(), std::array<uint8_t, 3>{'g', 'e', 't'}));
        net.client->connect(std::move(made), to, std::move(early));
      });
      ASSERT_TRUE(world.run_until([&] { return clients[i]->is_gone(); }, Micros::seconds(60))) << i;
      EXPECT_EQ(clients[i]->received, "answer");
      EXPECT_EQ(servers.at(i)->received, "get");
    }
    const Counters& counters = net.concentrator->counters();
    EXPECT_EQ(counters.tcp_fast_open_passive, c.taken);
    EXPECT_EQ(counters.tcp_fast_open_active, c.taken);
    EXPECT_EQ(net.server->counters().tcp_fast_open_passive, c.taken);
    EXPECT_EQ(net.client->counters().tcp_fast_open_active, c.taken);
    const Micros took = clients[1]->heard_at - started[1];
    const Micros expected = c.taken != 0 ? kRoundTrip : kRoundTrip * 2;
    EXPECT_GE(took, expected);
    EXPECT_LT(took, expected + Micros(5000));
    EXPECT_EQ(net.concentrator->stack().context().fast_open_pending, 0u);
  }
}

}  // namespace
}  // namespace tributary::sim
