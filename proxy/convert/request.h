// What a client's first bytes ask of the converter (RFC 8803 §6.2), judged by the rules of the converter's
// side.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "proxy/convert/message.h"
#include "stack/wire/ip_address.h"

namespace tributary::convert {

/// TCP options a Connect may ask for by default (kinds): MPTCP, Fast Open, SACK-permitted, timestamps.
inline constexpr std::array<uint8_t, 4> kSupportedOptions = {30, 34, 4, 8};

/// The TCP options of an Extended Connect: what the SYN towards the server shall carry besides local policy
/// (§6.2.5).
struct RequestedOptions {
  bool sack_permitted = false;
  bool timestamps = false;
  bool mptcp = false;
  bool fast_open = false;
  uint8_t fast_open_cookie_size = 0;  ///< 0 with `fast_open` = cookie request; else the cookie is to be sent as it is
  std::array<uint8_t, 16> fast_open_cookie{};
};

struct Request {
  enum class Outcome : uint8_t {
    kNeedMore,    ///< not enough bytes to tell
    kNotConvert,  ///< no Convert message; absent policy, stay silent (§6)
    kReset,       ///< reset the connection without a reply
    kError,       ///< reply with `build_error(request)` and close (§6.2.2)
    kInfo,        ///< reply with the supported extensions, there is no Connect
    kConnect,
  };
  Outcome outcome = Outcome::kNeedMore;
  uint16_t size = 0;        ///< bytes of the message; user data starts here. kInfo, kConnect
  bool wants_info = false;  ///< an Info TLV is there; with kConnect too

  // kConnect.
  IpAddress address;
  uint16_t port = 0;
  RequestedOptions options;
  std::span<const uint8_t> raw_options;  ///< as sent, padding included; points into the stream
  bool has_cookie = false;
  std::span<const uint8_t> cookie;  ///< as sent, padding included; points into the stream

  // kError.
  ErrorCode error = ErrorCode::kMalformedMessage;
  std::span<const uint8_t> offending;              ///< kMalformedMessage, kUnsupportedMessage: what is echoed
  std::array<uint8_t, 254> unsupported_options{};  ///< kUnsupportedTcpOption: kinds in order of appearance
  uint8_t unsupported_option_count = 0;
};

/// Parses from the start of a stream. `stream` may hold user data behind the message; the result points into
/// it. Options of other kinds than `supported` make the outcome an error that lists them; kinds 0 to 3 and 5
/// are ignored (§7.1 to §7.3), TCP-AO is never supported (§7.7).
Request parse_request(std::span<const uint8_t> stream, std::span<const uint8_t> supported = kSupportedOptions);

}  // namespace tributary::convert
