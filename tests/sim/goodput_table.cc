#include "tests/sim/goodput_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/sim/ack_compressor.h"
#include "tests/sim/arrivals.h"
#include "tests/sim/plans.h"
#include "tests/sim/policer.h"
#include "tests/sim/topology.h"

namespace tributary::sim {
namespace {

using congestion::Algorithm;

constexpr uint32_t kSegment = 1448;  // payload of a full segment with timestamps
constexpr uint32_t kFrame = 1514;
constexpr uint32_t kWindow = 6 << 20;  // both ends: never what limits

Micros quarter(Micros t) {
  return Micros(t.count() / 4);
}

PathParameters make_path(World& world, const LinkKind& link, const FaultKind& fault, RateProcess*& rate) {
  LinkParameters forward;
  forward.bits_per_second = link.raw_rate != 0 ? link.raw_rate : link.bits_per_second;
  forward.delay = Micros(link.round_trip.count() / 2);
  forward.queue_bytes = link.queue_bytes;
  LinkParameters backward = forward;
  backward.queue_bytes = std::max<uint32_t>(link.queue_bytes, 256 << 10);
  backward.loss = fault.ack_loss;
  if (link.lowest_rate != 0) {
    auto made = std::make_shared<RateProcess>(
        world.prng.fork(), RateProcess::Shape{.lowest = link.lowest_rate, .highest = link.bits_per_second},
        world.loop.now());
    forward.rate = rate = made.get();
    world.keep(made);
  }
  forward.loss = fault.loss;
  forward.burst = fault.burst;
  const double frame_us = kFrame * 8e6 / static_cast<double>(link.bits_per_second);
  forward.burst_length = Micros(static_cast<int64_t>(std::ceil(16 * frame_us)));
  forward.reorder = fault.reorder;
  forward.reorder_delay = quarter(link.round_trip);
  return {forward, backward};
}

/// Payload bytes full segments could have carried in the time measured.
double capacity(const LinkKind& link, RateProcess* rate, Micros from, Micros to) {
  constexpr int64_t kNanosPerMicro = 1000;
  const double bytes = rate != nullptr
                           ? rate->granted(from.count() * kNanosPerMicro, to.count() * kNanosPerMicro)
                           : static_cast<double>(link.bits_per_second) / 8e6 * static_cast<double>((to - from).count());
  return bytes * kSegment / kFrame;
}

}  // namespace

const std::vector<LinkKind>& link_kinds() {
  static const std::vector<LinkKind> kinds = {
      {"gigabit-1ms", 1'000'000'000, Micros::milliseconds(1), 250'000, Micros::milliseconds(100),
       Micros::milliseconds(250)},
      {"100M-20ms", 100'000'000, Micros::milliseconds(20), 250'000, Micros::seconds(2), Micros::seconds(3)},
      {"50M-100ms", 50'000'000, Micros::milliseconds(100), 625'000, Micros::seconds(4), Micros::seconds(6)},
      {"satellite", 20'000'000, Micros::milliseconds(300), 750'000, Micros::seconds(10), Micros::seconds(15)},
      {.name = "lte",
       .bits_per_second = 50'000'000,
       .round_trip = Micros::milliseconds(50),
       .queue_bytes = 3'000'000,
       .warm_up = Micros::seconds(4),
       .measured = Micros::seconds(12),
       .lowest_rate = 4'000'000},
      {.name = "policer",
       .bits_per_second = 20'000'000,
       .round_trip = Micros::milliseconds(20),
       .queue_bytes = 250'000,
       .warm_up = Micros::seconds(4),
       .measured = Micros::seconds(10),
       .raw_rate = 100'000'000,
       .policer_burst = 60'000},
      {"shallow", 100'000'000, Micros::milliseconds(20), 25'000, Micros::seconds(2), Micros::seconds(3)},
  };
  return kinds;
}

const std::vector<FaultKind>& fault_kinds() {
  static const std::vector<FaultKind> kinds = {
      {.name = "clean"},
      {.name = "loss0.1", .loss = 0.001},
      {.name = "loss1", .loss = 0.01},
      {.name = "loss3", .loss = 0.03},
      {.name = "burst", .burst = 0.0005},
      {.name = "reorder1", .reorder = 0.01},
      {.name = "reorder3", .reorder = 0.03},
      {.name = "ack-loss", .ack_loss = 0.1},
      {.name = "ack-bursts", .ack_compression = true},
  };
  return kinds;
}

std::vector<Algorithm> all_algorithms() {
  std::vector<Algorithm> all;
  for (uint8_t i = 0; i < UINT8_MAX; ++i) {
    const auto algorithm = static_cast<Algorithm>(i);
    if (congestion::parse_algorithm(congestion::name(algorithm)) != algorithm) break;
    all.push_back(algorithm);
  }
  return all;
}

Cell measure(const LinkKind& link, const FaultKind& fault, Algorithm algorithm, uint64_t seed) {
  World world(seed, std::string("goodput-") + link.name + "-" + fault.name);
  RateProcess* rate = nullptr;
  const PathParameters path = make_path(world, link, fault, rate);
  DirectOptions options;
  options.client.algorithm = options.server.algorithm = algorithm;
  options.client.receive_budget = options.server.receive_budget = kWindow;
  options.data_buffers = 32768;  // half of what is left is more than the window
  options.client.max_subflows = options.server.max_subflows = 16;
  options.client.max_connections = options.server.max_connections = 16;
  const Direct direct = make_direct(world, {path}, options);
  // From the receiver towards the sender.
  const auto& arrivals = direct.paths[0]->add_middlebox<Arrivals>(Direction::kForward);
  if (link.policer_burst != 0)
    direct.paths[0]->add_middlebox<Policer>(Direction::kForward, link.bits_per_second, link.policer_burst);
  if (fault.ack_compression)
    direct.paths[0]->add_middlebox<AckCompressor>(Direction::kBackward, quarter(link.round_trip));

  TransferPlan plan;
  plan.send_bytes = UINT64_MAX / 2;
  plan.send_seed = seed;
  plan.smallest_write = plan.largest_write = kSegment;
  plan.window = kWindow;
  Transfer* server = nullptr;
  direct.server->listen(kServerPort, [&](const IncomingConnection&) {
    auto made = std::make_unique<Transfer>(answer_to(plan));
    server = made.get();
    return made;
  });
  Transfer& client = start_transfer(direct, plan, false);

  Cell cell;
  const Link& forward = direct.paths[0]->link(Direction::kForward);
  world.run_for(link.warm_up);
  if (server == nullptr) {
    cell.problem = "no connection: " + client.describe();
    return cell;
  }
  const uint64_t bytes_before = server->received();
  const LinkStatistics before = forward.statistics();
  const Micros from = world.loop.now();
  world.run_for(link.measured);
  const double bytes = static_cast<double>(server->received() - bytes_before);
  const LinkStatistics& after = forward.statistics();
  const double frames =
      static_cast<double>((after.offered - after.queue_drops) - (before.offered - before.queue_drops));
  const Counters& counters = direct.client->counters();
  const double sent = std::max(1.0, static_cast<double>(counters.tcp_out_segments));
  cell.megabits = bytes * 8 / static_cast<double>(link.measured.count());
  cell.of_link = bytes / capacity(link, rate, from, world.loop.now());
  cell.retransmitted = static_cast<double>(counters.tcp_retransmitted) / sent;
  cell.spurious = static_cast<double>(arrivals.again()) / sent;
  cell.queue_ms = frames > 0 ? static_cast<double>(after.waited_us - before.waited_us) / frames / 1000 : 0;
  cell.timeouts = counters.tcp_timeouts;
  cell.problem = client.problem() + server->problem();
  if (client.is_gone() || server->is_gone()) cell.problem += "ended early: " + client.describe();
  direct.client->post([&] { client.abort(); });
  world.run_for(Micros::seconds(2));
  direct.server->post([&] { server->abort(); });
  for (const std::string& line : world.finish()) cell.problem += "left over: " + line + "\n";
  return cell;
}

Snapshot read_snapshot(const std::string& file) {
  Snapshot snapshot;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    CellKey key;
    Cell cell;
    fields >> key.link >> key.fault >> key.algorithm >> cell.megabits >> cell.of_link >> cell.retransmitted >>
        cell.spurious >> cell.queue_ms;
    if (!fields) continue;
    for (double* percent : {&cell.of_link, &cell.retransmitted, &cell.spurious}) *percent /= 100;
    snapshot[key] = cell;
  }
  return snapshot;
}

bool write_snapshot(const std::string& file, const Snapshot& snapshot) {
  std::FILE* out = std::fopen(file.c_str(), "w");
  if (out == nullptr) return false;
  std::fprintf(out,
               "# Goodput of one upload by link, fault and congestion control, in virtual time from fixed seeds.\n"
               "# Delays are round trips; percent of the link is payload of what full segments could carry.\n"
               "# Retransmitted, and spurious (arrived before), are percent of the data segments sent.\n"
               "# Written by: TRIBUTARY_GOODPUT_WRITE=1 sim_goodput_test\n"
               "#\n#%-11s %-10s %-9s %9s %7s %9s %9s %9s\n",
               "link", "fault", "control", "Mbit/s", "%link", "%retrans", "%spurious", "queue ms");
  for (const LinkKind& link : link_kinds())
    for (const Algorithm algorithm : all_algorithms())
      for (const FaultKind& fault : fault_kinds()) {
        const auto found = snapshot.find({link.name, fault.name, std::string(congestion::name(algorithm))});
        if (found == snapshot.end()) continue;
        const Cell& c = found->second;
        std::fprintf(out, "%-12s %-10s %-9s %9.2f %7.1f %9.3f %9.3f %9.2f\n", link.name, fault.name,
                     found->first.algorithm.c_str(), c.megabits, c.of_link * 100, c.retransmitted * 100,
                     c.spurious * 100, c.queue_ms);
      }
  return std::fclose(out) == 0;
}

std::string compare(const Cell& before, const Cell& now) {
  // Loss makes a run chaotic: a change that shifts one timer shifts all that follows. What matters stays
  // within this.
  struct Row {
    const char* what;
    double before, now, share, least;
  };
  const Row rows[] = {
      {"percent of the link", before.of_link * 100, now.of_link * 100, 0.15, 2},
      {"percent retransmitted", before.retransmitted * 100, now.retransmitted * 100, 0.5, 0.5},
      {"percent spurious", before.spurious * 100, now.spurious * 100, 0.5, 0.5},
      {"ms in the queue", before.queue_ms, now.queue_ms, 0.4, 3},
  };
  std::string text;
  for (const Row& row : rows) {
    if (std::abs(row.now - row.before) <= std::max(row.least, row.share * row.before)) continue;
    char line[128];
    std::snprintf(line, sizeof line, "%s%s: %.2f in the snapshot, %.2f now", text.empty() ? "" : "; ", row.what,
                  row.before, row.now);
    text += line;
  }
  return text;
}

}  // namespace tributary::sim
