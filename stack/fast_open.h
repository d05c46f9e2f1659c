// Payload in the SYN (RFC 7413), for listeners and for connections we open.
#pragma once

#include <cstdint>

namespace tributary {

enum class FastOpen : uint8_t {
  kOff,
  kCookie,    ///< with a cookie of the server's; until there is one, it is asked for or given
  kNoCookie,  ///< without any (§4.2, §6.3.2): where the peer is known to take it so, or whoever it comes from
};

}  // namespace tributary
