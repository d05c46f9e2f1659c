// Concentrator: every relay of one worker. It is the user of all their streams: opens the server leg when a client's
// SYN comes, answers the client when the server has answered (RFC 8803 §4.2: no added round trip), moves payload,
// carries half-closes and resets across. Listeners' acceptors (transparent/, convert/) decide where a connection goes.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/policy.h"
#include "proxy/relay/relay.h"
#include "stack/base/slab.h"
#include "stack/stack.h"

namespace tributary::proxy {

/// A relay for operators.
struct RelayInfo {
  uint32_t id = 0;
  ListenerKind kind = ListenerKind::kTransparent;
  uint16_t listener = 0;
  RelayState state = RelayState::kConnecting;
  uint32_t age_seconds = 0;
  std::optional<StreamInfo> access;
  std::optional<StreamInfo> server;
};

class Concentrator : public StreamUser {
 public:
  /// `attach` must be called before the first event: stack and concentrator know each other.
  explicit Concentrator(Policy policy);
  ~Concentrator() override;
  void attach(Stack& stack);

  /// Intercepts every TCP connection that reaches these interfaces on its way elsewhere.
  void listen_transparent(std::vector<uint16_t> interfaces, const AccessLeg& leg = {});
  /// RFC 8803 service on `port` of the interfaces' own addresses, or of `addresses` only.
  void listen_convert(std::vector<uint16_t> interfaces, std::vector<IpAddress> addresses, uint16_t port,
                      const AccessLeg& leg = {});

  void on_stream(ByteStream stream, uint64_t user_data, uint16_t events) override;

  /// Gives up on servers that did not answer in time. Call once a pass, before Stack::dispatch.
  void advance(Micros now);
  Micros next_deadline() const;

  /// Refuses new connections from now on.
  void stop_accepting() { accepting_ = false; }
  /// Resets everything that is left.
  void abort_all();

  size_t size() const { return relays_.size(); }
  /// One more than the highest identifier in use: the bound for going through them in pieces with find().
  uint32_t end_id() const { return relays_.end_index(); }
  void for_each(const std::function<void(const RelayInfo&)>& visit) const;
  std::optional<RelayInfo> find(uint32_t id) const;

  // For acceptors.
  Stack& stack() { return *stack_; }
  const Stack& stack() const { return *stack_; }
  const Policy& policy() const { return policy_; }
  bool accepting() const { return accepting_; }
  /// Whether there is room for another connection: relays, and buffers beyond the reserve (design D7).
  bool has_room() const;
  bool owns(const IpAddress& address) const { return stack_->context().ip.is_own_address(address); }
  /// A relay for an access leg that is not yet answered. Null when full.
  Relay* create(ListenerKind kind, uint16_t listener, ByteStream access);
  /// Where a stream's events come back with.
  uint64_t user_data(const Relay& relay, Side side) const;
  Relay* find(uint64_t user_data, Side& side);
  /// Opens the server leg. `payload_per_segment` is what one segment of the access leg carries (design D3). False when
  /// there is no route, address or port: nothing was opened. `early` is the client's payload so far, or null; `charged`
  /// says that the access leg's window was charged for it, as it is not for a SYN's.
  bool connect(Relay& relay, const FlowKey& client, const IpAddress& server, uint16_t port,
               uint16_t payload_per_segment, Packet early, bool charged = false);
  /// Writes bytes of our own, not relayed ones, to a leg.
  void write_own(Relay& relay, Side side, std::span<const uint8_t> bytes);
  /// Gives the relay as long to leave its present state as a server has to answer.
  void limit_wait(const Relay& relay);
  /// Ends a relay's legs that still exist, with resets, and frees it.
  void drop(Relay& relay);
  void destroy(Relay& relay);
  uint32_t seconds() const;

 private:
  void on_server_established(Relay& relay);
  void on_server_failed(Relay& relay, ByteStream server);
  void on_gone(Relay& relay, Side side, bool reset);
  void pump(Relay& relay, Side from);
  void on_acked(Relay& relay, Side side);
  void size_budget(Relay& relay, Side side, uint32_t released);
  RelayInfo describe(const Relay& relay) const;

  struct Pending {
    Handle<Relay> relay;
    RelayState state;  ///< it must have left this state by then
    Micros deadline;
  };

  Policy policy_;
  Stack* stack_ = nullptr;
  Slab<Relay> relays_;
  std::deque<Pending> waiting_;  ///< all wait equally long: in order of deadline
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  bool accepting_ = true;
};

}  // namespace tributary::proxy
