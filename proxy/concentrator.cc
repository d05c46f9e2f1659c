#include "proxy/concentrator.h"

#include <algorithm>
#include <cstring>

#include "proxy/convert/convert_acceptor.h"
#include "proxy/transparent/transparent_acceptor.h"

namespace tributary::proxy {
namespace {

constexpr uint32_t kServerTimestamps = 12;  // bytes of option in every server segment

}  // namespace

Concentrator::Concentrator(Policy policy) : policy_(std::move(policy)), relays_(policy_.max_relays) {}
Concentrator::~Concentrator() = default;

void Concentrator::attach(Stack& stack) {
  stack_ = &stack;
}

void Concentrator::listen_transparent(std::vector<uint16_t> interfaces, const AccessLeg& leg) {
  const uint16_t index = static_cast<uint16_t>(acceptors_.size());
  acceptors_.push_back(std::make_unique<TransparentAcceptor>(*this, index));
  Listener listener;
  listener.interfaces = std::move(interfaces);
  listener.intercept = true;
  listener.fast_open = leg.fast_open;
  listener.algorithm = leg.algorithm;
  listener.dscp = leg.dscp;
  listener.acceptor = acceptors_.back().get();
  stack_->add_listener(std::move(listener));
}

void Concentrator::listen_convert(std::vector<uint16_t> interfaces, std::vector<IpAddress> addresses, uint16_t port,
                                  const AccessLeg& leg) {
  const uint16_t index = static_cast<uint16_t>(acceptors_.size());
  acceptors_.push_back(std::make_unique<ConvertAcceptor>(*this, index));
  Listener listener;
  listener.interfaces = std::move(interfaces);
  listener.addresses = std::move(addresses);
  listener.port = port;
  listener.syn_payload = true;
  listener.fast_open = leg.fast_open;
  listener.algorithm = leg.algorithm;
  listener.dscp = leg.dscp;
  listener.acceptor = acceptors_.back().get();
  stack_->add_listener(std::move(listener));
}

bool Concentrator::has_room() const {
  if (relays_.size() == relays_.capacity()) return false;
  const PacketPools& pools = stack_->context().pools;
  return pools.data_in_use() < pools.data_capacity() / 10 * 9;
}

Relay* Concentrator::create(ListenerKind kind, uint16_t listener, ByteStream access) {
  Relay* relay = relays_.create();
  if (relay == nullptr) return nullptr;
  relay->kind = kind;
  relay->listener = listener;
  relay->opened = seconds();
  relay->leg(Side::kAccess).stream = access;
  relay->leg(Side::kAccess).budget = policy_.budget;
  stack_->set_user_data(access, user_data(*relay, Side::kAccess));
  stack_->set_receive_budget(access, policy_.budget);
  ++stack_->context().counters.relay_connections;
  return relay;
}

uint64_t Concentrator::user_data(const Relay& relay, Side side) const {
  const Handle<Relay> handle = relays_.handle(relay);
  return uint64_t{handle.index} << 32 | uint64_t{handle.generation & 0x7fffffff} << 1 | static_cast<uint64_t>(side);
}

Relay* Concentrator::find(uint64_t data, Side& side) {
  side = static_cast<Side>(data & 1);
  return relays_.find({static_cast<uint32_t>(data >> 32), static_cast<uint32_t>(data >> 1 & 0x7fffffff)});
}

bool Concentrator::connect(Relay& relay, const FlowKey& client, const IpAddress& server, uint16_t port,
                           uint16_t payload_per_segment, Packet early, bool charged) {
  ConnectOptions options;
  options.remote = server;
  options.remote_port = port;
  options.mss = static_cast<uint16_t>(payload_per_segment + kServerTimestamps);
  options.algorithm = policy_.server_algorithm;
  options.dscp = policy_.server_dscp;
  options.user_data = user_data(relay, Side::kServer);
  options.fast_open = policy_.server_fast_open;
  if (policy_.source == Policy::Source::kPreserve) {
    options.local = client.remote;
  } else {
    // Paired: all of a client's connections leave from the same address (RFC 6888 REQ-2).
    std::vector<IpAddress>::size_type matching = 0;
    for (const IpAddress& address : policy_.pool) matching += address.is_v4() == server.is_v4();
    if (matching == 0) return false;
    size_t choice = hash_flow({client.remote, {}, 0, 0}, stack_->context().flow_secret) % matching;
    for (const IpAddress& address : policy_.pool) {
      if (address.is_v4() != server.is_v4() || choice-- != 0) continue;
      options.local = address;
      break;
    }
  }
  const uint16_t early_size = early ? early.info().payload_size : uint16_t{0};
  PacketList list;
  if (early) list.push_back(std::move(early));
  const ByteStream stream = stack_->connect(options, std::move(list));
  if (!stream) return false;
  if (!charged) relay.uncharged[static_cast<size_t>(Side::kServer)] = early_size;
  relay.leg(Side::kServer).stream = stream;
  relay.leg(Side::kServer).budget = policy_.budget;
  stack_->set_receive_budget(stream, policy_.budget);
  relay.state = RelayState::kConnecting;
  limit_wait(relay);
  return true;
}

void Concentrator::on_stream(ByteStream stream, uint64_t data, uint16_t events) {
  Side side;
  Relay* relay = find(data, side);
  if (relay == nullptr || relay->leg(side).stream != stream) return;
  if (relay->state == RelayState::kAwaitingRequest && side == Side::kAccess && (events & kStreamReadable)) {
    static_cast<ConvertAcceptor*>(acceptors_[relay->listener].get())->on_late_request(*relay);
    relay = find(data, side);
    if (relay == nullptr) return;
  }
  if (relay->state == RelayState::kAwaitingRequest && (events & kStreamEnd)) {  // it left without asking for anything
    relay->state = RelayState::kClosing;
    stack_->close(stream);
  }
  if (side == Side::kServer && relay->state == RelayState::kConnecting) {
    if (events & kStreamReset) return on_server_failed(*relay, stream);
    if (events & kStreamEstablished) on_server_established(*relay);
  }
  if (events & kStreamAcked) on_acked(*relay, side);
  if (events & (kStreamReadable | kStreamEnd)) pump(*relay, side);
  if (events & (kStreamReset | kStreamClosed)) on_gone(*relay, side, events & kStreamReset);
}

void Concentrator::on_server_established(Relay& relay) {
  relay.state = RelayState::kRelaying;
  Relay::Leg& access = relay.leg(Side::kAccess);
  if (relay.kind == ListenerKind::kConvert) {
    const auto options = stack_->peer_syn_ack_options(relay.leg(Side::kServer).stream);
    stack_->accept(access.stream, user_data(relay, Side::kAccess));
    write_own(relay, Side::kAccess, convert::build_accept(options).bytes());
  } else {
    stack_->accept(access.stream, user_data(relay, Side::kAccess));
  }
  // A client that answered a late request may have written more already.
  pump(relay, Side::kAccess);
}

void Concentrator::on_server_failed(Relay& relay, ByteStream server) {
  ++stack_->context().counters.relay_refused;
  const StreamError error = stack_->error(server);
  const uint8_t icmp_code = stack_->icmp_code(server);
  relay.leg(Side::kServer).stream = {};
  if (relay.kind == ListenerKind::kConvert) {
    static_cast<ConvertAcceptor*>(acceptors_[relay.listener].get())->on_failed(relay, error, icmp_code);
  } else {
    stack_->refuse(relay.leg(Side::kAccess).stream);
    destroy(relay);
  }
}

void Concentrator::pump(Relay& relay, Side from) {
  if (relay.state != RelayState::kRelaying) return;
  const ByteStream source = relay.leg(from).stream;
  const ByteStream sink = relay.leg(other(from)).stream;
  if (!sink) return;
  uint32_t bytes = stack_->readable(source);
  if (bytes != 0) {
    Counters& counters = stack_->context().counters;
    (from == Side::kAccess ? counters.relay_bytes_up : counters.relay_bytes_down) += bytes;
    stack_->write(sink, stack_->read(source, UINT32_MAX));
  }
  if (stack_->at_end(source)) stack_->close(sink);
}

void Concentrator::on_acked(Relay& relay, Side side) {
  uint32_t acked = stack_->take_acked(relay.leg(side).stream);
  uint16_t& uncharged = relay.uncharged[static_cast<size_t>(side)];
  const uint32_t own = std::min<uint32_t>(uncharged, acked);
  uncharged = static_cast<uint16_t>(uncharged - own);
  acked -= own;
  const ByteStream source = relay.leg(other(side)).stream;
  if (acked == 0 || !source) return;
  size_budget(relay, other(side), acked);
  stack_->release(source, acked);
}

void Concentrator::size_budget(Relay& relay, Side side, uint32_t released) {
  Relay::Leg& leg = relay.leg(side);
  if (!is_time_to_size(leg.sizing, released, leg.budget)) return;
  // What a leg is given makes room when the other one's peer has acknowledged it: a round goes over both.
  const Micros round_trip = stack_->round_trip(leg.stream) + stack_->round_trip(relay.leg(other(side)).stream);
  const uint32_t held = stack_->held(leg.stream);
  const uint32_t budget = right_size(leg.sizing, stack_->context().now, round_trip, released,
                                     held - std::min(held, released), leg.budget, {policy_.budget, policy_.max_budget});
  if (budget == leg.budget) return;
  leg.budget = budget;
  stack_->set_receive_budget(leg.stream, budget);
}

void Concentrator::on_gone(Relay& relay, Side side, bool reset) {
  // What arrived before the end still belongs to the other side.
  if (!reset) pump(relay, side);
  relay.leg(side).stream = {};
  const ByteStream rest = relay.leg(other(side)).stream;
  if (!rest) return destroy(relay);
  if (relay.state == RelayState::kConnecting || relay.state == RelayState::kAwaitingRequest || reset)
    return drop(relay);
  stack_->close(rest);
}

void Concentrator::write_own(Relay& relay, Side side, std::span<const uint8_t> bytes) {
  Packet packet = stack_->context().pools.data();
  if (!packet) return drop(relay);
  rte_mbuf* m = packet.get();
  PacketInfo& info = packet.info();
  info.owner = kNoOwner;
  info.payload_offset = m->data_off;
  info.payload_size = static_cast<uint16_t>(bytes.size());
  std::memcpy(packet.data(), bytes.data(), bytes.size());
  info.payload_sum = wire::sum_bytes(bytes);
  relay.uncharged[static_cast<size_t>(side)] =
      static_cast<uint16_t>(relay.uncharged[static_cast<size_t>(side)] + bytes.size());
  PacketList list;
  list.push_back(std::move(packet));
  stack_->write(relay.leg(side).stream, std::move(list));
}

void Concentrator::drop(Relay& relay) {
  for (Relay::Leg& leg : relay.legs) {
    if (!leg.stream) continue;
    // Each does nothing where it does not apply.
    stack_->refuse(leg.stream);
    stack_->abort(leg.stream);
  }
  destroy(relay);
}

void Concentrator::destroy(Relay& relay) {
  if (relay.kind == ListenerKind::kConvert)
    static_cast<ConvertAcceptor*>(acceptors_[relay.listener].get())->forget(relay);
  relays_.destroy(relay);
}

void Concentrator::advance(Micros now) {
  while (!waiting_.empty() && waiting_.front().deadline <= now) {
    const Pending due = waiting_.front();
    waiting_.pop_front();
    Relay* relay = relays_.find(due.relay);
    if (relay == nullptr || relay->state != due.state) continue;
    switch (due.state) {
      case RelayState::kConnecting: {
        const ByteStream server = relay->leg(Side::kServer).stream;
        on_server_failed(*relay, {});
        stack_->abort(server);
        break;
      }
      case RelayState::kAwaitingRequest:
      case RelayState::kClosing:
        drop(*relay);
        break;
      case RelayState::kRelaying:
        break;
    }
  }
}

void Concentrator::limit_wait(const Relay& relay) {
  waiting_.push_back({relays_.handle(relay), relay.state, stack_->context().now + policy_.connect_timeout});
}

Micros Concentrator::next_deadline() const {
  return waiting_.empty() ? Micros::never() : waiting_.front().deadline;
}

void Concentrator::abort_all() {
  relays_.for_each([this](Relay& relay) { drop(relay); });
}

uint32_t Concentrator::seconds() const {
  return static_cast<uint32_t>(stack_->context().now.count() / 1'000'000);
}

RelayInfo Concentrator::describe(const Relay& relay) const {
  RelayInfo info;
  info.id = relays_.index(relay);
  info.kind = relay.kind;
  info.listener = relay.listener;
  info.state = relay.state;
  info.age_seconds = seconds() - relay.opened;
  info.access = stack_->info(relay.leg(Side::kAccess).stream);
  info.server = stack_->info(relay.leg(Side::kServer).stream);
  return info;
}

void Concentrator::for_each(const std::function<void(const RelayInfo&)>& visit) const {
  for (uint32_t i = 0; i < relays_.end_index(); ++i)
    if (relays_.in_use(i)) visit(describe(relays_.at(i)));
}

std::optional<RelayInfo> Concentrator::find(uint32_t id) const {
  if (!relays_.in_use(id)) return std::nullopt;
  return describe(relays_.at(id));
}

}  // namespace tributary::proxy
