// Packet buffers for tests: pools, buffers with given bytes, and a guard that finds leaks.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "stack/packet/packet.h"

namespace tributary::test {

/// Small pools that fit the test environment's 512 MB many times over. Throws when the EAL has no memory
/// left.
inline std::unique_ptr<PacketPools> make_pools(uint32_t data_buffers = 2048, uint32_t header_buffers = 2048,
                                               uint16_t data_room = 2048) {
  const char* error = "";
  PacketPools::Sizes sizes;
  sizes.data_buffers = data_buffers;
  sizes.header_buffers = header_buffers;
  sizes.data_room = data_room;
  auto pools = PacketPools::create(sizes, "test", &error);
  if (pools == nullptr) throw std::runtime_error(std::string("no packet pools: ") + error);
  return pools;
}

/// A data buffer holding `bytes` as its frame, as a port would deliver it.
inline Packet make_frame(PacketPools& pools, std::span<const uint8_t> bytes) {
  Packet packet = pools.data();
  if (!packet) return packet;
  char* room = rte_pktmbuf_append(packet.get(), static_cast<uint16_t>(bytes.size()));
  if (room == nullptr) return {};
  if (!bytes.empty()) std::memcpy(room, bytes.data(), bytes.size());
  return packet;
}

/// A data buffer whose whole content is payload, described by its `info()`.
inline Packet make_payload(PacketPools& pools, std::span<const uint8_t> bytes) {
  Packet packet = make_frame(pools, bytes);
  if (!packet) return packet;
  packet.info().payload_offset = packet.get()->data_off;
  packet.info().payload_size = packet.size();
  packet.info().payload_sum = wire::sum_bytes(bytes);
  return packet;
}

/// All bytes of a frame, chained segments included.
inline std::vector<uint8_t> bytes_of(const rte_mbuf* m) {
  std::vector<uint8_t> bytes;
  for (; m != nullptr; m = m->next) {
    const uint8_t* data = rte_pktmbuf_mtod(m, const uint8_t*);
    bytes.insert(bytes.end(), data, data + m->data_len);
  }
  return bytes;
}
inline std::vector<uint8_t> bytes_of(const Packet& packet) {
  return bytes_of(packet.get());
}

/// Fails the test when, at the end of its scope, a pool has not the level it had at the beginning.
class PoolGuard {
 public:
  explicit PoolGuard(const PacketPools& pools)
      : pools_(pools), data_(pools.data_in_use()), header_(pools.header_in_use()) {}
  ~PoolGuard() {
    EXPECT_EQ(pools_.data_in_use(), data_) << "data buffers leaked (or given back twice)";
    EXPECT_EQ(pools_.header_in_use(), header_) << "header buffers leaked (or given back twice)";
  }
  PoolGuard(const PoolGuard&) = delete;
  PoolGuard& operator=(const PoolGuard&) = delete;

 private:
  const PacketPools& pools_;
  uint32_t data_;
  uint32_t header_;
};

}  // namespace tributary::test
