// A Tcb as a ByteStream of its own: plain TCP (design D8). Reading, writing, and the events its user is told.
#pragma once

#include "stack/context.h"
#include "stack/packet/packet_list.h"

namespace tributary::tcp {

/// Adds events to report at the end of the pass.
void report(Context& context, Tcb& tcb, uint16_t events);
/// Bytes the peer acknowledged.
void report_acked(Context& context, Tcb& tcb, uint32_t bytes);
/// Queues in-order payload for the reader.
void append_received(Context& context, Tcb& tcb, Packet packet);

PacketList read(Tcb& tcb, uint32_t max_bytes);
/// Gives back receive budget; sends a window update when the edge has moved far enough.
void release(Context& context, Tcb& tcb, uint32_t bytes);
void write(Context& context, Tcb& tcb, PacketList packets, bool more_follows = false);
void set_gathering(Context& context, Tcb& tcb, Gathering gathering);
uint32_t unacked(const Tcb& tcb);

/// The last packet of a send queue may take a small piece of payload into its tail room instead of letting it hold a
/// whole buffer: the one permitted copy (design D1), only for pieces under a quarter of a segment that wait behind
/// others. True when `piece` was taken in (and may be dropped).
bool compact_into(Context& context, rte_mbuf* last, const Packet& piece);

}  // namespace tributary::tcp
