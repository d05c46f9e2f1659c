#include "datapath/port.h"

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include <algorithm>
#include <array>

namespace tributary::datapath {
namespace {

// How often a full transmit ring is tried again. With the pause between, some ten microseconds: a device at
// line rate frees dozens of descriptors in that time, one that does not move is not waited for.
constexpr int kTransmitAttempts = 64;
constexpr int kPausesBetween = 32;

}  // namespace

Port::~Port() {
  if (id_ == UINT16_MAX) return;
  if (started_) rte_eth_dev_stop(id_);
  rte_eth_dev_info info{};
  const bool known = rte_eth_dev_info_get(id_, &info) == 0;
  rte_eth_dev_close(id_);
  // Closing lets go of the port, not of the device behind it.
  if (known && info.device != nullptr) rte_dev_remove(info.device);
}

uint16_t Port::receive(WorkerId worker, rte_mbuf** frames) {
  return rte_eth_rx_burst(id_, worker.value, frames, kBurst);
}

// A device that cannot send chains gets a linear copy (design D1). The original may be shared, so it is
// copied, not linearized in place.
void Port::make_sendable(WorkerId worker, std::vector<rte_mbuf*>& frames, Counters& counters) {
  size_t kept = 0;
  for (rte_mbuf* frame : frames) {
    if (frame->nb_segs > 1) {
      rte_mbuf* linear = rte_pktmbuf_copy(frame, data_pools_[worker.value], 0, UINT32_MAX);
      if (linear != nullptr && linear->nb_segs > 1) {
        rte_pktmbuf_free(linear);
        linear = nullptr;
      }
      rte_pktmbuf_free(frame);
      ++counters.payload_copies;
      if (linear == nullptr) {
        ++counters.tx_dropped;
        continue;
      }
      frame = linear;
    }
    frames[kept++] = frame;
  }
  frames.resize(kept);
}

void Port::transmit(WorkerId worker, std::vector<rte_mbuf*>& frames, Counters& counters) {
  if (!facts_.offloads.transmit_multi_segment) make_sendable(worker, frames, counters);
  // A driver may have given a sent frame back before the burst call returns, so sizes are read before.
  size_t sent = 0;
  int attempts = 0;
  while (sent < frames.size() && attempts < kTransmitAttempts) {
    const auto burst = static_cast<uint16_t>(std::min<size_t>(kBurst, frames.size() - sent));
    rte_mbuf** first = frames.data() + sent;
    std::array<uint32_t, kBurst> sizes;
    for (uint16_t i = 0; i < burst; ++i) sizes[i] = first[i]->pkt_len;
    uint16_t ready = burst;
    if (prepare_) ready = rte_eth_tx_prepare(id_, worker.value, first, burst);
    const uint16_t taken = ready == 0 ? 0 : rte_eth_tx_burst(id_, worker.value, first, ready);
    for (uint16_t i = 0; i < taken; ++i) counters.tx_bytes += sizes[i];
    counters.tx_frames += taken;
    sent += taken;
    if (ready < burst && taken == ready) {
      // The driver refuses this very frame: no attempt will change that.
      rte_pktmbuf_free(frames[sent++]);
      ++counters.tx_dropped;
    } else if (taken == 0) {
      ++attempts;
      for (int i = 0; i < kPausesBetween; ++i) rte_pause();
    }
  }
  for (; sent < frames.size(); ++sent) {
    rte_pktmbuf_free(frames[sent]);
    ++counters.tx_dropped;
  }
  frames.clear();
}

LinkState Port::link() const {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) != 0) return {};
  const bool known = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return {.up = link.link_status == RTE_ETH_LINK_UP, .megabits = known ? link.link_speed : 0};
}

PortStatistics Port::statistics() const {
  rte_eth_stats s{};
  if (rte_eth_stats_get(id_, &s) != 0) return {};
  return {.rx_frames = s.ipackets,
          .rx_bytes = s.ibytes,
          .rx_missed = s.imissed,
          .rx_errors = s.ierrors,
          .rx_no_buffer = s.rx_nombuf,
          .tx_frames = s.opackets,
          .tx_bytes = s.obytes,
          .tx_errors = s.oerrors};
}

}  // namespace tributary::datapath
