// Falling back to TCP, and what to do when that is no longer possible (RFC 8684 §3.7).
#pragma once

#include "stack/context.h"
#include "stack/mptcp/connection.h"
#include "stack/tcp/segment.h"

namespace tributary::mptcp {

/// From here on the connection is TCP on its only subflow.
void enter_fallback(Context& context, Connection& connection);

/// The peer's segment shows no MPTCP where it should: falls back if nothing else has been seen yet.
/// True when the connection is (now) in fallback.
bool fall_back_if_possible(Context& context, Connection& connection, const tcp::Tcb& tcb);

/// Not if we have closed the subflow, which was not the stream's end while there were mappings, and there is more to
/// send than it has carried.
bool can_carry_the_rest(const Connection& connection, const tcp::Tcb& tcb);

/// Whether any of our data was ever acknowledged at the data level: then the peer gets our mappings.
inline bool has_acknowledged_data(const Connection& connection) {
  return connection.snd_una != connection.local_idsn + 1;
}

/// The peer acknowledges our data without ever a DATA_ACK, or ends its stream by FIN alone: TCP is all it speaks.
/// Follows it, or resets the subflow when data was sent twice: what TCP has delivered then is not the stream. False:
/// the Tcb is ended.
bool follow_fallback(Context& context, Connection& connection, tcp::Tcb& tcb);

/// In fallback the subflow's order is the data's. A peer that has not noticed may still send data again with a mapping
/// to where it belongs: that must not be taken for what comes next. Nor may its FIN, which ends no more than this
/// subflow for it, be taken for the end of the stream. False: the Tcb is ended.
bool check_peer_in_fallback(Context& context, const Connection& connection, tcp::Tcb& tcb, const tcp::Segment& segment);

/// Payload without mapping. Falls back and delivers, or resets the subflow (reason 6). False: the Tcb is ended.
bool on_missing_mapping(Context& context, Connection& connection, tcp::Tcb& tcb, Packet packet);

/// A mapping beginning at `dsn` failed its DSS checksum (§3.7). On the only subflow, with nothing missing before it:
/// MP_FAIL, and the data counts as TCP would have had it. Otherwise the subflow is reset with MP_FAIL and the data
/// discarded: false.
bool on_checksum_failure(Context& context, Connection& connection, tcp::Tcb& tcb, DataSeq dsn);

/// The peer's MP_FAIL. False: the Tcb is ended.
bool on_fail(Context& context, Connection& connection, tcp::Tcb& tcb);

}  // namespace tributary::mptcp
