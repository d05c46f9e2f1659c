// Ones'-complement sums (RFC 1071) and their arithmetic, so that payload is never read twice (design D2).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "stack/wire/ip_address.h"

namespace tributary::wire {

/// A folded ones'-complement sum of 16-bit big-endian words, in host order. 0 and 0xffff are the same value.
using Sum = uint16_t;

constexpr Sum fold(uint64_t sum) {
  // A number plus itself with its halves exchanged: the upper half is the sum of both with the carry brought round.
  const auto half = static_cast<uint32_t>((sum + std::rotl(sum, 32)) >> 32);
  return static_cast<Sum>((half + std::rotl(half, 16)) >> 16);
}
constexpr Sum add(Sum a, Sum b) {
  const uint32_t sum = uint32_t{a} + b;
  return static_cast<Sum>(sum + (sum >> 16));
}
constexpr Sum subtract(Sum a, Sum b) {
  return add(a, static_cast<Sum>(~b));
}
/// A sum whose bytes start at an odd offset of the whole.
constexpr Sum swap_bytes(Sum a) {
  return static_cast<Sum>(a << 8 | a >> 8);
}
/// The sum of `first` (of `first_size` bytes) followed by `second`.
constexpr Sum concatenate(Sum first, size_t first_size, Sum second) {
  return add(first, first_size & 1 ? swap_bytes(second) : second);
}
/// Whether two sums stand for the same value.
constexpr bool same_value(Sum a, Sum b) {
  return a == b || (uint16_t{a} == 0 && b == 0xffff) || (a == 0xffff && b == 0);
}

/// Sum of the bytes; an odd last byte is padded with zero.
Sum sum_bytes(std::span<const uint8_t> bytes);

/// The sum of words read in the machine's own order: a ones'-complement sum does not care (RFC 1071 §2B) until here.
constexpr Sum fold_native(uint64_t sum) {
  const Sum folded = fold(sum);
  return std::endian::native == std::endian::little ? swap_bytes(folded) : folded;
}

/// The words of a header, `size` a multiple of four: for `fold_native`.
inline uint64_t sum_words(const uint8_t* p, size_t size) {
  uint64_t sum = 0;
  for (size_t i = 0; i < size; i += 4) {
    uint32_t word;
    std::memcpy(&word, p + i, sizeof word);
    sum += word;
  }
  return sum;
}

/// As `sum_bytes`, for a header: without a call.
inline Sum sum_header(const uint8_t* p, size_t size) {
  return fold_native(sum_words(p, size));
}

/// Sum of the TCP/UDP/ICMPv6 pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1). `length` = transport header +
/// payload.
inline Sum pseudo_header_sum(const IpAddress& source, const IpAddress& destination, uint8_t protocol, uint32_t length) {
  // All sixteen bytes for both families: the 0xffff of a mapped IPv4 address is a ones'-complement zero.
  const uint64_t addresses = sum_words(source.bytes().data(), 16) + sum_words(destination.bytes().data(), 16);
  return fold(uint64_t{protocol} + length + fold_native(addresses));
}

/// Sum of the DSS checksum's pseudo-header (RFC 8684 §3.3.1): 64-bit DSN, relative SSN, length, zero.
Sum dss_pseudo_header_sum(uint64_t dsn, uint32_t subflow_seq, uint16_t data_length);

}  // namespace tributary::wire
