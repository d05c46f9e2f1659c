// The Transport Converter's side of a connection (RFC 8803 §4.2): the Connect in the SYN's payload starts the server
// leg at once; the client is answered with what came of it.
#pragma once

#include <unordered_map>

#include "proxy/convert/builder.h"
#include "proxy/relay/relay.h"
#include "stack/listener.h"

namespace tributary::proxy {

class Concentrator;

class ConvertAcceptor : public Acceptor {
 public:
  ConvertAcceptor(Concentrator& concentrator, uint16_t listener) : concentrator_(concentrator), listener_(listener) {}
  void on_incoming(IncomingConnection incoming) override;
  void on_incoming_again(ByteStream stream, uint64_t user_data) override;

  /// The Connect came in the first data segment: the SYN that carried it was lost, and kernels repeat a SYN without its
  /// payload (CV-29).
  void on_late_request(Relay& relay);
  /// The server leg failed: answers with the Error TLV for it and closes (CV-23).
  void on_failed(Relay& relay, StreamError error, uint8_t icmp_code);
  void forget(const Relay& relay);

 private:
  /// `late`: the payload came after the handshake.
  void serve(Relay& relay, const IncomingConnection& client, Packet payload, bool late);
  void answer_and_close(Relay& relay, const convert::Message& message);

  Concentrator& concentrator_;
  uint16_t listener_;
  /// What a late request must know of its SYN.
  std::unordered_map<const Relay*, IncomingConnection> awaiting_;
};

}  // namespace tributary::proxy
