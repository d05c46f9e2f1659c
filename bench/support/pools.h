// Packet pools for benchmarks: every page touched, so that no page fault falls into what is measured.
#pragma once

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "stack/packet/packet.h"

namespace tributary::bench {

inline void touch(PacketPools& pools) {
  std::vector<Packet> all;
  while (Packet packet = pools.data()) all.push_back(std::move(packet));
  for (const Packet& packet : all) std::memset(packet.get()->buf_addr, 0, packet.get()->buf_len);
  all.clear();
  while (Packet packet = pools.header()) all.push_back(std::move(packet));
}

inline std::unique_ptr<PacketPools> make_pools(uint32_t data_buffers, uint32_t header_buffers) {
  PacketPools::Sizes sizes;
  sizes.data_buffers = data_buffers;
  sizes.header_buffers = header_buffers;
  const char* error = "";
  auto pools = PacketPools::create(sizes, "bench", &error);
  if (pools == nullptr) throw std::runtime_error(std::string("no packet pools: ") + error);
  touch(*pools);
  return pools;
}

}  // namespace tributary::bench
