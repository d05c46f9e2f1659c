// The congestion control algorithms at work: real stacks, one bottleneck, virtual time. How much of the link
// a flow gets, how long the queue is it keeps there, and how flows share.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/sim/plans.h"
#include "tests/sim/topology.h"

namespace tributary::sim {
namespace {

using congestion::Algorithm;

constexpr uint16_t kPayload = 1448;
constexpr uint16_t kFrame = kPayload + 20 + 32 + 14;  // with TCP timestamps
constexpr Micros kSamplePeriod = Micros::milliseconds(5);

struct Bottleneck {
  uint64_t bits_per_second;
  Micros round_trip;
  double queue = 1;  ///< in bandwidth-delay products
  double loss = 0;

  double bdp() const {
    return static_cast<double>(bits_per_second) / 8 * static_cast<double>(round_trip.count()) / 1e6;
  }
};

/// What one flow did between two moments.
struct Share {
  double of_link;      ///< payload received, of what the link can carry
  Micros queue_delay;  ///< smoothed round trip beyond that of the empty path, on average
};

class CongestionSim : public SimTest {
 protected:
  void make(const Bottleneck& path) {
    path_ = path;
    LinkParameters forward{.bits_per_second = path.bits_per_second, .delay = path.round_trip / 2, .loss = path.loss};
    forward.queue_bytes = static_cast<uint32_t>(std::max(path.queue * path.bdp(), 5.0 * kFrame));
    const LinkParameters backward{
        .bits_per_second = 10'000'000'000, .delay = path.round_trip / 2, .queue_bytes = 8 << 20};
    DirectOptions options;
    options.server.receive_budget = 16 << 20;
    options.server.window_scale = 8;
    direct_ = make_direct(world, {{forward, backward}}, options);
    direct_.server->listen(kServerPort, [this](const IncomingConnection&) {
      auto made = std::make_unique<Transfer>(TransferPlan{.receive_bytes = kEndless, .close = CloseWhen::kNever});
      receivers_.push_back(made.get());
      return made;
    });
  }

  /// Starts a flow that sends without end and waits for its connection.
  void start_flow(Algorithm algorithm) {
    auto made = std::make_unique<Transfer>(TransferPlan{.send_bytes = kEndless,
                                                        .close = CloseWhen::kNever,
                                                        .smallest_write = kPayload,
                                                        .largest_write = kPayload,
                                                        .window = 5 << 20});
    senders_.push_back(made.get());
    auto shared = std::make_shared<std::unique_ptr<Transfer>>(std::move(made));
    direct_.client->post([this, shared, algorithm] {
      ConnectOptions options;
      options.local = direct_.client_address(0);
      options.remote = direct_.server_address(0);
      options.remote_port = kServerPort;
      options.algorithm = algorithm;
      direct_.client->connect(std::move(*shared), options);
    });
    world.run_until([this] { return receivers_.size() == senders_.size(); }, Micros::seconds(30));
    ASSERT_EQ(receivers_.size(), senders_.size());
  }

  /// Runs for `duration` and says what each flow did meanwhile.
  std::vector<Share> measure(Micros duration) {
    std::vector<uint64_t> before;
    for (const Transfer* r : receivers_) before.push_back(r->received());
    std::vector<double> delay(senders_.size());
    unsigned samples = 0;
    for (Micros t; t < duration; t += kSamplePeriod, ++samples) {
      world.run_for(kSamplePeriod);
      for (size_t i = 0; i < senders_.size(); ++i) delay[i] += info(i).srtt_us;
    }
    std::vector<Share> shares;
    const double capacity = static_cast<double>(path_.bits_per_second) / 8 * kPayload / kFrame *
                            static_cast<double>(duration.count()) / 1e6;
    for (size_t i = 0; i < receivers_.size(); ++i) {
      const double mean = delay[i] / samples - static_cast<double>(path_.round_trip.count());
      shares.push_back(
          {static_cast<double>(receivers_[i]->received() - before[i]) / capacity, Micros(static_cast<int64_t>(mean))});
    }
    return shares;
  }

  SubflowInfo info(size_t flow) const { return senders_[flow]->stack().info(senders_[flow]->stream())->subflows[0]; }
  LinkStatistics link() { return direct_.paths[0]->link(Direction::kForward).statistics(); }

  void TearDown() override {
    direct_.paths[0]->link(Direction::kForward).parameters().loss =
        0;  // a lost reset would leave the receivers waiting
    direct_.client->post([this] {
      for (Transfer* sender : senders_) sender->abort();
    });
    SimTest::TearDown();
  }

  static constexpr uint64_t kEndless = UINT64_MAX / 2;
  Bottleneck path_{};
  Direct direct_{};
  std::vector<Transfer*> senders_;
  std::vector<Transfer*> receivers_;
};

struct PathCase {
  const char* name;
  Bottleneck path;
  Micros settled;  ///< after so long a flow has found the path
};
void PrintTo(const PathCase& c, std::ostream* out) {
  *out << c.name;
}
std::string name_of(const testing::TestParamInfo<PathCase>& info) {
  return info.param.name;
}

constexpr Micros kMs = Micros::milliseconds(1);
const PathCase kPaths[] = {
    {"Lan1GbitAnd1ms", {1'000'000'000, kMs}, kMs * 300},
    {"Fibre100MbitAnd20ms", {100'000'000, kMs * 20}, kMs * 2000},
    {"Mobile50MbitAnd100ms", {50'000'000, kMs * 100}, kMs * 5000},
    {"Satellite20MbitAnd300ms", {20'000'000, kMs * 300}, kMs * 10'000},
};
/// Ten seconds hold two of ProbeRTT; a gigabit is measured for one second, which holds none.
Micros period_of(const Bottleneck& path) {
  return path.bits_per_second >= 1'000'000'000 ? kMs * 1000 : kMs * 10'000;
}

class OnPath : public CongestionSim, public testing::WithParamInterface<PathCase> {
 protected:
  Share run_alone(Algorithm algorithm, const Bottleneck& path, int periods = 1) {
    make(path);
    start_flow(algorithm);
    measure(GetParam().settled);
    settled_ = {link().offered, link().queue_drops};
    return measure(period_of(path) * periods)[0];
  }
  struct {
    uint64_t offered, queue_drops;
  } settled_{};
};
INSTANTIATE_TEST_SUITE_P(CongestionSim, OnPath, testing::ValuesIn(kPaths), name_of);

TEST_P(OnPath, BbrFillsTheLinkAndKeepsTheQueueShort) {
  Bottleneck path = GetParam().path;
  path.queue = 2;
  const Share share = run_alone(Algorithm::kBbr, path);
  EXPECT_GE(share.of_link, 0.95);
  // CUBIC keeps between one and two bandwidth-delay products there.
  EXPECT_LE(share.queue_delay, path.round_trip / 2);
}

TEST_P(OnPath, CubicFillsTheLinkAndTheQueue) {
  Bottleneck path = GetParam().path;
  path.queue = 2;
  const Share share = run_alone(Algorithm::kCubic, path);
  EXPECT_GE(share.of_link, 0.95);
  EXPECT_GE(share.queue_delay, path.round_trip / 2);
}

TEST_P(OnPath, BbrNeedsNoDeepBuffer) {
  Bottleneck path = GetParam().path;
  path.queue = 0.1;
  const Share share = run_alone(Algorithm::kBbr, path);
  EXPECT_GE(share.of_link, 0.85);
  const double dropped = static_cast<double>(link().queue_drops - settled_.queue_drops);
  EXPECT_LE(dropped, 0.03 * static_cast<double>(link().offered - settled_.offered));
}

TEST_P(OnPath, BbrBearsRandomLosses) {
  Bottleneck path = GetParam().path;
  path.loss = 0.01;
  // Now and then chance has a whole flight lose more than is tolerated, and the model shrinks for some rounds.
  EXPECT_GE(run_alone(Algorithm::kBbr, path, 4).of_link, 0.85);
}

TEST_F(CongestionSim, CubicTakesRandomLossesForCongestion) {
  make({.bits_per_second = 100'000'000, .round_trip = kMs * 20, .loss = 0.01});
  start_flow(Algorithm::kCubic);
  measure(kMs * 2000);
  EXPECT_LE(measure(kMs * 5000)[0].of_link, 0.4) << "what BBR is compared with";
}

TEST_F(CongestionSim, TwoBbrFlowsShare) {
  make({.bits_per_second = 50'000'000, .round_trip = kMs * 20});
  start_flow(Algorithm::kBbr);
  world.run_for(kMs * 3000);
  start_flow(Algorithm::kBbr);
  world.run_for(kMs * 15'000);
  const auto shares = measure(kMs * 20'000);
  EXPECT_GE(shares[0].of_link + shares[1].of_link, 0.93);
  EXPECT_GE(std::min(shares[0].of_link, shares[1].of_link), 0.3);
}

TEST_F(CongestionSim, BbrAndCubicLeaveEachOtherAShare) {
  make({.bits_per_second = 50'000'000, .round_trip = kMs * 40});
  start_flow(Algorithm::kCubic);
  start_flow(Algorithm::kBbr);
  world.run_for(kMs * 10'000);
  const auto shares = measure(kMs * 20'000);
  EXPECT_GE(shares[0].of_link + shares[1].of_link, 0.93);
  EXPECT_GE(std::min(shares[0].of_link, shares[1].of_link), 0.15);
}

TEST_F(CongestionSim, BbrFindsTenTimesTheBandwidth) {
  make({.bits_per_second = 10'000'000, .round_trip = kMs * 20, .queue = 2});
  start_flow(Algorithm::kBbr);
  world.run_for(kMs * 3000);
  direct_.paths[0]->link(Direction::kForward).parameters().bits_per_second = path_.bits_per_second = 100'000'000;
  world.run_for(kMs * 10'000);
  EXPECT_GE(measure(kMs * 3000)[0].of_link, 0.9);
}

TEST_F(CongestionSim, BbrGivesWayWhenTheBandwidthFalls) {
  make({.bits_per_second = 100'000'000, .round_trip = kMs * 20, .queue = 2});
  start_flow(Algorithm::kBbr);
  world.run_for(kMs * 3000);
  direct_.paths[0]->link(Direction::kForward).parameters().bits_per_second = path_.bits_per_second = 20'000'000;
  world.run_for(kMs * 10'000);
  const Share share = measure(kMs * 5000)[0];
  EXPECT_GE(share.of_link, 0.9);
  EXPECT_LE(share.queue_delay, kMs * 20);
}

}  // namespace
}  // namespace tributary::sim
