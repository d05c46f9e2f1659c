// IPv4 and IPv6 addresses in one type: 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace tributary {

class IpAddress {
 public:
  constexpr IpAddress() = default;
  constexpr explicit IpAddress(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}
  /// From an IPv4 address in host byte order: `IpAddress::v4(0xc0000201)` is 192.0.2.1.
  static constexpr IpAddress v4(uint32_t address) {
    return IpAddress({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, static_cast<uint8_t>(address >> 24),
                      static_cast<uint8_t>(address >> 16), static_cast<uint8_t>(address >> 8),
                      static_cast<uint8_t>(address)});
  }
  /// Reads 4 or 16 bytes in network order.
  static IpAddress from_v4_bytes(const uint8_t* p) {
    IpAddress a = v4(0);
    std::memcpy(&a.bytes_[12], p, 4);
    return a;
  }
  static IpAddress from_v6_bytes(const uint8_t* p) {
    IpAddress a;
    std::memcpy(a.bytes_.data(), p, 16);
    return a;
  }
  /// "192.0.2.1" or "2001:db8::1"; nothing else is accepted, "::ffff:192.0.2.1" neither.
  static std::optional<IpAddress> parse(std::string_view text);

  constexpr bool is_v4() const {
    constexpr auto kPrefix = std::bit_cast<uint32_t>(std::array<uint8_t, 4>{0, 0, 0xff, 0xff});
    const auto words = std::bit_cast<std::array<uint32_t, 4>>(bytes_);
    return (words[0] | words[1] | (words[2] ^ kPrefix)) == 0;
  }
  constexpr const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  /// Host byte order; only for an IPv4 address.
  constexpr uint32_t v4_value() const {
    return uint32_t{bytes_[12]} << 24 | uint32_t{bytes_[13]} << 16 | uint32_t{bytes_[14]} << 8 | bytes_[15];
  }

  bool is_unspecified() const;  ///< :: or 0.0.0.0
  bool is_multicast() const;    ///< ff00::/8 or 224.0.0.0/4
  bool is_loopback() const;     ///< ::1 or 127.0.0.0/8
  bool is_broadcast() const;    ///< 255.255.255.255
  bool is_link_local() const;   ///< fe80::/10 or 169.254.0.0/16

  std::string to_string() const;
  auto operator<=>(const IpAddress&) const = default;
  /// As two words: the defaulted comparison is a call of memcmp, several a segment.
  constexpr bool operator==(const IpAddress& o) const {
    using Words = std::array<uint64_t, 2>;
    const auto a = std::bit_cast<Words>(bytes_), b = std::bit_cast<Words>(o.bytes_);
    return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
  }

 private:
  std::array<uint8_t, 16> bytes_{};
};

/// An address block. `length` counts from the start of the family's own form (0..32 for IPv4, 0..128 for
/// IPv6).
struct IpPrefix {
  IpAddress address{};
  uint8_t length = 0;

  /// "192.0.2.0/24", "2001:db8::/32", or a bare address (full length).
  static std::optional<IpPrefix> parse(std::string_view text);
  bool contains(const IpAddress& a) const;
  std::string to_string() const;
  bool operator==(const IpPrefix&) const = default;
};

struct MacAddress {
  std::array<uint8_t, 6> bytes{};
  static constexpr MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  static std::optional<MacAddress> parse(std::string_view text);
  bool is_multicast() const { return bytes[0] & 1; }
  std::string to_string() const;
  auto operator<=>(const MacAddress&) const = default;
  constexpr bool operator==(const MacAddress& o) const {  // as IpAddress's
    return ((word() ^ o.word()) | uint32_t(half() ^ o.half())) == 0;
  }

 private:
  constexpr uint32_t word() const {
    return std::bit_cast<uint32_t>(std::array{bytes[0], bytes[1], bytes[2], bytes[3]});
  }
  constexpr uint16_t half() const { return std::bit_cast<uint16_t>(std::array{bytes[4], bytes[5]}); }
};

}  // namespace tributary
