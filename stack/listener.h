// Who answers a SYN: listeners and the acceptors behind them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stack/base/ids.h"
#include "stack/byte_stream.h"
#include "stack/congestion/congestion.h"
#include "stack/fast_open.h"
#include "stack/flow/flow_key.h"
#include "stack/packet/packet.h"

namespace tributary {

/// A SYN that waits for its answer. The stream exists already, in state DEFERRED.
struct IncomingConnection {
  ByteStream stream;
  FlowKey key;  ///< local = the address the client wants, which a transparent listener intercepted
  uint16_t interface = 0;
  uint16_t peer_mss = 0;             ///< MSS option of the SYN, or the default
  uint16_t payload_per_segment = 0;  ///< payload one segment towards the client can carry: MSS less timestamps and DSS
  bool mptcp = false;                ///< MP_CAPABLE was offered and taken
  Packet syn_payload;                ///< payload of the SYN (`payload()`), or null; acknowledged when accepted
};

class Acceptor {
 public:
  virtual ~Acceptor() = default;
  /// Decide with Stack::accept, Stack::refuse or Stack::ignore, in the call or any time later. A retransmitted SYN in
  /// between is announced by on_incoming_again. After a SYN cookie the stream is established when the call returns,
  /// whatever was decided, and events may come before the decision.
  virtual void on_incoming(IncomingConnection incoming) = 0;
  virtual void on_incoming_again(ByteStream stream, uint64_t user_data) = 0;
};

struct Listener {
  std::vector<uint16_t> interfaces;  ///< where it listens
  std::vector<IpAddress> addresses;  ///< empty: every own address of those interfaces
  std::optional<uint16_t> port;      ///< empty: every port
  bool intercept = false;            ///< transparent: destinations that are not ours, instead of own addresses
  bool syn_payload = false;          ///< take payload in the SYN (Convert); otherwise it is left to be sent again
  /// Give out cookies and take payload in SYNs that bring one, or in every SYN; `max_fast_open` bounds both.
  FastOpen fast_open = FastOpen::kOff;
  bool mptcp = true;  ///< take MP_CAPABLE
  congestion::Algorithm algorithm = congestion::Algorithm::kCubic;
  uint8_t dscp = 0;  ///< differentiated services code point of what is sent
  Acceptor* acceptor = nullptr;
};

}  // namespace tributary
