// The IP layer of one stack: interfaces, addresses, routes and neighbours. It answers ARP, neighbour
// solicitations and echo requests itself, hands TCP segments and ICMP errors up, and puts frames with a
// resolved next hop on the ports. It is a host, not a router (RFC 1122): nothing is forwarded, redirects and
// router advertisements are not heard.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "stack/base/counters.h"
#include "stack/base/ids.h"
#include "stack/base/random.h"
#include "stack/base/units.h"
#include "stack/ip/config.h"
#include "stack/ip/interface_table.h"
#include "stack/ip/neighbor_table.h"
#include "stack/ip/path_mtu.h"
#include "stack/ip/reassembly.h"
#include "stack/ip/route_table.h"
#include "stack/packet/frame_queue.h"
#include "stack/packet/packet.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ip.h"

namespace tributary::ip {

/// Where packets to one destination go: an interface and a neighbour on it. Small enough to be kept by every
/// subflow; it stays usable when the neighbour ages (it is then resolved again).
struct NextHop {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t neighbor = kNone;  ///< index of the neighbour entry
  uint32_t generation = 0;    ///< of that entry
  uint16_t interface = 0;
  uint16_t mtu = 0;  ///< bytes of IP packet the link takes; the path may take less
  explicit operator bool() const { return neighbor != kNone; }
};

/// What `receive` found. Members a kind does not name keep what they had.
struct Received {
  enum class Kind : uint8_t {
    kConsumed,   ///< answered, or dropped and counted; the packet is gone
    kTcp,        ///< a TCP segment: its bytes are [segment_offset, +segment_size) of the frame, still the caller's
    kIcmpError,  ///< an ICMP error quoting a TCP segment of ours: see `icmp`, `quoted`; packet still the
                 ///< caller's
  };
  Kind kind = Kind::kConsumed;
  uint16_t interface = 0;
  bool for_us = false;             ///< destination is an address of ours (any interface)
  bool tcp_checksum_good = false;  ///< the port has verified it
  uint16_t segment_offset = 0;
  uint16_t segment_size = 0;
  wire::IpHeader ip;
  wire::IcmpHeader icmp;
  wire::QuotedSegment quoted;
};

class IpLayer {
 public:
  using Limits = ip::Limits;

  IpLayer(PacketPools& pools, FrameQueues& frames, RandomSource& random, Counters& counters, const Limits& limits);

  /// Adds an interface. Returns its index, or the reason in `error`: an address in use twice, a VLAN in use
  /// twice on the port, an unusable address (multicast, unspecified).
  std::optional<uint16_t> add_interface(const InterfaceConfig& config, std::string& error);
  /// Adds a static route; the longest prefix wins, the first added among equals. False with `error`: gateway
  /// not on the interface's link, duplicate.
  bool add_route(const RouteConfig& config, std::string& error);
  /// Adds an address that is answered for (ARP, ND, echo) without an on-link prefix: the server leg's pool.
  bool add_host_address(uint16_t interface, const IpAddress& address, std::string& error);

  const InterfaceConfig& interface(uint16_t index) const { return interfaces_.at(index); }
  size_t interface_count() const { return interfaces_.size(); }
  bool is_own_address(const IpAddress& address) const { return interfaces_.contains_address(address); }

  /// Looks at one received frame. Unless `kConsumed` comes back, the frame stays with the caller. A TCP
  /// segment to any unicast destination is handed up; whether to intercept one that is not `for_us` is the
  /// caller's decision, as is whether the segment quoted by an ICMP error exists.
  void receive(Packet& frame, PortId port, Micros now, Received& out);

  /// Longest-prefix match for `destination`; creates the neighbour entry. Empty when no route leads there or
  /// the neighbour table is full of neighbours in use.
  std::optional<NextHop> find_route(const IpAddress& destination, Micros now);
  /// The same among the prefixes and routes of one interface, for replies on the interface a packet came from
  /// (transparent clients behind it). Empty when none of them covers the destination: such a source is not
  /// believed.
  std::optional<NextHop> find_route_on(uint16_t interface, const IpAddress& destination, Micros now);

  /// What the path to `destination` takes as far as is known: at most what the link does.
  uint16_t path_mtu(const NextHop& hop, const IpAddress& destination, Micros now) const {
    return path_mtus_.limit(destination, hop.mtu, now);
  }
  /// The MTU of a path has been found, or shown to be larger: path_mtu says so from now on, for a while.
  void learn_path_mtu(const IpAddress& destination, uint16_t mtu, Micros now) {
    path_mtus_.learn(destination, mtu, now);
  }
  void raise_path_mtu(const IpAddress& destination, uint16_t mtu) { path_mtus_.raise(destination, mtu); }

  /// An own address of the interface's family to send from.
  std::optional<IpAddress> source_address(uint16_t interface, const IpAddress& destination) const {
    return interfaces_.source_address(interface, destination);
  }

  /// Sends an IP packet (`packet.data()` starts at the IP header; at least 18 bytes of headroom) to a next
  /// hop: prepends the Ethernet header, or queues it while the neighbour is being resolved. Takes ownership.
  void send(Packet packet, const NextHop& hop, Micros now) {
    Neighbor* n = neighbors_.at(hop.neighbor, hop.generation);
    if (n == nullptr || n->state != NeighborState::kReachable) [[unlikely]]
      return send_unconfirmed(std::move(packet), n, hop, now);
    n->used_at = now;
    transmit(std::move(packet), *n);
  }

  /// TCP has made progress through this neighbour: saves a probe (RFC 4861 §7.3.1 reachability confirmation).
  void confirm(const NextHop& hop, Micros now) {
    Neighbor* n = neighbors_.at(hop.neighbor, hop.generation);
    if (n == nullptr) return;
    n->confirmed_at = now;
    if (n->state != NeighborState::kReachable) [[unlikely]]
      confirm_unconfirmed(*n, now);
  }

  /// Tells the links of all interfaces about our addresses (RFC 5227 §3 announcement, RFC 4861 §7.2.6
  /// unsolicited advertisement), so that neighbours forget who had them before. Once at start, or after a
  /// take-over.
  void announce();

  /// Resolution, reprobing and ageing; fragments that wait in vain.
  Micros next_deadline() const { return std::min(neighbors_.next_deadline(), fragments_.next_deadline()); }
  void on_deadline(Micros now);

  /// Packets that waited for a neighbour which did not answer, from their IP header on. Whoever sent them takes note
  /// and clears the list.
  std::vector<Packet>& undeliverable() { return undeliverable_; }

  /// Drops every packet queued on a neighbour or waiting for fragments, so that pools can be checked.
  void drop_queued() {
    fragments_.clear();
    neighbors_.drop_all_waiting();
    undeliverable_.clear();
  }
  uint32_t neighbor_count() const { return neighbors_.size(); }

 private:
  enum class Question : uint8_t { kToAll, kUnicast };

  // ip_layer.cc: routes.
  bool check_route(const RouteConfig& config, std::string& error) const;
  Neighbor* find_or_create(uint16_t interface, const IpAddress& address, Micros now);
  std::optional<NextHop> make_next_hop(const Route* route, const IpAddress& destination, Micros now);
  NextHop next_hop_of(const Neighbor& n) const;

  // send.cc
  void transmit(Packet packet, const Neighbor& n);
  void send_unconfirmed(Packet packet, Neighbor* n, const NextHop& hop, Micros now);
  void confirm_unconfirmed(Neighbor& n, Micros now);
  void solicit(const Neighbor& n, Question question);
  void push_own(Packet frame, PortId port);

  // receive.cc
  bool is_for_interface(const wire::EthernetHeader& ethernet, uint16_t interface) const;
  /// A fragment. True: `frame` is now the whole packet, and `out.ip` its header.
  [[gnu::noinline]] bool take_fragment(Packet& frame, const wire::EthernetHeader& ethernet, Received& out, Micros now);
  void receive_ip(Packet& frame, const wire::EthernetHeader& ethernet, Received& out, Micros now);
  void drop(Packet& frame, uint64_t& counter);

  // arp_input.cc, neighbor_input.cc, icmp_input.cc: `out.ip` and the segment range describe the message.
  void receive_arp(Packet& frame, const wire::EthernetHeader& ethernet, uint16_t interface, Micros now);
  void receive_neighbor_message(Packet& frame, const wire::EthernetHeader& ethernet, const Received& in, Micros now);
  bool answer_solicitation(const wire::NeighborMessage& asked, const wire::EthernetHeader& ethernet,
                           const Received& in);
  void report_lost_fragments(Packet first, uint16_t interface, Micros now);
  void receive_icmp(Packet& frame, const wire::EthernetHeader& ethernet, Received& out, Micros now);
  void receive_icmp_error(Packet& frame, Received& out);
  void answer_echo(Packet& frame, const wire::EthernetHeader& ethernet, const Received& in);
  void learn(uint16_t interface, const IpAddress& address, Advertisement said, bool asked_for, Micros now);

  PacketPools& pools_;
  FrameQueues& frames_;
  Counters& counters_;
  Limits limits_;
  InterfaceTable interfaces_;
  RouteTable routes_;
  NeighborTable neighbors_;
  std::vector<Packet> undeliverable_;
  PathMtuTable path_mtus_;
  Reassembly fragments_;
};

}  // namespace tributary::ip
