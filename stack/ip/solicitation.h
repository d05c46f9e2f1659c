// The frames the IP layer makes up itself: ARP (RFC 826) and neighbour messages (RFC 4861 §4.3, §4.4),
// complete with Ethernet header, in header buffers. Empty when the header pool is used up.
#pragma once

#include "stack/ip/config.h"
#include "stack/packet/packet.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"

namespace tributary::ip {

/// ff02::1, everybody on the link, and the group of a solicited address (RFC 4291 §2.7.1).
IpAddress all_nodes();
IpAddress solicited_node(const IpAddress& target);
/// 33:33 and the last four bytes (RFC 2464 §7).
MacAddress multicast_mac(const IpAddress& group);

/// The header of frames from the interface to `destination`.
wire::EthernetHeader make_ethernet(const InterfaceConfig& interface, const MacAddress& destination, uint16_t type);

Packet make_arp(PacketPools& pools, const InterfaceConfig& interface, const MacAddress& destination,
                const wire::Arp& arp);
Packet make_neighbor_message(PacketPools& pools, const InterfaceConfig& interface, const MacAddress& destination_mac,
                             const IpAddress& source, const IpAddress& destination,
                             const wire::NeighborMessage& message);

}  // namespace tributary::ip
