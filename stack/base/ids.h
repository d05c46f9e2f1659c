// Identifiers of MPTCP and of our own workers, kept apart by type.
#pragma once

#include <compare>
#include <cstdint>

namespace tributary {

/// MPTCP key, as the 64-bit big-endian number on the wire (RFC 8684 §3.1). Secret: never logged.
struct Key {
  uint64_t value = 0;
  constexpr bool operator==(const Key&) const = default;
};

/// The 32 most significant bits of SHA-256(key) (RFC 8684 §3.1).
struct Token {
  uint32_t value = 0;
  constexpr bool operator==(const Token&) const = default;
};

/// MPTCP address identifier, unique per connection and host (RFC 8684 §3.2).
struct AddressId {
  uint8_t value = 0;
  constexpr auto operator<=>(const AddressId&) const = default;
};

/// One polling core and everything it owns.
struct WorkerId {
  uint16_t value = 0;
  constexpr auto operator<=>(const WorkerId&) const = default;
};

/// Index of a port (network interface) within one stack.
struct PortId {
  uint16_t value = 0;
  constexpr auto operator<=>(const PortId&) const = default;
};

}  // namespace tributary
