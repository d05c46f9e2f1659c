// The IP layer of one stack: interfaces, addresses, routes and neighbours. It answers ARP, neighbour solicitations and
// echo requests itself, hands TCP segments and ICMP errors up, and puts frames with a resolved next hop on the ports.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stack/base/counters.h"
#include "stack/base/ids.h"
#include "stack/base/random.h"
#include "stack/base/units.h"
#include "stack/packet/frame_queue.h"
#include "stack/packet/packet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ip.h"

namespace tributary::ip {

/// What a port does for us. All false: everything in software.
struct PortOffloads {
  bool receive_ip_checksum = false;    ///< mbuf flags tell good from bad
  bool receive_tcp_checksum = false;
  bool transmit_ip_checksum = false;
  bool transmit_tcp_checksum = false;
  bool transmit_multi_segment = false;  ///< chains of buffers may be sent
};

struct InterfaceConfig {
  std::string name;
  PortId port;
  std::optional<uint16_t> vlan;         ///< 802.1Q identifier, 1..4094
  MacAddress mac;
  uint16_t mtu = 1500;                  ///< bytes of IP packet
  std::vector<IpPrefix> addresses;      ///< own addresses, each with the length of its on-link prefix
  PortOffloads offloads;
};

struct RouteConfig {
  IpPrefix destination;
  std::optional<IpAddress> gateway;     ///< empty: destinations are on the link
  uint16_t interface = 0;               ///< index as returned by add_interface
};

/// Where packets to one destination go: an interface and a neighbour on it. Small enough to be kept by every subflow;
/// it stays usable when the neighbour ages (it is then resolved again).
struct NextHop {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t neighbor = kNone;            ///< index of the neighbour entry
  uint16_t interface = 0;
  uint16_t mtu = 0;
  explicit operator bool() const { return neighbor != kNone; }
};

/// What `receive` found.
struct Received {
  enum class Kind : uint8_t {
    kConsumed,    ///< answered, or dropped and counted; the packet is gone
    kTcp,         ///< a TCP segment: its bytes are [segment_offset, +segment_size) of the frame, still owned by the caller
    kIcmpError,   ///< an ICMP error quoting a TCP segment of ours: see `icmp`, `quoted`; packet still the caller's
  };
  Kind kind = Kind::kConsumed;
  uint16_t interface = 0;
  bool for_us = false;                  ///< destination is an address of ours (any interface)
  bool tcp_checksum_good = false;       ///< the port has verified it
  uint16_t segment_offset = 0;
  uint16_t segment_size = 0;
  wire::IpHeader ip;
  wire::IcmpHeader icmp;
  wire::QuotedSegment quoted;
};

class IpLayer {
 public:
  struct Limits {
    uint32_t neighbors = 4096;          ///< entries, both families
    uint16_t queued_per_neighbor = 16;  ///< packets waiting for one answer; the oldest goes first
    Micros reachable = Micros::seconds(30);
    Micros solicit_interval = Micros::seconds(1);
    uint8_t solicit_attempts = 3;
  };

  IpLayer(PacketPools& pools, FrameQueues& frames, RandomSource& random, Counters& counters, const Limits& limits);
  ~IpLayer();

  /// Adds an interface. Returns its index, or the reason in `error`: an address in use twice, a VLAN in use twice on the
  /// port, an unusable address (multicast, unspecified).
  std::optional<uint16_t> add_interface(const InterfaceConfig& config, std::string& error);
  /// Adds a static route; the longest prefix wins. False with `error`: gateway not on the interface's link, duplicate.
  bool add_route(const RouteConfig& config, std::string& error);
  /// Adds an address that is answered for (ARP, ND, echo) without an on-link prefix: the server leg's pool.
  bool add_host_address(uint16_t interface, const IpAddress& address, std::string& error);

  const InterfaceConfig& interface(uint16_t index) const;
  size_t interface_count() const;
  bool is_own_address(const IpAddress& address) const;

  /// Looks at one received frame. Unless `kConsumed` comes back, the frame stays with the caller.
  void receive(Packet& frame, PortId port, Micros now, Received& out);

  /// Longest-prefix match for `destination`; creates the neighbour entry. Empty when no route leads there or the
  /// neighbour table is full.
  std::optional<NextHop> find_route(const IpAddress& destination, Micros now);
  /// The neighbour's address itself, for replies on the interface a packet came from (transparent clients behind it).
  std::optional<NextHop> find_route_on(uint16_t interface, const IpAddress& destination, Micros now);

  /// An own address of the interface's family to send from.
  std::optional<IpAddress> source_address(uint16_t interface, const IpAddress& destination) const;

  /// Sends an IP packet (`packet.data()` starts at the IP header; at least 18 bytes of headroom) to a next hop: prepends
  /// the Ethernet header, or queues it while the neighbour is being resolved. Takes ownership.
  void send(Packet packet, const NextHop& hop, Micros now);

  /// TCP has made progress through this neighbour: saves a probe (RFC 4861 §7.3.1 reachability confirmation).
  void confirm(const NextHop& hop, Micros now);

  /// Resolution, reprobing and ageing.
  Micros next_deadline() const;
  void on_deadline(Micros now);

  /// Drops every packet queued on a neighbour, so that pools can be checked.
  void drop_queued();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tributary::ip
