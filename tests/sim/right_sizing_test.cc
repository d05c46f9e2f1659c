// What relays hold: little where readers are slow, enough where links are long and fast. Budgets are the product's own.
#include <gtest/gtest.h>

#include "tests/sim/concentrator.h"
#include "tests/sim/plans.h"

namespace tributary::sim {
namespace {

constexpr LinkParameters kAccess = {.bits_per_second = 100'000'000, .delay = Micros(10'000), .queue_bytes = 500'000};
constexpr LinkParameters kLongAccess = {
    .bits_per_second = 100'000'000, .delay = Micros(60'000), .queue_bytes = 1'500'000};
constexpr LinkParameters kServerSide = {
    .bits_per_second = 1'000'000'000, .delay = Micros(2000), .queue_bytes = 1'000'000};
constexpr LinkParameters kFarServer = {
    .bits_per_second = 1'000'000'000, .delay = Micros(50'000), .queue_bytes = 8'000'000};

/// Sees that no window is taken back.
class EdgeWatcher : public Middlebox {
 public:
  uint64_t moved_left() const { return moved_left_; }
  uint64_t seen() const { return seen_; }

 private:
  struct Edge {
    uint8_t scale = 0;
    uint32_t right = 0;
    bool known = false;
  };
  void on_segment(Direction direction, Segment segment) override {
    Edge& edge = edges_[{flow_of(direction, segment), direction}];
    const bool syn = segment.tcp.flags & wire::tcp_flag::kSyn;
    if (syn)
      segment.for_each_option([&edge](uint8_t kind, std::span<uint8_t> option) {
        if (kind == kOptionWindowScale) edge.scale = option[2];
      });
    else if (segment.tcp.flags & wire::tcp_flag::kAck && !(segment.tcp.flags & wire::tcp_flag::kRst)) {
      const uint32_t right = segment.tcp.ack.raw() + (uint32_t{segment.tcp.window} << edge.scale);
      // Rounding hides up to a unit of the scale (RFC 7323 §2.4).
      if (edge.known && static_cast<int32_t>(right - edge.right) < -(1 << edge.scale)) ++moved_left_;
      if (!edge.known || static_cast<int32_t>(right - edge.right) > 0) edge.right = right;
      edge.known = true;
      ++seen_;
    }
    pass(direction, segment);
  }
  std::map<std::pair<FlowId, Direction>, Edge> edges_;
  uint64_t moved_left_ = 0, seen_ = 0;
};

/// A concentrator with one access, in a world of its own; downloads and uploads by plan.
class RelayWorld {
 public:
  RelayWorld(uint64_t seed, const LinkParameters& access, const LinkParameters& server_side,
             const ConcentratedOptions& options)
      : world(seed),
        net(make_concentrated(world, {PathParameters::symmetric(access)}, PathParameters::symmetric(server_side),
                              options)) {
    for (Path* path : {net.server_path, net.accesses[0]}) watchers_.push_back(&path->add_middlebox<EdgeWatcher>());
    net.server->listen(kServerPort, [this](const IncomingConnection&) {
      auto made = std::make_unique<Transfer>(answers_.at(servers.size()));
      servers.push_back(made.get());
      return made;
    });
  }
  /// Connections reach the server in the order in which they are started, if there is some time between them.
  void start(const TransferPlan& plan, bool mptcp) {
    TransferPlan answer = answer_to(plan);
    answer.window = plan.window;
    answer.receive_budget = plan.receive_budget;
    answers_.push_back(answer);
    clients.push_back(&start_transfer(client_paths(net), plan, mptcp));
  }
  /// Until the latest one has all there is to have, in seconds.
  double seconds_for_latest() {
    const Micros from = world.loop.now();
    const size_t n = clients.size();
    EXPECT_TRUE(world.run_until(
        [&] { return servers.size() == n && servers.back()->has_received_all() && clients.back()->has_received_all(); },
        Micros::seconds(300)));
    return static_cast<double>((world.loop.now() - from).count()) / 1e6;
  }
  uint32_t buffers_in_use() const { return net.concentrator->pools().data_in_use(); }
  const Counters& counters() const { return net.concentrator->counters(); }
  /// Lets all transfers end as they should, and looks for what is left, and for windows taken back.
  void finish() {
    std::vector<const Transfer*> all(servers.begin(), servers.end());
    all.insert(all.end(), clients.begin(), clients.end());
    EXPECT_TRUE(run_to_end(world, all, Micros::seconds(900)));
    EXPECT_EQ(world.finish(), std::vector<std::string>());
    for (const EdgeWatcher* watcher : watchers_) {
      EXPECT_GT(watcher->seen(), 0u);
      EXPECT_EQ(watcher->moved_left(), 0u);
    }
  }

  World world;
  Concentrated net;
  std::vector<const Transfer*> servers, clients;

 private:
  std::vector<TransferPlan> answers_;
  std::vector<EdgeWatcher*> watchers_;
};

uint64_t seed() {
  return seed_from_environment(21);
}

struct LongCase {
  const char* name;
  bool upload, mptcp, far_server;
};
void PrintTo(const LongCase& c, std::ostream* out) {
  *out << c.name;
}
class LongFatPipe : public testing::TestWithParam<LongCase> {
 protected:
  static double seconds_with(uint32_t budget) {
    const LongCase& c = GetParam();
    constexpr uint32_t kPlenty = 6 << 20;
    TransferPlan plan{.window = kPlenty, .receive_budget = kPlenty};
    (c.upload ? plan.send_bytes : plan.receive_bytes) = 30'000'000;
    RelayWorld relay(seed(), kLongAccess, c.far_server ? kFarServer : kServerSide,
                     {.budget = budget, .max_budget = kPlenty, .data_buffers = 16384});
    relay.start(plan, c.mptcp);
    const double seconds = relay.seconds_for_latest();
    relay.finish();
    return seconds;
  }
};

// 100 Mbit/s over 120 ms, the server next to us or nearly as far again: a relay that starts small is two round trips
// behind one that has all it could ever need from the first byte on, and no more.
TEST_P(LongFatPipe, IsFilledAsByALargeBudget) {
  const double fixed = seconds_with(6 << 20);
  const double sized = seconds_with(proxy::Policy().budget);
  EXPECT_LT(fixed, 30.0 * 8 / 100 + 3) << "the link's rate, and slow start";
  const double both_round_trips = GetParam().far_server ? 0.224 : 0.124;
  EXPECT_LT(sized, fixed * 1.05 + 2 * both_round_trips);
}

INSTANTIATE_TEST_SUITE_P(All, LongFatPipe,
                         testing::Values(LongCase{"Download", false, false, false},
                                         LongCase{"Upload", true, false, false},
                                         LongCase{"MptcpDownload", false, true, false},
                                         LongCase{"DownloadFromAfar", false, false, true},
                                         LongCase{"UploadToAfar", true, false, true}),
                         [](const auto& test) { return test.param.name; });

// 20 kB a second, of which the client's stack keeps little.
constexpr TransferPlan kSlowReader{.receive_bytes = 400'000,
                                   .receive_seed = 5,
                                   .window = 100'000,
                                   .read_at_once = 1000,
                                   .read_pause = Micros::milliseconds(50)};
Settings slow_client() {
  Settings settings = HostConfig::small_settings();
  settings.receive_budget = 16'000;
  return settings;
}

// A server would give each of them megabytes.
TEST(RightSizing, SlowReadersHoldNoMoreThanTheyStartedWith) {
  RelayWorld relay(seed(), kAccess, kServerSide, {.client = slow_client()});
  constexpr unsigned kReaders = 40;
  for (unsigned i = 0; i < kReaders; ++i) relay.start(kSlowReader, i % 2 == 0);
  uint32_t most = 0;
  for (int i = 0; i < 100; ++i) {
    relay.world.run_for(Micros::milliseconds(100));
    most = std::max(most, relay.buffers_in_use());
  }
  EXPECT_GT(most, kReaders * 10) << "they do hold something";
  EXPECT_LE(most, kReaders * (proxy::Policy().budget / 1000));
  relay.finish();
}

// More slow readers than the pool could hold the budgets of, and one that reads: it gets the link, and payload is never
// refused.
TEST(RightSizing, SlowReadersShareAPoolAndLeaveOthersTheirs) {
  constexpr uint32_t kBuffers = 2048;
  RelayWorld relay(seed(), kAccess, kServerSide, {.client = slow_client(), .data_buffers = kBuffers});
  for (int i = 0; i < 45; ++i) {  // 45 times 64 KiB are more than 2100 buffers
    relay.start(kSlowReader, false);
    relay.world.run_for(Micros::milliseconds(60));
  }
  EXPECT_LE(relay.buffers_in_use(), kBuffers * 15 / 16);
  const TransferPlan fast{.receive_bytes = 4'000'000, .receive_seed = 9, .window = 1 << 20, .receive_budget = 1 << 20};
  relay.start(fast, false);
  const double seconds = relay.seconds_for_latest();
  EXPECT_LT(seconds, 8.0) << "4 MB over 24 ms";
  EXPECT_EQ(relay.counters().tcp_receive_queue_drop, 0u);
  relay.finish();
}

// It was fast, and then its reader slows down: what waits goes back to what a slow reader needs.
TEST(RightSizing, AFastStreamWhoseReaderSlowsDownGivesBack) {
  RelayWorld relay(seed(), kAccess, kServerSide, {});
  const TransferPlan plan{.receive_bytes = 14'000'000,
                          .receive_seed = 5,
                          .window = 6 << 20,
                          .stall_after = 12'000'000,
                          .stall = Micros::seconds(5),
                          .receive_budget = 300'000};
  relay.start(plan, false);
  uint32_t fast = 0;
  relay.world.run_until(
      [&] { return fast = std::max(fast, relay.buffers_in_use()), relay.clients[0]->received() >= 12'000'000; },
      Micros::seconds(30));
  EXPECT_GT(fast, 200u);
  relay.world.run_for(Micros::seconds(4));
  EXPECT_LE(relay.buffers_in_use(), 1'200'000 / 1400u)
      << "twice what 100 Mbit/s bring in 24 ms, and the doubling before";
  relay.finish();
}

}  // namespace
}  // namespace tributary::sim
