// Delivery rate sampling (draft-ietf-ccwg-bbr-06 §4.1): at what rate the path delivered the flight a packet
// was part of. At transmission a packet notes how much had been delivered by then (PacketInfo); its
// acknowledgement tells how much more has been since, and over which time. Samples of a flight with a pause
// of the application in it are marked.
#pragma once

#include "stack/congestion/rate_sample.h"
#include "stack/packet/packet.h"

namespace tributary::tcp {

/// Per-connection state (§4.1.2.1.1). Bytes of payload and points of the stack's clock.
struct RateSampler {
  uint64_t delivered = 0;    ///< C.delivered: ever, by cumulative or selective acknowledgement
  uint64_t lost = 0;         ///< C.lost: ever marked lost
  uint64_t app_limited = 0;  ///< C.app_limited: samples are limited until `delivered` is beyond; 0 = they are not
  Micros delivered_time;     ///< C.delivered_time
  Micros first_send_time;    ///< C.first_send_time
};

/// OnPacketSent (§4.1.2.2), with `info.sent_at` set. `in_flight` = bytes before this packet.
void sample_sent(RateSampler& sampler, PacketInfo& info, uint32_t in_flight);
/// UpdateRateSample (§4.1.2.3): `info`, which ends at `end`, is acknowledged for the first time.
void sample_delivered(RateSampler& sampler, congestion::RateSample& sample, const PacketInfo& info, SeqNum end,
                      Micros now);
/// GenerateRateSample: after all packets of the ACK, and after losses were marked. `min_rtt` is the
/// connection's.
void finish_sample(RateSampler& sampler, congestion::RateSample& sample, Micros min_rtt);
/// MarkConnectionAppLimited (§4.1.2.4): what is in flight now, and what follows it within a round trip, says
/// nothing of the path's rate.
void mark_app_limited(RateSampler& sampler, uint32_t in_flight);

}  // namespace tributary::tcp
