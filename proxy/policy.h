// What a concentrator is allowed to do and with how much: from the configuration, fixed while it runs.
#pragma once

#include <vector>

#include "stack/base/units.h"
#include "stack/congestion/congestion.h"
#include "stack/fast_open.h"
#include "stack/wire/ip_address.h"

namespace tributary::proxy {

/// How the clients of one listener are served.
struct AccessLeg {
  congestion::Algorithm algorithm = congestion::Algorithm::kCubic;
  uint8_t dscp = 0;                     ///< differentiated services code point of what they are sent
  FastOpen fast_open = FastOpen::kOff;  ///< their payload in SYNs (RFC 7413)
};

struct Policy {
  /// Where server-leg source addresses come from (RFC 8803 §4.3, §4.4).
  enum class Source : uint8_t {
    kPool,      ///< address sharing: one address of `pool` for all connections of a client (paired, RFC 6888 REQ-2)
    kPreserve,  ///< the client's own address; the return path must cross this node
  };
  Source source = Source::kPool;
  std::vector<IpAddress> pool;
  Micros connect_timeout = Micros::seconds(10);  ///< for the server's SYN-ACK
  congestion::Algorithm server_algorithm = congestion::Algorithm::kCubic;
  uint8_t server_dscp = 0;                     ///< differentiated services code point of what servers are sent
  FastOpen server_fast_open = FastOpen::kOff;  ///< early payload of clients in the server's SYN (RFC 7413)
  uint32_t budget = 64 << 10;                  ///< bytes held and in flight, each direction, at the start and always
  uint32_t max_budget = 4 << 20;               ///< what it may grow to with the rate and the round trips
  uint32_t max_relays = 1 << 17;
};

}  // namespace tributary::proxy
