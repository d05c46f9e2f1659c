#include "stack/ip/interface_table.h"

#include <algorithm>

namespace tributary::ip {
namespace {

constexpr uint16_t kMinimumMtu = 68;        // RFC 791 §3.2
constexpr uint16_t kMinimumIpv6Mtu = 1280;  // RFC 8200 §5
constexpr uint16_t kVlanIds = 4096;

// RFC 4291 appendix A: the MAC with ff:fe in the middle and the universal bit turned.
IpAddress link_local_address(const MacAddress& mac) {
  const auto& m = mac.bytes;
  return IpAddress(
      {0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(m[0] ^ 2), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]});
}

// The first and the last address of an IPv4 link mean the network and everybody on it; /31 and /32 have
// neither.
bool is_network_or_broadcast(const IpPrefix& p) {
  if (!p.address.is_v4() || p.length >= 31) return false;
  const uint32_t host_mask = UINT32_MAX >> p.length;
  const uint32_t host = p.address.v4_value() & host_mask;
  return host == 0 || host == host_mask;
}

bool refuse(std::string& error, std::string reason) {
  error = std::move(reason);
  return false;
}

}  // namespace

bool InterfaceTable::check_address(const IpAddress& address, std::string& error) const {
  if (is_martian(address)) return refuse(error, address.to_string() + " cannot be the address of an interface");
  if (!is_scoped(address) && own_.contains(address)) return refuse(error, address.to_string() + " is in use twice");
  return true;
}

bool InterfaceTable::check(const InterfaceConfig& config, std::string& error) const {
  if (interfaces_.size() >= kNone) return refuse(error, "too many interfaces");
  if (config.port.value >= ports_.size())
    return refuse(error, config.name + ": there is no port " + std::to_string(config.port.value));
  if (config.vlan && (*config.vlan < 1 || *config.vlan > 4094))
    return refuse(error, config.name + ": VLAN " + std::to_string(*config.vlan) + " is not within 1..4094");
  if (find(config.port, config.vlan.value_or(0)) != kNone) {
    const std::string what = config.vlan ? "VLAN " + std::to_string(*config.vlan) : std::string("untagged traffic");
    return refuse(error, config.name + ": " + what + " of its port already belongs to " +
                             at(find(config.port, config.vlan.value_or(0))).name);
  }
  if (config.mac.is_multicast() || config.mac == MacAddress())
    return refuse(error, config.name + ": " + config.mac.to_string() + " cannot be the MAC address of an interface");
  if (config.mtu < kMinimumMtu) return refuse(error, config.name + ": an MTU below 68 cannot carry IPv4");

  for (auto p = config.addresses.begin(); p != config.addresses.end(); ++p) {
    const auto same_address = [&](const IpPrefix& q) { return q.address == p->address; };
    if (!check_address(p->address, error)) return refuse(error, config.name + ": " + error);
    if (p->length > (p->address.is_v4() ? 32 : 128))
      return refuse(error, config.name + ": " + p->to_string() + " has an impossible prefix length");
    if (is_network_or_broadcast(*p))
      return refuse(error, config.name + ": " + p->to_string() + " is the network or broadcast address of its link");
    if (std::any_of(config.addresses.begin(), p, same_address))
      return refuse(error, config.name + ": " + p->address.to_string() + " is in use twice");
    if (!p->address.is_v4() && config.mtu < kMinimumIpv6Mtu)
      return refuse(error, config.name + ": IPv6 needs an MTU of at least 1280");
  }
  return true;
}

std::optional<uint16_t> InterfaceTable::add(const InterfaceConfig& config, std::string& error) {
  if (!check(config, error)) return {};
  const auto index = static_cast<uint16_t>(interfaces_.size());
  interfaces_.push_back(config);
  doors_.push_back({config.mac, config.offloads.receive_ip_checksum, config.offloads.receive_tcp_checksum});
  auto& addresses = interfaces_.back().addresses;
  const auto is_v6 = [](const IpPrefix& p) { return !p.address.is_v4(); };
  const auto is_link_local = [](const IpPrefix& p) { return is_scoped(p.address); };
  if (std::ranges::any_of(addresses, is_v6) && std::ranges::none_of(addresses, is_link_local))
    addresses.push_back({link_local_address(config.mac), 64});
  for (const IpPrefix& p : addresses) own_.add(p.address, index);

  Port& port = ports_[config.port.value];
  if (config.vlan) {
    port.tagged.resize(kVlanIds, kNone);
    port.tagged[*config.vlan] = index;
  } else {
    port.untagged = index;
  }
  return index;
}

bool InterfaceTable::add_host_address(uint16_t interface, const IpAddress& address, std::string& error) {
  if (interface >= interfaces_.size()) return refuse(error, "there is no interface " + std::to_string(interface));
  if (!check_address(address, error)) return refuse(error, at(interface).name + ": " + error);
  if (is_scoped(address)) return refuse(error, at(interface).name + ": a host address cannot be link-local");
  own_.add(address, interface);
  host_addresses_.push_back({interface, address});
  return true;
}

std::vector<IpAddress> InterfaceTable::addresses_of(uint16_t interface) const {
  std::vector<IpAddress> all;
  for (const IpPrefix& p : at(interface).addresses) all.push_back(p.address);
  for (const HostAddress& h : host_addresses_)
    if (h.interface == interface) all.push_back(h.address);
  return all;
}

std::optional<IpAddress> InterfaceTable::source_address(uint16_t interface, const IpAddress& destination) const {
  std::optional<IpAddress> best;
  for (const IpPrefix& p : at(interface).addresses) {
    if (p.address.is_v4() != destination.is_v4() || is_scoped(p.address) != is_scoped(destination)) continue;
    if (p.contains(destination)) return p.address;
    if (!best) best = p.address;
  }
  if (best) return best;
  for (const HostAddress& h : host_addresses_)
    if (h.interface == interface && h.address.is_v4() == destination.is_v4()) return h.address;
  return {};
}

}  // namespace tributary::ip
