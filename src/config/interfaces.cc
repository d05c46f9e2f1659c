#include "src/config/interfaces.h"

#include <algorithm>

namespace tributary::config {

std::vector<Interface> list_interfaces(const Config& config) {
  std::vector<Interface> interfaces;
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const PortSection& port = config.ports[i];
    if (port.addresses.empty()) continue;
    interfaces.push_back({port.name, i, port.vlan, port.mtu, port.addresses, &port});
  }
  for (const InterfaceSection& section : config.interfaces) {
    const auto port = std::ranges::find(config.ports, section.port, &PortSection::name);
    if (port == config.ports.end()) continue;
    interfaces.push_back({section.name, static_cast<size_t>(port - config.ports.begin()), section.vlan,
                          std::min(section.mtu.value_or(port->mtu), port->mtu), section.addresses, &section});
  }
  return interfaces;
}

std::optional<size_t> find_interface(const std::vector<Interface>& interfaces, std::string_view name) {
  const auto found = std::ranges::find(interfaces, name, &Interface::name);
  if (found == interfaces.end()) return {};
  return static_cast<size_t>(found - interfaces.begin());
}

std::optional<size_t> find_on_link(const std::vector<Interface>& interfaces, const IpAddress& address) {
  std::optional<size_t> found;
  int length = -1;
  for (size_t i = 0; i < interfaces.size(); ++i) {
    for (const IpPrefix& prefix : interfaces[i].addresses) {
      if (!prefix.contains(address) || prefix.length <= length) continue;
      length = prefix.length;
      found = i;
    }
  }
  return found;
}

bool is_on_link(const Interface& interface, const IpAddress& address) {
  return std::ranges::any_of(interface.addresses, [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

}  // namespace tributary::config
