// TCP between two simulated hosts.
#include <gtest/gtest.h>

#include "tests/sim/plans.h"
#include "tests/sim/topology.h"

namespace tributary::sim {
namespace {

constexpr LinkParameters kGood = {.bits_per_second = 50'000'000, .delay = Micros(10'000)};

class TcpSim : public SimTest {
 protected:
  Direct& make(const LinkParameters& link, const DirectOptions& options = {}) {
    direct = make_direct(world, {PathParameters::symmetric(link)}, options);
    return direct;
  }
  void serve(const TransferPlan& plan) {
    direct.server->listen(kServerPort, [this, plan](const IncomingConnection&) {
      auto made = std::make_unique<Transfer>(plan);
      server = made.get();
      return made;
    });
  }
  Transfer& start(const TransferPlan& plan) { return *(client = &start_transfer(direct, plan, false)); }
  /// One transfer with the default behaviour at both ends.
  testing::AssertionResult transfer(const TransferPlan& plan, Micros limit = Micros::seconds(300)) {
    serve(answer_to(plan));
    start(plan);
    return finish(limit);
  }
  testing::AssertionResult finish(Micros limit = Micros::seconds(300)) {
    if (!world.run_until([&] { return server != nullptr || client->is_gone(); }, limit) || server == nullptr)
      return testing::AssertionFailure() << "no connection: " << client->describe();
    return run_to_end(world, {client, server}, limit);
  }
  double seconds() const { return static_cast<double>((world.loop.now() - Micros::seconds(1000)).count()) / 1e6; }

  Direct direct{};
  Transfer* client = nullptr;
  Transfer* server = nullptr;
};

struct LinkCase {
  const char* name;
  LinkParameters link;
  bool v6 = false;
  ip::PortOffloads offloads = {};
  Micros pass_delay = Micros(0);
};
void PrintTo(const LinkCase& c, std::ostream* out) {
  *out << c.name;
}

class TcpLinks : public TcpSim, public testing::WithParamInterface<LinkCase> {};

TEST_P(TcpLinks, UploadArrives) {
  make(GetParam().link, {.v6 = GetParam().v6, .offloads = GetParam().offloads, .pass_delay = GetParam().pass_delay});
  EXPECT_TRUE(transfer({.send_bytes = 700'000, .send_seed = 1}));
}

TEST_P(TcpLinks, DownloadArrives) {
  make(GetParam().link, {.v6 = GetParam().v6, .offloads = GetParam().offloads, .pass_delay = GetParam().pass_delay});
  EXPECT_TRUE(transfer({.receive_bytes = 700'000, .receive_seed = 1}));
}

TEST_P(TcpLinks, BothDirectionsAtOnceArrive) {
  make(GetParam().link, {.v6 = GetParam().v6, .offloads = GetParam().offloads, .pass_delay = GetParam().pass_delay});
  EXPECT_TRUE(transfer({.send_bytes = 400'000, .send_seed = 1, .receive_bytes = 600'000, .receive_seed = 2}));
}

constexpr ip::PortOffloads kAllOffloads = {true, true, true, true, true};
constexpr ip::PortOffloads kChainsOnly = {false, false, false, false, true};

INSTANTIATE_TEST_SUITE_P(
    All, TcpLinks,
    testing::Values(
        LinkCase{"Clean", kGood}, LinkCase{"V6", kGood, true}, LinkCase{"Offloads", kGood, false, kAllOffloads},
        LinkCase{"OffloadsV6", kGood, true, kAllOffloads}, LinkCase{"Bursts", kGood, false, {}, Micros(2000)},
        LinkCase{"NoDelay", {.bits_per_second = 1'000'000'000}},
        LinkCase{"Loss1", {.bits_per_second = 50'000'000, .delay = Micros(10'000), .loss = 0.01}},
        LinkCase{"Loss5", {.bits_per_second = 50'000'000, .delay = Micros(10'000), .loss = 0.05}},
        LinkCase{
            "Loss5Chains", {.bits_per_second = 50'000'000, .delay = Micros(10'000), .loss = 0.05}, false, kChainsOnly},
        LinkCase{"Loss5Offloads",
                 {.bits_per_second = 50'000'000, .delay = Micros(10'000), .loss = 0.05},
                 false,
                 kAllOffloads},
        LinkCase{
            "BurstLoss",
            {.bits_per_second = 50'000'000, .delay = Micros(10'000), .burst = 0.005, .burst_length = Micros(20'000)}},
        LinkCase{
            "Reordering",
            {.bits_per_second = 50'000'000, .delay = Micros(10'000), .reorder = 0.05, .reorder_delay = Micros(8000)}},
        LinkCase{"Duplication", {.bits_per_second = 50'000'000, .delay = Micros(10'000), .duplicate = 0.05}},
        LinkCase{"Corruption", {.bits_per_second = 50'000'000, .delay = Micros(10'000), .corrupt = 0.03}},
        LinkCase{"CorruptionV6", {.bits_per_second = 50'000'000, .delay = Micros(10'000), .corrupt = 0.03}, true},
        LinkCase{"ShallowQueue", {.bits_per_second = 20'000'000, .delay = Micros(20'000), .queue_bytes = 15'000}},
        LinkCase{"Everything",
                 {.bits_per_second = 20'000'000,
                  .delay = Micros(15'000),
                  .queue_bytes = 60'000,
                  .loss = 0.02,
                  .burst = 0.001,
                  .burst_length = Micros(20'000),
                  .reorder = 0.05,
                  .reorder_delay = Micros(5000),
                  .duplicate = 0.02,
                  .corrupt = 0.02},
                 false,
                 {},
                 Micros(500)}),
    [](const auto& test) { return test.param.name; });

TEST_F(TcpSim, CleanPathIsUsedWell) {
  make({.bits_per_second = 50'000'000, .delay = Micros(10'000), .queue_bytes = 400'000});
  ASSERT_TRUE(transfer({.send_bytes = 20'000'000, .send_seed = 1, .window = 1 << 20}));
  const double goodput = 20'000'000 * 8.0 / seconds();
  EXPECT_GT(goodput, 0.85 * 50'000'000);
  EXPECT_EQ(direct.client->counters().tcp_timeouts, 0u);
}

TEST_F(TcpSim, CleanPathHasNoRetransmission) {
  make({.bits_per_second = 50'000'000, .delay = Micros(10'000), .queue_bytes = 4'000'000});
  ASSERT_TRUE(transfer({.send_bytes = 3'000'000, .send_seed = 1}));
  EXPECT_EQ(direct.client->counters().tcp_retransmitted, 0u);
  EXPECT_EQ(direct.server->counters().tcp_retransmitted, 0u);
  EXPECT_EQ(direct.client->counters().payload_copies, 0u);
  EXPECT_EQ(direct.client->counters().tcp_checksum_errors + direct.server->counters().tcp_checksum_errors, 0u);
}

TEST_F(TcpSim, CorruptedSegmentsAreCountedAndDropped) {
  make({.bits_per_second = 50'000'000, .delay = Micros(5000), .corrupt = 0.05});
  ASSERT_TRUE(transfer({.send_bytes = 500'000, .send_seed = 1}));
  const Counters& c = direct.server->counters();
  EXPECT_GT(c.tcp_checksum_errors + c.drop_ip_checksum + c.drop_malformed, 5u);
}

TEST_F(TcpSim, PeerMayGoOnSendingAfterOurHalfClose) {
  make(kGood);
  // The client closes at once; the server sends only after it has seen that.
  TransferPlan plan{.send_bytes = 1000, .send_seed = 1, .receive_bytes = 300'000, .receive_seed = 2};
  EXPECT_TRUE(transfer(plan));
}

TEST_F(TcpSim, EmptyConnectionOpensAndCloses) {
  make(kGood);
  EXPECT_TRUE(transfer({}));
}

TEST_F(TcpSim, BothCloseAtTheSameTime) {
  make(kGood);
  const TransferPlan plan{.send_bytes = 14'000, .send_seed = 1, .receive_bytes = 14'000, .receive_seed = 2};
  serve(answer_to(plan, CloseWhen::kSent));
  start(plan);
  EXPECT_TRUE(finish());
}

TEST_F(TcpSim, OneByteWritesArrive) {
  make(kGood);
  EXPECT_TRUE(transfer({.send_bytes = 20'000, .send_seed = 1, .smallest_write = 1, .largest_write = 1}));
}

TEST_F(TcpSim, OneByteAtATimeArrives) {
  make({.bits_per_second = 50'000'000, .delay = Micros(500)});
  EXPECT_TRUE(
      transfer({.send_bytes = 300, .send_seed = 1, .smallest_write = 1, .largest_write = 1, .one_write_a_turn = true}));
}

TEST_F(TcpSim, WritesOfEverySizeArrive) {
  make({.bits_per_second = 50'000'000, .delay = Micros(5000), .loss = 0.02});
  EXPECT_TRUE(transfer({.send_bytes = 500'000, .send_seed = 1, .smallest_write = 1, .largest_write = 1900}));
}

TEST_F(TcpSim, StalledReaderStopsTheSenderAndMemoryStaysBounded) {
  make(kGood);
  const TransferPlan plan{.send_bytes = 2'000'000, .send_seed = 1};
  TransferPlan reader = answer_to(plan);
  reader.stall_after = 300'000;
  reader.stall = Micros::seconds(30);
  reader.receive_budget = 200'000;
  serve(reader);
  start(plan);
  world.run_for(Micros::seconds(15));
  ASSERT_NE(server, nullptr);
  EXPECT_LT(server->received(), 600'000u);
  const uint32_t buffers = direct.server->pools().data_in_use();
  EXPECT_LE(buffers, 200'000u / 1000 + 64);
  EXPECT_GT(direct.client->counters().tcp_window_probes, 0u);
  EXPECT_TRUE(finish());
  EXPECT_GT(seconds(), 30.0);
}

TEST_F(TcpSim, WindowUpdateThatIsLostDoesNotStopTheTransfer) {
  make(kGood);
  const TransferPlan plan{.send_bytes = 600'000, .send_seed = 1};
  TransferPlan reader = answer_to(plan);
  reader.receive_budget = 100'000;
  reader.stall_after = 50'000;
  reader.stall = Micros::seconds(5);
  serve(reader);
  start(plan);
  // The reader wakes in the middle of this: its window update is lost.
  direct.paths[0]->plan_outage(Micros::seconds(4), Micros::seconds(3));
  EXPECT_TRUE(finish());
}

TEST_F(TcpSim, SlowReaderGetsEverything) {
  make(kGood);
  const TransferPlan plan{.send_bytes = 400'000, .send_seed = 1};
  TransferPlan reader = answer_to(plan);
  reader.receive_budget = 30'000;
  reader.read_at_once = 5000;
  reader.read_pause = Micros(7000);
  serve(reader);
  start(plan);
  EXPECT_TRUE(finish());
}

TEST_F(TcpSim, TinyBudgetStillMovesData) {
  make(kGood);
  const TransferPlan plan{.send_bytes = 50'000, .send_seed = 1};
  TransferPlan reader = answer_to(plan);
  reader.receive_budget = 2000;
  serve(reader);
  start(plan);
  EXPECT_TRUE(finish());
}

TEST_F(TcpSim, ClientAbortResetsTheServer) {
  make(kGood);
  const TransferPlan plan{.send_bytes = 5'000'000, .send_seed = 1, .abort_after_sent = 1'000'000};
  serve(answer_to(plan));
  start(plan);
  ASSERT_TRUE(world.run_until([&] { return server != nullptr && server->is_gone(); }, Micros::seconds(60)));
  EXPECT_TRUE(server->was_reset());
  EXPECT_EQ(server->error(), StreamError::kReset);
  EXPECT_EQ(server->problem(), "");
}

TEST_F(TcpSim, ServerAbortResetsTheClient) {
  make(kGood);
  const TransferPlan plan{.send_bytes = 5'000'000, .send_seed = 1};
  TransferPlan reader = answer_to(plan);
  reader.abort_after_received = 500'000;
  serve(reader);
  start(plan);
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(60)));
  EXPECT_TRUE(client->was_reset());
  EXPECT_EQ(client->error(), StreamError::kReset);
}

TEST_F(TcpSim, ClosedPortRefuses) {
  make(kGood);
  start({.send_bytes = 10});
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(60)));
  EXPECT_EQ(client->error(), StreamError::kRefused);
}

TEST_F(TcpSim, AcceptorThatRefusesResets) {
  make(kGood);
  direct.server->listen(kServerPort, [](const IncomingConnection&) { return nullptr; });
  start({.send_bytes = 10});
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(60)));
  EXPECT_EQ(client->error(), StreamError::kRefused);
}

TEST_F(TcpSim, DeadPeerTimesOut) {
  make({.bits_per_second = 50'000'000, .delay = Micros(10'000), .up = false});
  start({.send_bytes = 10});
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(300)));
  EXPECT_TRUE(client->was_reset());
  EXPECT_TRUE(client->error() == StreamError::kTimeout || client->error() == StreamError::kUnreachable);
}

TEST_F(TcpSim, AnAbsentNeighbourEndsTheOpenSoon) {
  make({.bits_per_second = 50'000'000, .delay = Micros(10'000), .up = false});
  start({.send_bytes = 10});
  const Micros begin = client->host().now();
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(300)));
  EXPECT_EQ(client->error(), StreamError::kUnreachable);
  EXPECT_LT((client->host().now() - begin).count(), Micros::seconds(10).count()) << "not after all SYNs";
}

TEST_F(TcpSim, SynRetransmissionsGetThrough) {
  make({.bits_per_second = 50'000'000, .delay = Micros(10'000)});
  direct.paths[0]->set_up(false);
  direct.paths[0]->plan_outage(Micros(0), Micros::seconds(2));
  EXPECT_TRUE(transfer({.send_bytes = 100'000, .send_seed = 1}));
}

TEST_F(TcpSim, OutageInMidTransferIsSurvived) {
  make(kGood);
  direct.paths[0]->plan_outage(Micros::milliseconds(200), Micros::seconds(8));
  EXPECT_TRUE(transfer({.send_bytes = 3'000'000, .send_seed = 1}));
  EXPECT_GT(direct.client->counters().tcp_timeouts, 0u);
  EXPECT_LT(seconds(), 20.0);
}

TEST_F(TcpSim, PathForGoodDeadTimesOutBothEnds) {
  make(kGood);
  const TransferPlan plan{.send_bytes = 3'000'000, .send_seed = 1, .receive_bytes = 3'000'000, .receive_seed = 2};
  serve(answer_to(plan, CloseWhen::kSent));
  start(plan);
  direct.paths[0]->plan_outage(Micros::milliseconds(200), Micros::never());
  ASSERT_TRUE(world.run_until([&] { return client->is_gone() && server->is_gone(); }, Micros::seconds(2000)));
  EXPECT_EQ(client->error(), StreamError::kTimeout);
  EXPECT_EQ(server->error(), StreamError::kTimeout);
}

TEST_F(TcpSim, EchoMovesPacketsBack) {
  make({.bits_per_second = 50'000'000, .delay = Micros(5000), .loss = 0.01});
  Echo* echo = nullptr;
  direct.server->listen(kServerPort, [&](const IncomingConnection&) {
    auto made = std::make_unique<Echo>();
    echo = made.get();
    return made;
  });
  start({.send_bytes = 600'000, .send_seed = 5, .receive_bytes = 600'000, .receive_seed = 5});
  EXPECT_TRUE(run_to_end(world, {client}, Micros::seconds(120)));
  ASSERT_NE(echo, nullptr);
  EXPECT_EQ(echo->echoed(), 600'000u);
}

TEST_F(TcpSim, EchoOfAllSizesMovesPacketsBack) {
  make({.bits_per_second = 50'000'000,
        .delay = Micros(5000),
        .loss = 0.01,
        .reorder = 0.02,
        .reorder_delay = Micros(4000)});
  direct.server->listen(kServerPort, [&](const IncomingConnection&) { return std::make_unique<Echo>(); });
  start({.send_bytes = 300'000,
         .send_seed = 5,
         .receive_bytes = 300'000,
         .receive_seed = 5,
         .smallest_write = 1,
         .largest_write = 1900});
  EXPECT_TRUE(run_to_end(world, {client}, Micros::seconds(120)));
}

TEST_F(TcpSim, ManyConnectionsAtOnce) {
  make({.bits_per_second = 100'000'000, .delay = Micros(5000), .loss = 0.005});
  std::vector<const Transfer*> ends;
  const TransferPlan plan{.send_bytes = 20'000, .send_seed = 3, .receive_bytes = 60'000, .receive_seed = 4};
  direct.server->listen(kServerPort, [&](const IncomingConnection&) {
    auto made = std::make_unique<Transfer>(answer_to(plan));
    ends.push_back(made.get());
    return made;
  });
  for (int i = 0; i < 60; ++i) ends.push_back(&start_transfer(direct, plan, false));
  EXPECT_TRUE(run_to_end(world, ends, Micros::seconds(300)));
  EXPECT_TRUE(world.run_until([&] { return ends.size() == 120; }, Micros::seconds(60)));
}

struct BoxCase {
  const char* name;
  void (*add)(Path&);
};
void PrintTo(const BoxCase& c, std::ostream* out) {
  *out << c.name;
}
/// A firewall that takes an option out of SYNs.
void strip(Path& path, uint8_t kind) {
  path.add_middlebox<OptionStripper>(OptionStripper::Rule{.from_syn = true, .kind = kind});
}
class TcpMiddleboxes : public TcpSim, public testing::WithParamInterface<BoxCase> {};

TEST_P(TcpMiddleboxes, TransferArrives) {
  make({.bits_per_second = 50'000'000,
        .delay = Micros(5000),
        .loss = 0.01,
        .reorder = 0.01,
        .reorder_delay = Micros(3000)});
  GetParam().add(*direct.paths[0]);
  EXPECT_TRUE(transfer({.send_bytes = 400'000, .send_seed = 1, .receive_bytes = 400'000, .receive_seed = 2}));
}

INSTANTIATE_TEST_SUITE_P(
    All, TcpMiddleboxes,
    testing::Values(BoxCase{"SequenceRewriter", [](Path& p) { p.add_middlebox<SequenceRewriter>(Prng(9)); }},
                    BoxCase{"Splitter",
                            [](Path& p) { p.add_middlebox<Splitter>(500, Splitter::Options::kOnEveryPiece); }},
                    BoxCase{"NoTimestamps", [](Path& p) { strip(p, kOptionTimestamps); }},
                    BoxCase{"NoSack", [](Path& p) { strip(p, kOptionSackPermitted); }},
                    BoxCase{"NoWindowScale", [](Path& p) { strip(p, kOptionWindowScale); }},
                    BoxCase{"NoOptions",
                            [](Path& p) {
                              for (const uint8_t kind : {kOptionTimestamps, kOptionSackPermitted, kOptionWindowScale})
                                strip(p, kind);
                            }},
                    BoxCase{"Coalescer", [](Path& p) { p.add_middlebox<Coalescer>(1800, Micros(300)); }}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace tributary::sim
