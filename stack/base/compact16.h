// A quantity in 16 bits, for state kept once a packet or a connection: twelve bits of mantissa, four of
// shift.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace tributary {

/// Rounds down, by less than one part in 2048; exact below 4096; saturates at 134 million.
class Compact16 {
 public:
  static constexpr uint64_t kMax = uint64_t{0xfff} << 15;

  constexpr Compact16() = default;
  constexpr explicit Compact16(uint64_t value) {
    value = std::min(value, kMax);
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - 12);
    bits_ = static_cast<uint16_t>(static_cast<uint64_t>(shift) << 12 | value >> shift);
  }
  constexpr uint32_t value() const { return static_cast<uint32_t>(bits_ & 0xfff) << (bits_ >> 12); }
  constexpr auto operator<=>(const Compact16& o) const { return value() <=> o.value(); }
  constexpr bool operator==(const Compact16& o) const { return value() == o.value(); }

 private:
  uint16_t bits_ = 0;
};
static_assert(sizeof(Compact16) == 2);

}  // namespace tributary
