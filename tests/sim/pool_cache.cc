#include "tests/sim/pool_cache.h"

#include <utility>
#include <vector>

#include "tests/support/pools.h"

namespace tributary::sim {
namespace {

// Never destroyed: the EAL ends before static objects do.
std::vector<std::unique_ptr<PacketPools>>& kept_pools() {
  static auto* pools = new std::vector<std::unique_ptr<PacketPools>>;
  return *pools;
}

}  // namespace

std::unique_ptr<PacketPools> PoolCache::take(uint32_t data_buffers, uint32_t header_buffers, uint16_t data_room) {
  auto& kept = kept_pools();
  for (auto& pools : kept) {
    if (pools->data_capacity() != data_buffers || pools->header_capacity() != header_buffers) continue;
    if (rte_pktmbuf_data_room_size(pools->data_pool()) != RTE_PKTMBUF_HEADROOM + data_room) continue;
    auto found = std::move(pools);
    std::swap(pools, kept.back());
    kept.pop_back();
    found->payload_copies = 0;
    return found;
  }
  return test::make_pools(data_buffers, header_buffers, data_room);
}

void PoolCache::give_back(std::unique_ptr<PacketPools> pools) {
  if (pools->data_in_use() == 0 && pools->header_in_use() == 0) kept_pools().push_back(std::move(pools));
}

}  // namespace tributary::sim
