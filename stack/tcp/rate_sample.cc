#include "stack/tcp/rate_sample.h"

#include <algorithm>

#include "stack/tcp/tcb.h"

namespace tributary::tcp {

void sample_sent(RateSampler& sampler, PacketInfo& info, uint32_t in_flight) {
  const Micros sent(info.sent_at);
  // An empty pipe: the next interval begins now, not with the ACK before the pause.
  if (in_flight == 0) sampler.first_send_time = sampler.delivered_time = sent;
  info.since_first_send = Compact16(static_cast<uint64_t>((sent - sampler.first_send_time).count()));
  info.since_delivered = Compact16(static_cast<uint64_t>((sent - sampler.delivered_time).count()));
  info.delivered = static_cast<uint32_t>(sampler.delivered);
  info.lost = static_cast<uint32_t>(sampler.lost);
  info.tx_in_flight = Compact16(in_flight + info.payload_size);
  info.flags = static_cast<uint16_t>((info.flags & ~kPktAppLimited) | kPktRated);
  if (sampler.app_limited != 0) info.flags |= kPktAppLimited;
}

void sample_delivered(RateSampler& sampler, congestion::RateSample& sample, const PacketInfo& info, SeqNum end,
                      Micros now) {
  sampler.delivered += info.payload_size;
  sampler.delivered_time = now;
  sample.newly_acked += info.payload_size;
  if (!(info.flags & kPktRated)) return;
  const Micros sent(info.sent_at);
  const bool newest = sent > sampler.first_send_time || (sent == sampler.first_send_time && end > sample.last_acked);
  if (sample.has_data && !newest) return;
  sample.has_data = true;
  sample.prior_delivered =
      sampler.delivered - static_cast<uint32_t>(static_cast<uint32_t>(sampler.delivered) - info.delivered);
  sample.lost_when_sent = info.lost;
  sample.tx_in_flight = info.tx_in_flight.value();
  sample.is_app_limited = info.flags & kPktAppLimited;
  sample.send_elapsed = Micros(info.since_first_send.value());
  sample.ack_elapsed = now - sent + Micros(info.since_delivered.value());
  sample.last_acked = end;
  sampler.first_send_time = sent;
}

void finish_sample(RateSampler& sampler, congestion::RateSample& sample, Micros min_rtt) {
  if (sampler.app_limited != 0 && sampler.delivered > sampler.app_limited) sampler.app_limited = 0;
  if (!sample.has_data) return;
  sample.lost = static_cast<uint32_t>(sampler.lost) - sample.lost_when_sent;
  sample.delivered = static_cast<uint32_t>(sampler.delivered - sample.prior_delivered);
  // ACKs can come in faster than the path delivers, never slower for long: the slower of sending and ACKs is
  // the rate.
  sample.interval = std::max(sample.send_elapsed, sample.ack_elapsed);
  // Shorter than any round trip: a retransmission acknowledged for what went before it.
  if (sample.interval < min_rtt || sample.interval <= Micros(0)) return;
  sample.delivery_rate = uint64_t{sample.delivered} * 1'000'000 / static_cast<uint64_t>(sample.interval.count());
}

void mark_app_limited(RateSampler& sampler, uint32_t in_flight) {
  sampler.app_limited = std::max<uint64_t>(sampler.delivered + in_flight, 1);
}

}  // namespace tributary::tcp
