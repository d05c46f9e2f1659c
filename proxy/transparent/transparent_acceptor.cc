#include "proxy/transparent/transparent_acceptor.h"

#include "proxy/concentrator.h"

namespace tributary::proxy {

bool is_forbidden(const Concentrator& concentrator, const IpAddress& destination) {
  return destination.is_unspecified() || destination.is_multicast() || destination.is_broadcast() ||
         destination.is_loopback() || destination.is_link_local() || concentrator.owns(destination);
}

void TransparentAcceptor::on_incoming(IncomingConnection incoming) {
  Stack& stack = concentrator_.stack();
  if (!concentrator_.accepting() || !concentrator_.has_room() || is_forbidden(concentrator_, incoming.key.local))
    return stack.refuse(incoming.stream);
  Relay* relay = concentrator_.create(ListenerKind::kTransparent, listener_, incoming.stream);
  if (relay == nullptr) return stack.refuse(incoming.stream);
  if (!concentrator_.connect(*relay, incoming.key, incoming.key.local, incoming.key.local_port,
                             incoming.payload_per_segment, std::move(incoming.syn_payload))) {
    stack.refuse(incoming.stream);
    concentrator_.destroy(*relay);
  }
}

void TransparentAcceptor::on_incoming_again(ByteStream, uint64_t user_data) {
  Side side;
  Relay* relay = concentrator_.find(user_data, side);
  if (relay != nullptr && relay->state == RelayState::kConnecting)
    concentrator_.stack().retransmit_syn(relay->leg(Side::kServer).stream);
}

}  // namespace tributary::proxy
