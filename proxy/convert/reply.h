// What a converter's first bytes tell the client (RFC 8803 §6.2), judged by the rules of the client's side:
// whatever is wrong resets the connection, and so does every Error TLV.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/convert/message.h"

namespace tributary::convert {

struct Reply {
  enum class Outcome : uint8_t {
    kNeedMore,
    kNotConvert,  ///< something between changed the stream (§8): stop using this converter
    kReset,       ///< not a message a converter may send
    kError,       ///< `error` and `error_value`; reset the connection
    kAccepted,
  };
  Outcome outcome = Outcome::kNeedMore;
  uint16_t size = 0;  ///< bytes of the message; the server's data starts here
  bool has_extended_header = false;
  std::span<const uint8_t> server_options;   ///< options of the server's SYN-ACK; points into the stream
  bool server_speaks_mptcp = false;          ///< kind 30 is among them: later connections can do without the converter
  std::span<const uint8_t> supported_kinds;  ///< TCP options the converter supports, padding included
  uint8_t error = 0;                         ///< an ErrorCode, or a number not yet assigned
  std::span<const uint8_t> error_value;      ///< behind the code, padding included
};

Reply parse_reply(std::span<const uint8_t> stream);

}  // namespace tributary::convert
