// TCP sequence numbers (RFC 9293 §3.4) and MPTCP data sequence numbers (RFC 8684 §3.3).
// Wrap-around comparison lives here and nowhere else.
#pragma once

#include <compare>
#include <cstdint>

namespace tributary {

/// A 32-bit TCP sequence number. `a < b` means "a comes before b" modulo 2^32.
class SeqNum {
 public:
  constexpr SeqNum() = default;
  constexpr explicit SeqNum(uint32_t value) : value_(value) {}

  constexpr uint32_t raw() const { return value_; }

  constexpr SeqNum operator+(uint32_t n) const { return SeqNum(value_ + n); }
  constexpr SeqNum operator-(uint32_t n) const { return SeqNum(value_ - n); }
  constexpr SeqNum& operator+=(uint32_t n) {
    value_ += n;
    return *this;
  }
  /// Signed distance from `o` to this; positive when this is later.
  constexpr int32_t operator-(SeqNum o) const { return static_cast<int32_t>(value_ - o.value_); }

  constexpr bool operator==(const SeqNum&) const = default;
  constexpr bool operator<(SeqNum o) const { return *this - o < 0; }
  constexpr bool operator<=(SeqNum o) const { return *this - o <= 0; }
  constexpr bool operator>(SeqNum o) const { return *this - o > 0; }
  constexpr bool operator>=(SeqNum o) const { return *this - o >= 0; }

 private:
  uint32_t value_ = 0;
};

/// A 64-bit MPTCP data sequence number. 32-bit wire forms are promoted by `DataSeq::nearest`.
class DataSeq {
 public:
  constexpr DataSeq() = default;
  constexpr explicit DataSeq(uint64_t value) : value_(value) {}

  constexpr uint64_t raw() const { return value_; }

  constexpr DataSeq operator+(uint64_t n) const { return DataSeq(value_ + n); }
  constexpr DataSeq operator-(uint64_t n) const { return DataSeq(value_ - n); }
  constexpr DataSeq& operator+=(uint64_t n) {
    value_ += n;
    return *this;
  }
  constexpr int64_t operator-(DataSeq o) const { return static_cast<int64_t>(value_ - o.value_); }

  constexpr bool operator==(const DataSeq&) const = default;
  constexpr bool operator<(DataSeq o) const { return *this - o < 0; }
  constexpr bool operator<=(DataSeq o) const { return *this - o <= 0; }
  constexpr bool operator>(DataSeq o) const { return *this - o > 0; }
  constexpr bool operator>=(DataSeq o) const { return *this - o >= 0; }

  /// The 64-bit number with the low half `low` that lies nearest to `reference` (RFC 8684 §3.3.1).
  static constexpr DataSeq nearest(uint32_t low, DataSeq reference) {
    const int32_t distance = static_cast<int32_t>(low - static_cast<uint32_t>(reference.value_));
    return DataSeq(reference.value_ + static_cast<uint64_t>(static_cast<int64_t>(distance)));
  }

 private:
  uint64_t value_ = 0;
};

template <typename Seq>
constexpr Seq max_seq(Seq a, Seq b) {
  return a < b ? b : a;
}
template <typename Seq>
constexpr Seq min_seq(Seq a, Seq b) {
  return a < b ? a : b;
}

}  // namespace tributary
