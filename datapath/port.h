// Port: one DPDK device, opened with one receive and one transmit queue for each worker, using the offloads
// it has.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "datapath/device.h"
#include "stack/base/counters.h"
#include "stack/base/ids.h"
#include "stack/ip/ip_layer.h"
#include "stack/packet/packet.h"

namespace tributary::datapath {

struct PortOptions {
  std::string name;
  Device device;
  uint16_t mtu = 1500;  ///< bytes of IP packet
  uint16_t receive_descriptors = 1024;
  uint16_t transmit_descriptors = 1024;
};

/// What the start-up report and telemetry say about a port.
struct PortFacts {
  std::string name;
  std::string device;
  std::string driver;
  MacAddress mac;
  uint16_t mtu = 0;
  ip::PortOffloads offloads;
  std::vector<std::string> faults;  ///< what an operator should look at, a sentence each
};

struct LinkState {
  bool up = false;
  uint32_t megabits = 0;  ///< 0 = unknown
  bool operator==(const LinkState&) const = default;
};

/// The device's own counters, as far as it has them.
struct PortStatistics {
  uint64_t rx_frames = 0, rx_bytes = 0, rx_missed = 0, rx_errors = 0, rx_no_buffer = 0;
  uint64_t tx_frames = 0, tx_bytes = 0, tx_errors = 0;
};

class Port {
 public:
  static constexpr uint16_t kBurst = 32;

  /// Probes, configures and starts the device. `pools` has one entry a worker: received frames come from its
  /// data pool. Null with `error` in words an operator can act on.
  static std::unique_ptr<Port> open(const PortOptions& options, std::span<PacketPools* const> pools,
                                    std::string& error);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  /// Takes up to kBurst frames from the worker's queue into `frames`; returns how many.
  uint16_t receive(WorkerId worker, rte_mbuf** frames);
  /// Hands all of `frames` to the worker's queue and clears the vector. What a full ring does not take after
  /// a short while is dropped and counted in tx_dropped.
  void transmit(WorkerId worker, std::vector<rte_mbuf*>& frames, Counters& counters);

  const PortFacts& facts() const { return facts_; }
  /// Any thread.
  LinkState link() const;
  PortStatistics statistics() const;

 private:
  Port() = default;
  bool configure(const PortOptions& options, std::span<PacketPools* const> pools, std::string& error);
  void make_sendable(WorkerId worker, std::vector<rte_mbuf*>& frames, Counters& counters);

  uint16_t id_ = UINT16_MAX;  // of the ethdev
  bool started_ = false;
  bool prepare_ = false;  // the driver wants to see frames with offload requests first
  std::vector<rte_mempool*> data_pools_;
  PortFacts facts_;
};

}  // namespace tributary::datapath
