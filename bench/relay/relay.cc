#include "bench/relay/relay.h"

#include <cstdio>
#include <stdexcept>
#include <vector>

#include "bench/relay/world.h"
#include "bench/support/pools.h"
#include "bench/support/samples.h"

namespace tributary::bench {
namespace {

struct Row {
  std::string group;   ///< name in the JSON
  std::string member;  ///< within the group: number of subflows
  std::string title;
  Scenario scenario;
  std::vector<double> relay, swap, ratio;
  Measurement last;
  std::vector<uint64_t> path_bytes;
  uint64_t interrupted = 0;
};

std::vector<Row> make_rows(const RelayOptions& options) {
  std::vector<Row> rows;
  const auto add = [&](std::string group, std::string member, Scenario scenario) {
    std::string title = scenario.mptcp ? (scenario.direction == Direction::kUp ? "MPTCP to TCP, " : "TCP to MPTCP, ") +
                                             std::to_string(scenario.subflows) +
                                             (scenario.subflows == 1 ? " subflow" : " subflows")
                        : scenario.direction == Direction::kUp ? "TCP to TCP"
                                                               : "TCP to TCP, down";
    if (scenario.connections > 1) title += ", " + std::to_string(scenario.connections) + " connections";
    if (!scenario.checksum_offload) title += ", checksums in software";
    if (title.find(options.only) == std::string::npos) return;
    rows.push_back({std::move(group), std::move(member), std::move(title), scenario, {}, {}, {}, {}, {}, 0});
  };
  for (const bool offload : {true, false}) {
    const std::string suffix = offload ? "" : "_software_checksum";
    add("tcp_to_tcp" + suffix, "", {false, 1, Direction::kUp, 1, offload});
    for (const Direction direction : {Direction::kUp, Direction::kDown})
      for (const unsigned subflows : {1u, 2u, 4u}) {
        if (!offload && subflows != 2) continue;
        const char* group = direction == Direction::kUp ? "mptcp_to_tcp" : "tcp_to_mptcp";
        add(group + suffix, std::to_string(subflows), {true, subflows, direction, 1, offload});
      }
  }
  for (const Direction direction : {Direction::kUp, Direction::kDown})
    add(direction == Direction::kUp ? "mptcp_to_tcp_many" : "tcp_to_mptcp_many", "2",
        {true, 2, direction, options.many, true});
  return rows;
}

constexpr uint32_t kBuffers = 16384;

Json spread_of(const std::vector<double>& samples) {
  const Summary s = summarize(samples);
  return Json()
      .put("median", s.median)
      .put("low_quartile", s.low)
      .put("high_quartile", s.high)
      .put("min", s.least)
      .put("max", s.most);
}

void print_head() {
  std::printf("%-50s %9s %17s %9s %7s %7s %7s\n", "", "cycles", "(quartiles)", "MAC swap", "ratio", "in/seg",
              "out/seg");
}

void print_row(const Row& row) {
  const Summary relay = summarize(row.relay);
  const auto per_segment = [&](uint64_t n) { return static_cast<double>(n) / static_cast<double>(row.last.segments); };
  std::printf("%-50s %9.0f %8.0f..%-7.0f %9.1f %7.2f %7.2f %7.2f", row.title.c_str(), relay.median, relay.low,
              relay.high, summarize(row.swap).median, summarize(row.ratio).median, per_segment(row.last.frames_in),
              per_segment(row.last.frames_out));
  uint64_t all = 0;
  for (uint64_t bytes : row.path_bytes) all += bytes;
  if (row.path_bytes.size() > 1) {
    std::printf("  paths");
    for (uint64_t bytes : row.path_bytes)
      std::printf(" %.0f%%", 100.0 * static_cast<double>(bytes) / static_cast<double>(all));
  }
  if (row.interrupted != 0) std::printf("  (%lu passes interrupted)", row.interrupted);
  std::printf("\n");
}

}  // namespace

Json run_relay(const RelayOptions& options) {
  std::vector<Row> rows = make_rows(options);
  if (rows.empty()) throw std::runtime_error("no scenario of that name");
  Pools pools{make_pools(kBuffers, kBuffers), make_pools(kBuffers, kBuffers), make_pools(kBuffers, kBuffers)};
  std::vector<double> all_swaps;
  uint64_t copies = 0, relayed = 0;
  for (unsigned run = 0; run < options.runs; ++run) {
    for (Row& row : rows) {
      World world(row.scenario, pools);
      world.warm_up(options.warm_up);
      const Measurement relay = world.measure(options.segments);
      const Measurement swap = world.measure_mac_swap(options.segments);
      row.relay.push_back(relay.cycles_per_segment());
      row.swap.push_back(swap.cycles_per_frame());
      row.ratio.push_back(row.relay.back() / row.swap.back());
      row.last = relay;
      row.path_bytes = world.path_bytes();
      row.interrupted += relay.interrupted + swap.interrupted;
      copies += world.payload_copies();
      relayed += relay.segments;
      all_swaps.push_back(row.swap.back());
      if (world.finish() != 0) throw std::runtime_error(row.title + ": buffers of the proxy did not come back");
    }
  }

  std::printf(
      "TSC cycles per relayed data segment, the proxy's passes only, ACKs included: medians of %u "
      "interleaved runs of %lu segments.\n",
      options.runs, options.segments);
  std::printf(
      "Payload per segment: 1448 bytes TCP to TCP, 1420 with MPTCP (1500 less IPv4, TCP, timestamps, DSS). "
      "No NIC, no DMA, no PCIe.\n");
  print_head();
  Json json, spread, ratio;
  json.put("mac_swap_cycles", summarize(all_swaps).median);
  spread.put("mac_swap_cycles", spread_of(all_swaps));
  for (size_t i = 0; i < rows.size();) {
    const std::string group = rows[i].group;
    Json medians, spreads, ratios;
    for (; i < rows.size() && rows[i].group == group; ++i) {
      const Row& row = rows[i];
      print_row(row);
      if (row.member.empty()) {
        json.put(group + "_cycles", summarize(row.relay).median);
        spread.put(group + "_cycles", spread_of(row.relay));
        ratio.put(group, summarize(row.ratio).median);
        continue;
      }
      medians.put(row.member, summarize(row.relay).median);
      spreads.put(row.member, spread_of(row.relay));
      ratios.put(row.member, summarize(row.ratio).median);
    }
    if (rows[i - 1].member.empty()) continue;
    json.put(group + "_cycles", medians);
    spread.put(group + "_cycles", spreads);
    ratio.put(group, ratios);
  }
  json.put("payload_copies", static_cast<double>(copies));
  json.put("relayed_segments", static_cast<double>(relayed));
  json.put("runs", options.runs).put("segments_per_run", static_cast<double>(options.segments));
  json.put("ratio_to_mac_swap", ratio).put("spread", spread);
  std::printf("payload copies: %lu\n", copies);
  return json;
}

}  // namespace tributary::bench
