#include "bench/relay/peer.h"

#include <cstring>
#include <stdexcept>

namespace tributary::bench {
namespace {

constexpr size_t kBurst = 2;
constexpr unsigned kOpenAtOnce = 8;
constexpr uint32_t kReceiveBudget = 6 << 20;  // bytes: never what limits a transfer

Settings peer_settings() {
  Settings s;
  s.max_subflows = 16384;
  s.max_connections = 8192;
  s.max_time_wait = 16384;
  s.receive_budget = kReceiveBudget;
  return s;
}

}  // namespace

Peer::Peer(const PeerConfig& config, PacketPools& pools, Micros now)
    : config_(config),
      pools_(pools),
      frames_(config.interfaces.size()),
      random_(config.seed),
      ip_(pools, frames_, random_, counters_, {}),
      received_(config.interfaces.size()),
      pattern_(config.segment) {
  std::string error;
  for (uint16_t i = 0; i < config.interfaces.size(); ++i) {
    const PeerInterface& described = config.interfaces[i];
    ip::InterfaceConfig interface;
    interface.name = config.name + std::to_string(i);
    interface.port = PortId{i};
    interface.mac.bytes = {0x02, 0, 0, 0, static_cast<uint8_t>(config.seed), static_cast<uint8_t>(i)};
    interface.addresses = {IpPrefix::parse(described.address).value()};
    interface.offloads = config.offloads;
    bool good = ip_.add_interface(interface, error).has_value();
    if (good && !described.destination.empty())
      good = ip_.add_route({IpPrefix::parse(described.destination).value(), IpAddress::parse(described.gateway), i},
                           error);
    if (!good) throw std::runtime_error(error);
  }
  stack_ = std::make_unique<Stack>(pools_, ip_, frames_, random_, counters_, peer_settings(), *this, now);
  SeededRandom(config.segment).fill(pattern_);  // both ends know it
  pattern_sum_ = wire::sum_bytes(pattern_);
}

Peer::~Peer() {
  stack_.reset();
  ip_.drop_queued();
  for (auto& frames : received_)
    for (rte_mbuf* frame : frames) rte_pktmbuf_free(frame);
}

void Peer::listen(uint16_t port) {
  Listener listener;
  for (uint16_t i = 0; i < received_.size(); ++i) listener.interfaces.push_back(i);
  listener.port = port;
  listener.mptcp = false;
  listener.acceptor = this;
  stack_->add_listener(std::move(listener));
}

void Peer::connect(const IpAddress& local, const IpAddress& remote, uint16_t port, uint16_t interface, bool mptcp) {
  ConnectOptions options;
  options.local = local;
  options.remote = remote;
  options.remote_port = port;
  options.interface = interface;
  options.mptcp = mptcp;
  options.user_data = flows_.size();
  Flow flow;
  flow.stream = stack_->connect(options);
  if (!flow.stream) throw std::runtime_error("a peer could not connect");
  flows_.push_back(flow);
}

bool Peer::open_subflows(const IpAddress& local, const IpAddress& remote, uint16_t port, uint16_t interface) {
  unsigned left = kOpenAtOnce;
  for (Flow& flow : flows_) {
    if (flow.subflows > interface) continue;
    if (left == 0 || !stack_->open_subflow(flow.stream, local, remote, port, interface, false)) return false;
    ++flow.subflows;
    --left;
  }
  return true;
}

bool Peer::has_subflows(size_t count) const {
  for (const Flow& flow : flows_) {
    const auto info = stack_->info(flow.stream);
    if (!info || info->subflows.size() != count) return false;
    for (const SubflowInfo& subflow : info->subflows)
      if (subflow.state != tcp::name(tcp::State::kEstablished)) return false;
  }
  return true;
}

void Peer::on_incoming(IncomingConnection incoming) {
  Flow flow;
  flow.stream = incoming.stream;
  flows_.push_back(flow);
  stack_->accept(incoming.stream, flows_.size() - 1);
}

size_t Peer::established() const {
  size_t count = 0;
  for (const Flow& flow : flows_) count += flow.established;
  return count;
}

void Peer::on_stream(ByteStream stream, uint64_t user_data, uint16_t events) {
  Flow& flow = flows_[user_data];
  if (events & kStreamEstablished) flow.established = true;
  if (events & kStreamAcked) flow.outstanding -= stack_->take_acked(stream);
  if (events & kStreamReadable) read(flow);
  if ((events & (kStreamReset | kStreamClosed | kStreamEnd)) && problem_.empty())
    problem_ = config_.name + ": a stream ended";
  if (events & kStreamAcked) fill(flow);
}

void Peer::read(Flow& flow) {
  PacketList packets = stack_->read(flow.stream, UINT32_MAX);
  uint32_t bytes = 0;
  while (Packet packet = packets.pop_front()) {
    const auto payload = packet.payload();
    bytes += static_cast<uint32_t>(payload.size());
    const bool same =
        payload.size() == pattern_.size() && std::memcmp(payload.data(), pattern_.data(), pattern_.size()) == 0;
    if (!same && problem_.empty())
      problem_ = config_.name + ": a segment of " + std::to_string(payload.size()) + " bytes is not one that was sent";
  }
  bytes_received_ += bytes;
  stack_->release(flow.stream, bytes);
}

void Peer::fill(Flow& flow) {
  if (!sending_ || !flow.established) return;
  PacketList list;
  while (flow.outstanding + config_.segment <= config_.window) {
    Packet packet = pools_.data();
    if (!packet) break;
    std::memcpy(packet.append(config_.segment), pattern_.data(), pattern_.size());
    packet.info().payload_offset = packet.get()->data_off;
    packet.info().payload_size = config_.segment;
    packet.info().payload_sum = pattern_sum_;
    packet.info().owner = kNoOwner;
    flow.outstanding += config_.segment;
    list.push_back(std::move(packet));
  }
  if (!list.empty()) stack_->write(flow.stream, std::move(list));
}

void Peer::run(Micros now) {
  for (uint16_t port = 0; port < received_.size(); ++port) {
    std::span<rte_mbuf*> left(received_[port]);
    while (!left.empty()) {
      const size_t n = std::min(kBurst, left.size());
      stack_->receive(PortId{port}, left.first(n), now);
      stack_->dispatch(now);
      left = left.subspan(n);
    }
    received_[port].clear();
  }
  stack_->advance_timers(now);
  for (Flow& flow : flows_) fill(flow);
  stack_->dispatch(now);
}

void Peer::abort_all() {
  for (Flow& flow : flows_) stack_->abort(flow.stream);
}

}  // namespace tributary::bench
