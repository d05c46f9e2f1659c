// What one connection knows of itself, for whoever asks: the view behind getsockopt(TCP_INFO). Read only; what is
// not in the control block is not in here either. Walks the send queue, so it is for now and then, not for every
// segment.
#pragma once

#include <optional>

#include "stack/context.h"

namespace tributary::tcp {

/// What loss detection makes of the path at the moment.
enum class PathVerdict : uint8_t {
  kOpen,
  kDisorder,  ///< duplicate ACKs or SACK blocks, and no loss concluded from them
  kReduced,   ///< the window was reduced for ECN less than a round trip ago
  kRecovery,  ///< fast recovery
  kLoss,      ///< after a time-out
};

struct TcpInfo {
  State state = State::kClosed;
  PathVerdict verdict = PathVerdict::kOpen;
  bool passive = false;
  bool timestamps = false, sack = false, window_scaled = false, ecn = false;
  bool syn_data = false;       ///< payload of the SYN, ours or the peer's, was taken (RFC 7413)
  bool window_probes = false;  ///< `time_outs` counts probes of a closed window
  bool reordering = false;     ///< RACK has seen some
  uint8_t snd_wscale = 0, rcv_wscale = 0;
  uint8_t time_outs = 0;  ///< in a row

  // Microseconds; 0 = no sample yet.
  uint32_t rto = 0, ato = 0, srtt = 0, rttvar = 0, min_rtt = 0;

  uint32_t snd_mss = 0;        ///< payload a full segment carries now
  uint32_t announced_mss = 0;  ///< of our MSS option
  uint32_t path_mtu = 0;

  // Segments in the send queue, the SYN or FIN among them.
  uint32_t unacked = 0, sacked = 0;
  uint32_t lost = 0;           ///< not SACKed, and taken for lost: sent again since or not
  uint32_t retransmitted = 0;  ///< sent again and, as far as is known, still in the network

  uint32_t cwnd = 0;                             ///< bytes
  uint32_t ssthresh = congestion::kNoThreshold;  ///< bytes
  uint32_t retransmissions = 0;                  ///< ever
  uint32_t snd_wnd = 0, rcv_wnd = 0;             ///< bytes that may still be sent by the last window told
  uint32_t not_sent = 0;                         ///< bytes
  uint64_t bytes_acked = 0, bytes_received = 0;  ///< of payload
  std::optional<uint32_t> silence_ms;            ///< since the last acceptable segment, once there was one
  std::optional<uint64_t> pacing_rate;           ///< bytes a second, where there is pacing
};

TcpInfo describe(const Context& context, const Tcb& tcb);

}  // namespace tributary::tcp
