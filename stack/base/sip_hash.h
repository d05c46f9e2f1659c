// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash of 64 bits, fast on short messages and unforgeable without the
// key. For what peers send back and must not be able to make themselves (SYN cookies, Fast Open cookies), and for what
// they see and must not be able to go on from (initial sequence numbers).
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "stack/base/random.h"

namespace tributary {

struct SipKey {
  uint64_t low = 0;   ///< bytes 0 to 7, little endian
  uint64_t high = 0;  ///< bytes 8 to 15
  bool operator==(const SipKey&) const = default;
};

/// 32 hexadecimal digits as four words, each of them little endian in the key: "a-b-c-d" or without dashes, the form of
/// Linux's tcp_fastopen_key. Empty: it is something else.
constexpr std::optional<SipKey> parse_sip_key(std::string_view text) {
  uint64_t words[4] = {};
  size_t digits = 0;
  for (const char c : text) {
    if (c == '-' && digits % 8 == 0 && digits != 0) continue;
    const int value = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (value < 0 || digits == 32) return std::nullopt;
    words[digits / 8] = words[digits / 8] << 4 | static_cast<uint64_t>(value);
    ++digits;
  }
  if (digits != 32) return std::nullopt;
  return SipKey{words[0] | words[1] << 32, words[2] | words[3] << 32};
}

inline SipKey draw_sip_key(RandomSource& random) {
  SipKey key;
  key.low = random.u64();
  key.high = random.u64();
  return key;
}

constexpr uint64_t sip_hash(const SipKey& key, std::span<const uint8_t> message) {
  uint64_t v0 = key.low ^ 0x736f6d6570736575, v1 = key.high ^ 0x646f72616e646f6d;
  uint64_t v2 = key.low ^ 0x6c7967656e657261, v3 = key.high ^ 0x7465646279746573;
  const auto rounds = [&](int n) {
    while (n-- != 0) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  };
  const auto absorb = [&](uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  };
  const auto load = [&message](size_t at, size_t n) {
    uint64_t word = 0;
    for (size_t i = 0; i < n; ++i) word |= uint64_t{message[at + i]} << (8 * i);
    return word;
  };
  const size_t whole = message.size() / 8 * 8;
  for (size_t at = 0; at < whole; at += 8) absorb(load(at, 8));
  absorb(load(whole, message.size() - whole) | uint64_t{message.size() & 0xff} << 56);
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace tributary
