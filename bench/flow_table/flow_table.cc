// Cost of a flow look-up in a table of a few thousand to a few million flows, staged as in a burst and one at
// a time, beside DPDK's rte_hash on the same keys. Each look-up ends in a full comparison of the key in a
// "control block".
#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_hash.h>

#include <array>
#include <memory>
#include <random>
#include <vector>

#include "stack/flow/flow_key.h"
#include "stack/flow/flow_table.h"

namespace tributary {
namespace {

constexpr uint64_t kSecret = 0x243f6a8885a308d3;
constexpr size_t kBurst = 32;

struct alignas(64) ControlBlock {
  FlowKey key;
};

FlowKey make_key(uint32_t i) {
  return {IpAddress::v4(0xc0000201), IpAddress::v4(0x0a000000 + i / 1000), 443,
          static_cast<uint16_t>(32768 + i % 1000)};
}

struct Flows {
  explicit Flows(uint32_t count) : table(count), blocks(count), order(1u << 20) {
    std::mt19937 rng(1);
    for (uint32_t i = 0; i < count; ++i) {
      blocks[i].key = make_key(i);
      if (!table.insert(hash_flow(blocks[i].key, kSecret), i)) std::abort();
    }
    for (uint32_t& i : order) i = rng() % count;
  }
  uint32_t find(const FlowKey& key, uint32_t hash) const {
    return table.find(hash, [&](uint32_t i) { return blocks[i].key == key; });
  }

  FlowTable table;
  std::vector<ControlBlock> blocks;
  std::vector<uint32_t> order;
};

void bm_one_at_a_time(benchmark::State& state) {
  const Flows flows(static_cast<uint32_t>(state.range(0)));
  size_t at = 0;
  for (auto _ : state) {
    const FlowKey key = make_key(flows.order[at++ & (flows.order.size() - 1)]);
    benchmark::DoNotOptimize(flows.find(key, hash_flow(key, kSecret)));
  }
  state.SetItemsProcessed(state.iterations());
}

void bm_burst(benchmark::State& state) {
  const Flows flows(static_cast<uint32_t>(state.range(0)));
  size_t at = 0;
  std::array<FlowKey, kBurst> keys;
  std::array<uint32_t, kBurst> hashes;
  std::array<uint32_t, kBurst> guesses;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      keys[i] = make_key(flows.order[at++ & (flows.order.size() - 1)]);
      hashes[i] = hash_flow(keys[i], kSecret);
      flows.table.prefetch(hashes[i]);
    }
    // By tag alone first, to have the control blocks on their way when they are compared; a guess that was
    // wrong (two flows with one hash) is looked up in full.
    for (size_t i = 0; i < kBurst; ++i) {
      guesses[i] = flows.table.find(hashes[i], [](uint32_t) { return true; });
      if (guesses[i] != FlowTable::kNotFound) __builtin_prefetch(&flows.blocks[guesses[i]]);
    }
    for (size_t i = 0; i < kBurst; ++i) {
      if (guesses[i] == FlowTable::kNotFound) continue;
      const bool right = flows.blocks[guesses[i]].key == keys[i];
      benchmark::DoNotOptimize(right ? guesses[i] : flows.find(keys[i], hashes[i]));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurst));
}

uint32_t hash_for_dpdk(const void* key, uint32_t, uint32_t) {
  return hash_flow(*static_cast<const FlowKey*>(key), kSecret);
}

void bm_rte_hash_bulk(benchmark::State& state) {
  const uint32_t count = static_cast<uint32_t>(state.range(0));
  const Flows flows(count);
  rte_hash_parameters parameters{};
  parameters.name = "bench";
  parameters.entries = count + count / 4;
  parameters.key_len = sizeof(FlowKey);
  parameters.hash_func = hash_for_dpdk;
  parameters.socket_id = -1;
  std::unique_ptr<rte_hash, void (*)(rte_hash*)> table(rte_hash_create(&parameters), rte_hash_free);
  if (!table) return state.SkipWithError("rte_hash_create failed");
  for (uint32_t i = 0; i < count; ++i)
    if (rte_hash_add_key_data(table.get(), &flows.blocks[i].key, reinterpret_cast<void*>(uintptr_t{i})) < 0)
      return state.SkipWithError("rte_hash_add_key_data failed");
  size_t at = 0;
  std::array<FlowKey, kBurst> keys;
  std::array<const void*, kBurst> pointers;
  std::array<void*, kBurst> values;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      keys[i] = make_key(flows.order[at++ & (flows.order.size() - 1)]);
      pointers[i] = &keys[i];
    }
    uint64_t hits = 0;
    rte_hash_lookup_bulk_data(table.get(), pointers.data(), kBurst, &hits, values.data());
    benchmark::DoNotOptimize(hits);
    // Its own copy of the key was compared; the control block is touched next in either design.
    for (size_t i = 0; i < kBurst; ++i)
      __builtin_prefetch(&flows.blocks[static_cast<uint32_t>(reinterpret_cast<uintptr_t>(values[i]))]);
    for (size_t i = 0; i < kBurst; ++i)
      benchmark::DoNotOptimize(
          flows.blocks[static_cast<uint32_t>(reinterpret_cast<uintptr_t>(values[i]))].key.local_port);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurst));
}

void bm_insert_erase_at_full_load(benchmark::State& state) {
  const uint32_t count = static_cast<uint32_t>(state.range(0));
  FlowTable table(count);
  std::mt19937 rng(1);
  std::vector<uint32_t> hashes(count);
  for (uint32_t i = 0; i < count; ++i) table.insert(hashes[i] = rng(), i);
  for (auto _ : state) {
    const uint32_t i = rng() % count;
    table.erase(hashes[i], i);
    if (!table.insert(hashes[i] = rng(), i)) return state.SkipWithError("insert failed");
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(bm_one_at_a_time)->Arg(10'000)->Arg(4'000'000);
BENCHMARK(bm_burst)->Arg(10'000)->Arg(4'000'000);
BENCHMARK(bm_rte_hash_bulk)->Arg(10'000)->Arg(4'000'000);
BENCHMARK(bm_insert_erase_at_full_load)->Arg(10'000)->Arg(4'000'000);

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  const char* eal[] = {"bench", "--no-huge", "--no-shconf",       "--no-pci", "--no-telemetry",
                       "-m",    "2048",      "--log-level=error", "-l",       "0"};
  if (rte_eal_init(sizeof(eal) / sizeof(eal[0]), const_cast<char**>(eal)) < 0) return 1;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  rte_eal_cleanup();
  return 0;
}
