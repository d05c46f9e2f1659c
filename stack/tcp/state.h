// States of a TCP connection (RFC 9293 §3.3.2).
//
//   passive open: (deferred) --accept--> SYN-RECEIVED --ACK--> ESTABLISHED
//   active open:  SYN-SENT --SYN,ACK--> ESTABLISHED     SYN-SENT --SYN--> SYN-RECEIVED
//
//   ESTABLISHED --close/FIN--> FIN-WAIT-1 --ACK of FIN--> FIN-WAIT-2 --FIN--> TIME-WAIT (time_wait.h)
//                              FIN-WAIT-1 --FIN--> CLOSING --ACK of FIN--> TIME-WAIT
//   ESTABLISHED --FIN--> CLOSE-WAIT --close/FIN--> LAST-ACK --ACK of FIN--> CLOSED
//
// LISTEN has no control block: listener.h. DEFERRED is ours: a SYN whose answer waits for the server leg (RFC 8803
// §4.2).
#pragma once

#include <cstdint>
#include <string_view>

namespace tributary::tcp {

enum class State : uint8_t {
  kClosed,
  kDeferred,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
};

/// The name operators know from `ss`.
std::string_view name(State state);

/// Both SYNs have been exchanged.
constexpr bool is_synchronized(State s) {
  return s >= State::kEstablished;
}
/// The peer may still send payload.
constexpr bool can_receive(State s) {
  return s == State::kEstablished || s == State::kFinWait1 || s == State::kFinWait2;
}
/// We may still queue payload.
constexpr bool can_send(State s) {
  return s == State::kEstablished || s == State::kCloseWait;
}

}  // namespace tributary::tcp
