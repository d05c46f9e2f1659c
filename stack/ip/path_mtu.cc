#include "stack/ip/path_mtu.h"

#include <algorithm>

#include "stack/ip/address_words.h"

namespace tributary::ip {

uint16_t next_lower_mtu(const IpAddress& address, uint16_t mtu) {
  for (const uint16_t plateau :
       {uint16_t{8166}, uint16_t{4352}, uint16_t{2002}, uint16_t{1492}, uint16_t{1400}, uint16_t{1280}, uint16_t{1006}})
    if (plateau < mtu && plateau >= least_mtu(address)) return plateau;
  return std::min(mtu, least_mtu(address));
}

size_t PathMtuTable::place(const IpAddress& destination) const {
  return hash_address(AddressWords(destination), secret_) % entries_.size();
}

void PathMtuTable::learn(const IpAddress& destination, uint16_t mtu, Micros now) {
  Entry& entry = entries_[place(destination)];
  if (entry.destination == destination && entry.expires > now) mtu = std::min(mtu, entry.mtu);
  entry = {destination, now + kLifetime, std::max(mtu, least_mtu(destination))};
}

uint16_t PathMtuTable::limit(const IpAddress& destination, uint16_t mtu, Micros now) const {
  const Entry& entry = entries_[place(destination)];
  return entry.destination == destination && entry.expires > now ? std::min(mtu, entry.mtu) : mtu;
}

}  // namespace tributary::ip
