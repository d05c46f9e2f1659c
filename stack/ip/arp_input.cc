// ARP received (RFC 826, RFC 5227), and what any message teaches about a neighbour.
#include "stack/ip/ip_layer.h"
#include "stack/ip/solicitation.h"

namespace tributary::ip {

// Only neighbours we talk to are updated: nobody can fill the table by announcing himself. An answer we did
// not ask for counts as an announcement.
void IpLayer::learn(uint16_t interface, const IpAddress& address, Advertisement said, bool asked_for, Micros now) {
  Neighbor* n = neighbors_.find(interface, address);
  if (n == nullptr) return;
  const bool asking = n->state == NeighborState::kIncomplete || n->state == NeighborState::kProbe;
  said.solicited = asked_for && asking;
  on_advertisement(*n, said, now, limits_);
  neighbors_.update(*n);
  if (!n->is_resolved()) return;
  while (Packet packet = neighbors_.take_waiting(*n)) transmit(std::move(packet), *n);
}

void IpLayer::receive_arp(Packet& frame, const wire::EthernetHeader& ethernet, uint16_t interface, Micros now) {
  const auto arp = wire::parse_arp(frame.bytes().subspan(ethernet.size()));
  const bool is_probe = arp && arp->sender_ip == IpAddress::v4(0);  // RFC 5227 §1.1: asks before it takes an address
  if (!arp || arp->sender_mac.is_multicast() || arp->sender_mac == MacAddress() ||
      (is_martian(arp->sender_ip) && !is_probe) || is_own_address(arp->sender_ip))
    return drop(frame, counters_.drop_malformed);

  const InterfaceConfig& config = interfaces_.at(interface);
  const bool is_reply = arp->operation == wire::Arp::Operation::kReply;
  const bool to_us = ethernet.destination == config.mac && interfaces_.is_on(arp->target_ip, interface);
  frame.reset();
  if (!is_probe) learn(interface, arp->sender_ip, {.link_address = arp->sender_mac}, is_reply && to_us, now);

  if (is_reply || !interfaces_.is_on(arp->target_ip, interface)) return;
  ++counters_.arp_answered;
  const wire::Arp answer{.operation = wire::Arp::Operation::kReply,
                         .sender_mac = config.mac,
                         .sender_ip = arp->target_ip,
                         .target_mac = arp->sender_mac,
                         .target_ip = arp->sender_ip};
  push_own(make_arp(pools_, config, arp->sender_mac, answer), config.port);
}

}  // namespace tributary::ip
