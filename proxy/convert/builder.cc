#include "proxy/convert/builder.h"

#include <algorithm>

namespace tributary::convert {

namespace {

using Bytes = std::span<const uint8_t>;

Message begin_message() {
  Message m;
  m.append(kVersion);
  m.append(uint8_t{0});
  m.append(uint8_t{kMagic >> 8});
  m.append(uint8_t{kMagic & 0xff});
  return m;
}

void finish_message(Message& m) {
  m[1] = static_cast<uint8_t>(m.size() / kWordSize);
}

/// A TLV whose value is `head` followed by `tail`; nothing when the message is full.
void append_tlv(Message& m, TlvType type, Bytes head, Bytes tail = {}) {
  const size_t start = m.size();
  if (start + kWordSize > kMaxMessageSize) return;
  m.append(static_cast<uint8_t>(type));
  m.append(uint8_t{0});
  m.append(head);
  m.append(tail);
  m.pad_to_word();
  m[start + 1] = static_cast<uint8_t>((m.size() - start) / kWordSize);
}

Message build_one(TlvType type, Bytes head, Bytes tail = {}) {
  Message m = begin_message();
  append_tlv(m, type, head, tail);
  finish_message(m);
  return m;
}

constexpr uint8_t kZeros[2] = {0, 0};  // the unassigned bytes most TLVs begin with

/// Codes 1 to 3: a zero byte aligns what follows.
Message build_aligned_error(ErrorCode code, Bytes rest) {
  const uint8_t head[] = {static_cast<uint8_t>(code), 0};
  return build_one(TlvType::kError, head, rest);
}

Message build_delay(ErrorCode code, uint32_t seconds) {
  const uint8_t delay = static_cast<uint8_t>(std::min<uint32_t>(seconds, 255));
  return build_error(code, Bytes(&delay, 1));
}

}  // namespace

Message build_accept(Bytes syn_ack_options) {
  return build_one(TlvType::kExtendedTcpHeader, kZeros,
                   syn_ack_options.first(std::min(syn_ack_options.size(), kMaxTcpOptionsSize)));
}

Message build_supported_extensions(Bytes kinds) {
  return build_one(TlvType::kSupportedExtensions, kZeros, kinds);
}

Message build_error(ErrorCode code, Bytes value) {
  const uint8_t head = static_cast<uint8_t>(code);
  return build_one(TlvType::kError, Bytes(&head, 1), value);
}

Message build_error(const Request& request) {
  switch (request.error) {
    case ErrorCode::kUnsupportedVersion:
      return build_error(request.error, Bytes(&kVersion, 1));
    case ErrorCode::kMalformedMessage:
    case ErrorCode::kUnsupportedMessage:
      return build_aligned_error(request.error, request.offending);
    case ErrorCode::kUnsupportedTcpOption:
      return build_error(request.error, Bytes(request.unsupported_options).first(request.unsupported_option_count));
    case ErrorCode::kMissingCookie:
    case ErrorCode::kNotAuthorized:
    case ErrorCode::kResourceExceeded:
    case ErrorCode::kNetworkFailure:
    case ErrorCode::kConnectionReset:
    case ErrorCode::kDestinationUnreachable:
      break;  // not found by parsing
  }
  return build_error(request.error);
}

Message build_missing_cookie(Bytes cookie) {
  return build_aligned_error(ErrorCode::kMissingCookie, cookie);
}
Message build_resource_exceeded(uint32_t seconds) {
  return build_delay(ErrorCode::kResourceExceeded, seconds);
}
Message build_network_failure(uint32_t seconds) {
  return build_delay(ErrorCode::kNetworkFailure, seconds);
}
Message build_unreachable(uint8_t icmp_code) {
  return build_error(ErrorCode::kDestinationUnreachable, Bytes(&icmp_code, 1));
}

Message build_connect(const IpAddress& address, uint16_t port, Bytes options, Bytes cookie) {
  uint8_t target[18] = {static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port)};
  std::copy(address.bytes().begin(), address.bytes().end(), target + 2);
  Message m = begin_message();
  append_tlv(m, TlvType::kConnect, target, options);
  if (!cookie.empty()) append_tlv(m, TlvType::kCookie, kZeros, cookie);
  finish_message(m);
  return m;
}

Message build_info() {
  return build_one(TlvType::kInfo, kZeros);
}

}  // namespace tributary::convert
