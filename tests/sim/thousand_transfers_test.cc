// A thousand transfers of random sizes over random networks arrive byte-exact. Each is a world of its own,
// named by its seed: `TRIBUTARY_SIM_SEED=<seed>` runs just that one, `TRIBUTARY_SIM_RUNS=<n>` so many from
// there on.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/concentrator.h"
#include "tests/sim/plans.h"
#include "tests/sim/topology.h"

namespace tributary::sim {
namespace {

constexpr uint64_t kFirstSeed = 1;
constexpr unsigned kRuns = 1000;
constexpr Micros kTransferLimit = Micros::seconds(900);

LinkParameters random_link(Prng& prng) {
  LinkParameters link;
  link.bits_per_second = prng.magnitude(2'000'000, 200'000'000);
  link.delay = Micros(static_cast<int64_t>(prng.magnitude(100, 60'000)));
  link.queue_bytes = static_cast<uint32_t>(prng.magnitude(20'000, 500'000));
  if (prng.chance(0.5)) link.loss = prng.real(0, 0.05);
  if (prng.chance(0.1)) {
    link.burst = prng.real(0, 0.003);
    link.burst_length = Micros(static_cast<int64_t>(prng.magnitude(1000, 200'000)));
  }
  if (prng.chance(0.4)) {
    link.reorder = prng.real(0, 0.1);
    link.reorder_delay = Micros(static_cast<int64_t>(prng.magnitude(100, 30'000)));
  }
  if (prng.chance(0.3)) link.duplicate = prng.real(0, 0.05);
  if (prng.chance(0.3)) link.corrupt = prng.real(0, 0.02);
  return link;
}

void add_random_middlebox(Path& path, Prng& prng, bool mptcp) {
  switch (prng.below(mptcp ? 6 : 4)) {
    case 0:
      path.add_middlebox<SequenceRewriter>(prng.fork());
      return;
    case 1:
      path.add_middlebox<Splitter>(prng.between(200, 1300), Splitter::Options::kOnEveryPiece);
      return;
    case 2:
      path.add_middlebox<Splitter>(prng.between(200, 1300), Splitter::Options::kOnFirstPiece);
      return;
    case 3: {
      constexpr uint8_t kKinds[] = {kOptionTimestamps, kOptionSackPermitted, kOptionWindowScale};
      path.add_middlebox<OptionStripper>(OptionStripper::Rule{.from_syn = true, .kind = kKinds[prng.below(3)]});
      return;
    }
    case 4:
      path.add_middlebox<OptionStripper>(OptionStripper::Rule{.from_syn = true});
      return;
    default:
      path.add_middlebox<OptionStripper>(OptionStripper::Rule{.from_syn_ack = true});
      return;
  }
}

TransferPlan random_plan(Prng& prng) {
  TransferPlan plan;
  const uint64_t shape = prng.below(4);
  if (shape != 1) plan.send_bytes = prng.magnitude(1, 8'000'000);
  if (shape != 0) plan.receive_bytes = prng.magnitude(1, 8'000'000);
  plan.send_seed = prng.u64();
  plan.receive_seed = prng.u64();
  return plan;
}

void vary_end(TransferPlan& plan, Prng& prng) {
  if (prng.chance(0.3)) {
    plan.smallest_write = 1;
    plan.largest_write = static_cast<uint32_t>(prng.magnitude(1, 1900));
    // Tiny pieces cost a buffer each until they are sent.
    if (plan.largest_write < 200) plan.send_bytes = std::min<uint64_t>(plan.send_bytes, 50'000);
  }
  if (prng.chance(0.3)) plan.window = static_cast<uint32_t>(prng.magnitude(3000, 500'000));
  if (prng.chance(0.3)) plan.receive_budget = static_cast<uint32_t>(prng.magnitude(10'000, 1'000'000));
  if (prng.chance(0.1)) {
    plan.stall_after = prng.below(plan.receive_bytes + 1);
    plan.stall = Micros(static_cast<int64_t>(prng.magnitude(10'000, 10'000'000)));
  }
}

struct Net {
  ClientPaths client;
  Host* server;
  std::vector<Path*> paths;  ///< of the client
};

/// Client and server with nothing but the paths between them, or with a concentrator.
Net make_net(World& world, const std::vector<PathParameters>& paths, Prng& prng) {
  const bool v6 = prng.chance(0.3);
  Settings settings[3];
  for (Settings& s : settings) {
    s = HostConfig::small_settings();
    s.mptcp_checksum = prng.chance(0.2);
    constexpr congestion::Algorithm kAll[] = {congestion::Algorithm::kCubic, congestion::Algorithm::kNewReno,
                                              congestion::Algorithm::kBbr};
    s.algorithm = kAll[prng.below(std::size(kAll))];
  }
  ip::PortOffloads offloads;
  if (prng.chance(0.3))
    offloads = {true, true, true, true, true};
  else
    offloads.transmit_multi_segment = prng.chance(0.5);
  Micros pass_delay;
  if (prng.chance(0.5)) pass_delay = Micros(static_cast<int64_t>(prng.magnitude(10, 1000)));

  if (prng.chance(0.5)) {
    const Direct direct = make_direct(
        world, paths,
        {.v6 = v6, .client = settings[0], .server = settings[1], .offloads = offloads, .pass_delay = pass_delay});
    return {client_paths(direct), direct.server, direct.paths};
  }
  ConcentratedOptions options;
  options.v6 = v6;
  options.preserve = prng.chance(0.3);
  options.client = settings[0];
  options.concentrator = settings[2];
  options.server = settings[1];
  options.offloads = offloads;
  options.pass_delay = pass_delay;
  options.budget = static_cast<uint32_t>(prng.magnitude(50'000, 1'000'000));
  options.max_budget = 4 * options.budget;
  const Concentrated concentrated = make_concentrated(world, paths, {random_link(prng), random_link(prng)}, options);
  return {client_paths(concentrated), concentrated.server, concentrated.accesses};
}

/// Runs one world. Returns what went wrong, or nothing.
std::string run_one(uint64_t seed) {
  World world(seed, "thousand");
  Prng& prng = world.prng;
  const bool mptcp = prng.chance(0.75);
  const size_t path_count = mptcp ? prng.between(1, 4) : 1;
  std::vector<PathParameters> parameters;
  for (size_t i = 0; i < path_count; ++i) parameters.push_back({random_link(prng), random_link(prng)});
  const Net net = make_net(world, parameters, prng);
  if (prng.chance(0.2)) add_random_middlebox(*net.paths[prng.below(path_count)], prng, mptcp);

  TransferPlan plan = random_plan(prng);
  vary_end(plan, prng);
  TransferPlan answer = answer_to(plan, prng.chance(0.5) ? CloseWhen::kSent : CloseWhen::kPeerClosed);
  vary_end(answer, prng);
  plan.receive_bytes = answer.send_bytes;
  answer.receive_bytes = plan.send_bytes;

  // A path dies: for good only when another may be left (the first carries the handshake, so not too early).
  if (prng.chance(0.4)) {
    const size_t victim = prng.below(path_count);
    const Micros when(static_cast<int64_t>(prng.magnitude(100'000, 3'000'000)));
    const Micros length(static_cast<int64_t>(prng.magnitude(10'000, 10'000'000)));
    const bool for_good = path_count > 1 && victim > 0 && prng.chance(0.5);
    net.paths[victim]->plan_outage(when, for_good ? Micros::never() : length);
  }

  // A SYN duplicated by the network, or one whose MP_JOIN was stripped, opens a connection of its own that
  // the client resets: it must come to nothing.
  std::vector<Transfer*> servers;
  bool over = false;
  net.server->listen(kServerPort, [&](const IncomingConnection&) -> std::unique_ptr<Application> {
    if (over) return nullptr;
    auto made = std::make_unique<Transfer>(answer);
    servers.push_back(made.get());
    return made;
  });
  Transfer& client = start_transfer(net.client, plan, mptcp, prng.chance(0.5));
  std::string wrong;
  const auto all_servers = [&](auto&& holds) { return std::all_of(servers.begin(), servers.end(), holds); };
  world.run_until(
      [&] {
        return client.is_gone() &&
               std::any_of(servers.begin(), servers.end(), [](Transfer* t) { return t->is_complete(); });
      },
      kTransferLimit);
  // A reset that was lost leaves a stray's server waiting for good, as it would anywhere.
  world.run_until([&] { return all_servers([](Transfer* t) { return t->is_gone(); }); }, Micros::seconds(5));
  over = true;
  net.server->post([&] {
    for (Transfer* server : servers) server->abort();
  });
  const auto served = std::count_if(servers.begin(), servers.end(), [](Transfer* t) { return t->is_complete(); });
  const bool strays_empty = all_servers([](Transfer* t) { return t->is_complete() || t->received() == 0; });
  if (!client.is_complete() || served != 1 || !strays_empty) {
    wrong = client.describe() + "\n";
    for (const Transfer* server : servers) wrong += server->describe() + "\n";
    for (const Path* path : net.paths) wrong += path->describe() + "\n";
    for (const auto& host : world.hosts()) wrong += host->describe_counters() + "\n";
  }
  for (const std::string& line : world.finish()) wrong += "left over: " + line + "\n";
  return wrong;
}

TEST(ThousandTransfers, ArriveByteExact) {
  const char* only = std::getenv("TRIBUTARY_SIM_SEED");
  const char* runs = std::getenv("TRIBUTARY_SIM_RUNS");
  const uint64_t first = seed_from_environment(kFirstSeed);
  const unsigned count = runs != nullptr ? static_cast<unsigned>(std::atoi(runs)) : only != nullptr ? 1 : kRuns;
  const auto start = std::chrono::steady_clock::now();
  unsigned failed = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    std::string wrong;
    try {
      wrong = run_one(seed);
    } catch (const std::exception& e) {
      wrong = e.what();
    }
    if (wrong.empty()) continue;
    ++failed;
    ADD_FAILURE() << "again: TRIBUTARY_SIM_SEED=" << seed << " thousand_transfers_test\n" << wrong;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%u transfers, seeds %llu to %llu, %u failed, %.1f s\n", count, static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1), failed, seconds);
}

}  // namespace
}  // namespace tributary::sim
