// Loss detection and recovery: RACK (RFC 8985 §6), duplicate ACKs where the peer has no SACK (RFC 5681, RFC 6582),
// proportional rate reduction (RFC 9937).
#pragma once

#include <algorithm>

#include "stack/context.h"

namespace tributary::tcp {

/// What one ACK told: input to recovery.
struct Delivery {
  uint32_t acked = 0;      ///< bytes cumulatively acknowledged
  uint32_t sacked = 0;     ///< bytes newly SACKed
  bool advanced = false;   ///< SND.UNA moved
  bool duplicate = false;  ///< a duplicate ACK by RFC 5681 §2
  uint32_t dsack = 0;      ///< bytes the peer reports to have had already (RFC 2883)
  bool original = false;   ///< delivered: something sent once, before the latest recovery began
};

/// FlightSize for a reduction (RFC 5681 §3.1, equation 4): what is not cumulatively acknowledged, SACKed or not; the
/// whole window if the last sending filled it, for since then the ACKs of one batch have only emptied it.
inline uint32_t flight_size(const Tcb& tcb, uint32_t prior_in_flight) {
  const uint32_t outstanding = std::max(prior_in_flight, static_cast<uint32_t>(tcb.snd_nxt - tcb.snd_una));
  return tcb.has(kCwndLimited) ? std::max(tcb.cc.cwnd, outstanding) : outstanding;
}

/// RACK steps 2 and 3 for one packet just acknowledged or SACKed. `fack` = RACK.fack before the ACK: one that SACKs
/// what is above a hole often acknowledges what is below it too, and that is no reordering.
void note_delivered(Context& context, Tcb& tcb, rte_mbuf* m, SeqNum fack);

/// Marks losses after an ACK, enters and leaves recovery, sets cwnd while in it. `prior_in_flight` = before the ACK.
void on_delivery(Context& context, Tcb& tcb, const Delivery& delivery, uint32_t prior_in_flight);

/// An ACK while a tail loss probe is out (RFC 8985 §7.4.2): whether the probe repaired a loss, which congestion control
/// has to hear of.
void on_probe_answer(Context& context, Tcb& tcb, const Delivery& delivery, uint32_t prior_in_flight);

/// RACK: marks what is lost now; sets `congestion` if that is more than a probe of the MTU. Returns when to look again,
/// or never().
Micros detect_losses(Context& context, Tcb& tcb, bool& congestion);

/// A retransmission time-out: everything old enough is lost, slow start from one segment.
void enter_loss(Context& context, Tcb& tcb);

}  // namespace tributary::tcp
