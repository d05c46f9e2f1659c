// Relay: the pair of legs of one proxied connection. Payload goes from one leg's receive queue straight into the
// other's send queue; what the other leg has not delivered stays charged to the first one's receive window, which is
// all the back-pressure there is.
#pragma once

#include <array>
#include <cstdint>

#include "stack/byte_stream.h"
#include "stack/right_sizing.h"

namespace tributary::proxy {

enum class Side : uint8_t { kAccess = 0, kServer = 1 };
constexpr Side other(Side side) {
  return side == Side::kAccess ? Side::kServer : Side::kAccess;
}

///   kAwaitingRequest --Convert message--> kConnecting --server's SYN-ACK--> kRelaying --both legs gone--> (freed)
///   kConnecting --refused, unreachable, timed out--> kClosing (an Error TLV on its way), or freed at once
enum class RelayState : uint8_t { kAwaitingRequest, kConnecting, kRelaying, kClosing };

enum class ListenerKind : uint8_t { kTransparent, kConvert };

struct Relay {
  struct Leg {
    ByteStream stream;
    uint32_t budget = 0;  ///< receive budget given to the stream
    RightSizing sizing;
  };
  std::array<Leg, 2> legs;  ///< by Side
  /// Bytes written to a leg that the other leg's window was never charged for: the Convert reply, SYN payload.
  std::array<uint16_t, 2> uncharged{};
  uint32_t opened = 0;  ///< seconds of the worker's clock
  RelayState state = RelayState::kConnecting;
  ListenerKind kind = ListenerKind::kTransparent;
  uint16_t listener = 0;  ///< index in the order of configuration

  Leg& leg(Side side) { return legs[static_cast<size_t>(side)]; }
  const Leg& leg(Side side) const { return legs[static_cast<size_t>(side)]; }
};
static_assert(sizeof(Relay) <= 64);

}  // namespace tributary::proxy
