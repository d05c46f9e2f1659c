// Segments that arrived ahead of their turn (RFC 9293 §3.10.7.4, SACK blocks of RFC 2018 and RFC 2883).
//
// The queue is in runs (run_queue.h). `info().arrival` of the first packet of a run says when the run got its latest
// segment (Context::arrivals): the order of the SACK blocks.
#pragma once

#include <span>

#include "stack/context.h"
#include "stack/wire/tcp_options.h"

namespace tributary::tcp {

/// [left, right) arrived again: the next ACK says so (RFC 2883). One report an ACK, the latest.
void report_duplicate(Context& context, Tcb& tcb, SeqNum left, SeqNum right);

/// Files a segment whose seq is beyond rcv_nxt. Duplicates are dropped and reported by DSACK; at the bound
/// (Settings::max_out_of_order) the segment is dropped and counted, as is one whose place is too far from either end to
/// look for. Takes ownership.
void queue_out_of_order(Context& context, Tcb& tcb, Packet packet);

/// The next packet that continues rcv_nxt (already trimmed), or null. A packet with kPktFin may be empty.
Packet take_in_order(Tcb& tcb);

/// Fills in SACK blocks: a pending DSACK, then the blocks that got segments last, the latest first: they are those that
/// earlier ACKs reported first, too (RFC 2018 §4).
unsigned write_sack_blocks(Context& context, const Tcb& tcb, std::span<wire::SackBlock> out);

void clear_out_of_order(Tcb& tcb);

}  // namespace tributary::tcp
