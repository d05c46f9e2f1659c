#include "proxy/convert/request.h"

#include <algorithm>
#include <bitset>

#include "stack/wire/byte_order.h"

namespace tributary::convert {

namespace {

namespace kind {
constexpr uint8_t kEndOfList = 0, kNoOperation = 1, kMss = 2, kWindowScale = 3, kSackPermitted = 4, kSack = 5,
                  kTimestamps = 8, kTcpAo = 29, kMptcp = 30, kFastOpen = 34;
}

using Bytes = std::span<const uint8_t>;
using Outcome = Request::Outcome;

void fail(Request& r, ErrorCode code) {
  r.outcome = Outcome::kError;
  r.error = code;
}

bool is_connectable(const IpAddress& a) {
  return !a.is_multicast() && !a.is_broadcast() && !a.is_loopback() && !a.is_unspecified();
}

// RFC 7413 §4.1.1: no cookie, or 4 to 16 bytes, an even number.
bool is_fast_open_cookie(size_t size) {
  return size == 0 || (size >= 4 && size <= 16 && size % 2 == 0);
}

/// False when the list is malformed.
bool parse_options(Bytes list, Bytes supported, Request& r) {
  std::bitset<256> listed;
  while (!list.empty() && list[0] != kind::kEndOfList) {
    if (list[0] == kind::kNoOperation) {
      list = list.subspan(1);
      continue;
    }
    if (list.size() < 2 || list[1] < 2 || list[1] > list.size()) return false;
    const uint8_t k = list[0];
    const Bytes value = list.subspan(2, list[1] - size_t{2});
    list = list.subspan(list[1]);
    if (k == kind::kMss || k == kind::kWindowScale || k == kind::kSack) continue;
    if (k == kind::kTcpAo || std::find(supported.begin(), supported.end(), k) == supported.end()) {
      if (!listed[k]) r.unsupported_options[r.unsupported_option_count++] = k;
      listed.set(k);
      continue;
    }
    switch (k) {
      case kind::kSackPermitted:
        r.options.sack_permitted = true;
        break;
      case kind::kTimestamps:
        r.options.timestamps = true;
        break;
      case kind::kMptcp:
        r.options.mptcp = true;
        break;
      case kind::kFastOpen:
        if (!is_fast_open_cookie(value.size())) return false;
        r.options.fast_open = true;
        r.options.fast_open_cookie_size = static_cast<uint8_t>(value.size());
        std::copy(value.begin(), value.end(), r.options.fast_open_cookie.begin());
        break;
      default:
        break;  // supported by the caller, who reads it from `raw_options`
    }
  }
  return true;
}

/// False when the TLV is malformed.
bool parse_connect(Bytes value, Bytes supported, Request& r) {
  constexpr size_t kPort = 2, kAddress = 16;
  if (value.size() < kPort + kAddress) return false;
  r.port = wire::load16(value.data());
  r.address = IpAddress::from_v6_bytes(value.data() + kPort);
  if (r.port == 0 || !is_connectable(r.address)) return false;
  r.raw_options = value.subspan(kPort + kAddress);
  return parse_options(r.raw_options, supported, r);
}

}  // namespace

Request parse_request(Bytes stream, Bytes supported) {
  Request r;
  size_t size = 0;
  switch (parse_header(stream, size)) {
    case HeaderStatus::kNeedMore:
      return r;
    case HeaderStatus::kNotConvert:
      r.outcome = Outcome::kNotConvert;
      return r;
    case HeaderStatus::kZeroLength:
      r.outcome = Outcome::kReset;
      return r;
    case HeaderStatus::kUnsupportedVersion:
      fail(r, ErrorCode::kUnsupportedVersion);
      return r;
    case HeaderStatus::kComplete:
      break;
  }
  const Bytes message = stream.first(size);
  r.size = static_cast<uint16_t>(size);
  r.offending = message;

  constexpr size_t kUnassigned = 2;
  bool has_connect = false;
  TlvReader reader(message);
  Tlv tlv;
  for (;;) {
    const TlvReader::Status status = reader.next(tlv);
    if (status == TlvReader::Status::kEnd) break;
    bool good = status == TlvReader::Status::kTlv;
    if (good) {
      switch (static_cast<TlvType>(tlv.type)) {
        case TlvType::kInfo:
          good = !r.wants_info && tlv.value.size() == kUnassigned;
          r.wants_info = true;
          break;
        case TlvType::kConnect:
          good = !has_connect && parse_connect(tlv.value, supported, r);
          has_connect = true;
          break;
        case TlvType::kCookie:
          good = !r.has_cookie;
          r.has_cookie = true;
          r.cookie = tlv.value.subspan(kUnassigned);
          break;
        case TlvType::kError:
          // An error answered with an error might go on for ever.
          r.outcome = Outcome::kReset;
          return r;
        case TlvType::kReserved:
        case TlvType::kExtendedTcpHeader:
        case TlvType::kSupportedExtensions:
        default:
          fail(r, ErrorCode::kUnsupportedMessage);
          return r;
      }
    }
    if (!good) {
      fail(r, ErrorCode::kMalformedMessage);
      return r;
    }
  }
  if (!has_connect && !r.wants_info) {
    fail(r, ErrorCode::kMalformedMessage);
  } else if (r.unsupported_option_count != 0) {
    fail(r, ErrorCode::kUnsupportedTcpOption);
  } else {
    r.outcome = has_connect ? Outcome::kConnect : Outcome::kInfo;
  }
  return r;
}

}  // namespace tributary::convert
