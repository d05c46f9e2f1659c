// The messages of RFC 8803 as hexadecimal words, and how to read them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/convert/builder.h"

namespace tributary::convert::test {

using Bytes = std::vector<uint8_t>;

/// Bytes of hexadecimal digits; blanks are ignored.
inline Bytes from_hex(std::string_view text) {
  Bytes bytes;
  std::string pair;
  for (const char c : text) {
    if (c == ' ') continue;
    pair += c;
    if (pair.size() < 2) continue;
    bytes.push_back(static_cast<uint8_t>(std::stoi(pair, nullptr, 16)));
    pair.clear();
  }
  return bytes;
}

inline Bytes to_bytes(std::span<const uint8_t> span) {
  return {span.begin(), span.end()};
}
inline Bytes to_bytes(const Message& message) {
  return to_bytes(message.bytes());
}

// Base Connect to 192.0.2.10:443 and [2001:db8::80]:80.
constexpr std::string_view kC1 = "01062263 0a0501bb 00000000 00000000 0000ffff c000020a";
constexpr std::string_view kC2 = "01062263 0a050050 20010db8 00000000 00000000 00000080";
// Extended Connect: MPTCP and a Fast Open request; a Fast Open cookie.
constexpr std::string_view kC3 = "01072263 0a0601bb 00000000 00000000 0000ffff c000020a 1e022202";
constexpr std::string_view kC4 = "01092263 0a0801bb 00000000 00000000 0000ffff c000020a 220a0123 456789ab cdef0000";
// Connect with a cookie; Info.
constexpr std::string_view kC5 = "01092263 0a0501bb 00000000 00000000 0000ffff c000020a 16030000 a1a2a3a4 a5a6a7a8";
constexpr std::string_view kC6 = "01022263 01010000";
// Supported extensions; header only; Extended TCP Header without and with MP_CAPABLE.
constexpr std::string_view kS1 = "01032263 15020000 1e220408";
constexpr std::string_view kS2 = "01012263";
constexpr std::string_view kS3 = "01072263 14060000 020405b4 0402080a 000003e8 000007d0 0103030a";
constexpr std::string_view kS4 = "01082263 14070000 020405b4 04020103 03071e0c 01011122 33445566 77880000";
// Errors by code.
constexpr std::string_view kE0 = "01022263 1e010001";
constexpr std::string_view kE1Request = "01062263 0a050050 00000000 00000000 0000ffff 7f000001";
constexpr std::string_view kE1 = "01082263 1e070100 01062263 0a050050 00000000 00000000 0000ffff 7f000001";
constexpr std::string_view kE2Request = "01022263 c8010000";
constexpr std::string_view kE2 = "01042263 1e030200 01022263 c8010000";
constexpr std::string_view kE3 = "01042263 1e030300 a1a2a3a4 a5a6a7a8";
constexpr std::string_view kE32 = "01022263 1e012000";
constexpr std::string_view kE33One = "01022263 1e01211d";
constexpr std::string_view kE33Two = "01032263 1e02211d 13000000";
constexpr std::string_view kE64 = "01022263 1e01403c";
constexpr std::string_view kE65 = "01022263 1e014100";
constexpr std::string_view kE96 = "01022263 1e016000";
constexpr std::string_view kE97 = "01022263 1e016101";

}  // namespace tributary::convert::test
