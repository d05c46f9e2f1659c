// The figure `state`: bytes of memory per idle proxied connection (an MPTCP connection with two subflows, a
// server leg, the relay), from the slope of the process's resident memory between a few of them and many.
#pragma once

#include <cstdint>

#include "bench/support/json.h"

namespace tributary::bench {

struct StateOptions {
  uint32_t connections = 200'000;
};

/// Measures and prints for the reader. Throws std::runtime_error when a figure would mean nothing.
Json run_state(const StateOptions& options);

}  // namespace tributary::bench
