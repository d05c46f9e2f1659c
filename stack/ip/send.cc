// Sending: the way of a packet with a resolved neighbour, and everything that is not that way.
#include <cstring>
#include <optional>
#include <span>

#include "stack/ip/ip_layer.h"
#include "stack/ip/solicitation.h"
#include "stack/packet/port_flags.h"

namespace tributary::ip {
namespace {

constexpr size_t kUntagged = 14;  // an Ethernet header, and what a VLAN tag adds: sizes known, so copies are two moves
constexpr size_t kTag = 4;

/// Of a packet of ours. Its payload may lie in further segments, so the length fields are not looked at.
std::optional<IpAddress> destination_of(std::span<const uint8_t> packet) {
  constexpr size_t kV4Destination = 16, kV4Header = 20, kV6Destination = 24, kV6Header = 40;
  if (packet.empty()) return {};
  const unsigned version = packet[0] >> 4;
  if (version == 4 && packet.size() >= kV4Header) return IpAddress::from_v4_bytes(packet.data() + kV4Destination);
  if (version == 6 && packet.size() >= kV6Header) return IpAddress::from_v6_bytes(packet.data() + kV6Destination);
  return {};
}

}  // namespace

void IpLayer::transmit(Packet packet, const Neighbor& n) {
  uint8_t* header = packet.prepend(n.header_size);
  if (header == nullptr) {
    ++counters_.drop_malformed;  // no headroom: whoever made the packet broke the contract of `send`
    return;
  }
  std::memcpy(header, n.header.data(), kUntagged);
  if (n.header_size > kUntagged) std::memcpy(header + kUntagged, n.header.data() + kUntagged, kTag);
  set_link_header_size(packet, n.header_size);
  frames_.push(n.port, std::move(packet));
}

void IpLayer::send_unconfirmed(Packet packet, Neighbor* n, const NextHop& hop, Micros now) {
  if (n == nullptr) {
    // The entry was evicted since the caller got its hop; the packet itself says where it wants to go.
    std::optional<NextHop> again;
    if (const auto destination = destination_of(packet.bytes()))
      again = find_route_on(hop.interface, *destination, now);
    if (!again) {
      ++counters_.drop_no_route;
      return;
    }
    n = &neighbors_.at(again->neighbor);
  }
  n->used_at = now;
  if (n->state == NeighborState::kReachable) return transmit(std::move(packet), *n);
  const SendVerdict verdict = on_send(*n, now, limits_);
  neighbors_.update(*n);
  switch (verdict) {
    case SendVerdict::kTransmit:
      return transmit(std::move(packet), *n);
    case SendVerdict::kWaitAndSolicit:
      solicit(*n, Question::kToAll);
      [[fallthrough]];
    case SendVerdict::kWait:
      counters_.drop_unresolved += neighbors_.queue(*n, std::move(packet));
      return;
  }
}

void IpLayer::confirm_unconfirmed(Neighbor& n, Micros now) {
  on_confirmation(n, now, limits_);
  neighbors_.update(n);
}

void IpLayer::push_own(Packet frame, PortId port) {
  if (!frame) {
    ++counters_.drop_no_buffer;
    return;
  }
  frames_.push(port, std::move(frame));
}

// RFC 826 request or RFC 4861 §7.2.2 solicitation. A reprobe goes to the one neighbour only.
void IpLayer::solicit(const Neighbor& n, Question question) {
  const InterfaceConfig& config = interfaces_.at(n.interface);
  const bool unicast = question == Question::kUnicast;
  ++counters_.arp_sent;
  const std::optional<IpAddress> source = interfaces_.source_address(n.interface, n.address);
  if (n.address.is_v4()) {
    const wire::Arp arp{.operation = wire::Arp::Operation::kRequest,
                        .sender_mac = config.mac,
                        .sender_ip = source.value_or(IpAddress::v4(0)),
                        .target_mac = MacAddress(),
                        .target_ip = n.address};
    return push_own(make_arp(pools_, config, unicast ? n.link_address() : MacAddress::broadcast(), arp), n.port);
  }
  const IpAddress destination = unicast ? n.address : solicited_node(n.address);
  wire::NeighborMessage message;
  message.target = n.address;
  if (source) message.link_address = config.mac;
  push_own(make_neighbor_message(pools_, config, unicast ? n.link_address() : multicast_mac(destination),
                                 source.value_or(IpAddress()), destination, message),
           n.port);
}

void IpLayer::announce() {
  for (uint16_t i = 0; i < interfaces_.size(); ++i) {
    const InterfaceConfig& config = interfaces_.at(i);
    for (const IpAddress& own : interfaces_.addresses_of(i)) {
      if (own.is_v4()) {
        const wire::Arp arp{.operation = wire::Arp::Operation::kRequest,
                            .sender_mac = config.mac,
                            .sender_ip = own,
                            .target_mac = MacAddress(),
                            .target_ip = own};
        push_own(make_arp(pools_, config, MacAddress::broadcast(), arp), config.port);
        continue;
      }
      wire::NeighborMessage message;
      message.advertisement = true;
      message.override_ = true;
      message.target = own;
      message.link_address = config.mac;
      push_own(make_neighbor_message(pools_, config, multicast_mac(all_nodes()), own, all_nodes(), message),
               config.port);
    }
  }
}

}  // namespace tributary::ip
