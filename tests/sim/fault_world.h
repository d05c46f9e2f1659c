// A world of the fault table: a handful of TCP and MPTCP connections between two hosts whose every path is
// bent by a Mutator. What must hold for each connection, whatever happens to its packets:
//   - no wrong, missing or doubled byte is delivered;
//   - a side that ends in order has received everything, and what it was told is acknowledged has been
//   delivered;
//   - both sides end, in bounded virtual time. A side whose peer is gone and that has nothing to send cannot
//   know
//     (there is no keepalive); its user ends it, as any server would;
//   - nothing is left in pools, slabs, tables and timers.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/mutator.h"

namespace tributary::sim {

constexpr unsigned kConnectionsAWorld = 16;

struct FaultResult {
  uint64_t connections = 0;
  uint64_t mptcp = 0;     ///< of them, asked for MPTCP
  uint64_t complete = 0;  ///< all bytes, orderly ends on both sides
  uint64_t failed = 0;    ///< ended with an error on at least one side
  uint64_t idle = 0;      ///< sides whose peer had gone without a word they got
  uint64_t excused = 0;   ///< forged payload delivered by the last subflow, as RFC 8684 §3.7 wants
  std::array<uint64_t, kMutations> mutations{};
  std::string wrong;  ///< empty when everything held

  void add(const FaultResult& other);
};

FaultResult run_fault_world(uint64_t seed);

}  // namespace tributary::sim
