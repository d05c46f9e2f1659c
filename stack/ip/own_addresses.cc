#include "stack/ip/own_addresses.h"

#include <utility>

namespace tributary::ip {

void OwnAddresses::add(const IpAddress& address, uint16_t interface) {
  if (++count_ * 2 > slots_.size()) {
    const auto old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old)
      if (slot.used) place(slot);
  }
  place({.words = AddressWords(address), .interface = interface, .used = true});
}

void OwnAddresses::place(const Slot& slot) {
  size_t i = first_slot(slot.words);
  while (slots_[i].used) i = next_slot(i);
  slots_[i] = slot;
}

}  // namespace tributary::ip
