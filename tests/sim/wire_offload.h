// What a network card with checksum offload does, so that hosts can be run with it.
#pragma once

#include <rte_mbuf.h>

#include "stack/ip/config.h"
#include "tests/sim/frame.h"

namespace tributary::sim {

/// Fills in the checksums that the flags of `m` ask for. Throws when a flag asks for what the port does not
/// do.
void fill_in_checksums(Frame& frame, const rte_mbuf& m, const ip::PortOffloads& offloads);

/// Says in the flags of a received frame whether its checksums are right, as far as the port can.
void mark_received_checksums(rte_mbuf* m, const ip::PortOffloads& offloads);

}  // namespace tributary::sim
