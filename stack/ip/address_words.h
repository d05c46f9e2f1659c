// An address as two machine words, and the checks made on each received packet: no loops, no calls.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "stack/wire/ip_address.h"

namespace tributary::ip {

/// In memory order, so only for comparing, masking and hashing.
struct AddressWords {
  uint64_t high = 0;
  uint64_t low = 0;

  explicit AddressWords(const IpAddress& a) {
    std::memcpy(&high, a.bytes().data(), 8);
    std::memcpy(&low, a.bytes().data() + 8, 8);
  }
  bool operator==(const AddressWords&) const = default;
};

/// Both halves of a 64x64-bit product, folded: every input bit reaches every output bit.
inline uint64_t mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/// Keyed, so that nobody outside can choose addresses that share a bucket.
inline uint64_t hash_address(const AddressWords& words, uint64_t secret) {
  return mix(words.high ^ secret, words.low ^ 0x9e3779b97f4a7c15);
}

/// Unspecified, multicast, loopback or broadcast: no packet may come from there and none is routed there
/// (RFC 1122 §3.2.1.3, RFC 4291 §2.5-2.7). IPv4's "this network" 0.0.0.0/8 counts as unspecified.
inline bool is_martian(const IpAddress& a) {
  const uint8_t* b = a.bytes().data();
  if (a.is_v4()) return b[12] == 0 || b[12] == 127 || b[12] >> 4 == 0xe || a.v4_value() == 0xffffffff;
  if (b[0] == 0xff) return true;
  if (b[0] != 0) return false;
  return a.is_unspecified() || a.is_loopback();
}

/// fe80::/10: means something only together with an interface.
inline bool is_scoped(const IpAddress& a) {
  return a.bytes()[0] == 0xfe && (a.bytes()[1] & 0xc0) == 0x80;
}

}  // namespace tributary::ip
