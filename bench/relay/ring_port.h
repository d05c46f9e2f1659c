// RingPort: what a network port is to a worker, without the network: a ring of received frames, a ring of
// frames to send, and sent frames to be given back. A driver frees what the device has sent when it is next
// asked to send, on the worker's core; so does this, and the cost falls into whoever's pass is being
// measured.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <cstdint>
#include <span>
#include <vector>

namespace tributary::bench {

class RingPort {
 public:
  static constexpr unsigned kBurst = 32;

  explicit RingPort(uint32_t size);
  ~RingPort();
  RingPort(const RingPort&) = delete;
  RingPort& operator=(const RingPort&) = delete;

  // The worker's side: measured.
  unsigned receive(rte_mbuf** frames) { return rte_ring_sc_dequeue_burst(received_, as_void(frames), kBurst, nullptr); }
  /// Takes over all of `frames`.
  void transmit(std::span<rte_mbuf*> frames) {
    if (!sent_.empty()) {
      rte_pktmbuf_free_bulk(sent_.data(), static_cast<unsigned>(sent_.size()));
      sent_.clear();
    }
    const unsigned taken =
        rte_ring_sp_enqueue_burst(sending_, as_void(frames.data()), static_cast<unsigned>(frames.size()), nullptr);
    if (taken < frames.size()) drop(frames.subspan(taken));
  }
  bool has_received() const { return !rte_ring_empty(received_); }

  // The wire's side: not measured.
  /// False when the ring is full: the frame stays the caller's.
  bool deliver(rte_mbuf* frame) { return rte_ring_sp_enqueue(received_, frame) == 0; }
  unsigned take(rte_mbuf** frames) { return rte_ring_sc_dequeue_burst(sending_, as_void(frames), kBurst, nullptr); }
  /// The device has sent `frame`, which was taken.
  void complete(rte_mbuf* frame) { sent_.push_back(frame); }

  uint64_t dropped() const { return dropped_; }

 private:
  static void** as_void(rte_mbuf** frames) { return reinterpret_cast<void**>(frames); }
  void drop(std::span<rte_mbuf*> frames);

  rte_ring* received_;
  rte_ring* sending_;
  std::vector<rte_mbuf*> sent_;
  uint64_t dropped_ = 0;
};

}  // namespace tributary::bench
