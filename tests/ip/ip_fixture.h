// An IP layer with two ports in virtual time, and what its tests do all the time.
//
//   port 0: access   192.0.2.1/24, 2001:db8:1::1/64           MAC 02:..:01
//   port 1: server   198.51.100.1/24, 2001:db8:2::1/64        MAC 02:..:02, VLAN 7: 203.0.113.1/24,
//   2001:db8:7::1/64
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "stack/ip/ip_layer.h"
#include "tests/ip/frames.h"
#include "tests/support/pools.h"
#include "tests/support/seeded_random.h"

namespace tributary::test {

constexpr MacAddress kAccessMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kServerMac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 0x99}};
constexpr MacAddress kOtherMac{{2, 0, 0, 0, 0, 0x98}};
constexpr PortId kAccessPort{0};
constexpr PortId kServerPort{1};
constexpr uint16_t kVlan = 7;

class IpFixture : public testing::Test {
 protected:
  explicit IpFixture(const ip::Limits& limits = {}) : limits_(limits) {
    layer_ = std::make_unique<ip::IpLayer>(*pools_, frames_, random_, counters_, limits);
    std::string error;
    access_ = layer_->add_interface(access_config(), error).value();
    server_ = layer_->add_interface(server_config(), error).value();
    vlan_ = layer_->add_interface(vlan_config(), error).value();
  }

  static ip::InterfaceConfig access_config() {
    return {.name = "access",
            .port = kAccessPort,
            .vlan = {},
            .mac = kAccessMac,
            .addresses = {prefix("192.0.2.1/24"), prefix("2001:db8:1::1/64")},
            .offloads = {}};
  }
  static ip::InterfaceConfig server_config() {
    return {.name = "server",
            .port = kServerPort,
            .vlan = {},
            .mac = kServerMac,
            .mtu = 9000,
            .addresses = {prefix("198.51.100.1/24"), prefix("2001:db8:2::1/64")},
            .offloads = {}};
  }
  static ip::InterfaceConfig vlan_config() {
    return {.name = "server.7",
            .port = kServerPort,
            .vlan = kVlan,
            .mac = kServerMac,
            .addresses = {prefix("203.0.113.1/24"), prefix("2001:db8:7::1/64")},
            .offloads = {}};
  }

  /// Delivers a frame; what is handed up stays in `handed_up_`.
  ip::Received receive(const Bytes& bytes, PortId port = kAccessPort) {
    ip::Received out;
    handed_up_ = make_frame(*pools_, bytes);
    layer_->receive(handed_up_, port, now_, out);
    EXPECT_EQ(out.kind == ip::Received::Kind::kConsumed, !handed_up_) << "ownership does not follow the kind";
    return out;
  }

  /// Delivers a frame that must not come through and returns the name of the one counter that was raised.
  std::string drop_reason(const Bytes& bytes, PortId port = kAccessPort) {
    const Counters before = counters_;
    EXPECT_EQ(receive(bytes, port).kind, ip::Received::Kind::kConsumed);
    std::string raised;
    for (const CounterInfo& info : kCounterInfo) {
      if (counters_.*info.member == before.*info.member) continue;
      if (!raised.empty()) raised += '+';
      raised += info.name;
    }
    return raised;
  }

  void send(const Bytes& packet, const ip::NextHop& hop) { layer_->send(make_frame(*pools_, packet), hop, now_); }

  /// The frames sent since the last call.
  std::vector<Parsed> sent(PortId port) {
    std::vector<Parsed> all;
    auto& pending = frames_.pending(port);
    for (rte_mbuf* m : pending) {
      all.push_back(parse_frame(bytes_of(m)));
      rte_pktmbuf_free(m);
    }
    pending.clear();
    return all;
  }

  /// Runs all timers up to `until` and stands there.
  void run_until(Micros until) {
    for (int guard = 0; layer_->next_deadline() <= until; ++guard) {
      ASSERT_LT(guard, 100'000) << "timers do not come to rest";
      now_ = std::max(now_, layer_->next_deadline());
      layer_->on_deadline(now_);
      ASSERT_GT(layer_->next_deadline(), now_) << "a timer due was left";
    }
    now_ = std::max(now_, until);
  }
  void run_for(Micros time) { run_until(now_ + time); }

  std::unique_ptr<PacketPools> pools_ = make_pools();
  PoolGuard guard_{*pools_};
  FrameQueues frames_{2};
  SeededRandom random_{42};
  Counters counters_;
  ip::Limits limits_;
  std::unique_ptr<ip::IpLayer> layer_;
  Packet handed_up_;
  Micros now_ = Micros::seconds(1000);
  uint16_t access_ = 0;
  uint16_t server_ = 0;
  uint16_t vlan_ = 0;
};

}  // namespace tributary::test
