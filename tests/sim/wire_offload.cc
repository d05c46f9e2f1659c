#include "tests/sim/wire_offload.h"

#include <stdexcept>

#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ip.h"

namespace tributary::sim {
namespace {

constexpr size_t kIpv4ChecksumOffset = 10, kTcpChecksumOffset = 16;

wire::Sum tcp_sum(const wire::IpHeader& ip, std::span<const uint8_t> segment) {
  return wire::add(
      wire::pseudo_header_sum(ip.source, ip.destination, ip.protocol, static_cast<uint32_t>(segment.size())),
      wire::sum_bytes(segment));
}

}  // namespace

void fill_in_checksums(Frame& frame, const rte_mbuf& m, const ip::PortOffloads& offloads) {
  if (!(m.ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK))) return;
  const auto packet = std::span(frame).subspan(m.l2_len);
  if (m.ol_flags & RTE_MBUF_F_TX_IP_CKSUM) {
    if (!offloads.transmit_ip_checksum) throw std::logic_error("IP checksum asked of a port without the offload");
    wire::store16(packet.data() + kIpv4ChecksumOffset, 0);
    wire::store16(packet.data() + kIpv4ChecksumOffset, static_cast<uint16_t>(~wire::sum_bytes(packet.first(m.l3_len))));
  }
  if ((m.ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM) {
    if (!offloads.transmit_tcp_checksum) throw std::logic_error("TCP checksum asked of a port without the offload");
    wire::IpHeader ip;
    if (wire::parse_ip(packet, true, ip) != wire::IpError::kNone || ip.header_size != m.l3_len)
      throw std::logic_error("checksum offload with wrong header sizes");
    const auto segment = packet.subspan(ip.header_size, ip.payload_size);
    // The field holds the pseudo-header's sum, which the card adds to the rest without knowing it.
    const wire::Sum pseudo = wire::pseudo_header_sum(ip.source, ip.destination, ip.protocol, ip.payload_size);
    if (!wire::same_value(wire::load16(segment.data() + kTcpChecksumOffset), pseudo))
      throw std::logic_error("checksum offload without the pseudo-header's sum");
    wire::store16(segment.data() + kTcpChecksumOffset, static_cast<uint16_t>(~wire::sum_bytes(segment)));
  }
}

void mark_received_checksums(rte_mbuf* m, const ip::PortOffloads& offloads) {
  const std::span<const uint8_t> frame(rte_pktmbuf_mtod(m, const uint8_t*), m->data_len);
  const auto ethernet = wire::parse_ethernet(frame);
  if (!ethernet || (ethernet->type != wire::ether_type::kIpv4 && ethernet->type != wire::ether_type::kIpv6)) return;
  const auto packet = frame.subspan(ethernet->size());
  wire::IpHeader ip;
  const wire::IpError error = wire::parse_ip(packet, false, ip);
  if (offloads.receive_ip_checksum && ethernet->type == wire::ether_type::kIpv4) {
    if (error == wire::IpError::kChecksum) m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_BAD;
    if (error == wire::IpError::kNone) m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
  }
  if (offloads.receive_tcp_checksum && error == wire::IpError::kNone && ip.protocol == wire::ip_protocol::kTcp) {
    const bool good = wire::same_value(tcp_sum(ip, packet.subspan(ip.header_size, ip.payload_size)), 0);
    m->ol_flags |= good ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : RTE_MBUF_F_RX_L4_CKSUM_BAD;
  }
}

}  // namespace tributary::sim
