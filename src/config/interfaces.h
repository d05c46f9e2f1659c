// The interfaces a configuration makes: one for each [[port]] with addresses, one for each [[interface]].
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/config/config.h"

namespace tributary::config {

struct Interface {
  std::string name;
  size_t port = 0;  ///< index in Config::ports
  std::optional<uint16_t> vlan;
  uint16_t mtu = 0;
  std::vector<IpPrefix> addresses;
  const Lines* lines = nullptr;  ///< of its section; the Config keeps it
};

/// In the order of the file, ports first: the order they are given to the stack. An [[interface]] of an
/// unknown port is left out.
std::vector<Interface> list_interfaces(const Config& config);

/// Index of the port's own interface or the [[interface]] of that name.
std::optional<size_t> find_interface(const std::vector<Interface>& interfaces, std::string_view name);

/// Index of the interface whose on-link prefixes contain the address; the longest prefix wins.
std::optional<size_t> find_on_link(const std::vector<Interface>& interfaces, const IpAddress& address);

/// Whether one of the interface's prefixes contains the address.
bool is_on_link(const Interface& interface, const IpAddress& address);

}  // namespace tributary::config
