// The way back up (RFC 4821 §7, RFC 8899 §5): a connection that has learnt to send small segments tries larger ones
// from time to time, a single segment each time, with data that waits anyway. If it arrives, so do others of its size;
// if it is lost, its size is to blame, not congestion (§7.4), and the data goes again in pieces.
//
//   kWhole    silence made the segments small: was it an outage? The largest is tried at once
//   kSteps    it was not, or not quite: one common size after the other
//   kAgain    one of those was lost, perhaps by chance: once more after some seconds
//   kResting  the path's MTU is found, or a router has named it: one step every ten minutes (RFC 1191 §6.3)
//
// A peer without SACK is not probed: the loss could cost it a time-out.
#pragma once

#include <algorithm>

#include "stack/context.h"
#include "stack/tcp/output.h"

namespace tributary::tcp {

/// `full`, what payload_per_segment says, or more if a probe is due.
uint16_t largest_payload(const Context& context, const Tcb& tcb, uint16_t full);

/// Of a packet with `waiting` bytes: what the next segment may carry.
inline uint16_t next_payload(const Context& context, const Tcb& tcb, uint16_t waiting, uint16_t full) {
  return waiting <= full ? waiting : std::min(waiting, largest_payload(context, tcb, full));
}

/// Whether `m`, which is in flight, is the probe: nothing else there is larger than a segment may be.
inline bool is_mtu_probe(const Context& context, const Tcb& tcb, rte_mbuf* m) {
  return tcb.flight->mtu_probe && info_of(m).payload_size > payload_per_segment(context, tcb);
}
void on_mtu_probe_delivered(Context& context, Tcb& tcb, uint16_t payload);
/// Marks it lost.
void on_mtu_probe_lost(Context& context, Tcb& tcb, rte_mbuf* m);

/// The segments have become smaller, for a reason that lets larger ones be tried from now on like this.
void search_mtu(const Context& context, Tcb& tcb, MtuSearch how);

}  // namespace tributary::tcp
