// The set of our own addresses, asked twice for every received packet: a flat hash of 32-byte slots, at most
// half full. A link-local address may be there once for each interface, any other once.
#pragma once

#include <cstdint>
#include <vector>

#include "stack/ip/address_words.h"

namespace tributary::ip {

class OwnAddresses {
 public:
  explicit OwnAddresses(uint64_t secret) : secret_(secret), slots_(kMinimumSlots) {}

  /// `address` is not martian and not there yet (see `is_on`, `contains`).
  void add(const IpAddress& address, uint16_t interface);

  bool contains(const IpAddress& address) const {
    const AddressWords words(address);
    for (size_t i = first_slot(words); slots_[i].used; i = next_slot(i))
      if (slots_[i].words == words) return true;
    return false;
  }

  /// Whether the address belongs to exactly this interface.
  bool is_on(const IpAddress& address, uint16_t interface) const {
    const AddressWords words(address);
    for (size_t i = first_slot(words); slots_[i].used; i = next_slot(i))
      if (slots_[i].words == words && slots_[i].interface == interface) return true;
    return false;
  }

 private:
  static constexpr size_t kMinimumSlots = 16;

  struct Slot {
    AddressWords words{IpAddress()};
    uint16_t interface = 0;
    bool used = false;
  };

  size_t first_slot(const AddressWords& words) const { return hash_address(words, secret_) & mask_; }
  size_t next_slot(size_t i) const { return (i + 1) & mask_; }
  void place(const Slot& slot);

  uint64_t secret_;
  size_t count_ = 0;
  size_t mask_ = kMinimumSlots - 1;
  std::vector<Slot> slots_;
};

}  // namespace tributary::ip
