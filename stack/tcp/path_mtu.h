// The path's MTU in the middle of a connection: what routers say of it (RFC 1191, RFC 8201), and what silence says
// (black holes, RFC 4821 §7.7). What is queued is cut anew when it is sent again; no payload is copied for it. The way
// back up: mtu_search.h.
#pragma once

#include "stack/context.h"

namespace tributary::tcp {

/// Largest segment, headers not counted, options included, that fits a packet of `mtu`.
uint16_t segment_size(uint16_t mtu, const IpAddress& remote);
/// The same for the path over `hop`, by what is known of it.
uint16_t path_mss(const Context& context, const ip::NextHop& hop, const IpAddress& remote);
/// The packet a segment of `tcb.mss` fits: what the path is taken to hold, or less where the peer wants less.
uint16_t path_mtu(const Tcb& tcb);

/// Makes no segment of a connection over `hop` larger than `size`, counted as by path_mss.
void limit_segments(ip::NextHop& hop, const IpAddress& remote, uint16_t size);

/// A router had to drop a segment of this connection, whose number has been found in flight. `mtu` is what it names, 0
/// if it does not say. Whatever is too large is sent again at once: not congestion, so the window stays.
void on_packet_too_big(Context& context, Tcb& tcb, uint32_t mtu);

/// The same large segment has been lost several times in a row: perhaps only for its size. Called at each further
/// time-out, tries smaller ones until there are none.
void suspect_black_hole(Context& context, Tcb& tcb);

}  // namespace tributary::tcp
