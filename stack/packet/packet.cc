#include "stack/packet/packet.h"

#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_mempool.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>

namespace tributary {
namespace {

constexpr uint16_t kPrivateSize = 64;  // one cache line, so that the info never shares one with the frame
static_assert(sizeof(PacketInfo) <= kPrivateSize && kPrivateSize % RTE_MBUF_PRIV_ALIGN == 0);

// Room for Ethernet with a tag, IPv6 and a full TCP header (118 bytes), and for an ICMP error with its
// quotation.
constexpr uint16_t kHeaderRoom = 384;

constexpr uint32_t kCacheSize = 256;  // buffers a core keeps to itself: eight bursts

// Pools are found by name in the EAL, so two stacks of one process must not choose the same.
std::atomic<uint32_t> pool_number{0};

// Many-producer rings: a buffer handed to another worker, or sent by its port, is freed there. The core's
// cache in front of the ring makes the difference to a single-producer ring disappear.
rte_mempool* create_pool(const char* name, const char* kind, uint32_t count, uint16_t room, int numa_node) {
  char unique[RTE_MEMPOOL_NAMESIZE];
  std::snprintf(unique, sizeof unique, "%.10s_%s%u", name, kind, pool_number.fetch_add(1));
  const uint32_t cache = count >= 4 * kCacheSize ? kCacheSize : 0;
  return rte_pktmbuf_pool_create_by_ops(unique, count, cache, kPrivateSize, RTE_PKTMBUF_HEADROOM + room, numa_node,
                                        "ring_mp_mc");
}

Packet take(rte_mempool* pool) {
  rte_mbuf* m = rte_pktmbuf_alloc(pool);
  if (m != nullptr) std::memset(rte_mbuf_to_priv(m), 0, sizeof(PacketInfo));
  return Packet(m);
}

// The sum of payload [offset, offset+size) of `p`, reading the smaller of the range and the rest (design D2).
wire::Sum range_sum(const Packet& p, size_t offset, size_t size) {
  const std::span<const uint8_t> payload = p.payload();
  const size_t end = offset + size;
  if (size <= payload.size() - size) return wire::sum_bytes(payload.subspan(offset, size));
  // sum = before ++ (range ++ after): undo one concatenation after the other.
  wire::Sum sum = wire::subtract(p.info().payload_sum, wire::sum_bytes(payload.first(offset)));
  if (offset & 1) sum = wire::swap_bytes(sum);
  const wire::Sum after = wire::sum_bytes(payload.subspan(end));
  return wire::subtract(sum, size & 1 ? wire::swap_bytes(after) : after);
}

}  // namespace

std::unique_ptr<PacketPools> PacketPools::create(const Sizes& sizes, const char* name, const char** error) {
  std::unique_ptr<PacketPools> pools(new PacketPools);
  pools->sizes_ = sizes;
  const int node = sizes.numa_node < 0 ? SOCKET_ID_ANY : sizes.numa_node;
  pools->data_ = create_pool(name, "d", sizes.data_buffers, sizes.data_room, node);
  if (pools->data_ != nullptr) pools->header_ = create_pool(name, "h", sizes.header_buffers, kHeaderRoom, node);
  if (pools->header_ == nullptr) {
    if (error != nullptr) *error = rte_strerror(rte_errno);
    return nullptr;
  }
  return pools;
}

PacketPools::~PacketPools() {
  rte_mempool_free(data_);
  rte_mempool_free(header_);
}

Packet PacketPools::data() {
  return take(data_);
}
Packet PacketPools::header() {
  return take(header_);
}

Packet PacketPools::reference(const Packet& p, uint16_t offset, uint16_t size) {
  if (uint32_t{offset} + size > p.info().payload_size) return {};
  Packet handle = header();
  if (!handle) return handle;
  rte_mbuf* m = handle.get();
  rte_pktmbuf_attach(m, p.get());
  m->ol_flags = RTE_MBUF_F_INDIRECT;  // what the port said about the original frame does not hold for a piece of it
  PacketInfo& info = handle.info();
  info.payload_offset = static_cast<uint16_t>(p.info().payload_offset + offset);
  info.payload_size = size;
  info.payload_sum = range_sum(p, offset, size);
  m->data_off = info.payload_offset;
  m->data_len = size;
  m->pkt_len = size;
  return handle;
}

uint32_t PacketPools::data_available() const {
  const rte_mempool_cache* cache = rte_mempool_default_cache(data_, rte_lcore_id());
  return rte_mempool_get_ops(data_->ops_index)->get_count(data_) + (cache != nullptr ? cache->len : 0);
}

uint32_t PacketPools::data_in_use() const {
  return rte_mempool_in_use_count(data_);
}
uint32_t PacketPools::header_in_use() const {
  return rte_mempool_in_use_count(header_);
}

}  // namespace tributary
