// Destinations a link swallows silently: how a path dies for one address while ARP and everything else goes
// on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tributary::link {

/// An IPv4 address is kept in its IPv4-mapped form.
using Address = std::array<std::uint8_t, 16>;

/// Nothing if `text` is no IPv4 or IPv6 literal.
std::optional<Address> parse_address(std::string_view text);

/// The IP destination of an Ethernet frame, behind at most two VLAN tags; nothing for other frames.
std::optional<Address> find_destination(std::span<const std::uint8_t> frame);

class FrameFilter {
 public:
  static constexpr std::size_t kMostAddresses = 16;

  /// False when it already holds kMostAddresses.
  bool add(const Address& destination);
  void clear() { destinations_.clear(); }
  bool swallows(std::span<const std::uint8_t> frame) const;

 private:
  std::vector<Address> destinations_;
};

}  // namespace tributary::link
