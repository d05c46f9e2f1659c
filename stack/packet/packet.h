// Packet: owning handle on one packet buffer, and the pools buffers come from.
//
// A buffer is a DPDK mbuf with a private area that carries what the stack must remember about it while it is queued
// (`PacketInfo`), so a queue entry is the buffer itself and queues cost no memory of their own (design D1, D5).
// Copying payload is counted in `PacketPools::payload_copies`: the relay must keep it at zero.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "stack/base/compact16.h"
#include "stack/base/seq_num.h"
#include "stack/base/units.h"
#include "stack/wire/checksum.h"

namespace tributary {

class Packet;

/// State of a queued buffer. Meaning of the members depends on the queue, see tcp/ and mptcp/.
struct PacketInfo {
  rte_mbuf* next;          ///< link in the queue of the connection (receive or send, data-level order)
  rte_mbuf* subflow_next;  ///< link in the send or out-of-order queue of one subflow
  uint64_t dsn;            ///< MPTCP: data sequence number of the first payload byte
  union {
    int64_t sent_at;         ///< Micros of the latest transmission
    rte_mbuf* previous_run;  ///< received out of order: see run_queue.h
  };
  uint32_t seq;  ///< TCP sequence number of the first payload byte
  union {
    uint32_t owner;    ///< index of the subflow the buffer is queued on, or kNoOwner
    uint32_t arrival;  ///< received out of order: see tcp/reassembly.h
  };
  uint16_t payload_offset;  ///< from the start of the buffer (buf_addr)
  uint16_t payload_size;    ///< bytes of payload
  wire::Sum payload_sum;    ///< ones'-complement sum of exactly those bytes, as if they started at an even offset
  uint16_t flags;           ///< owned by the queue's layer
  uint16_t transmissions;   ///< how often sent
  // A received packet's mapping is done with before the packet is sent: with kPktRated the room holds what the path had
  // delivered when it left (draft-ietf-ccwg-bbr-06 §4.1.2.1.2).
  union {
    uint16_t mapping_size;       ///< receive: Data-Level Length of the DSS mapping that came with the segment
    Compact16 since_first_send;  ///< send: microseconds from P.first_send_time to sent_at
  };
  union {
    uint16_t mapping_checksum;  ///< receive: its checksum as on the wire
    Compact16 since_delivered;  ///< send: microseconds from P.delivered_time to sent_at
  };
  Compact16 tx_in_flight;  ///< send: P.tx_in_flight, bytes
  union {
    uint32_t subflow_seq;  ///< receive: its relative subflow sequence number
    uint32_t delivered;    ///< send: low half of P.delivered, bytes
  };
  union {
    int32_t ahead;  ///< send, without kPktRated: see lookahead.h
    uint32_t lost;  ///< send: low half of P.lost, bytes
  };
};
static_assert(sizeof(PacketInfo) <= 64);
constexpr uint32_t kNoOwner = UINT32_MAX;

inline PacketInfo& info_of(rte_mbuf* m) {
  return *static_cast<PacketInfo*>(rte_mbuf_to_priv(m));
}

/// Asks for what taking a packet off a queue and freeing it will touch. A queue a round trip long has left the cache,
/// and its links lead from one miss to the next: every look ahead is a memory access saved. `m` may be null.
inline void prefetch_queued(rte_mbuf* m) {
  if (m == nullptr) return;
  __builtin_prefetch(rte_mbuf_to_priv(m), 1);
  __builtin_prefetch(m, 1);
  __builtin_prefetch(reinterpret_cast<char*>(m) + RTE_CACHE_LINE_SIZE, 1);
}
/// Asks for what sending a packet will touch: the buffer's control lines and the room its headers are written to.
inline void prefetch_unsent(rte_mbuf* m) {
  prefetch_queued(m);
  char* const buffer =
      static_cast<char*>(rte_mbuf_to_priv(m)) + RTE_CACHE_LINE_SIZE;  // where buf_addr of a direct one points
  __builtin_prefetch(buffer + info_of(m).payload_offset - 1, 1);
  __builtin_prefetch(buffer + info_of(m).payload_offset - RTE_CACHE_LINE_SIZE - 1, 1);
}

/// Move-only owner of one reference to a buffer (or chain). Destruction gives the reference back to its pool.
class Packet {
 public:
  Packet() = default;
  /// Takes over the caller's reference.
  explicit Packet(rte_mbuf* mbuf) : mbuf_(mbuf) {}
  Packet(Packet&& o) noexcept : mbuf_(std::exchange(o.mbuf_, nullptr)) {}
  Packet& operator=(Packet&& o) noexcept {
    if (this != &o) {
      reset();
      mbuf_ = std::exchange(o.mbuf_, nullptr);
    }
    return *this;
  }
  ~Packet() { reset(); }

  explicit operator bool() const { return mbuf_ != nullptr; }
  rte_mbuf* get() const { return mbuf_; }
  /// Gives the reference to the caller.
  rte_mbuf* release() { return std::exchange(mbuf_, nullptr); }
  void reset() {
    if (mbuf_ != nullptr) rte_pktmbuf_free(std::exchange(mbuf_, nullptr));
  }

  PacketInfo& info() const { return info_of(mbuf_); }
  /// The frame in the first segment of the buffer.
  uint8_t* data() const { return rte_pktmbuf_mtod(mbuf_, uint8_t*); }
  uint16_t size() const { return mbuf_->data_len; }
  std::span<uint8_t> bytes() const { return {data(), size()}; }
  /// More frame in front or behind, in this segment. Null, and nothing changed, when the room is used up.
  uint8_t* prepend(uint16_t n) const { return reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(mbuf_, n)); }
  uint8_t* append(uint16_t n) const { return reinterpret_cast<uint8_t*>(rte_pktmbuf_append(mbuf_, n)); }
  /// Less frame. `n` is at most `size()`.
  void remove_front(uint16_t n) const { rte_pktmbuf_adj(mbuf_, n); }
  void remove_back(uint16_t n) const { rte_pktmbuf_trim(mbuf_, n); }

  /// The payload `info()` describes.
  std::span<uint8_t> payload() const {
    const PacketInfo& i = info();
    return {static_cast<uint8_t*>(mbuf_->buf_addr) + i.payload_offset, i.payload_size};
  }

 private:
  rte_mbuf* mbuf_ = nullptr;
};

/// Asks the port to fill in checksums of an IP packet that starts at `m`'s data: the TCP checksum field then holds the
/// pseudo-header's sum, the IPv4 checksum zero. Sizes in bytes; `l2_size` is what `ip::IpLayer::send` will prepend.
inline void set_checksum_offload(rte_mbuf* m, bool ipv4, bool ip_checksum, bool tcp_checksum, uint16_t l2_size,
                                 uint16_t l3_size, uint16_t l4_size) {
  m->l2_len = l2_size;
  m->l3_len = l3_size;
  m->l4_len = l4_size;
  m->ol_flags |= ipv4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
  if (ipv4 && ip_checksum) m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
  if (tcp_checksum) m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
}
/// Forgets what was asked of, or said by, a port: before a buffer is sent again.
inline void clear_offload(rte_mbuf* m) {
  m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
}

/// Whether this handle is the only one on the buffer and its bytes, so that headers may be written into it.
inline bool is_exclusive(const rte_mbuf* m) {
  return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
}

/// The buffer pools of one worker. Data buffers hold received frames and payload; header buffers are small and kept for
/// ACKs, resets, ARP/ND, ICMP and the headers of retransmissions, so that those never wait for data (design D7).
class PacketPools {
 public:
  struct Sizes {
    uint32_t data_buffers = 8192;
    uint32_t header_buffers = 8192;
    uint16_t data_room = 2048;  ///< bytes behind the headroom
    int numa_node = -1;         ///< -1: any
  };
  /// Creates both pools under unique names. Empty with `error` set when there is not enough memory.
  /// An EAL must be running.
  static std::unique_ptr<PacketPools> create(const Sizes& sizes, const char* name, const char** error);
  ~PacketPools();
  PacketPools(const PacketPools&) = delete;
  PacketPools& operator=(const PacketPools&) = delete;

  /// An empty buffer, or null when the pool is used up. `info()` is zeroed.
  Packet data();
  Packet header();
  /// A new handle on payload [offset, offset+size) of `p` without copying: an indirect buffer whose `info()` describes
  /// that range (the sum is computed for it). Null when the header pool is used up.
  Packet reference(const Packet& p, uint16_t offset, uint16_t size);

  rte_mempool* data_pool() const { return data_; }
  rte_mempool* header_pool() const { return header_; }
  /// Data buffers the calling core could take now: what other cores' caches hold is out of its reach. Cheap, while
  /// `data_in_use` looks at the cache of every core there might be.
  uint32_t data_available() const;
  uint32_t data_in_use() const;
  uint32_t header_in_use() const;
  uint32_t data_capacity() const { return sizes_.data_buffers; }
  uint32_t header_capacity() const { return sizes_.header_buffers; }

  uint64_t payload_copies = 0;  ///< payload bytes' packets copied between buffers (must stay 0 on the relay path)

 private:
  PacketPools() = default;
  Sizes sizes_;
  rte_mempool* data_ = nullptr;
  rte_mempool* header_ = nullptr;
};

}  // namespace tributary
