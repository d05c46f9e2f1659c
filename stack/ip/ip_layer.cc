// Configuration and routes. Sending is in send.cc, receiving in receive.cc and the *_input.cc files.
#include "stack/ip/ip_layer.h"

#include "stack/ip/solicitation.h"

namespace tributary::ip {
namespace {

bool refuse(std::string& error, const RouteConfig& config, const std::string& reason) {
  error = "route " + config.destination.to_string() + ": " + reason;
  return false;
}

bool has_host_bits(const IpPrefix& p) {
  const unsigned first = p.length + (p.address.is_v4() ? 96u : 0u);
  for (unsigned bit = first; bit < 128; ++bit)
    if (p.address.bytes()[bit / 8] & (0x80 >> bit % 8)) return true;
  return false;
}

IpPrefix network_of(IpPrefix p) {
  auto bytes = p.address.bytes();
  const unsigned first = p.length + (p.address.is_v4() ? 96u : 0u);
  for (unsigned bit = first; bit < 128; ++bit) bytes[bit / 8] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
  p.address = IpAddress(bytes);
  return p;
}

// The first and last address of an IPv4 link belong to nobody.
bool is_network_or_broadcast(const IpPrefix& link, const IpAddress& a) {
  if (!a.is_v4() || link.length >= 31 || link.length == 0) return false;
  const uint32_t host_mask = UINT32_MAX >> link.length;
  const uint32_t host = a.v4_value() & host_mask;
  return host == 0 || host == host_mask;
}

}  // namespace

IpLayer::IpLayer(PacketPools& pools, FrameQueues& frames, RandomSource& random, Counters& counters,
                 const Limits& limits)
    : pools_(pools),
      frames_(frames),
      counters_(counters),
      limits_(limits),
      interfaces_(frames.port_count(), random.u64()),
      neighbors_(limits, random.u64()),
      path_mtus_(random.u64()),
      fragments_(pools, counters, limits) {}

std::optional<uint16_t> IpLayer::add_interface(const InterfaceConfig& config, std::string& error) {
  const auto index = interfaces_.add(config, error);
  if (!index) return {};
  for (const IpPrefix& p : interfaces_.at(*index).addresses) {
    const IpPrefix link = network_of(p);
    if (!routes_.has(link, *index)) routes_.add({.destination = link, .interface = *index, .gateway = {}});
  }
  return index;
}

bool IpLayer::add_host_address(uint16_t interface, const IpAddress& address, std::string& error) {
  return interfaces_.add_host_address(interface, address, error);
}

bool IpLayer::check_route(const RouteConfig& config, std::string& error) const {
  const IpPrefix& to = config.destination;
  if (config.interface >= interfaces_.size()) return refuse(error, config, "there is no such interface");
  const std::string& name = interfaces_.at(config.interface).name;
  if (to.length > (to.address.is_v4() ? 32 : 128)) return refuse(error, config, "impossible prefix length");
  if (has_host_bits(to))
    return refuse(error, config, "bits behind the prefix; did you mean " + network_of(to).to_string() + "?");
  if (routes_.has(to, config.interface)) return refuse(error, config, name + " already has a route there");
  if (!config.gateway) return true;

  const IpAddress& gateway = *config.gateway;
  if (gateway.is_v4() != to.address.is_v4())
    return refuse(error, config, "gateway " + gateway.to_string() + " is of the other address family");
  const Route* link = routes_.find_on(config.interface, gateway);
  if (link == nullptr || link->gateway || is_martian(gateway) || is_network_or_broadcast(link->destination, gateway))
    return refuse(error, config, "gateway " + gateway.to_string() + " is not on the link of " + name);
  if (is_own_address(gateway)) return refuse(error, config, "gateway " + gateway.to_string() + " is our own address");
  return true;
}

bool IpLayer::add_route(const RouteConfig& config, std::string& error) {
  if (!check_route(config, error)) return false;
  Route route{.destination = config.destination, .interface = config.interface, .gateway = config.gateway};
  if (config.gateway) {
    Neighbor* n = find_or_create(config.interface, *config.gateway, Micros());
    if (n == nullptr) return refuse(error, config, "no room for its gateway in the neighbour table");
    neighbors_.pin(*n);
    route.gateway_neighbor = neighbors_.index(*n);
  }
  routes_.add(route);
  return true;
}

Neighbor* IpLayer::find_or_create(uint16_t interface, const IpAddress& address, Micros now) {
  if (Neighbor* known = neighbors_.find(interface, address)) return known;
  Neighbor* n = neighbors_.create(interface, address, now, counters_.drop_unresolved);
  if (n == nullptr) return nullptr;
  const InterfaceConfig& config = interfaces_.at(interface);
  const auto ethernet =
      make_ethernet(config, MacAddress(), address.is_v4() ? wire::ether_type::kIpv4 : wire::ether_type::kIpv6);
  wire::emit_ethernet(ethernet, n->header);
  n->header_size = static_cast<uint8_t>(ethernet.size());
  n->port = config.port;
  return n;
}

NextHop IpLayer::next_hop_of(const Neighbor& n) const {
  return {.neighbor = neighbors_.index(n),
          .generation = n.generation,
          .interface = n.interface,
          .mtu = interfaces_.at(n.interface).mtu};
}

std::optional<NextHop> IpLayer::make_next_hop(const Route* route, const IpAddress& destination, Micros now) {
  if (route == nullptr || is_martian(destination) || interfaces_.is_ours(destination, route->interface)) return {};
  if (route->gateway) return next_hop_of(neighbors_.at(route->gateway_neighbor));
  if (is_network_or_broadcast(route->destination, destination)) return {};
  const Neighbor* n = find_or_create(route->interface, destination, now);
  if (n == nullptr) return {};
  return next_hop_of(*n);
}

std::optional<NextHop> IpLayer::find_route(const IpAddress& destination, Micros now) {
  if (is_scoped(destination)) return {};  // means something only with an interface
  return make_next_hop(routes_.find(destination), destination, now);
}

std::optional<NextHop> IpLayer::find_route_on(uint16_t interface, const IpAddress& destination, Micros now) {
  if (interface >= interfaces_.size()) return {};
  return make_next_hop(routes_.find_on(interface, destination), destination, now);
}

void IpLayer::on_deadline(Micros now) {
  fragments_.expire(
      now, [this, now](Packet first, uint16_t interface) { report_lost_fragments(std::move(first), interface, now); });
  while (Neighbor* n = neighbors_.take_due(now)) {
    const TimerVerdict verdict = on_timer(*n, now, limits_);
    if (verdict == TimerVerdict::kForget) {
      counters_.drop_unresolved += n->waiting;
      while (Packet packet = neighbors_.take_waiting(*n)) undeliverable_.push_back(std::move(packet));
      neighbors_.forget(*n);
      continue;
    }
    neighbors_.update(*n);
    if (verdict == TimerVerdict::kSolicitAll) solicit(*n, Question::kToAll);
    if (verdict == TimerVerdict::kSolicitUnicast) solicit(*n, Question::kUnicast);
  }
}

}  // namespace tributary::ip
