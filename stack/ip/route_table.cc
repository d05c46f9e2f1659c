#include "stack/ip/route_table.h"

#include <algorithm>

namespace tributary::ip {
namespace {

AddressWords mask_of(const IpPrefix& prefix) {
  const unsigned bits = prefix.length + (prefix.address.is_v4() ? 96u : 0u);
  std::array<uint8_t, 16> bytes{};
  for (unsigned i = 0; i < bits; ++i) bytes[i / 8] |= static_cast<uint8_t>(0x80 >> i % 8);
  return AddressWords(IpAddress(bytes));
}

AddressWords masked(AddressWords words, const AddressWords& mask) {
  words.high &= mask.high;
  words.low &= mask.low;
  return words;
}

}  // namespace

void RouteTable::add(const Route& route) {
  auto& entries = route.destination.address.is_v4() ? v4_ : v6_;
  const AddressWords mask = mask_of(route.destination);
  const auto shorter = std::ranges::find_if(
      entries, [&](const Entry& e) { return e.route.destination.length < route.destination.length; });
  entries.insert(shorter, {mask, masked(AddressWords(route.destination.address), mask), route});
}

bool RouteTable::has(const IpPrefix& destination, uint16_t interface) const {
  const AddressWords value = masked(AddressWords(destination.address), mask_of(destination));
  return std::ranges::any_of(destination.address.is_v4() ? v4_ : v6_, [&](const Entry& e) {
    return e.route.interface == interface && e.route.destination.length == destination.length && e.value == value;
  });
}

}  // namespace tributary::ip
