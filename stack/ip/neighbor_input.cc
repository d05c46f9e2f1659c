// Neighbour solicitations and advertisements received (RFC 4861 §7.1, §7.2). The checksum has been verified.
#include "stack/ip/ip_layer.h"
#include "stack/ip/solicitation.h"

namespace tributary::ip {
namespace {

constexpr uint8_t kUnrouted = 255;  // RFC 4861 §7.1: the message was not forwarded, so it comes from this link

// RFC 4861 §7.1.1 and §7.1.2 beyond what the parser has checked.
bool is_valid(const wire::NeighborMessage& message, const wire::IpHeader& ip) {
  if (ip.hop_limit != kUnrouted || is_martian(message.target)) return false;
  if (message.link_address && (message.link_address->is_multicast() || *message.link_address == MacAddress()))
    return false;
  if (message.advertisement) return !(message.solicited && ip.destination.is_multicast());
  if (!ip.source.is_unspecified()) return true;
  return ip.destination == solicited_node(message.target) && !message.link_address;
}

}  // namespace

void IpLayer::receive_neighbor_message(Packet& frame, const wire::EthernetHeader& ethernet, const Received& in,
                                       Micros now) {
  const auto message = wire::parse_neighbor_message(frame.bytes().subspan(in.segment_offset, in.segment_size));
  if (!message || !is_valid(*message, in.ip)) return drop(frame, counters_.drop_malformed);

  if (message->advertisement) {
    if (interfaces_.is_ours(message->target, in.interface)) return drop(frame, counters_.drop_malformed);
    frame.reset();
    const Advertisement said{.link_address = message->link_address, .overrides = message->override_};
    return learn(in.interface, message->target, said, message->solicited, now);
  }
  if (message->link_address) learn(in.interface, in.ip.source, {.link_address = message->link_address}, false, now);
  if (!answer_solicitation(*message, ethernet, in)) return drop(frame, counters_.drop_not_for_us);
  frame.reset();
}

// Goes straight back to where the question came from, so that no entry is needed for whoever asks. A question
// from the unspecified address is duplicate address detection: everybody is told (§7.2.4).
bool IpLayer::answer_solicitation(const wire::NeighborMessage& asked, const wire::EthernetHeader& ethernet,
                                  const Received& in) {
  if (!interfaces_.is_on(asked.target, in.interface)) return false;
  if (in.ip.destination != asked.target && in.ip.destination != solicited_node(asked.target)) return false;
  const InterfaceConfig& config = interfaces_.at(in.interface);
  const bool to_all = in.ip.source.is_unspecified();
  wire::NeighborMessage answer;
  answer.advertisement = true;
  answer.solicited = !to_all;
  answer.override_ = true;
  answer.target = asked.target;
  answer.link_address = config.mac;
  const IpAddress destination = to_all ? all_nodes() : in.ip.source;
  const MacAddress mac = to_all ? multicast_mac(destination) : asked.link_address.value_or(ethernet.source);
  ++counters_.arp_answered;
  push_own(make_neighbor_message(pools_, config, mac, asked.target, destination, answer), config.port);
  return true;
}

}  // namespace tributary::ip
