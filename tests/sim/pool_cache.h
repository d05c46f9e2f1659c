// Packet pools outlive their hosts: making one costs more than many a simulated transfer.
#pragma once

#include <memory>

#include "stack/packet/packet.h"

namespace tributary::sim {

struct PoolCache {
  static std::unique_ptr<PacketPools> take(uint32_t data_buffers, uint32_t header_buffers, uint16_t data_room);
  /// Keeps pools for the next host, unless buffers have leaked from them.
  static void give_back(std::unique_ptr<PacketPools> pools);
};

}  // namespace tributary::sim
