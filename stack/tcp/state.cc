#include "stack/tcp/state.h"

namespace tributary::tcp {

std::string_view name(State state) {
  switch (state) {
    case State::kClosed:
      return "CLOSED";
    case State::kDeferred:
      return "DEFERRED";
    case State::kSynSent:
      return "SYN-SENT";
    case State::kSynReceived:
      return "SYN-RECV";
    case State::kEstablished:
      return "ESTAB";
    case State::kFinWait1:
      return "FIN-WAIT-1";
    case State::kFinWait2:
      return "FIN-WAIT-2";
    case State::kCloseWait:
      return "CLOSE-WAIT";
    case State::kClosing:
      return "CLOSING";
    case State::kLastAck:
      return "LAST-ACK";
  }
  return "?";
}

}  // namespace tributary::tcp
