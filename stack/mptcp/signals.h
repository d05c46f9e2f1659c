// What the peer says in options beside data: DSS acknowledgements, addresses, priorities, fast close (RFC 8684 §3.3 to
// §3.5). Called only after TCP's own checks (AA-6).
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::mptcp {

/// All MPTCP options of an acceptable segment; notes its mapping in the packet. False: the Tcb has been ended.
bool on_options(Context& context, tcp::Tcb& tcb, tcp::Segment& segment);

/// MP_FASTCLOSE, on an ACK or a RST. True when it had our key: the connection is ended then (FC-2).
bool on_fastclose(Context& context, tcp::Tcb& tcb, const wire::MptcpOptions& options, bool on_reset);

/// Asks the peer to prefer or avoid this subflow.
void send_priority(Context& context, tcp::Tcb& tcb, bool backup);

}  // namespace tributary::mptcp
