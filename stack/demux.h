// From frames to connections: parsing a burst in stages so that cache misses overlap (design §3), and finding who each
// segment is for.
#pragma once

#include <span>

#include "stack/context.h"

namespace tributary {

/// Takes over one burst of at most 64 frames from `port` and processes every segment in it.
void receive_burst(Context& context, PortId port, std::span<rte_mbuf*> frames);

/// Tells connections whose segments waited in vain for a neighbour, as if a router had said "host unreachable".
void report_undeliverable(Context& context);

}  // namespace tributary
