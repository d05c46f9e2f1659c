// Static routes and on-link prefixes, the longest prefix first. There are few, and a subflow asks once in its
// life, so that a scan of two words a route is all it takes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stack/ip/address_words.h"
#include "stack/wire/ip_address.h"

namespace tributary::ip {

struct Route {
  IpPrefix destination;
  uint16_t interface = 0;
  std::optional<IpAddress> gateway;  ///< empty: on the link
  uint32_t gateway_neighbor = 0;     ///< its entry in the neighbour table, which is never evicted
};

class RouteTable {
 public:
  /// Among equal prefixes the one added first wins.
  void add(const Route& route);

  const Route* find(const IpAddress& destination) const {
    return find_where(destination, [](const Route&) { return true; });
  }
  /// Only routes that leave through `interface`.
  const Route* find_on(uint16_t interface, const IpAddress& destination) const {
    return find_where(destination, [interface](const Route& r) { return r.interface == interface; });
  }
  /// Whether the interface has a route for exactly this prefix.
  bool has(const IpPrefix& destination, uint16_t interface) const;

 private:
  struct Entry {
    AddressWords mask;
    AddressWords value;  ///< already masked
    Route route;
  };

  template <typename Predicate>
  const Route* find_where(const IpAddress& destination, Predicate wanted) const {
    const AddressWords words(destination);
    for (const Entry& e : destination.is_v4() ? v4_ : v6_) {
      if ((words.high & e.mask.high) == e.value.high && (words.low & e.mask.low) == e.value.low && wanted(e.route))
        return &e.route;
    }
    return nullptr;
  }

  std::vector<Entry> v4_;
  std::vector<Entry> v6_;
};

}  // namespace tributary::ip
