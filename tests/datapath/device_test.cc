#include "datapath/device.h"

#include <gtest/gtest.h>

#include "datapath/kernel_interface.h"

namespace tributary::datapath {
namespace {

Device parse(std::string_view text) {
  std::string error;
  auto device = parse_device(text, error);
  EXPECT_TRUE(device) << error;
  return device.value_or(Device());
}

TEST(Device, PciAddressesGetTheirDomain) {
  const Device device = parse("01:00.1,rx_burst_min_size=4");
  EXPECT_EQ(device.kind, Device::Kind::kPci);
  EXPECT_EQ(device.name, "0000:01:00.1");
  EXPECT_EQ(device.text, "0000:01:00.1,rx_burst_min_size=4");
  EXPECT_EQ(parse("0000:AF:00.0").name, "0000:af:00.0");
}

TEST(Device, VirtualDevicesHaveDriverAndArguments) {
  const Device device = parse("net_af_packet12,iface=eth1,qdisc_bypass=1");
  EXPECT_EQ(device.kind, Device::Kind::kVirtual);
  EXPECT_EQ(device.name, "net_af_packet12");
  EXPECT_EQ(device.driver, "net_af_packet");
  EXPECT_EQ(device.argument("qdisc_bypass"), "1");
  EXPECT_EQ(device.argument("framesz"), std::nullopt);
  EXPECT_EQ(device.kernel_interface(), "eth1");
  EXPECT_EQ(parse("net_ring0").kernel_interface(), std::nullopt);
}

TEST(Device, WhatIsNeitherIsRefused) {
  for (const char* text : {"", "01:00", "0000:01:00.8", "g1:00.0", "net_null", "net-null0", "net_null0,", "net_null0,x",
                           "net_null0,=1", "0net1"}) {
    std::string error;
    EXPECT_FALSE(parse_device(text, error)) << text;
    EXPECT_FALSE(error.empty()) << text;
  }
}

TEST(Device, OverlapsAreFoundByNameAndInterface) {
  EXPECT_TRUE(overlap(parse("01:00.0"), parse("0000:01:00.0")));
  EXPECT_TRUE(overlap(parse("net_null0"), parse("net_null0,size=60")));
  EXPECT_TRUE(overlap(parse("net_af_packet0,iface=a"), parse("net_af_xdp0,iface=a")));
  EXPECT_FALSE(overlap(parse("net_af_packet0,iface=a"), parse("net_af_packet1,iface=b")));
  EXPECT_FALSE(overlap(parse("net_null0"), parse("net_null1")));
}

TEST(Device, ObstaclesAreNamedWithTheirRemedy) {
  EXPECT_EQ(find_obstacle(parse("net_null0")), "");
  EXPECT_EQ(find_obstacle(parse("net_af_packet0")), "net_af_packet0 needs the argument iface=<kernel interface>");
  const std::string missing = find_obstacle(parse("net_af_packet0,iface=tb-missing"));
  EXPECT_EQ(missing.rfind("there is no network interface \"tb-missing\" (there are lo", 0), 0u) << missing;
  EXPECT_EQ(find_obstacle(parse("ffff:ff:1f.7")), "there is no PCI device ffff:ff:1f.7");
}

TEST(KernelInterface, FaultsComeWithCommands) {
  KernelInterface good;
  good.exists = good.up = true;
  EXPECT_TRUE(find_interface_faults("eth1", good).empty());
  KernelInterface bad = good;
  bad.up = false;
  bad.merges_received = bad.has_ipv4_address = true;
  const auto faults = find_interface_faults("eth1", bad);
  ASSERT_EQ(faults.size(), 3u);
  EXPECT_EQ(faults[0], "eth1 is down: ip link set eth1 up");
  EXPECT_NE(faults[1].find("ethtool -K eth1 gro off lro off"), std::string::npos);
  EXPECT_NE(faults[2].find("ip addr flush dev eth1"), std::string::npos);
}

TEST(KernelInterface, LoopbackIsFound) {
  const KernelInterface lo = inspect_interface("lo");
  EXPECT_TRUE(lo.exists);
  EXPECT_GT(lo.mtu, 0u);
  EXPECT_FALSE(inspect_interface("a-name-longer-than-the-kernel-takes").exists);
}

}  // namespace
}  // namespace tributary::datapath
