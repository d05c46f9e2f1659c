// The MPTCP options of outgoing segments (RFC 8684 §3.1 to §3.3).
#pragma once

#include "stack/context.h"

namespace tributary::mptcp {

/// Adds what the segment must carry to `out`, which may hold a signal already. `payload` is null for a segment without
/// payload. Connections that fell back add nothing.
void write_options(Context& context, const tcp::Tcb& tcb, uint16_t flags, const PacketInfo* payload,
                   wire::MptcpOptions& out);

}  // namespace tributary::mptcp
