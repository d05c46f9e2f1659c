// One direction of a link: rate, delay, a queue with tail drop, and the faults of real links.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "stack/base/units.h"
#include "tests/sim/event_loop.h"
#include "tests/sim/frame.h"
#include "tests/sim/prng.h"
#include "tests/sim/rate_process.h"

namespace tributary::sim {

/// Everything may be changed while the world runs; frames already on the link keep their arrival time.
struct LinkParameters {
  uint64_t bits_per_second = 0;      ///< 0: infinitely fast
  RateProcess* rate = nullptr;       ///< instead of `bits_per_second`; one direction's own, kept by the world
  Micros delay = Micros(0);          ///< propagation, one way
  uint32_t queue_bytes = 256 << 10;  ///< waiting for the rate; more is dropped at the tail
  double loss = 0;                   ///< probabilities per frame from here on
  double burst = 0;                  ///< to begin a burst, in which every frame is lost,
  Micros burst_length = Micros(0);   ///< of up to this
  double reorder = 0;                ///< to arrive later than its turn,
  Micros reorder_delay = Micros(0);  ///< by up to this
  double duplicate = 0;
  double corrupt = 0;  ///< to have up to 15 neighbouring bits flipped
  bool up = true;
  uint16_t mtu = 0;  ///< bytes of IP packet: larger ones are dropped without a word; 0: any fit
};

struct LinkStatistics {
  uint64_t offered = 0;
  uint64_t delivered = 0;
  uint64_t delivered_bytes = 0;
  uint64_t lost = 0;  ///< at random and in bursts
  uint64_t queue_drops = 0;
  uint64_t oversize_drops = 0;
  uint64_t down_drops = 0;  ///< offered while down, or on the link when it went down
  uint64_t reordered = 0;
  uint64_t duplicated = 0;
  uint64_t corrupted = 0;
  uint64_t waited_us = 0;  ///< in the queue, all frames that got in together
};

class Link {
 public:
  using Deliver = std::function<void(Frame)>;

  Link(EventLoop& loop, Prng prng, const LinkParameters& parameters, Deliver deliver);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void send(Frame frame);
  /// Taking a link down loses what is on it.
  void set_up(bool up);
  LinkParameters& parameters() { return parameters_; }
  const LinkParameters& parameters() const { return parameters_; }
  const LinkStatistics& statistics() const { return statistics_; }
  size_t in_flight() const { return flying_.size(); }

 private:
  bool is_lost();
  bool enqueue(size_t size);
  void launch(Frame frame, Micros arrival);
  void land();

  EventLoop& loop_;
  Prng prng_;
  LinkParameters parameters_;
  Deliver deliver_;
  LinkStatistics statistics_;
  Micros burst_end_ = Micros(0);
  int64_t busy_until_ns_ = 0;  // nanoseconds: a frame at 10 Gbit/s takes little more than a microsecond
  std::multimap<Micros, Frame> flying_;
};

/// Flips 1 to 15 neighbouring bits behind the Ethernet header of an IP packet. The Internet checksum finds
/// every such error, so a receiver that checks it never takes the packet. Other frames stay whole: ARP has no
/// checksum, on a real link the frame check sequence would have caught it. Returns whether something was
/// flipped.
bool corrupt_frame(Frame& frame, Prng& prng);

}  // namespace tributary::sim
