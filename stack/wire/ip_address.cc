#include "stack/wire/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace tributary {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof(buffer) || text.find('\0') != text.npos) return {};
  buffer[text.copy(buffer, sizeof(buffer) - 1)] = 0;
  std::array<uint8_t, 16> bytes;
  if (inet_pton(AF_INET, buffer, bytes.data()) == 1) return from_v4_bytes(bytes.data());
  if (inet_pton(AF_INET6, buffer, bytes.data()) != 1) return {};
  // "::ffff:192.0.2.1" would be IPv4 by a second name: one address, one spelling.
  if (const IpAddress a(bytes); !a.is_v4()) return a;
  return {};
}

bool IpAddress::is_unspecified() const {
  return is_v4() ? v4_value() == 0 : std::ranges::all_of(bytes_, [](uint8_t b) { return b == 0; });
}

bool IpAddress::is_multicast() const {
  return is_v4() ? bytes_[12] >> 4 == 0xe : bytes_[0] == 0xff;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[12] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t b) { return b == 0; });
}

bool IpAddress::is_broadcast() const {
  return is_v4() && v4_value() == 0xffffffff;
}

bool IpAddress::is_link_local() const {
  return is_v4() ? v4_value() >> 16 == 0xa9fe : bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

std::string IpAddress::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4()) return inet_ntop(AF_INET, &bytes_[12], buffer, sizeof(buffer));
  return inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof(buffer));
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return {};
  const uint8_t longest = address->is_v4() ? 32 : 128;
  if (slash == text.npos) return IpPrefix{*address, longest};
  const std::string_view digits = text.substr(slash + 1);
  uint8_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() || length > longest) return {};
  return IpPrefix{*address, length};
}

bool IpPrefix::contains(const IpAddress& a) const {
  if (a.is_v4() != address.is_v4()) return false;
  const unsigned bits = length + (address.is_v4() ? 96u : 0u);
  const unsigned whole = bits / 8;
  if (whole >= 16) return a == address;
  if (std::memcmp(a.bytes().data(), address.bytes().data(), whole) != 0) return false;
  const auto mask = static_cast<uint8_t>(0xff00 >> bits % 8);
  return ((a.bytes()[whole] ^ address.bytes()[whole]) & mask) == 0;
}

std::string IpPrefix::to_string() const {
  return address.to_string() + '/' + std::to_string(length);
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  if (text.size() != 17) return {};
  MacAddress mac;
  for (size_t i = 0; i < 6; ++i) {
    const char* p = text.data() + i * 3;
    if (i < 5 && p[2] != ':') return {};
    const auto [end, error] = std::from_chars(p, p + 2, mac.bytes[i], 16);
    if (error != std::errc() || end != p + 2) return {};
  }
  return mac;
}

std::string MacAddress::to_string() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t b : bytes) {
    if (!text.empty()) text += ':';
    text += kDigits[b >> 4];
    text += kDigits[b & 15];
  }
  return text;
}

}  // namespace tributary
