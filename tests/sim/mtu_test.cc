// Links of every size a deployment has, the same or different ones on the two legs: what is sent fits, arrives byte for
// byte, and uses the frames there are.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/concentrator.h"
#include "tests/sim/plans.h"

namespace tributary::sim {
namespace {

constexpr uint64_t kBytes = 3'000'000;

struct Case {
  uint16_t access_mtu;
  uint16_t server_mtu;
  size_t paths;  ///< 0: a client that does not speak MPTCP
  bool v6;
  bool offloads = false;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << (c.v6 ? "v6 " : "v4 ") << c.paths << " paths of " << c.access_mtu << ", server " << c.server_mtu
       << (c.offloads ? ", offloads" : "");
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (bool v6 : {false, true})
    for (uint16_t access : {576, 1280, 1500, 9000})
      for (uint16_t server : {576, 1280, 1500, 9000})
        for (size_t paths : {0, 1, 2}) {
          if (v6 && (access < 1280 || server < 1280)) continue;  // RFC 8200 §5
          cases.push_back({access, server, paths, v6, (access + server + paths) % 3 == 0});
        }
  return cases;
}

class MtuSim : public SimTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    const LinkParameters access{
        .bits_per_second = 50'000'000, .delay = Micros(5000), .queue_bytes = 200'000, .mtu = c.access_mtu};
    const LinkParameters server_side{
        .bits_per_second = 500'000'000, .delay = Micros(1000), .queue_bytes = 1'000'000, .mtu = c.server_mtu};
    const std::vector<PathParameters> paths(std::max<size_t>(c.paths, 1), PathParameters::symmetric(access));
    ip::PortOffloads offloads;
    if (c.offloads)
      offloads = {.receive_ip_checksum = true,
                  .receive_tcp_checksum = true,
                  .transmit_tcp_checksum = true,
                  .transmit_multi_segment = true};
    net = make_concentrated(world, paths, PathParameters::symmetric(server_side),
                            {.v6 = c.v6, .offloads = offloads, .access_mtu = c.access_mtu, .server_mtu = c.server_mtu});
  }

  testing::AssertionResult run(TransferPlan plan) {
    // Written in packets as large as the larger link takes, and not all the same.
    plan.smallest_write = 200;
    plan.largest_write = 8900;
    plan.window = 1 << 20;
    TransferPlan other = answer_to(plan);
    other.smallest_write = plan.smallest_write;
    other.largest_write = plan.largest_write;
    other.window = plan.window;
    if (std::max(GetParam().access_mtu, GetParam().server_mtu) <= 1500) plan.largest_write = other.largest_write = 1400;
    net.server->listen(kServerPort, [this, other](const IncomingConnection&) {
      auto made = std::make_unique<Transfer>(other);
      server = made.get();
      return made;
    });
    client = &start_transfer(client_paths(net), plan, GetParam().paths > 0);
    if (!world.run_until([&] { return server != nullptr; }, Micros::seconds(20)))
      return testing::AssertionFailure() << "no connection: " << client->describe();
    return run_to_end(world, {client, server}, Micros::seconds(60));
  }

  /// Nothing was ever too large for a link, or lost for want of a buffer.
  void check_sizes() {
    std::vector<Path*> paths = net.accesses;
    paths.push_back(net.server_path);
    for (Path* path : paths)
      for (Direction d : {Direction::kForward, Direction::kBackward})
        EXPECT_EQ(path->link(d).statistics().oversize_drops, 0u);
    for (Host* host : {net.client, net.concentrator, net.server}) {
      EXPECT_LE(host->counters().tcp_timeouts, 2u) << host->name() << ": full queues lose packets, but nothing stalls";
      EXPECT_EQ(host->counters().tcp_mtu_reduced, 0u) << host->name();
      EXPECT_EQ(host->counters().drop_malformed, 0u) << host->name();
    }
  }
  /// Bytes of an average frame that `d` of `path` carried.
  static double average(Path* path, Direction d) {
    const LinkStatistics& s = path->link(d).statistics();
    return static_cast<double>(s.delivered_bytes) / static_cast<double>(s.delivered);
  }

  Concentrated net{};
  Transfer* client = nullptr;
  Transfer* server = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Links, MtuSim, testing::ValuesIn(all_cases()));

TEST_P(MtuSim, UploadArrives) {
  ASSERT_TRUE(run({.send_bytes = kBytes, .send_seed = 1}));
  EXPECT_EQ(net.concentrator->counters().relay_bytes_up, kBytes);
  check_sizes();
}

TEST_P(MtuSim, DownloadArrives) {
  ASSERT_TRUE(run({.receive_bytes = kBytes, .receive_seed = 1}));
  EXPECT_EQ(net.concentrator->counters().relay_bytes_down, kBytes);
  check_sizes();
}

TEST_P(MtuSim, BothDirectionsAtOnce) {
  ASSERT_TRUE(run({.send_bytes = kBytes / 3, .send_seed = 1, .receive_bytes = kBytes / 3, .receive_seed = 2}));
  check_sizes();
}

}  // namespace
}  // namespace tributary::sim
