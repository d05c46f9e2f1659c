#include "stack/tcp/undo.h"

#include <algorithm>

#include "stack/tcp/model_events.h"

namespace tributary::tcp {
namespace {

uint32_t timestamp_now(const Context& context, const Tcb& tcb) {
  return context.milliseconds() + tcb.ts_offset;
}

bool is_older_than_retransmission(const Tcb& tcb, const Segment& segment, const Delivery& delivery) {
  if (!delivery.advanced || tcb.flight->undo_bytes == 0 || !tcb.has(kTimestamps)) return false;
  const wire::TcpOptions& options = *segment.options;
  return options.has(wire::TcpOptions::kTimestamps) && options.ts_echo != 0 &&
         static_cast<int32_t>(options.ts_echo - tcb.flight->undo_timestamp) < 0;
}

/// Counts a DSACK against what was sent again in this episode. True when nothing of that is left.
bool are_all_duplicates(Tcb& tcb, const Segment& segment, const Delivery& delivery) {
  Flight& flight = *tcb.flight;
  if (delivery.dsack == 0 || flight.undo_bytes == 0) return false;
  const wire::SackBlock& block = segment.options->sack[0];
  if (block.left < flight.undo_marker || block.right > segment.ack) return false;
  flight.undo_bytes -= std::min(delivery.dsack, flight.undo_bytes);
  return flight.undo_bytes == 0 && flight.lost_bytes == 0;
}

void undo(Context& context, Tcb& tcb) {
  Flight& flight = *tcb.flight;
  if (Scoreboard* board = find_scoreboard(context, flight)) board->first_unjudged = nullptr;
  for (rte_mbuf* m = tcb.tx_head; m != flight.unsent && flight.lost_bytes != 0; m = info_of(m).subflow_next) {
    PacketInfo& info = info_of(m);
    if (!(info.flags & kPktLost)) continue;
    info.flags &= static_cast<uint16_t>(~kPktLost);
    flight.lost_bytes -= info.payload_size;
  }
  if (PathModel* model = model_of(context, tcb))
    undo_model(context, tcb, *model);
  else
    congestion::on_undo(tcb.cc);
  tcb.clear(kInRecovery | kInLoss);
  tcb.set(kReordering);  // or the same delay would be taken for a loss again
  tcb.dup_acks = 0;
  flight.undo_bytes = 0;
  ++context.counters.tcp_undone;
}

}  // namespace

void begin_episode(Tcb& tcb) {
  tcb.flight->undo_marker = tcb.snd_una;
  tcb.flight->undo_bytes = 0;
}

void note_retransmission(const Context& context, Tcb& tcb, uint16_t bytes) {
  Flight& flight = *tcb.flight;
  if (flight.undo_bytes == 0) flight.undo_timestamp = timestamp_now(context, tcb);
  flight.undo_bytes += bytes;
}

void undo_if_spurious(Context& context, Tcb& tcb, const Segment& segment, const Delivery& delivery) {
  const bool recovering = tcb.has(kInRecovery | kInLoss);
  const bool late_time_out = tcb.has(kInLoss) && delivery.original && tcb.has(kSackPermitted);
  // A DSACK may come when recovery is over: what it has cost is given back all the same.
  const bool duplicates = are_all_duplicates(tcb, segment, delivery);
  if (late_time_out) ++context.counters.tcp_spurious_timeouts;
  if (duplicates || (recovering && (late_time_out || is_older_than_retransmission(tcb, segment, delivery))))
    undo(context, tcb);
}

}  // namespace tributary::tcp
