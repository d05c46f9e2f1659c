// The figure `relay`: TSC cycles of the proxy per relayed data segment, its ACKs included, beside those of a
// MAC-swap loop on the same rings with the same frames in the same run.
#pragma once

#include <cstdint>
#include <string>

#include "bench/support/json.h"

namespace tributary::bench {

struct RelayOptions {
  unsigned runs = 7;
  uint64_t segments = 100'000;  ///< measured, a run and scenario
  uint64_t warm_up = 30'000;
  unsigned many = 64;  ///< connections in the rows with many
  std::string only;    ///< run the scenarios whose name contains this
};

/// Measures and prints for the reader. Throws std::runtime_error when a figure would mean nothing.
Json run_relay(const RelayOptions& options);

}  // namespace tributary::bench
