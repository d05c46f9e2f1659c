// Taking back a recovery that was not needed: the originals had only been late. Three ways to tell, each by itself
// enough:
//   - an ACK echoes a timestamp older than the first retransmission (Eifel, RFC 3522);
//   - after a time-out, something sent before it and never again arrives (F-RTO with SACK, RFC 5682 §3);
//   - every retransmission is reported as a duplicate (DSACK, RFC 3708).
// What to do about it: RFC 4015 §3.2.
#pragma once

#include "stack/context.h"
#include "stack/tcp/recovery.h"
#include "stack/tcp/segment.h"

namespace tributary::tcp {

/// Recovery begins, or a series of time-outs.
void begin_episode(Tcb& tcb);
/// A segment that was marked lost has been sent again.
void note_retransmission(const Context& context, Tcb& tcb, uint16_t bytes);
/// Looks at one ACK that has been processed up to loss detection. If the recovery it falls into was not needed, nothing
/// is lost any more, the window is what it was, and recovery is over.
void undo_if_spurious(Context& context, Tcb& tcb, const Segment& segment, const Delivery& delivery);

}  // namespace tributary::tcp
