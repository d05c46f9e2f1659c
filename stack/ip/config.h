// What the IP layer is told at start: interfaces, addresses, static routes and its bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stack/base/ids.h"
#include "stack/base/units.h"
#include "stack/wire/ip_address.h"

namespace tributary::ip {

/// What a port does for us. All false: everything in software.
struct PortOffloads {
  bool receive_ip_checksum = false;  ///< mbuf flags tell good from bad
  bool receive_tcp_checksum = false;
  bool transmit_ip_checksum = false;
  bool transmit_tcp_checksum = false;
  bool transmit_multi_segment = false;  ///< chains of buffers may be sent
};

struct InterfaceConfig {
  std::string name;
  PortId port;
  std::optional<uint16_t> vlan;  ///< 802.1Q identifier, 1..4094
  MacAddress mac;
  uint16_t mtu = 1500;              ///< bytes of IP packet
  std::vector<IpPrefix> addresses;  ///< own addresses, each with the length of its on-link prefix
  PortOffloads offloads;
};

struct RouteConfig {
  IpPrefix destination;
  std::optional<IpAddress> gateway;  ///< empty: destinations are on the link
  uint16_t interface = 0;            ///< index as returned by add_interface
};

struct Limits {
  uint32_t neighbors = 4096;                     ///< entries, both families
  uint16_t queued_per_neighbor = 128;            ///< packets waiting for one answer; the oldest goes first
  Micros reachable = Micros::seconds(30);        ///< how long a confirmation holds
  Micros solicit_interval = Micros::seconds(1);  ///< between two questions to one neighbour
  uint8_t solicit_attempts = 3;
  uint16_t fragmented_packets = 64;  ///< packets being put together, two buffers each; 0: fragments are dropped
  Micros fragment_time_v4 = Micros::seconds(30);  ///< Linux ipfrag_time
  Micros fragment_time_v6 = Micros::seconds(60);  ///< RFC 8200 §4.5
};

}  // namespace tributary::ip
