// Hashes of RFC 8684: what follows from a key, and the HMACs of joins and address advertisements.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "stack/base/ids.h"
#include "stack/base/seq_num.h"
#include "stack/wire/ip_address.h"

namespace tributary::mptcp {

struct KeyDigest {
  Token token;   ///< most significant 32 bits of SHA-256(key)
  DataSeq idsn;  ///< least significant 64 bits (§3.1)
};
KeyDigest digest_key(Key key);

/// HMAC-SHA256 with key `first || second` over `message` (§3.2).
std::array<uint8_t, 32> hmac(Key first, Key second, std::span<const uint8_t> message);

/// HMAC of MP_JOIN: the sender's own key and nonce come first.
std::array<uint8_t, 32> join_hmac(Key own, Key peer, uint32_t own_nonce, uint32_t peer_nonce);

/// Truncated HMAC of ADD_ADDR: the rightmost 64 bits (§3.4.1). `port` is 0 when the option has none.
uint64_t add_addr_hmac(Key own, Key peer, AddressId id, const IpAddress& address, uint16_t port);

/// Comparison whose time does not depend on where the bytes differ.
bool equal_constant_time(std::span<const uint8_t> a, std::span<const uint8_t> b);

}  // namespace tributary::mptcp
