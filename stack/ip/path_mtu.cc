#include "stack/ip/path_mtu.h"

#include <algorithm>
#include <iterator>

#include "stack/ip/address_words.h"

namespace tributary::ip {

namespace {

/// Beside those of RFC 1191: Ethernet, and what PPPoE, 6in4, L2TP, WireGuard and IPsec leave of it.
constexpr uint16_t kPlateaus[] = {1006, kBaseMtu, 1400, 1420, 1460, 1480, 1492, 1500, 2002, 4352, 8166};

}  // namespace

uint16_t next_lower_mtu(const IpAddress& address, uint16_t mtu) {
  const auto above = std::lower_bound(std::begin(kPlateaus), std::end(kPlateaus), mtu);
  const uint16_t plateau = above == std::begin(kPlateaus) ? uint16_t{0} : *(above - 1);
  return std::min(mtu, std::max(plateau, least_mtu(address)));
}

uint16_t next_higher_mtu(uint16_t mtu) {
  const auto above = std::upper_bound(std::begin(kPlateaus), std::end(kPlateaus), mtu);
  return above == std::end(kPlateaus) ? UINT16_MAX : *above;
}

uint16_t black_hole_mtu(const IpAddress& address, uint16_t mtu) {
  return mtu > kBaseMtu ? kBaseMtu : std::min(mtu, least_mtu(address));
}

size_t PathMtuTable::place(const IpAddress& destination) const {
  return hash_address(AddressWords(destination), secret_) % entries_.size();
}

void PathMtuTable::learn(const IpAddress& destination, uint16_t mtu, Micros now) {
  Entry& entry = entries_[place(destination)];
  if (entry.destination == destination && entry.expires > now) mtu = std::min(mtu, entry.mtu);
  entry = {destination, now + kLifetime, std::max(mtu, least_mtu(destination))};
}

void PathMtuTable::raise(const IpAddress& destination, uint16_t mtu) {
  Entry& entry = entries_[place(destination)];
  if (entry.destination == destination) entry.mtu = std::max(entry.mtu, mtu);
}

uint16_t PathMtuTable::limit(const IpAddress& destination, uint16_t mtu, Micros now) const {
  const Entry& entry = entries_[place(destination)];
  return entry.destination == destination && entry.expires > now ? std::min(mtu, entry.mtu) : mtu;
}

}  // namespace tributary::ip
