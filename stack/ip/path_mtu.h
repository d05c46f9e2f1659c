// What is known of the MTU of paths, from routers (RFC 1191, RFC 8201) and from connections that fell into a black hole
// (RFC 4821), for connections yet to come: a small table by destination, in which newer knowledge displaces older.
// Nothing an attacker fills it with is worse than not knowing.
#pragma once

#include <array>
#include <cstdint>

#include "stack/base/units.h"
#include "stack/wire/ip_address.h"

namespace tributary::ip {

constexpr uint16_t kLeastMtuV4 = 552;   ///< Linux min_pmtu: what claims less is not believed (RFC 1191 allows 68)
constexpr uint16_t kLeastMtuV6 = 1280;  ///< RFC 8200 §5

constexpr uint16_t kBaseMtu = kLeastMtuV6;  ///< gets through nearly every tunnel

constexpr uint16_t least_mtu(const IpAddress& address) {
  return address.is_v4() ? kLeastMtuV4 : kLeastMtuV6;
}
/// The next common MTU below `mtu` (RFC 1191 §7.1, and what tunnels leave), or the least of the family.
uint16_t next_lower_mtu(const IpAddress& address, uint16_t mtu);
/// The next common MTU above `mtu`, UINT16_MAX beyond the last.
uint16_t next_higher_mtu(uint16_t mtu);
/// Where to go on when silence says that `mtu` is too much, without many steps: kBaseMtu, below it the least.
uint16_t black_hole_mtu(const IpAddress& address, uint16_t mtu);

class PathMtuTable {
 public:
  explicit PathMtuTable(uint64_t secret) : secret_(secret) {}

  /// A packet to `destination` must not be larger than this, in bytes.
  void learn(const IpAddress& destination, uint16_t mtu, Micros now);
  /// One of this size has got there: what is known less of is forgotten.
  void raise(const IpAddress& destination, uint16_t mtu);
  /// `mtu` of the link, or less if something is known of the path and not too old.
  uint16_t limit(const IpAddress& destination, uint16_t mtu, Micros now) const;

 private:
  struct Entry {
    IpAddress destination;
    Micros expires;
    uint16_t mtu = 0;
  };
  static constexpr Micros kLifetime = Micros::seconds(600);  // RFC 1191 §6.3: then something larger may be tried again

  size_t place(const IpAddress& destination) const;

  uint64_t secret_;
  std::array<Entry, 256> entries_{};
};

}  // namespace tributary::ip
