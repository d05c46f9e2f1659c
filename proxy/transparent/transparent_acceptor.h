// Transparent interception: a client's SYN to any server is answered in the server's name once the server has answered.
#pragma once

#include "stack/listener.h"

namespace tributary::proxy {

class Concentrator;

class TransparentAcceptor : public Acceptor {
 public:
  TransparentAcceptor(Concentrator& concentrator, uint16_t listener)
      : concentrator_(concentrator), listener_(listener) {}
  void on_incoming(IncomingConnection incoming) override;
  void on_incoming_again(ByteStream stream, uint64_t user_data) override;

 private:
  Concentrator& concentrator_;
  uint16_t listener_;
};

/// Destinations no client may reach through us: our own addresses, link-local, loopback, multicast (RFC 8803 §9,
/// DP-22).
bool is_forbidden(const Concentrator& concentrator, const IpAddress& destination);

}  // namespace tributary::proxy
