// MPTCP between two simulated hosts over one to four paths.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/sim/plans.h"
#include "tests/sim/topology.h"

namespace tributary::sim {
namespace {

constexpr LinkParameters kFast = {.bits_per_second = 50'000'000, .delay = Micros(10'000), .queue_bytes = 200'000};
constexpr LinkParameters kSlow = {.bits_per_second = 20'000'000, .delay = Micros(30'000), .queue_bytes = 200'000};

class MptcpSim : public SimTest {
 protected:
  void make(const std::vector<LinkParameters>& links, const DirectOptions& options = {}) {
    std::vector<PathParameters> paths;
    for (const auto& link : links) paths.push_back(PathParameters::symmetric(link));
    direct = make_direct(world, paths, options);
  }
  void serve(const TransferPlan& plan) {
    direct.server->listen(kServerPort, [this, plan](const IncomingConnection& incoming) {
      offered_mptcp = incoming.mptcp;
      auto made = std::make_unique<Transfer>(plan);
      server = made.get();
      return made;
    });
  }
  void start(const TransferPlan& plan, bool reopen = false) { client = &start_transfer(direct, plan, true, reopen); }
  testing::AssertionResult transfer(const TransferPlan& plan, Micros limit = Micros::seconds(300),
                                    bool reopen = false) {
    serve(answer_to(plan));
    start(plan, reopen);
    return finish(limit);
  }
  testing::AssertionResult finish(Micros limit = Micros::seconds(300)) {
    if (!world.run_until([&] { return server != nullptr || client->is_gone(); }, limit) || server == nullptr)
      return testing::AssertionFailure() << "no connection: " << client->describe();
    return run_to_end(world, {client, server}, limit);
  }
  /// Payload bytes and all, that a path has carried from A to B or back.
  uint64_t carried(size_t path, Direction d) { return direct.paths[path]->link(d).statistics().delivered_bytes; }
  bool is_fallback(const Transfer& end) {
    const auto info = end.stack().info(end.stream());
    return info && (info->fallback || !info->mptcp);
  }
  size_t subflow_count(const Transfer& end) {
    const auto info = end.stack().info(end.stream());
    return info ? info->subflows.size() : 0;
  }
  double seconds() const { return static_cast<double>((world.loop.now() - Micros::seconds(1000)).count()) / 1e6; }

  Direct direct{};
  Transfer* client = nullptr;
  Transfer* server = nullptr;
  bool offered_mptcp = false;
};

class MptcpPaths : public MptcpSim, public testing::WithParamInterface<std::tuple<size_t, bool, bool>> {
 protected:
  void SetUp() override {
    DirectOptions options;
    options.v6 = std::get<1>(GetParam());
    options.client.mptcp_checksum = options.server.mptcp_checksum = std::get<2>(GetParam());
    make(std::vector<LinkParameters>(std::get<0>(GetParam()), {.bits_per_second = 20'000'000, .delay = Micros(10'000)}),
         options);
  }
  void expect_all_paths_used(Direction d, uint64_t bytes) {
    for (size_t i = 0; i < direct.paths.size(); ++i)
      EXPECT_GT(carried(i, d), bytes / direct.paths.size() / 4) << "path " << i;
  }
};

TEST_P(MptcpPaths, UploadUsesThemAll) {
  ASSERT_TRUE(transfer({.send_bytes = 4'000'000, .send_seed = 1, .window = 1 << 20}));
  EXPECT_TRUE(offered_mptcp);
  expect_all_paths_used(Direction::kForward, 4'000'000);
  EXPECT_EQ(direct.client->counters().payload_copies, 0u);
}

TEST_P(MptcpPaths, DownloadUsesThemAll) {
  TransferPlan plan{.receive_bytes = 4'000'000, .receive_seed = 1};
  TransferPlan sender = answer_to(plan);
  sender.window = 1 << 20;
  serve(sender);
  start(plan);
  ASSERT_TRUE(finish());
  expect_all_paths_used(Direction::kBackward, 4'000'000);
}

TEST_P(MptcpPaths, BothDirectionsAtOnce) {
  EXPECT_TRUE(transfer({.send_bytes = 1'500'000, .send_seed = 1, .receive_bytes = 1'500'000, .receive_seed = 2}));
}

INSTANTIATE_TEST_SUITE_P(All, MptcpPaths, testing::Combine(testing::Values(1, 2, 4), testing::Bool(), testing::Bool()),
                         [](const auto& test) {
                           return std::to_string(std::get<0>(test.param)) + (std::get<1>(test.param) ? "V6" : "V4") +
                                  (std::get<2>(test.param) ? "Checksum" : "");
                         });

struct LinkCase {
  const char* name;
  LinkParameters link;
  ip::PortOffloads offloads = {};
};
void PrintTo(const LinkCase& c, std::ostream* out) {
  *out << c.name;
}
class MptcpLinks : public MptcpSim, public testing::WithParamInterface<LinkCase> {};

TEST_P(MptcpLinks, TransferArrives) {
  make({GetParam().link, GetParam().link}, {.offloads = GetParam().offloads, .pass_delay = Micros(200)});
  EXPECT_TRUE(transfer({.send_bytes = 500'000, .send_seed = 1, .receive_bytes = 500'000, .receive_seed = 2}));
}

INSTANTIATE_TEST_SUITE_P(
    All, MptcpLinks,
    testing::Values(
        LinkCase{"Loss1", {.bits_per_second = 30'000'000, .delay = Micros(10'000), .loss = 0.01}},
        LinkCase{"Loss5", {.bits_per_second = 30'000'000, .delay = Micros(10'000), .loss = 0.05}},
        LinkCase{"Loss5Offloads",
                 {.bits_per_second = 30'000'000, .delay = Micros(10'000), .loss = 0.05},
                 {true, true, true, true, true}},
        LinkCase{
            "Reordering",
            {.bits_per_second = 30'000'000, .delay = Micros(10'000), .reorder = 0.05, .reorder_delay = Micros(8000)}},
        LinkCase{"Duplication", {.bits_per_second = 30'000'000, .delay = Micros(10'000), .duplicate = 0.05}},
        LinkCase{"Corruption", {.bits_per_second = 30'000'000, .delay = Micros(10'000), .corrupt = 0.03}},
        LinkCase{"ShallowQueue", {.bits_per_second = 20'000'000, .delay = Micros(20'000), .queue_bytes = 15'000}}),
    [](const auto& test) { return test.param.name; });

TEST_F(MptcpSim, TwoUnequalPathsAddUp) {
  make({kFast, kSlow});
  TransferPlan plan{.send_bytes = 40'000'000, .send_seed = 1, .window = 2 << 20};
  TransferPlan reader = answer_to(plan);
  reader.receive_budget = 2 << 20;
  serve(reader);
  start(plan);
  ASSERT_TRUE(finish());
  const double goodput = 40'000'000 * 8.0 / seconds();
  EXPECT_GT(goodput, 0.85 * 70'000'000);
  EXPECT_GT(carried(1, Direction::kForward), 40'000'000u * 15 / 100);
}

TEST_F(MptcpSim, SubflowsJoinOnlyOnce) {
  make({kFast, kSlow, kFast});
  TransferPlan plan{.send_bytes = 10'000'000, .send_seed = 1};
  serve(answer_to(plan));
  start(plan);
  world.run_for(Micros::milliseconds(700));
  EXPECT_EQ(subflow_count(*client), 3u);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(subflow_count(*server), 3u);
  EXPECT_EQ(direct.server->counters().mptcp_join_ack_rx, 2u);
  EXPECT_TRUE(finish());
}

TEST_F(MptcpSim, PeerMayGoOnSendingAfterOurHalfClose) {
  make({kFast, kSlow});
  TransferPlan plan{.send_bytes = 1000, .send_seed = 1, .receive_bytes = 1'000'000, .receive_seed = 2};
  EXPECT_TRUE(transfer(plan));
}

TEST_F(MptcpSim, EmptyConnectionOpensAndCloses) {
  make({kFast, kSlow});
  EXPECT_TRUE(transfer({}));
}

TEST_F(MptcpSim, BothCloseAtTheSameTime) {
  make({kFast, kSlow});
  const TransferPlan plan{.send_bytes = 14'000, .send_seed = 1, .receive_bytes = 14'000, .receive_seed = 2};
  serve(answer_to(plan, CloseWhen::kSent));
  start(plan);
  EXPECT_TRUE(finish());
}

TEST_F(MptcpSim, OneByteWritesArrive) {
  make({kFast, kSlow});
  EXPECT_TRUE(transfer({.send_bytes = 20'000, .send_seed = 1, .smallest_write = 1, .largest_write = 1}));
}

TEST_F(MptcpSim, OneByteAtATimeArrives) {
  make({kFast, kSlow});
  EXPECT_TRUE(
      transfer({.send_bytes = 200, .send_seed = 1, .smallest_write = 1, .largest_write = 1, .one_write_a_turn = true}));
}

TEST_F(MptcpSim, WritesOfEverySizeArrive) {
  make({kFast, {.bits_per_second = 20'000'000, .delay = Micros(5000), .loss = 0.02}});
  EXPECT_TRUE(transfer({.send_bytes = 500'000, .send_seed = 1, .smallest_write = 1, .largest_write = 1900}));
}

TEST_F(MptcpSim, StalledReaderStopsTheSenderAndMemoryStaysBounded) {
  make({kFast, kSlow});
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
  EXPECT_LE(direct.server->pools().data_in_use(), 200'000u / 1000 + 64);
  EXPECT_TRUE(finish());
  EXPECT_GT(seconds(), 30.0);
}

TEST_F(MptcpSim, SlowReaderGetsEverything) {
  make({kFast, kSlow});
  const TransferPlan plan{.send_bytes = 400'000, .send_seed = 1};
  TransferPlan reader = answer_to(plan);
  reader.receive_budget = 30'000;
  reader.read_at_once = 5000;
  reader.read_pause = Micros(7000);
  serve(reader);
  start(plan);
  EXPECT_TRUE(finish());
}

TEST_F(MptcpSim, EchoMovesPacketsBack) {
  make({{.bits_per_second = 50'000'000, .delay = Micros(5000), .loss = 0.01}, kSlow});
  direct.server->listen(kServerPort, [&](const IncomingConnection&) { return std::make_unique<Echo>(); });
  start({.send_bytes = 600'000, .send_seed = 5, .receive_bytes = 600'000, .receive_seed = 5});
  EXPECT_TRUE(run_to_end(world, {client}, Micros::seconds(120)));
}

TEST_F(MptcpSim, ClientAbortResetsTheServer) {
  make({kFast, kSlow});
  const TransferPlan plan{.send_bytes = 5'000'000, .send_seed = 1, .abort_after_sent = 1'000'000};
  serve(answer_to(plan));
  start(plan);
  ASSERT_TRUE(world.run_until([&] { return server != nullptr && server->is_gone(); }, Micros::seconds(60)));
  EXPECT_TRUE(server->was_reset());
  EXPECT_EQ(server->problem(), "");
  EXPECT_GT(direct.server->counters().mptcp_fastclose_rx, 0u);
}

TEST_F(MptcpSim, ServerAbortResetsTheClient) {
  make({kFast, kSlow});
  const TransferPlan plan{.send_bytes = 5'000'000, .send_seed = 1};
  TransferPlan reader = answer_to(plan);
  reader.abort_after_received = 500'000;
  serve(reader);
  start(plan);
  ASSERT_TRUE(world.run_until([&] { return client->is_gone(); }, Micros::seconds(60)));
  EXPECT_TRUE(client->was_reset());
  EXPECT_GT(direct.client->counters().mptcp_fastclose_rx, 0u);
}

TEST_F(MptcpSim, BackupPathCarriesNothingWhileTheOtherWorks) {
  make({kFast, kSlow});
  TransferPlan plan{.send_bytes = 3'000'000, .send_seed = 1};
  serve(answer_to(plan));
  direct.paths.resize(1);  // only the first is opened by the helper
  start(plan);
  direct.paths.push_back(nullptr);
  SubflowKeeper(*client, {{1, direct.client_address(1), direct.server_address(1), kServerPort, true}});
  world.run_for(Micros::milliseconds(300));
  ASSERT_EQ(subflow_count(*client), 2u);
  EXPECT_TRUE(client->stack().info(client->stream())->subflows[1].backup);
  EXPECT_TRUE(finish());
  EXPECT_LT(client->host().counters().mptcp_retransmitted, 20u);
}

TEST_F(MptcpSim, BackupPathTakesOverWhenTheOtherDies) {
  make({kFast, kSlow});
  Path& first = *direct.paths[0];
  Path& second = *direct.paths[1];
  TransferPlan plan{.send_bytes = 5'000'000, .send_seed = 1};
  serve(answer_to(plan));
  direct.paths.resize(1);
  start(plan);
  SubflowKeeper(*client, {{1, direct.client_address(1), direct.server_address(1), kServerPort, true}});
  first.plan_outage(Micros::milliseconds(500), Micros::never());
  EXPECT_TRUE(finish());
  EXPECT_GT(second.link(Direction::kForward).statistics().delivered_bytes, 1'000'000u);
}

struct DeathCase {
  const char* name;
  bool upload;
  size_t path;
  bool comes_back;
  bool one_way;  ///< only the data's direction dies
};
void PrintTo(const DeathCase& c, std::ostream* out) {
  *out << c.name;
}
class MptcpDeath : public MptcpSim, public testing::WithParamInterface<DeathCase> {};

TEST_P(MptcpDeath, TransferCompletes) {
  const DeathCase& c = GetParam();
  make({kFast, kSlow});
  const TransferPlan plan = c.upload ? TransferPlan{.send_bytes = 15'000'000, .send_seed = 1, .window = 1 << 20}
                                     : TransferPlan{.receive_bytes = 15'000'000, .receive_seed = 1};
  TransferPlan other = answer_to(plan);
  other.window = 1 << 20;
  serve(other);
  start(plan, true);
  const Direction data = c.upload ? Direction::kForward : Direction::kBackward;
  Path& path = *direct.paths[c.path];
  const Micros death = Micros::milliseconds(700), rest = Micros::seconds(2);
  auto set_up = [&path, data, &c](bool up) {
    if (c.one_way)
      path.link(data).set_up(up);
    else
      path.set_up(up);
  };
  uint64_t before = 0, at_return = 0;
  world.loop.after(death, [&] {
    set_up(false);
    before = carried(c.path, data);
  });
  if (c.comes_back)
    world.loop.after(death + rest, [&] {
      set_up(true);
      at_return = carried(c.path, data);
    });
  EXPECT_TRUE(finish(Micros::seconds(120)));
  EXPECT_GT(before, 100'000u) << "the path was in use before it died";
  const Micros last_byte = c.upload ? server->received_all_at() : client->received_all_at();
  EXPECT_LT(last_byte, Micros::seconds(1020)) << "the other path had room for it all";
  const uint64_t expected_at_end = c.comes_back ? at_return + 100'000 : before;
  EXPECT_GE(carried(c.path, data), expected_at_end) << "the path was not taken up again";
}

INSTANTIATE_TEST_SUITE_P(All, MptcpDeath,
                         testing::Values(DeathCase{"UploadFastPath", true, 0, false, false},
                                         DeathCase{"UploadSlowPath", true, 1, false, false},
                                         DeathCase{"DownloadFastPath", false, 0, false, false},
                                         DeathCase{"DownloadSlowPath", false, 1, false, false},
                                         DeathCase{"UploadFastPathOneWay", true, 0, false, true},
                                         DeathCase{"DownloadFastPathOneWay", false, 0, false, true},
                                         DeathCase{"UploadAndBack", true, 0, true, false},
                                         DeathCase{"DownloadAndBack", false, 0, true, false}),
                         [](const auto& test) { return test.param.name; });

struct FallbackCase {
  const char* name;
  OptionStripper::Rule rule;
};
void PrintTo(const FallbackCase& c, std::ostream* out) {
  *out << c.name;
}
class MptcpFallback : public MptcpSim, public testing::WithParamInterface<FallbackCase> {};

TEST_P(MptcpFallback, OnePathGoesOnAsTcp) {
  make({kFast});
  auto& box = direct.paths[0]->add_middlebox<OptionStripper>(GetParam().rule);
  const TransferPlan plan{.send_bytes = 400'000, .send_seed = 1, .receive_bytes = 400'000, .receive_seed = 2};
  serve(answer_to(plan));
  start(plan);
  world.run_for(Micros::milliseconds(120));
  EXPECT_TRUE(is_fallback(*client));
  ASSERT_NE(server, nullptr);
  EXPECT_TRUE(is_fallback(*server));
  EXPECT_TRUE(finish());
  EXPECT_GT(box.changed(), 0u);
}

TEST_P(MptcpFallback, DownloadGoesOnAsTcp) {
  make({kFast});
  direct.paths[0]->add_middlebox<OptionStripper>(GetParam().rule);
  EXPECT_TRUE(transfer({.receive_bytes = 400'000, .receive_seed = 2}));
}

INSTANTIATE_TEST_SUITE_P(
    Places, MptcpFallback,
    testing::Values(FallbackCase{"Syn", {.from_syn = true}}, FallbackCase{"SynAck", {.from_syn_ack = true}},
                    FallbackCase{"NonSyn", {.from_non_syn = true}},
                    FallbackCase{"NonSynForward", {.from_non_syn = true, .only = Direction::kForward}},
                    FallbackCase{"NonSynBackward", {.from_non_syn = true, .only = Direction::kBackward}}),
    [](const auto& test) { return test.param.name; });

TEST_F(MptcpSim, JoinWithoutOptionsLeavesTheOtherPathAlone) {
  make({kFast, kSlow});
  direct.paths[1]->add_middlebox<OptionStripper>(OptionStripper::Rule{.from_syn = true});
  EXPECT_TRUE(transfer({.send_bytes = 2'000'000, .send_seed = 1, .receive_bytes = 500'000, .receive_seed = 2}));
}

TEST_F(MptcpSim, DssStrippedLaterOnOnePathMovesTheDataToTheOther) {
  make({kFast, kSlow});
  auto& box = direct.paths[1]->add_middlebox<OptionStripper>(
      OptionStripper::Rule{.from_non_syn = true, .after_segments = 40, .subtype = uint8_t{2}});
  EXPECT_TRUE(transfer({.send_bytes = 6'000'000, .send_seed = 1, .window = 1 << 20}));
  EXPECT_GT(box.changed(), 0u);
}

struct BoxCase {
  const char* name;
  std::function<void(Path&)> add;
  bool on_every_path = true;
};
void PrintTo(const BoxCase& c, std::ostream* out) {
  *out << c.name;
}
class MptcpMiddleboxes : public MptcpSim, public testing::WithParamInterface<BoxCase> {};

TEST_P(MptcpMiddleboxes, TransferArrives) {
  make({kFast, kSlow});
  GetParam().add(*direct.paths[1]);
  if (GetParam().on_every_path) GetParam().add(*direct.paths[0]);
  EXPECT_TRUE(transfer({.send_bytes = 1'500'000, .send_seed = 1, .receive_bytes = 700'000, .receive_seed = 2}));
}

INSTANTIATE_TEST_SUITE_P(
    All, MptcpMiddleboxes,
    testing::Values(
        BoxCase{"SequenceRewriter", [](Path& p) { p.add_middlebox<SequenceRewriter>(Prng(9)); }},
        BoxCase{"Splitter", [](Path& p) { p.add_middlebox<Splitter>(500, Splitter::Options::kOnEveryPiece); }},
        BoxCase{"SplitterFirstOnly", [](Path& p) { p.add_middlebox<Splitter>(500, Splitter::Options::kOnFirstPiece); }},
        BoxCase{"CoalescerOnOnePath", [](Path& p) { p.add_middlebox<Coalescer>(1800, Micros(300)); }, false}),
    [](const auto& test) { return test.param.name; });

class MptcpRewriting : public MptcpSim {
 protected:
  void make_with_checksums(const std::vector<LinkParameters>& links) {
    DirectOptions options;
    options.client.mptcp_checksum = options.server.mptcp_checksum = true;
    make(links, options);
  }
};

TEST_F(MptcpRewriting, ChecksumTakesTheRewrittenPathOutOfUse) {
  make_with_checksums({kFast, kSlow});
  direct.paths[1]->add_middlebox<PayloadRewriter>(Direction::kForward, 20, 5);
  EXPECT_TRUE(transfer({.send_bytes = 6'000'000, .send_seed = 1, .window = 1 << 20}));
  EXPECT_GT(direct.server->counters().mptcp_dss_checksum, 0u);
  EXPECT_GT(direct.server->counters().mptcp_fail_tx, 0u);
}

// RFC 8684 §3.7: what a middlebox changes on the only path arrives changed, as with TCP.
TEST_F(MptcpRewriting, OnTheOnlyPathTheConnectionGoesOnAsTcp) {
  make_with_checksums({kFast});
  direct.paths[0]->add_middlebox<PayloadRewriter>(Direction::kForward, 30, 1'000'000);
  const TransferPlan plan{.send_bytes = 1'000'000, .send_seed = 1};
  serve(answer_to(plan));
  start(plan);
  ASSERT_TRUE(world.run_until([&] { return client->is_gone() && server != nullptr && server->is_gone(); },
                              Micros::seconds(200)));
  EXPECT_EQ(server->received(), 1'000'000u) << "not a byte more or less";
  EXPECT_NE(server->problem(), "") << "the middlebox did nothing";
  EXPECT_FALSE(server->was_reset());
  EXPECT_FALSE(client->was_reset());
  EXPECT_GT(direct.server->counters().mptcp_fail_tx, 0u);
  EXPECT_GT(direct.client->counters().mptcp_fail_rx, 0u);
  EXPECT_EQ(direct.server->counters().mptcp_fallback_data, 1u);
  EXPECT_EQ(direct.client->counters().mptcp_fallback_data, 1u);
}

}  // namespace
}  // namespace tributary::sim
