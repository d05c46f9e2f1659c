// 0-RTT TCP Convert Protocol (RFC 8803): the message common to both directions.
//
// A message is the first bytes of a stream: a four-byte header and TLVs, all lengths in 32-bit words. What
// follows it is user data. Parsing requests is in request.h, parsing replies in reply.h, building either in
// builder.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tributary::convert {

constexpr uint8_t kVersion = 1;
constexpr uint16_t kMagic = 0x2263;
constexpr size_t kHeaderSize = 4;
constexpr size_t kWordSize = 4;
constexpr size_t kMaxMessageSize = 255 * kWordSize;
constexpr size_t kMaxTcpOptionsSize = 40;

enum class TlvType : uint8_t {
  kReserved = 0,
  kInfo = 1,
  kConnect = 10,
  kExtendedTcpHeader = 20,
  kSupportedExtensions = 21,
  kCookie = 22,
  kError = 30,
};

/// §6.2.8.
enum class ErrorCode : uint8_t {
  kUnsupportedVersion = 0,
  kMalformedMessage = 1,
  kUnsupportedMessage = 2,
  kMissingCookie = 3,
  kNotAuthorized = 32,
  kUnsupportedTcpOption = 33,
  kResourceExceeded = 64,
  kNetworkFailure = 65,
  kConnectionReset = 96,
  kDestinationUnreachable = 97,
};

/// A built message, held by value: nothing is allocated.
class Message {
 public:
  std::span<const uint8_t> bytes() const { return {bytes_.data(), size_}; }

  /// Appends as much as fits.
  void append(std::span<const uint8_t> more) {
    const size_t count = more.size() < kMaxMessageSize - size_ ? more.size() : kMaxMessageSize - size_;
    if (count != 0) std::memcpy(bytes_.data() + size_, more.data(), count);
    size_ += count;
  }
  void append(uint8_t byte) { append(std::span<const uint8_t>(&byte, 1)); }
  void pad_to_word() {
    while (size_ % kWordSize != 0) append(uint8_t{0});
  }
  uint8_t& operator[](size_t i) { return bytes_[i]; }
  size_t size() const { return size_; }

 private:
  std::array<uint8_t, kMaxMessageSize> bytes_;
  size_t size_ = 0;
};

/// What the fixed header says (§6.1).
enum class HeaderStatus : uint8_t {
  kNeedMore,    ///< header or message not complete yet; at most `kMaxMessageSize` bytes are ever needed
  kNotConvert,  ///< wrong magic number
  kUnsupportedVersion,
  kZeroLength,  ///< the connection is to be reset
  kComplete,
};
/// `size` is set when complete: bytes of the whole message, header included.
HeaderStatus parse_header(std::span<const uint8_t> stream, size_t& size);

struct Tlv {
  uint8_t type = 0;
  std::span<const uint8_t> value;  ///< behind type and length, padding included: 2 bytes and a multiple of 4
};

/// Walks the TLVs of a complete message.
class TlvReader {
 public:
  enum class Status : uint8_t { kTlv, kEnd, kMalformed };

  explicit TlvReader(std::span<const uint8_t> message) : rest_(message.subspan(kHeaderSize)) {}
  /// A length of 0 or beyond the message is malformed and ends the walk.
  Status next(Tlv& out);

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace tributary::convert
