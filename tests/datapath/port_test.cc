// Ports on the drivers that need nothing: rings that give back what they are sent, and the null device.
#include "datapath/port.h"

#include <gtest/gtest.h>
#include <rte_lcore.h>

#include <array>

#include "datapath/telemetry.h"
#include "tests/support/pools.h"

namespace tributary::datapath {
namespace {

class PortTest : public testing::Test {
 protected:
  std::unique_ptr<Port> open(const std::string& device, uint16_t mtu = 1500) {
    PortOptions options;
    options.name = "p";
    options.device = parse_device(device, error_).value();
    options.mtu = mtu;
    PacketPools* const pools[] = {pools_.get()};
    return Port::open(options, pools, error_);
  }
  std::vector<rte_mbuf*> make_frames(size_t count, size_t size = 60) {
    std::vector<rte_mbuf*> frames;
    for (size_t i = 0; i < count; ++i)
      frames.push_back(test::make_frame(*pools_, std::vector<uint8_t>(size, static_cast<uint8_t>(i))).release());
    return frames;
  }
  std::vector<Packet> receive_all(Port& port) {
    std::vector<Packet> received;
    std::array<rte_mbuf*, Port::kBurst> burst;
    while (const uint16_t count = port.receive(WorkerId{0}, burst.data()))
      for (uint16_t i = 0; i < count; ++i) received.emplace_back(burst[i]);
    return received;
  }

  std::unique_ptr<PacketPools> pools_ = test::make_pools(8192, 1024);
  test::PoolGuard guard_{*pools_};
  Counters counters_;
  std::string error_;
};

TEST_F(PortTest, FramesComeBackFromARingInOrder) {
  const auto port = open("net_ring0");
  ASSERT_TRUE(port) << error_;
  EXPECT_EQ(port->facts().driver, "net_ring");
  EXPECT_TRUE(port->link().up);
  EXPECT_TRUE(port->facts().offloads.transmit_multi_segment);
  EXPECT_FALSE(port->facts().offloads.transmit_tcp_checksum);

  auto frames = make_frames(100);
  port->transmit(WorkerId{0}, frames, counters_);
  EXPECT_TRUE(frames.empty());
  EXPECT_EQ(counters_.tx_frames, 100u);
  EXPECT_EQ(counters_.tx_bytes, 6000u);
  const auto received = receive_all(*port);
  ASSERT_EQ(received.size(), 100u);
  for (size_t i = 0; i < received.size(); ++i) EXPECT_EQ(received[i].data()[0], i);
}

TEST_F(PortTest, WhatAFullRingDoesNotTakeIsDroppedAndCounted) {
  const auto port = open("net_ring1");
  ASSERT_TRUE(port) << error_;
  auto frames = make_frames(3000);  // the ring holds 1024
  port->transmit(WorkerId{0}, frames, counters_);
  EXPECT_TRUE(frames.empty());
  EXPECT_GT(counters_.tx_dropped, 0u);
  EXPECT_EQ(counters_.tx_frames + counters_.tx_dropped, 3000u);
  EXPECT_EQ(receive_all(*port).size(), counters_.tx_frames);
}

TEST_F(PortTest, ASharedFrameSurvivesItsTransmission) {
  const auto port = open("net_ring2");
  ASSERT_TRUE(port) << error_;
  Packet kept = test::make_frame(*pools_, std::vector<uint8_t>(64, 7));
  rte_mbuf_refcnt_update(kept.get(), 1);
  std::vector<rte_mbuf*> frames = {kept.get()};
  port->transmit(WorkerId{0}, frames, counters_);
  EXPECT_EQ(receive_all(*port).size(), 1u);
  EXPECT_EQ(rte_mbuf_refcnt_read(kept.get()), 1);
  EXPECT_EQ(kept.data()[63], 7);
}

TEST_F(PortTest, ChainsAreCopiedForADeviceWithoutThem) {
  const auto port = open("net_null0");
  ASSERT_TRUE(port) << error_;
  ASSERT_FALSE(port->facts().offloads.transmit_multi_segment);
  std::vector<rte_mbuf*> frames = make_frames(2);
  ASSERT_EQ(rte_pktmbuf_chain(frames[0], make_frames(1)[0]), 0);
  port->transmit(WorkerId{0}, frames, counters_);
  EXPECT_EQ(counters_.tx_frames, 2u);
  EXPECT_EQ(counters_.tx_bytes, 180u);
  EXPECT_EQ(counters_.payload_copies, 1u);
  EXPECT_EQ(counters_.tx_dropped, 0u);
}

TEST_F(PortTest, RefusalsSayWhatToDo) {
  EXPECT_FALSE(open("net_af_packet0,iface=tb-missing"));
  EXPECT_EQ(error_.rfind("port \"p\": there is no network interface \"tb-missing\"", 0), 0u) << error_;
  EXPECT_FALSE(open("net_nosuch0"));
  EXPECT_NE(error_.find("no driver takes the device \"net_nosuch0\"; virtual drivers are net_af_packet"),
            std::string::npos)
      << error_;
  EXPECT_FALSE(open("net_null1,bogus=1"));
  EXPECT_NE(error_.find("did not open \"net_null1,bogus=1\""), std::string::npos) << error_;
  EXPECT_FALSE(open("net_af_packet0,iface=lo", 4000));
  EXPECT_NE(error_.find("add framesz=8192,blocksz=8192"), std::string::npos) << error_;
}

TEST_F(PortTest, AClosedPortMayBeOpenedAgain) {
  for (int round = 0; round < 3; ++round) {
    const auto port = open("net_null2");
    ASSERT_TRUE(port) << error_;
  }
}

TEST(Telemetry, PathsAreTakenOnceAndCommandsReplaced) {
  EXPECT_TRUE(register_telemetry("/tributary/test", "For a test.", [](std::string_view) { return TelemetryValue(); }));
  EXPECT_TRUE(register_telemetry("/tributary/test", "For a test.", [](std::string_view) { return TelemetryValue(); }));
  EXPECT_FALSE(register_telemetry("no slash", "For a test.", [](std::string_view) { return TelemetryValue(); }));
}

}  // namespace
}  // namespace tributary::datapath
