// Paths that lose large packets without a word, and outages that look like one: what is sent gets through, as large as
// the path takes, and finds back to full size.
#include <gtest/gtest.h>

#include "stack/tcp/info.h"
#include "tests/sim/plans.h"
#include "tests/sim/topology.h"

namespace tributary::sim {
namespace {

constexpr LinkParameters kLink = {.bits_per_second = 20'000'000, .delay = Micros(20'000)};

class BlackHoleSim : public SimTest {
 protected:
  void start(bool v6, bool mptcp, TransferPlan plan, const LinkParameters& link, const Settings& settings) {
    net = make_direct(world, {PathParameters::symmetric(link)},
                      {.v6 = v6, .client = settings, .offloads = {.transmit_multi_segment = true}});
    plan.send_seed = 1;
    plan.smallest_write = plan.largest_write;
    net.server->listen(kServerPort, [this, plan](const IncomingConnection&) {
      auto made = std::make_unique<Transfer>(answer_to(plan));
      server = made.get();
      return made;
    });
    client = &start_transfer(net, plan, mptcp);
    ASSERT_TRUE(world.run_until([&] { return server != nullptr; }, Micros::seconds(20)));
  }
  testing::AssertionResult finish(Micros limit = Micros::seconds(600)) {
    return run_to_end(world, {client, server}, limit);
  }
  Link& forward() { return net.paths[0]->link(Direction::kForward); }
  uint32_t mtu() const { return net.client->stack().tcp_info(client->stream())->path_mtu; }
  uint32_t cwnd() const { return net.client->stack().tcp_info(client->stream())->cwnd; }
  const Counters& counters() const { return net.client->counters(); }
  /// Lets so much more arrive.
  void let_through(uint64_t bytes) {
    const uint64_t goal = server->received() + bytes;
    ASSERT_TRUE(world.run_until([&] { return server->received() >= goal; }, Micros::seconds(300)));
  }

  Direct net{};
  Transfer* client = nullptr;
  Transfer* server = nullptr;
};

struct Hole {
  uint16_t mtu;
  bool v6;
  bool mptcp;
  uint32_t found;  ///< the size it ends with, at least
  congestion::Algorithm algorithm = congestion::Algorithm::kCubic;
};
void PrintTo(const Hole& hole, std::ostream* out) {
  *out << (hole.v6 ? "v6 " : "v4 ") << (hole.mptcp ? "MPTCP " : "TCP ") << hole.mtu << ", algorithm "
       << static_cast<int>(hole.algorithm);
}
std::vector<Hole> all_holes() {
  std::vector<Hole> holes;
  for (bool v6 : {false, true})
    for (bool mptcp : {false, true}) {
      for (uint16_t mtu : {1492, 1420, 1400, 1280}) holes.push_back({mtu, v6, mptcp, mtu});
      holes.push_back({1300, v6, mptcp, 1280});
      if (!v6) holes.push_back({600, v6, mptcp, 552});
    }
  holes.push_back({1400, false, false, 1400, congestion::Algorithm::kBbr});
  holes.push_back({1400, false, false, 1400, congestion::Algorithm::kNewReno});
  return holes;
}

class HoleSim : public BlackHoleSim, public testing::WithParamInterface<Hole> {
 protected:
  void begin(const TransferPlan& plan) {
    LinkParameters link = kLink;
    link.mtu = GetParam().mtu;
    Settings settings = HostConfig::small_settings();
    settings.algorithm = GetParam().algorithm;
    start(GetParam().v6, GetParam().mptcp, plan, link, settings);
  }
  void check_mtu() {
    EXPECT_GE(mtu(), GetParam().found);
    EXPECT_LE(mtu(), GetParam().mtu);
  }
};
INSTANTIATE_TEST_SUITE_P(Paths, HoleSim, testing::ValuesIn(all_holes()));

constexpr TransferPlan kTrickle = {.send_bytes = UINT32_MAX, .largest_write = 1460, .one_write_a_turn = true};

TEST_P(HoleSim, TheTransferGetsThrough) {
  begin({.send_bytes = 5'000'000, .largest_write = 1460});
  let_through(4'000'000);
  check_mtu();
  ASSERT_TRUE(finish());
  EXPECT_LE(counters().tcp_timeouts, 5u) << "and nothing stalls for long";
  EXPECT_EQ(counters().payload_copies, 0u);
}

TEST_P(HoleSim, ItIsProbedSeldomAndWithoutTimeOuts) {
  begin(kTrickle);
  world.run_for(Micros::seconds(60));
  check_mtu();
  const uint64_t time_outs = counters().tcp_timeouts, lost = counters().tcp_mtu_probes_lost;
  EXPECT_LE(lost, 3u);
  world.run_for(Micros::seconds(1840));
  EXPECT_EQ(counters().tcp_mtu_probes_lost, lost + 3) << "one every ten minutes";
  EXPECT_EQ(counters().tcp_timeouts, time_outs);
  check_mtu();
  client->abort();
  world.run_for(Micros::seconds(1));
}

TEST_P(HoleSim, APathThatHasBecomeWiderIsUsed) {
  begin(kTrickle);
  world.run_for(Micros::seconds(60));
  forward().parameters().mtu = 0;
  world.run_for(Micros::seconds(620));
  EXPECT_EQ(mtu(), 1500u);
  client->abort();
  world.run_for(Micros::seconds(1));
}

struct Outage {
  int64_t ms;
  bool v6;
  bool mptcp;
  uint32_t full;  ///< payload of a full segment
};
void PrintTo(const Outage& outage, std::ostream* out) {
  *out << (outage.v6 ? "v6 " : "v4 ") << (outage.mptcp ? "MPTCP " : "TCP ") << outage.ms << " ms";
}
class OutageSim : public BlackHoleSim, public testing::WithParamInterface<Outage> {};
INSTANTIATE_TEST_SUITE_P(Outages, OutageSim,
                         testing::Values(Outage{3000, false, false, 1448}, Outage{3000, false, true, 1420},
                                         Outage{5000, false, false, 1448}, Outage{5000, true, false, 1428},
                                         Outage{5000, false, true, 1420}, Outage{30'000, false, false, 1448},
                                         Outage{30'000, true, true, 1400}));

TEST_P(OutageSim, LeavesTheFullSegmentSizeBehind) {
  start(GetParam().v6, GetParam().mptcp, {.send_bytes = 40'000'000, .largest_write = GetParam().full}, kLink,
        HostConfig::small_settings());
  let_through(5'000'000);
  net.paths[0]->set_up(false);
  world.run_for(Micros::milliseconds(GetParam().ms));
  net.paths[0]->set_up(true);
  EXPECT_GE(counters().tcp_mtu_reduced, 1u) << "it was suspected";
  let_through(500'000);
  EXPECT_EQ(mtu(), 1500u);
  EXPECT_EQ(counters().tcp_mtu_probes_lost, 0u);
  ASSERT_TRUE(finish());
  const LinkStatistics& s = forward().statistics();
  EXPECT_GT(s.delivered_bytes, s.delivered * (GetParam().full + 40)) << "hardly any small ones";
}

}  // namespace
}  // namespace tributary::sim
