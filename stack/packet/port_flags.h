// What a port says about a frame it received, and must know about one it is to send: the offload flags of the
// buffer behind our own names.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <optional>

#include "stack/packet/packet.h"

namespace tributary {

enum class ChecksumVerdict : uint8_t { kUnknown, kGood, kBad };

inline ChecksumVerdict ip_checksum_verdict(const Packet& p) {
  switch (p.get()->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) {
    case RTE_MBUF_F_RX_IP_CKSUM_GOOD:
      return ChecksumVerdict::kGood;
    case RTE_MBUF_F_RX_IP_CKSUM_BAD:
      return ChecksumVerdict::kBad;
    default:
      return ChecksumVerdict::kUnknown;
  }
}

/// Of the TCP checksum (the hardware says "layer 4").
inline ChecksumVerdict tcp_checksum_verdict(const Packet& p) {
  switch (p.get()->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
    case RTE_MBUF_F_RX_L4_CKSUM_GOOD:
      return ChecksumVerdict::kGood;
    case RTE_MBUF_F_RX_L4_CKSUM_BAD:
      return ChecksumVerdict::kBad;
    default:
      return ChecksumVerdict::kUnknown;
  }
}

/// The 802.1Q tag control information a port has taken out of the frame, if it did.
inline std::optional<uint16_t> stripped_vlan(const Packet& p) {
  if (!(p.get()->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)) return {};
  return p.get()->vlan_tci;
}

/// The frame goes on in further segments.
inline bool is_chained(const Packet& p) {
  return p.get()->next != nullptr;
}

/// Turns a received frame into one of ours: what the port found no longer holds.
inline void forget_port_flags(const Packet& p) {
  p.get()->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
}

/// Checksum offload counts from behind the link header. Its size is stored only when an offload was asked
/// for: the field lies in the buffer's second cache line.
inline void set_link_header_size(const Packet& p, uint8_t size) {
  if (p.get()->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) p.get()->l2_len = size;
}

}  // namespace tributary
