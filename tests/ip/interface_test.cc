#include <gtest/gtest.h>

#include "tests/ip/ip_fixture.h"

namespace tributary {
namespace {

using test::addr;
using test::prefix;

struct Refused {
  const char* why;
  void (*change)(ip::InterfaceConfig&);
  const char* in_error;
};

class InterfaceConfiguration : public test::IpFixture {
 protected:
  static ip::InterfaceConfig fresh() {
    auto config = access_config();
    config.name = "new";
    config.vlan = 99;
    config.addresses = {prefix("10.0.0.1/24")};
    return config;
  }
};

TEST_F(InterfaceConfiguration, ImpossibleOnesAreRefusedWithAReason) {
  const Refused table[] = {
      {"port", [](auto& c) { c.port = PortId{2}; }, "no port 2"},
      {"VLAN 0", [](auto& c) { c.vlan = 0; }, "VLAN 0"},
      {"VLAN 4095", [](auto& c) { c.vlan = 4095; }, "VLAN 4095"},
      {"untagged twice", [](auto& c) { c.vlan.reset(); }, "untagged traffic of its port already belongs to access"},
      {"VLAN twice", [](auto& c) { c.port = test::kServerPort, c.vlan = test::kVlan; }, "already belongs to server.7"},
      {"multicast MAC", [](auto& c) { c.mac.bytes[0] = 1; }, "MAC"},
      {"zero MAC", [](auto& c) { c.mac = {}; }, "MAC"},
      {"tiny MTU", [](auto& c) { c.mtu = 67; }, "MTU"},
      {"MTU too small for IPv6", [](auto& c) { c.mtu = 1279, c.addresses = {prefix("2001:db8::1/64")}; }, "1280"},
      {"multicast address", [](auto& c) { c.addresses = {prefix("224.0.0.5/24")}; }, "224.0.0.5"},
      {"IPv6 multicast address", [](auto& c) { c.addresses = {prefix("ff02::5/64")}; }, "ff02::5"},
      {"unspecified address", [](auto& c) { c.addresses = {prefix("0.0.0.0/0")}; }, "0.0.0.0"},
      {"IPv6 unspecified address", [](auto& c) { c.addresses = {prefix("::/0")}; }, "::"},
      {"loopback address", [](auto& c) { c.addresses = {prefix("127.0.0.1/8")}; }, "127.0.0.1"},
      {"network address", [](auto& c) { c.addresses = {prefix("10.1.2.0/24")}; }, "network or broadcast"},
      {"broadcast address", [](auto& c) { c.addresses = {prefix("10.1.2.255/24")}; }, "network or broadcast"},
      {"address twice in one", [](auto& c) { c.addresses.push_back(prefix("10.0.0.1/16")); }, "in use twice"},
      {"address of another", [](auto& c) { c.addresses = {prefix("198.51.100.1/32")}; },
       "198.51.100.1 is in use twice"},
      {"IPv6 address of another", [](auto& c) { c.addresses = {prefix("2001:db8:2::1/64")}; }, "in use twice"},
  };
  for (const Refused& row : table) {
    SCOPED_TRACE(row.why);
    auto config = fresh();
    row.change(config);
    std::string error;
    EXPECT_FALSE(layer_->add_interface(config, error));
    EXPECT_NE(error.find(row.in_error), std::string::npos) << error;
  }
  // None of them left anything behind.
  EXPECT_EQ(layer_->interface_count(), 3u);
  std::string error;
  const auto index = layer_->add_interface(fresh(), error);
  ASSERT_TRUE(index) << error;
  EXPECT_EQ(*index, 3);
  EXPECT_EQ(layer_->interface(*index).name, "new");
}

TEST_F(InterfaceConfiguration, PointToPointLinksHaveNoBroadcastAddress) {
  auto config = fresh();
  config.addresses = {prefix("10.0.0.0/31"), prefix("10.0.1.255/32")};
  std::string error;
  EXPECT_TRUE(layer_->add_interface(config, error)) << error;
}

TEST_F(InterfaceConfiguration, OwnAddressesAreKnown) {
  for (const char* own :
       {"192.0.2.1", "2001:db8:1::1", "198.51.100.1", "203.0.113.1", "2001:db8:7::1", "fe80::ff:fe00:1"})
    EXPECT_TRUE(layer_->is_own_address(addr(own))) << own;
  for (const char* other : {"192.0.2.2", "192.0.2.0", "2001:db8:1::2", "0.0.0.0", "::", "fe80::1"})
    EXPECT_FALSE(layer_->is_own_address(addr(other))) << other;
}

TEST_F(InterfaceConfiguration, ThousandsOfHostAddressesAreKnownAndUnique) {
  std::string error;
  for (uint32_t i = 0; i < 5000; ++i)
    ASSERT_TRUE(layer_->add_host_address(server_, IpAddress::v4(0x0a000000 + i), error));
  for (uint32_t i = 0; i < 5000; ++i) ASSERT_TRUE(layer_->is_own_address(IpAddress::v4(0x0a000000 + i)));
  for (uint32_t i = 5000; i < 10000; ++i) ASSERT_FALSE(layer_->is_own_address(IpAddress::v4(0x0a000000 + i)));
  EXPECT_FALSE(layer_->add_host_address(access_, IpAddress::v4(0x0a000007), error));
  EXPECT_NE(error.find("10.0.0.7 is in use twice"), std::string::npos) << error;
}

TEST_F(InterfaceConfiguration, UnusableHostAddressesAreRefused) {
  for (const char* bad : {"192.0.2.1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "ff02::1", "fe80::5"}) {
    std::string error;
    EXPECT_FALSE(layer_->add_host_address(server_, addr(bad), error)) << bad;
    EXPECT_FALSE(error.empty());
  }
  std::string error;
  EXPECT_FALSE(layer_->add_host_address(77, addr("10.0.0.1"), error));
}

TEST_F(InterfaceConfiguration, SourceAddressSharesThePrefixIfItCan) {
  auto config = fresh();
  config.addresses = {prefix("10.0.0.1/24"), prefix("10.0.1.1/24"), prefix("2001:db8:a::1/64"),
                      prefix("2001:db8:b::1/64")};
  std::string error;
  const uint16_t many = layer_->add_interface(config, error).value();
  struct {
    uint16_t interface;
    const char* destination;
    const char* source;
  } const table[] = {
      {many, "10.0.0.9", "10.0.0.1"},          {many, "10.0.1.9", "10.0.1.1"},
      {many, "8.8.8.8", "10.0.0.1"},           {many, "2001:db8:b::9", "2001:db8:b::1"},
      {many, "2001:4860::1", "2001:db8:a::1"}, {access_, "fe80::9", "fe80::ff:fe00:1"},
      {access_, "10.0.0.9", "192.0.2.1"},
  };
  for (const auto& row : table)
    EXPECT_EQ(layer_->source_address(row.interface, addr(row.destination)), addr(row.source)) << row.destination;
}

TEST_F(InterfaceConfiguration, HostAddressIsASourceWhenThereIsNoOther) {
  auto config = fresh();
  config.addresses = {};
  std::string error;
  const uint16_t bare = layer_->add_interface(config, error).value();
  EXPECT_EQ(layer_->source_address(bare, addr("10.0.0.9")), std::nullopt);
  ASSERT_TRUE(layer_->add_host_address(bare, addr("10.9.9.9"), error));
  EXPECT_EQ(layer_->source_address(bare, addr("10.0.0.9")), addr("10.9.9.9"));
  EXPECT_EQ(layer_->source_address(bare, addr("2001:db8::9")), std::nullopt);
}

}  // namespace
}  // namespace tributary
