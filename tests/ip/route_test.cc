#include <gtest/gtest.h>

#include "tests/ip/ip_fixture.h"

namespace tributary {
namespace {

using test::addr;
using test::prefix;

TEST(RouteTable, LongestPrefixWinsInAnyOrderOfAddition) {
  const char* prefixes[] = {
      "0.0.0.0/0", "10.0.0.0/8",    "10.1.0.0/16",     "10.1.2.0/24",       "10.1.2.3/32",
      "::/0",      "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:1::/64", "2001:db8:1:1::5/128"};
  struct {
    const char* destination;
    const char* match;
  } const table[] = {
      {"10.1.2.3", "10.1.2.3/32"},
      {"10.1.2.4", "10.1.2.0/24"},
      {"10.1.3.4", "10.1.0.0/16"},
      {"10.2.0.1", "10.0.0.0/8"},
      {"11.0.0.1", "0.0.0.0/0"},
      {"255.0.0.1", "0.0.0.0/0"},
      {"2001:db8:1:1::5", "2001:db8:1:1::5/128"},
      {"2001:db8:1:1::6", "2001:db8:1:1::/64"},
      {"2001:db8:1:2::1", "2001:db8:1::/48"},
      {"2001:db8:2::1", "2001:db8::/32"},
      {"2001:db9::1", "::/0"},
  };
  test::SeededRandom random(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<const char*> order(std::begin(prefixes), std::end(prefixes));
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    ip::RouteTable routes;
    for (const char* p : order) routes.add({.destination = prefix(p), .gateway = {}});
    for (const auto& row : table) {
      const ip::Route* found = routes.find(addr(row.destination));
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->destination, prefix(row.match)) << row.destination;
    }
  }
}

// Random prefixes against the plainest possible look-up.
TEST(RouteTable, AgreesWithAskingEveryPrefix) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    test::SeededRandom random(seed);
    ip::RouteTable routes;
    std::vector<IpPrefix> all;
    for (int i = 0; i < 40; ++i) {
      const auto length = static_cast<uint8_t>(random.below(33));
      const uint32_t mask = length == 0 ? 0 : UINT32_MAX << (32 - length);
      // Few bits vary, so that prefixes nest.
      const IpPrefix p{IpAddress::v4((random.u32() & 0x81030307) & mask), length};
      if (routes.has(p, 0)) continue;
      all.push_back(p);
      routes.add({.destination = p, .gateway = {}});
    }
    for (int i = 0; i < 500; ++i) {
      const IpAddress a = IpAddress::v4(random.u32() & 0x81030307);
      const IpPrefix* best = nullptr;
      for (const IpPrefix& p : all)
        if (p.contains(a) && (best == nullptr || p.length > best->length)) best = &p;
      const ip::Route* found = routes.find(a);
      ASSERT_EQ(found != nullptr, best != nullptr);
      if (best != nullptr) {
        EXPECT_EQ(found->destination, *best);
      }
    }
  }
}

TEST(RouteTable, FamiliesAreApart) {
  ip::RouteTable routes;
  routes.add({.destination = prefix("::/0"), .gateway = {}});
  EXPECT_EQ(routes.find(addr("10.0.0.1")), nullptr);
  EXPECT_NE(routes.find(addr("2001:db8::1")), nullptr);
}

class Routes : public test::IpFixture {
 protected:
  void add(const char* destination, const char* gateway, uint16_t interface) {
    std::string error;
    std::optional<IpAddress> via;
    if (gateway != nullptr) via = addr(gateway);
    ASSERT_TRUE(layer_->add_route({prefix(destination), via, interface}, error)) << error;
  }
  /// The address the next packet to `hop` asks for.
  std::string asked_for(const ip::NextHop& hop) {
    const auto& n = layer_->interface(hop.interface);
    send(test::tcp_packet(addr("192.0.2.1"), addr("10.0.0.1")), hop);
    for (const auto& frame : sent(n.port)) {
      if (frame.arp) return frame.arp->target_ip.to_string();
      if (frame.neighbor) return frame.neighbor->target.to_string();
    }
    return "nobody";
  }
};

TEST_F(Routes, ImpossibleOnesAreRefusedWithAReason) {
  add("10.0.0.0/8", "198.51.100.254", server_);
  struct {
    ip::RouteConfig route;
    const char* in_error;
  } const table[] = {
      {{prefix("10.0.0.0/8"), addr("198.51.100.253"), server_}, "server already has a route there"},
      {{prefix("198.51.100.0/24"), addr("198.51.100.253"), server_}, "server already has a route there"},
      {{prefix("11.0.0.0/8"), addr("192.0.2.254"), server_}, "gateway 192.0.2.254 is not on the link of server"},
      {{prefix("11.0.0.0/8"), addr("10.0.0.1"), server_}, "not on the link"},  // reached through a gateway itself
      {{prefix("11.0.0.0/8"), addr("198.51.100.255"), server_}, "not on the link"},
      {{prefix("11.0.0.0/8"), addr("198.51.100.1"), server_}, "our own address"},
      {{prefix("11.0.0.0/8"), addr("2001:db8:2::9"), server_}, "other address family"},
      {{prefix("11.0.0.1/8"), addr("198.51.100.254"), server_}, "did you mean 11.0.0.0/8?"},
      {{prefix("2001:db8::1/32"), addr("2001:db8:2::9"), server_}, "did you mean 2001:db8::/32?"},
      {{{addr("11.0.0.0"), 33}, std::nullopt, server_}, "prefix length"},
      {{prefix("11.0.0.0/8"), std::nullopt, 9}, "no such interface"},
  };
  for (const auto& row : table) {
    std::string error;
    EXPECT_FALSE(layer_->add_route(row.route, error)) << row.in_error;
    EXPECT_NE(error.find(row.in_error), std::string::npos) << error;
  }
}

TEST_F(Routes, NextHopIsTheHostOnTheLinkOrTheGateway) {
  add("0.0.0.0/0", "198.51.100.254", server_);
  add("10.0.0.0/8", "192.0.2.254", access_);
  add("10.7.0.0/16", nullptr, vlan_);
  add("::/0", "fe80::1", server_);
  struct {
    const char* destination;
    uint16_t interface;
    uint16_t mtu;
    const char* asked;
  } const table[] = {
      {"192.0.2.77", access_, 1500, "192.0.2.77"},       {"198.51.100.77", server_, 9000, "198.51.100.77"},
      {"203.0.113.77", vlan_, 1500, "203.0.113.77"},     {"8.8.8.8", server_, 9000, "198.51.100.254"},
      {"10.1.1.1", access_, 1500, "192.0.2.254"},        {"10.7.1.1", vlan_, 1500, "10.7.1.1"},
      {"2001:db8:1::5", access_, 1500, "2001:db8:1::5"}, {"2001:4860::5", server_, 9000, "fe80::1"},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.destination);
    const auto hop = layer_->find_route(addr(row.destination), now_);
    ASSERT_TRUE(hop);
    EXPECT_EQ(hop->interface, row.interface);
    EXPECT_EQ(hop->mtu, row.mtu);
    EXPECT_EQ(asked_for(*hop), row.asked);
  }
  layer_->drop_queued();
}

TEST_F(Routes, SomeDestinationsHaveNone) {
  EXPECT_FALSE(layer_->find_route(addr("8.8.8.8"), now_));
  add("0.0.0.0/0", "198.51.100.254", server_);
  add("::/0", "2001:db8:2::fe", server_);
  const uint32_t gateways = layer_->neighbor_count();
  for (const char* nowhere : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.0", "192.0.2.255",
                              "192.0.2.1", "203.0.113.1", "::", "::1", "ff02::1", "2001:db8:1::1", "fe80::9"})
    EXPECT_FALSE(layer_->find_route(addr(nowhere), now_)) << nowhere;
  EXPECT_EQ(layer_->neighbor_count(), gateways);
}

TEST_F(Routes, OnOneInterfaceOnlyItsPrefixesAndRoutesCount) {
  add("0.0.0.0/0", "198.51.100.254", server_);
  add("10.0.0.0/8", "192.0.2.254", access_);
  add("10.1.0.0/16", "192.0.2.253", access_);
  struct {
    uint16_t interface;
    const char* destination;
    const char* asked;  ///< null: no hop
  } const table[] = {
      {access_, "192.0.2.77", "192.0.2.77"},
      {access_, "10.9.9.9", "192.0.2.254"},
      {access_, "10.1.9.9", "192.0.2.253"},
      {access_, "8.8.8.8", nullptr},  // known only elsewhere: such a source is not believed
      {access_, "198.51.100.77", nullptr},
      {server_, "192.0.2.77", "198.51.100.254"},
      {server_, "10.9.9.9", "198.51.100.254"},
      {access_, "fe80::77", "fe80::77"},
      {server_, "fe80::77", "fe80::77"},
      {vlan_, "8.8.8.8", nullptr},
      {99, "8.8.8.8", nullptr},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.destination);
    const auto hop = layer_->find_route_on(row.interface, addr(row.destination), now_);
    ASSERT_EQ(hop.has_value(), row.asked != nullptr);
    if (!hop) continue;
    EXPECT_EQ(hop->interface, row.interface);
    EXPECT_EQ(asked_for(*hop), row.asked);
    layer_->drop_queued();
    run_for(Micros::seconds(10));  // forgotten: the next row asks afresh
    sent(test::kAccessPort);
    sent(test::kServerPort);
  }
}

TEST_F(Routes, AGatewayOutsideThePrefixesNeedsAnOnLinkRoute) {
  std::string error;
  EXPECT_FALSE(layer_->add_route({prefix("0.0.0.0/0"), addr("172.31.1.1"), server_}, error));
  add("172.31.1.1/32", nullptr, server_);
  add("0.0.0.0/0", "172.31.1.1", server_);
  EXPECT_EQ(asked_for(layer_->find_route(addr("8.8.8.8"), now_).value()), "172.31.1.1");
  layer_->drop_queued();
}

}  // namespace
}  // namespace tributary
