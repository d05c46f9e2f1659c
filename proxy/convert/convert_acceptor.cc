#include "proxy/convert/convert_acceptor.h"

#include "proxy/concentrator.h"
#include "proxy/transparent/transparent_acceptor.h"

namespace tributary::proxy {
namespace {

constexpr uint32_t kRetrySeconds = 30;  // suggested to clients we cannot serve now (RFC 8803 §6.2.8)

/// Drops the Convert message from the front of what came with it. Empty when nothing is left.
Packet behind(Concentrator& concentrator, Packet payload, uint16_t message_size) {
  if (!payload || payload.info().payload_size <= message_size) return Packet();
  return concentrator.stack().context().pools.reference(
      payload, message_size, static_cast<uint16_t>(payload.info().payload_size - message_size));
}

}  // namespace

void ConvertAcceptor::on_incoming(IncomingConnection incoming) {
  Stack& stack = concentrator_.stack();
  if (!concentrator_.accepting()) return stack.refuse(incoming.stream);
  if (incoming.syn_payload) {
    // What is no Convert message gets no answer at all (CV-3, CV-28); a zero length a reset (CV-1).
    const auto request = convert::parse_request(incoming.syn_payload.payload());
    if (request.outcome == convert::Request::Outcome::kNotConvert) return stack.ignore(incoming.stream);
    if (request.outcome == convert::Request::Outcome::kReset) return stack.refuse(incoming.stream);
  }
  Relay* relay = concentrator_.create(ListenerKind::kConvert, listener_, incoming.stream);
  if (relay == nullptr) return stack.refuse(incoming.stream);
  Packet payload = std::move(incoming.syn_payload);
  if (payload) return serve(*relay, incoming, std::move(payload), false);
  relay->state = RelayState::kAwaitingRequest;
  concentrator_.limit_wait(*relay);
  stack.accept(incoming.stream, concentrator_.user_data(*relay, Side::kAccess));
  awaiting_.emplace(relay, std::move(incoming));
}

void ConvertAcceptor::serve(Relay& relay, const IncomingConnection& client, Packet payload, bool late) {
  using Outcome = convert::Request::Outcome;
  const convert::Request request = convert::parse_request(payload.payload());
  switch (request.outcome) {
    case Outcome::kNotConvert:
    case Outcome::kReset:
      return concentrator_.drop(relay);
    case Outcome::kNeedMore:  // a message never spans segments: §6 allows SYN, SYN-ACK and ACK only
      return answer_and_close(relay, convert::build_error(convert::ErrorCode::kMalformedMessage));
    case Outcome::kError:
      return answer_and_close(relay, convert::build_error(request));
    case Outcome::kInfo:
      return answer_and_close(relay, convert::build_supported_extensions());
    case Outcome::kConnect:
      break;
  }
  if (is_forbidden(concentrator_, request.address))
    return answer_and_close(relay, convert::build_error(convert::ErrorCode::kNotAuthorized));
  if (!concentrator_.has_room()) return answer_and_close(relay, convert::build_resource_exceeded(kRetrySeconds));
  Packet rest = behind(concentrator_, std::move(payload), request.size);
  if (!concentrator_.connect(relay, client.key, request.address, request.port, client.payload_per_segment,
                             std::move(rest), late))
    return answer_and_close(relay, convert::build_network_failure(kRetrySeconds));
  ++concentrator_.stack().context().counters.convert_connects;
}

void ConvertAcceptor::on_incoming_again(ByteStream, uint64_t user_data) {
  // CV-27: the server's SYN is repeated when the client repeats its own.
  Side side;
  Relay* relay = concentrator_.find(user_data, side);
  if (relay != nullptr && relay->state == RelayState::kConnecting)
    concentrator_.stack().retransmit_syn(relay->leg(Side::kServer).stream);
}

void ConvertAcceptor::on_late_request(Relay& relay) {
  const auto found = awaiting_.find(&relay);
  if (found == awaiting_.end()) return;
  const IncomingConnection client = std::move(found->second);
  awaiting_.erase(found);
  Stack& stack = concentrator_.stack();
  PacketList list = stack.read(relay.leg(Side::kAccess).stream, 1);
  Packet first = list.pop_front();
  if (!first) return;
  // The message itself is ours; what follows it is charged until the server has it, like all relayed data.
  const auto request = convert::parse_request(first.payload());
  stack.release(relay.leg(Side::kAccess).stream,
                request.outcome == convert::Request::Outcome::kConnect ? request.size : first.info().payload_size);
  serve(relay, client, std::move(first), true);
}

void ConvertAcceptor::on_failed(Relay& relay, StreamError error, uint8_t icmp_code) {
  switch (error) {
    case StreamError::kRefused:
    case StreamError::kReset:
      return answer_and_close(relay, convert::build_error(convert::ErrorCode::kConnectionReset));
    case StreamError::kUnreachable:
      return answer_and_close(relay, convert::build_unreachable(icmp_code));
    case StreamError::kNone:
    case StreamError::kTimeout:
    case StreamError::kAborted:
    case StreamError::kProtocol:
    case StreamError::kNoPath:
      return answer_and_close(relay, convert::build_network_failure(kRetrySeconds));
  }
}

void ConvertAcceptor::answer_and_close(Relay& relay, const convert::Message& message) {
  Stack& stack = concentrator_.stack();
  ++stack.context().counters.convert_errors;
  relay.state = RelayState::kClosing;
  concentrator_.limit_wait(relay);  // for the client's own end
  const ByteStream access = relay.leg(Side::kAccess).stream;
  stack.accept(access, concentrator_.user_data(relay, Side::kAccess));
  concentrator_.write_own(relay, Side::kAccess, message.bytes());
  stack.close(access);
}

void ConvertAcceptor::forget(const Relay& relay) {
  awaiting_.erase(&relay);
}

}  // namespace tributary::proxy
