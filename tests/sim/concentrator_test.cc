// Clients that reach an ordinary TCP server through a concentrator.
#include "tests/sim/concentrator.h"

#include <gtest/gtest.h>

#include <set>

#include "stack/tcp/model_events.h"
#include "tests/sim/plans.h"

namespace tributary::sim {
namespace {

constexpr LinkParameters kFast = {.bits_per_second = 50'000'000, .delay = Micros(10'000), .queue_bytes = 200'000};
constexpr LinkParameters kSlow = {.bits_per_second = 20'000'000, .delay = Micros(30'000), .queue_bytes = 200'000};
constexpr LinkParameters kServerSide = {
    .bits_per_second = 1'000'000'000, .delay = Micros(2000), .queue_bytes = 1'000'000};

class ConcentratorSim : public SimTest {
 protected:
  void make(const std::vector<LinkParameters>& accesses, const ConcentratedOptions& options = {},
            const LinkParameters& server_side = kServerSide) {
    std::vector<PathParameters> paths;
    for (const auto& link : accesses) paths.push_back(PathParameters::symmetric(link));
    net = make_concentrated(world, paths, PathParameters::symmetric(server_side), options);
  }
  void serve(const TransferPlan& plan) {
    net.server->listen(kServerPort, [this, plan](const IncomingConnection& incoming) {
      peer = incoming.key.remote;
      server_sees_mptcp = incoming.mptcp;
      auto made = std::make_unique<Transfer>(plan);
      server = made.get();
      return made;
    });
  }
  void start(const TransferPlan& plan, bool mptcp = true, bool reopen = false) {
    client = &start_transfer(client_paths(net), plan, mptcp, reopen);
  }
  testing::AssertionResult transfer(const TransferPlan& plan, bool mptcp = true) {
    serve(answer_to(plan));
    start(plan, mptcp);
    return finish();
  }
  testing::AssertionResult finish(Micros limit = Micros::seconds(300)) {
    if (!world.run_until([&] { return server != nullptr || client->is_gone(); }, limit) || server == nullptr)
      return testing::AssertionFailure() << "no connection: " << client->describe();
    return run_to_end(world, {client, server}, limit);
  }
  uint64_t carried(size_t access, Direction d) { return net.accesses[access]->link(d).statistics().delivered_bytes; }
  static double seconds_since_start(Micros at) {
    return static_cast<double>((at - Micros::seconds(1000)).count()) / 1e6;
  }

  Concentrated net{};
  Transfer* client = nullptr;
  Transfer* server = nullptr;
  IpAddress peer;
  bool server_sees_mptcp = true;
};

struct Case {
  size_t paths;  ///< 0: a client that does not speak MPTCP
  bool v6;
  bool preserve;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.paths << (c.v6 ? " v6" : " v4") << (c.preserve ? " preserve" : "");
}

class ConcentratorPaths : public ConcentratorSim, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    make(std::vector<LinkParameters>(std::max<size_t>(c.paths, 1), kFast),
         {.v6 = c.v6, .preserve = c.preserve, .budget = 1 << 20, .max_budget = 1 << 20});
  }
  bool mptcp() const { return GetParam().paths > 0; }
};

TEST_P(ConcentratorPaths, UploadArrives) {
  ASSERT_TRUE(transfer({.send_bytes = 6'000'000, .send_seed = 1, .window = 1 << 20}, mptcp()));
  EXPECT_FALSE(server_sees_mptcp);
  for (size_t i = 0; i < net.accesses.size(); ++i)
    EXPECT_GT(carried(i, Direction::kForward), 6'000'000 / net.accesses.size() / 4) << i;
  EXPECT_EQ(net.concentrator->counters().relay_bytes_up, 6'000'000u);
  EXPECT_EQ(net.concentrator->counters().payload_copies, 0u);
}

TEST_P(ConcentratorPaths, DownloadArrives) {
  const TransferPlan plan{.receive_bytes = 6'000'000, .receive_seed = 1};
  TransferPlan sender = answer_to(plan);
  sender.window = 1 << 20;
  serve(sender);
  start(plan, mptcp());
  ASSERT_TRUE(finish());
  for (size_t i = 0; i < net.accesses.size(); ++i)
    EXPECT_GT(carried(i, Direction::kBackward), 6'000'000 / net.accesses.size() / 4) << i;
  EXPECT_EQ(net.concentrator->counters().relay_bytes_down, 6'000'000u);
  // D3: what the server sends fits the access leg's segments, one to one. (The test's server writes 1400
  // bytes at once, its stack cuts them to the MSS it was told.)
  EXPECT_EQ(net.concentrator->counters().payload_copies, 0u);
}

TEST_P(ConcentratorPaths, BothDirectionsAtOnce) {
  EXPECT_TRUE(
      transfer({.send_bytes = 2'000'000, .send_seed = 1, .receive_bytes = 2'000'000, .receive_seed = 2}, mptcp()));
}

TEST_P(ConcentratorPaths, ServerSeesThePolicysAddress) {
  ASSERT_TRUE(transfer({.send_bytes = 100, .send_seed = 1}, mptcp()));
  const bool own = peer == client_paths(net).ends.front().local;
  EXPECT_EQ(own, GetParam().preserve) << peer.to_string();
}

INSTANTIATE_TEST_SUITE_P(All, ConcentratorPaths,
                         testing::Values(Case{0, false, false}, Case{1, false, false}, Case{2, false, false},
                                         Case{4, false, false}, Case{2, true, false}, Case{2, false, true},
                                         Case{2, true, true}, Case{0, false, true}));

TEST_F(ConcentratorSim, EachLegRunsItsOwnAlgorithm) {
  using congestion::Algorithm;
  for (const auto& [access, server_side] :
       {std::pair{Algorithm::kBbr, Algorithm::kCubic}, {Algorithm::kCubic, Algorithm::kBbr}}) {
    make({kFast, kSlow}, {.access_algorithm = access, .server_algorithm = server_side});
    server = nullptr;
    const TransferPlan plan{
        .send_bytes = 4'000'000, .send_seed = 1, .receive_bytes = 4'000'000, .receive_seed = 2, .window = 1 << 20};
    serve(answer_to(plan));
    start(plan);
    ASSERT_TRUE(world.run_until([&] { return client->received() > 2'000'000; }, Micros::seconds(60)));
    Context& context = net.concentrator->stack().context();
    unsigned access_legs = 0, server_legs = 0;
    context.tcbs.for_each([&](const tcp::Tcb& tcb) {
      const bool to_server = tcb.key.remote_port == kServerPort;
      ++(to_server ? server_legs : access_legs);
      const Algorithm expected = to_server ? server_side : access;
      EXPECT_EQ(tcb.cc.algorithm, expected) << tcb.key.remote.to_string();
      EXPECT_EQ(tcp::model_of(context, tcb) != nullptr, expected == Algorithm::kBbr) << tcb.key.remote.to_string();
    });
    EXPECT_EQ(access_legs, 2u);
    EXPECT_EQ(server_legs, 1u);
    ASSERT_TRUE(finish());
  }
}

struct LinkCase {
  const char* name;
  LinkParameters link;
  ip::PortOffloads offloads = {};
};
void PrintTo(const LinkCase& c, std::ostream* out) {
  *out << c.name;
}
class ConcentratorLinks : public ConcentratorSim, public testing::WithParamInterface<LinkCase> {};

TEST_P(ConcentratorLinks, TransferArrivesOverBadAccesses) {
  make({GetParam().link, GetParam().link}, {.offloads = GetParam().offloads, .pass_delay = Micros(200)});
  EXPECT_TRUE(transfer({.send_bytes = 600'000, .send_seed = 1, .receive_bytes = 600'000, .receive_seed = 2}));
}

TEST_P(ConcentratorLinks, TransferArrivesOverABadServerPath) {
  make({kFast, kSlow}, {.offloads = GetParam().offloads, .pass_delay = Micros(200)}, GetParam().link);
  EXPECT_TRUE(transfer({.send_bytes = 600'000, .send_seed = 1, .receive_bytes = 600'000, .receive_seed = 2}));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConcentratorLinks,
    testing::Values(
        LinkCase{"Loss5", {.bits_per_second = 30'000'000, .delay = Micros(10'000), .loss = 0.05}},
        LinkCase{"Loss5Offloads",
                 {.bits_per_second = 30'000'000, .delay = Micros(10'000), .loss = 0.05},
                 {true, true, true, true, true}},
        LinkCase{
            "Reordering",
            {.bits_per_second = 30'000'000, .delay = Micros(10'000), .reorder = 0.05, .reorder_delay = Micros(8000)}},
        LinkCase{"DuplicationAndCorruption",
                 {.bits_per_second = 30'000'000, .delay = Micros(10'000), .duplicate = 0.05, .corrupt = 0.03}},
        LinkCase{"ShallowQueue", {.bits_per_second = 20'000'000, .delay = Micros(20'000), .queue_bytes = 15'000}}),
    [](const auto& test) { return test.param.name; });

TEST_F(ConcentratorSim, AccessesAddUpInBothDirections) {
  for (const bool upload : {true, false}) {
    World other(world.seed, "accesses");
    Concentrated c = make_concentrated(other, {PathParameters::symmetric(kFast), PathParameters::symmetric(kSlow)},
                                       PathParameters::symmetric(kServerSide));
    TransferPlan plan;
    (upload ? plan.send_bytes : plan.receive_bytes) = 40'000'000;
    plan.window = 2 << 20;
    TransferPlan answer = answer_to(plan);
    answer.window = 2 << 20;
    Transfer* far = nullptr;
    c.server->listen(kServerPort, [&](const IncomingConnection&) {
      auto made = std::make_unique<Transfer>(answer);
      far = made.get();
      return made;
    });
    Transfer& near = start_transfer(client_paths(c), plan, true);
    ASSERT_TRUE(other.run_until([&] { return near.is_gone(); }, Micros::seconds(60)));
    const Micros last = upload ? far->received_all_at() : near.received_all_at();
    EXPECT_GT(40'000'000 * 8 / seconds_since_start(last), 0.85 * 70'000'000) << (upload ? "upload" : "download");
    const Direction d = upload ? Direction::kForward : Direction::kBackward;
    EXPECT_GT(c.accesses[1]->link(d).statistics().delivered_bytes, 40'000'000u * 15 / 100);
    EXPECT_EQ(other.finish(), std::vector<std::string>{});
  }
}

TEST_F(ConcentratorSim, ConnectingAddsNoRoundTrip) {
  make({kFast});
  ASSERT_TRUE(transfer({.send_bytes = 100, .send_seed = 1}));  // every neighbour is known from here on
  const Micros begin = world.loop.now();
  start({.send_bytes = 100, .send_seed = 1});
  EXPECT_TRUE(finish());
  constexpr Micros kDirect = Micros::milliseconds(2 * (10 + 2));  // one round trip over both links
  EXPECT_LT(client->established_at() - begin, kDirect + Micros::milliseconds(1));
}

TEST_F(ConcentratorSim, ServerThatRefusesIsHeardByTheClient) {
  make({kFast});
  start({.send_bytes = 10});
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(60)));
  EXPECT_EQ(client->error(), StreamError::kRefused);
}

TEST_F(ConcentratorSim, ServerThatIsUnreachableIsHeardByTheClient) {
  make({kFast});
  net.server_path->set_up(false);
  start({.send_bytes = 10});
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(120)));
  EXPECT_TRUE(client->was_reset());
}

TEST_F(ConcentratorSim, ClientAbortReachesTheServer) {
  make({kFast, kSlow});
  const TransferPlan plan{.send_bytes = 5'000'000, .send_seed = 1, .abort_after_sent = 1'500'000};
  serve(answer_to(plan));
  start(plan);
  ASSERT_TRUE(world.run_until([&] { return server != nullptr && server->is_gone(); }, Micros::seconds(60)));
  EXPECT_TRUE(server->was_reset());
  EXPECT_EQ(server->problem(), "");
}

TEST_F(ConcentratorSim, ServerAbortReachesTheClient) {
  make({kFast, kSlow});
  const TransferPlan plan{.send_bytes = 5'000'000, .send_seed = 1};
  TransferPlan reader = answer_to(plan);
  reader.abort_after_received = 1'000'000;
  serve(reader);
  start(plan);
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(60)));
  EXPECT_TRUE(client->was_reset());
}

TEST_F(ConcentratorSim, HalfCloseIsCarriedAcross) {
  make({kFast, kSlow});
  EXPECT_TRUE(transfer({.send_bytes = 1000, .send_seed = 1, .receive_bytes = 1'000'000, .receive_seed = 2}));
}

TEST_F(ConcentratorSim, OneByteWritesArrive) {
  make({kFast, kSlow});
  TransferPlan plan{.send_bytes = 10'000, .send_seed = 1, .receive_bytes = 10'000, .receive_seed = 2};
  plan.smallest_write = plan.largest_write = 1;
  TransferPlan answer = answer_to(plan);
  answer.smallest_write = answer.largest_write = 1;
  answer.one_write_a_turn = true;
  answer.send_bytes = plan.receive_bytes = 200;
  serve(answer);
  start(plan);
  EXPECT_TRUE(finish());
}

struct StallCase {
  const char* name;
  bool upload;
};
void PrintTo(const StallCase& c, std::ostream* out) {
  *out << c.name;
}
class ConcentratorStall : public ConcentratorSim, public testing::WithParamInterface<StallCase> {};

TEST_P(ConcentratorStall, MemoryStaysBoundedAndTheTransferResumes) {
  constexpr uint32_t kBudget = 200'000;
  make({kFast, kSlow}, {.budget = kBudget, .max_budget = kBudget});
  TransferPlan plan;
  (GetParam().upload ? plan.send_bytes : plan.receive_bytes) = 3'000'000;
  TransferPlan answer = answer_to(plan);
  TransferPlan& reader = GetParam().upload ? answer : plan;
  reader.receive_budget = 100'000;
  reader.stall_after = 400'000;
  reader.stall = Micros::seconds(20);
  serve(answer);
  start(plan);
  world.run_for(Micros::seconds(10));
  // The budget in bytes, in buffers of full segments, and the reorder queue's share of a window.
  EXPECT_LE(net.concentrator->pools().data_in_use(), kBudget / 1000 + 64);
  EXPECT_LT((GetParam().upload ? server : client)->received(), 600'000u);
  EXPECT_TRUE(finish());
}

INSTANTIATE_TEST_SUITE_P(All, ConcentratorStall, testing::Values(StallCase{"Server", true}, StallCase{"Client", false}),
                         [](const auto& test) { return test.param.name; });

// Design D7: readers that do not read may hold all there is to hold, and whoever does read goes on.
TEST_F(ConcentratorSim, AFullPoolDoesNotStopThoseWhoRead) {
  constexpr uint32_t kBuffers = 1024;
  make({kFast}, {.budget = 400'000, .max_budget = 400'000, .data_buffers = kBuffers});
  const TransferPlan patient{.send_bytes = 100'000,
                             .send_seed = 2,
                             .receive_bytes = 100'000,
                             .receive_seed = 3,
                             .smallest_write = 500,
                             .largest_write = 500,
                             .one_write_a_turn = true};
  const TransferPlan stalled{.receive_bytes = 600'000,
                             .receive_seed = 1,
                             .stall_after = 1000,
                             .stall = Micros::seconds(60),
                             .receive_budget = 20'000};
  std::vector<const Transfer*> ends;
  net.server->listen(kServerPort, [&](const IncomingConnection&) {
    auto made = std::make_unique<Transfer>(answer_to(ends.empty() ? patient : stalled));
    ends.push_back(made.get());
    return made;
  });
  start(patient);
  world.run_for(Micros::milliseconds(200));
  for (int i = 0; i < 20; ++i) ends.push_back(&start_transfer(client_paths(net), stalled, true));

  world.run_for(Micros::seconds(2));
  EXPECT_GT(net.concentrator->counters().tcp_receive_queue_drop, 0u) << "or the pool was never full";
  EXPECT_LE(net.concentrator->pools().data_in_use(), kBuffers - kBuffers / 64);
  EXPECT_FALSE(client->is_complete());
  EXPECT_TRUE(world.run_until([this] { return client->is_complete(); }, Micros::seconds(30))) << client->describe();
  ends.push_back(client);
  EXPECT_TRUE(run_to_end(world, ends, Micros::seconds(300)));
}

struct DeathCase {
  const char* name;
  bool upload;
  bool comes_back;
};
void PrintTo(const DeathCase& c, std::ostream* out) {
  *out << c.name;
}
class ConcentratorDeath : public ConcentratorSim, public testing::WithParamInterface<DeathCase> {};

TEST_P(ConcentratorDeath, TransferSurvivesADyingAccess) {
  const DeathCase& c = GetParam();
  make({kFast, kSlow});
  TransferPlan plan;
  (c.upload ? plan.send_bytes : plan.receive_bytes) = 12'000'000;
  plan.window = 1 << 20;
  TransferPlan answer = answer_to(plan);
  answer.window = 1 << 20;
  serve(answer);
  start(plan, true, true);
  net.accesses[0]->plan_outage(Micros::milliseconds(800), c.comes_back ? Micros::seconds(2) : Micros::never());
  EXPECT_TRUE(finish(Micros::seconds(120)));
  const Micros last = c.upload ? server->received_all_at() : client->received_all_at();
  EXPECT_LT(seconds_since_start(last), 12.0);
}

INSTANTIATE_TEST_SUITE_P(All, ConcentratorDeath,
                         testing::Values(DeathCase{"Upload", true, false}, DeathCase{"Download", false, false},
                                         DeathCase{"UploadAndBack", true, true},
                                         DeathCase{"DownloadAndBack", false, true}),
                         [](const auto& test) { return test.param.name; });

TEST_F(ConcentratorSim, HundredConnectionsShareThePaths) {
  make({kFast, kSlow});
  std::vector<const Transfer*> ends;
  const TransferPlan plan{.send_bytes = 2000, .send_seed = 3, .receive_bytes = 50'000, .receive_seed = 4};
  net.server->listen(kServerPort, [&](const IncomingConnection&) {
    auto made = std::make_unique<Transfer>(answer_to(plan));
    ends.push_back(made.get());
    return made;
  });
  for (int i = 0; i < 100; ++i) ends.push_back(&start_transfer(client_paths(net), plan, true));
  EXPECT_TRUE(run_to_end(world, ends, Micros::seconds(120)));
  EXPECT_EQ(ends.size(), 200u);
}

/// The traffic classes of the segments a path carries one way.
class ClassWatch : public Middlebox {
 public:
  ClassWatch(Direction direction, std::set<int>& seen) : direction_(direction), seen_(seen) {}

 private:
  void on_segment(Direction direction, Segment segment) override {
    if (direction == direction_) seen_.insert(segment.ip.traffic_class);
    pass(direction, segment);
  }
  Direction direction_;
  std::set<int>& seen_;
};

struct LegsCase {
  bool v6;
  bool mptcp;
};
class ConcentratorLegs : public ConcentratorSim, public testing::WithParamInterface<LegsCase> {
 protected:
  std::set<int> to_client, to_server;  // the paths go on while the test is torn down
};
INSTANTIATE_TEST_SUITE_P(Families, ConcentratorLegs,
                         testing::Values(LegsCase{false, false}, LegsCase{false, true}, LegsCase{true, false},
                                         LegsCase{true, true}));

TEST_P(ConcentratorLegs, EachHasItsCodePoint) {
  make({kFast, kSlow}, {.v6 = GetParam().v6, .access_dscp = 46, .server_dscp = 10});
  for (Path* access : net.accesses) access->add_middlebox<ClassWatch>(Direction::kBackward, to_client);
  net.server_path->add_middlebox<ClassWatch>(Direction::kForward, to_server);
  const TransferPlan plan{.send_bytes = 300'000, .send_seed = 1, .receive_bytes = 300'000, .receive_seed = 2};
  ASSERT_TRUE(transfer(plan, GetParam().mptcp));
  EXPECT_EQ(to_client, std::set<int>{46 << 2});
  EXPECT_EQ(to_server, std::set<int>{10 << 2});
}

}  // namespace
}  // namespace tributary::sim
