// What one ACK tells about the path's delivery: the RateSample of draft-ietf-ccwg-bbr-06 §4.1.2.1.3. Made by
// tcp/rate_sample.h, read by algorithms that model the path. Field names are the draft's.
#pragma once

#include <cstdint>

#include "stack/base/seq_num.h"
#include "stack/base/units.h"

namespace tributary::congestion {

struct RateSample {
  bool has_data = false;         ///< the ACK delivered a packet with what was noted when it left
  bool is_app_limited = false;   ///< the sender had nothing to send at some moment of the interval
  uint32_t newly_acked = 0;      ///< bytes this ACK delivered, cumulatively or selectively
  uint32_t delivered = 0;        ///< bytes delivered over the interval
  uint32_t lost = 0;             ///< bytes found lost since the packet was sent
  uint32_t tx_in_flight = 0;     ///< bytes in flight just after the packet was sent
  uint64_t prior_delivered = 0;  ///< C.delivered when the packet was sent
  uint64_t delivery_rate = 0;    ///< bytes a second; 0 = no reliable sample
  Micros interval;               ///< the longer of the next two
  Micros send_elapsed;
  Micros ack_elapsed;
  SeqNum last_acked;            ///< end of the most recently sent packet delivered
  uint32_t lost_when_sent = 0;  ///< low half of C.lost then
};

}  // namespace tributary::congestion
