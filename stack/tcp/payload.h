// Cutting payload without copying it: trimming a packet at either end, splitting it in two.
#pragma once

#include "stack/context.h"

namespace tributary::tcp {

/// Drops the first / last `size` bytes of the payload; keeps the sum right by reading the smaller side.
void trim_front(rte_mbuf* m, uint16_t size);
void trim_back(rte_mbuf* m, uint16_t size);

/// Cuts the payload at `size` (0 < size < payload_size): `m` keeps the front, the rest comes back as a packet of its
/// own with seq, dsn and flags to match, linked nowhere. Null when the pool is used up (then `m` is unchanged).
rte_mbuf* split_off(Context& context, rte_mbuf* m, uint16_t size);

}  // namespace tributary::tcp
