// The interfaces of a stack: which one a frame belongs to, which addresses are ours, and which one to send
// from.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "stack/ip/config.h"
#include "stack/ip/own_addresses.h"

namespace tributary::ip {

class InterfaceTable {
 public:
  static constexpr uint16_t kNone = UINT16_MAX;

  InterfaceTable(size_t ports, uint64_t secret) : ports_(ports), own_(secret) {}

  /// Checks everything before it changes anything. An interface with an IPv6 address and no link-local one
  /// gets the link-local address of its MAC (RFC 4291 appendix A).
  std::optional<uint16_t> add(const InterfaceConfig& config, std::string& error);
  bool add_host_address(uint16_t interface, const IpAddress& address, std::string& error);

  /// The interface of a frame with this VLAN identifier (0: no tag, or a tag that is only a priority), or
  /// kNone.
  uint16_t find(PortId port, uint16_t vlan_id) const {
    if (port.value >= ports_.size()) return kNone;
    const Port& p = ports_[port.value];
    if (vlan_id == 0) return p.untagged;
    return p.tagged.empty() ? kNone : p.tagged[vlan_id];
  }

  const InterfaceConfig& at(uint16_t index) const { return interfaces_[index]; }
  /// What each received frame is held against, side by side: `at` costs two cache lines an interface.
  struct Door {
    MacAddress mac;
    bool receive_ip_checksum = false;
    bool receive_tcp_checksum = false;
  };
  const Door& door(uint16_t index) const { return doors_[index]; }
  size_t size() const { return interfaces_.size(); }
  bool contains_address(const IpAddress& a) const { return own_.contains(a); }
  bool is_on(const IpAddress& a, uint16_t interface) const { return own_.is_on(a, interface); }
  /// Whether a packet seen on the interface that names `a` means us: a link-local address is ours on its own
  /// link only.
  bool is_ours(const IpAddress& a, uint16_t interface) const {
    return is_scoped(a) ? own_.is_on(a, interface) : own_.contains(a);
  }
  /// Every address answered for on the interface: its own, then its host addresses.
  std::vector<IpAddress> addresses_of(uint16_t interface) const;

  /// The own address of `destination`'s family to send from: one with the same on-link prefix if there is
  /// one, else the first that is not link-local (a link-local one for a link-local destination), else a host
  /// address.
  std::optional<IpAddress> source_address(uint16_t interface, const IpAddress& destination) const;

 private:
  struct Port {
    uint16_t untagged = kNone;
    std::vector<uint16_t> tagged;  ///< by VLAN identifier; empty when the port has none
  };
  struct HostAddress {
    uint16_t interface;
    IpAddress address;
  };

  bool check(const InterfaceConfig& config, std::string& error) const;
  bool check_address(const IpAddress& address, std::string& error) const;

  std::deque<InterfaceConfig> interfaces_;
  std::vector<Door> doors_;
  std::vector<HostAddress> host_addresses_;
  std::vector<Port> ports_;
  OwnAddresses own_;
};

}  // namespace tributary::ip
