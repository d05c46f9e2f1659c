// Flight: what a Tcb knows of the payload it has queued and sent: the end of the queue, the SACK scoreboard's sums,
// RACK, PRR and pacing. Exists from the first packet queued to the last one acknowledged, so that an idle connection
// does not pay for it (design D5).
#pragma once

#include <cstdint>

#include "stack/base/seq_num.h"
#include "stack/tcp/pacing.h"

struct rte_mbuf;

namespace tributary::tcp {

constexpr uint32_t kNoScoreboard = UINT32_MAX;

struct Flight {
  rte_mbuf* tail = nullptr;
  rte_mbuf* unsent = nullptr;  ///< first never sent
  int64_t rack_sent_at = 0;    ///< Micros: RACK.xmit_ts (RFC 8985 §5.2)
  SeqNum rack_end_seq;         ///< RACK.end_seq
  uint32_t rack_rtt = 0;       ///< RACK.rtt, microseconds
  SeqNum highest_sacked;       ///< RACK.fack: byte after the highest delivered
  SeqNum probe_end_seq;        ///< TLP.end_seq (RFC 8985 §7.1)
  uint32_t sacked_bytes = 0;
  uint32_t lost_bytes = 0;     ///< marked lost and not yet sent again
  uint32_t prr_delivered = 0;  ///< RFC 9937 §5
  uint32_t prr_out = 0;
  uint32_t prr_recover_fs = 0;

  SeqNum undo_marker;                    ///< SND.UNA when the last recovery began
  uint32_t undo_timestamp = 0;           ///< TSval of its first retransmission
  uint32_t undo_bytes = 0;               ///< sent again since, and not yet shown needless by a DSACK
  uint32_t scoreboard = kNoScoreboard;   ///< index in the context's slab, from the first SACK block on
  bool probe_is_retransmission = false;  ///< TLP.is_retrans
  bool mtu_probe = false;                ///< a segment larger than the path is known to take is in flight
  uint16_t small_packets = 0;            ///< small pieces sent and not acknowledged in any way
  Pacing pacing;
};
static_assert(sizeof(Flight) <= 144);

}  // namespace tributary::tcp
