// What the kernel knows about a network interface that a port works on (af_packet, af_xdp): read before the
// port is opened, so that the operator is told what would otherwise show up as lost frames.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tributary::datapath {

struct KernelInterface {
  bool exists = false;
  bool up = false;
  uint32_t mtu = 0;
  bool merges_received = false;   ///< GRO or LRO is on: frames arrive merged, longer than the MTU
  bool has_ipv4_address = false;  ///< the kernel's own TCP answers segments to it with resets
  std::string known_names;        ///< " (there are lo, eth0, ...)" when it does not exist
};

KernelInterface inspect_interface(const std::string& name);

/// What an operator should change about the interface, one sentence each, with the command.
std::vector<std::string> find_interface_faults(const std::string& name, const KernelInterface& facts);

}  // namespace tributary::datapath
