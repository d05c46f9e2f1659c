#include "bench/relay/world.h"

#include <rte_cycles.h>
#include <rte_ether.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace tributary::bench {
namespace {

constexpr uint32_t kRing = 4096;
constexpr uint32_t kFramesPerTurn = 128;  // over all access links together, each way
constexpr uint32_t kFrameSize = 1514;
constexpr uint32_t kInFlight = 1 << 20;  // bytes, over all connections
constexpr Micros kTurn = Micros(100);
constexpr unsigned kRecordedTurns = 64;
// Longer than any pass takes by a factor of ten: a timer interrupt or another process came between.
constexpr uint64_t kInterruptedCycles = 600'000;
constexpr uint16_t kPort = 80;

IpAddress address(const std::string& text) {
  return IpAddress::parse(text).value();
}
std::string access(unsigned path, int host) {
  return "10.1." + std::to_string(path) + "." + std::to_string(host);
}
const char* const kServer = "10.9.0.2";

ip::PortOffloads offloads_of(bool checksum) {
  ip::PortOffloads o;
  o.receive_ip_checksum = o.receive_tcp_checksum = o.transmit_ip_checksum = o.transmit_tcp_checksum = checksum;
  o.transmit_multi_segment = true;
  return o;
}

/// The whole frame in one buffer of `pool`, or null.
rte_mbuf* copy_frame(const rte_mbuf* from, PacketPools& pool, bool checksums_good) {
  Packet packet = pool.data();
  if (!packet) return nullptr;
  auto* room = packet.append(static_cast<uint16_t>(from->pkt_len));
  if (room == nullptr) return nullptr;
  for (const rte_mbuf* piece = from; piece != nullptr; piece = piece->next) {
    std::memcpy(room, rte_pktmbuf_mtod(piece, const void*), piece->data_len);
    room += piece->data_len;
  }
  if (checksums_good) packet.get()->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  return packet.release();
}

}  // namespace

World::World(const Scenario& scenario, Pools& pools)
    : scenario_(scenario),
      pools_(pools),
      // Ethernet's 1,500 less IPv4, TCP and timestamps; with MPTCP less the DSS as well (design D3).
      segment_(static_cast<uint16_t>(scenario.mptcp ? 1420 : 1448)),
      frames_(scenario.subflows + 1),
      path_bytes_(scenario.subflows) {
  const ip::PortOffloads offloads = offloads_of(scenario.checksum_offload);
  make_proxy();
  PeerConfig client{
      "client", {}, offloads, kInFlight / scenario.connections, segment_, scenario.direction == Direction::kUp, 1};
  for (unsigned i = 0; i < scenario.subflows; ++i)
    client.interfaces.push_back({access(i, 2) + "/24", "10.9.0.0/24", access(i, 1)});
  client_ = std::make_unique<Peer>(client, *pools.client, now_);
  PeerConfig server{"server", {{std::string(kServer) + "/24", "", ""}}, offloads, kInFlight / scenario.connections,
                    segment_, scenario.direction == Direction::kDown,   2};
  server_ = std::make_unique<Peer>(server, *pools.server, now_);
  server_->listen(kPort);
  const uint32_t rate = kFramesPerTurn * kFrameSize;
  for (uint16_t i = 0; i < scenario.subflows; ++i)
    links_.push_back({client_.get(), i, ports_[i].get(), rate / scenario.subflows, {}, {}});
  links_.push_back({server_.get(), 0, ports_.back().get(), rate + rate / 2, {}, {}});
}

void World::make_proxy() {
  for (unsigned i = 0; i <= scenario_.subflows; ++i) ports_.push_back(std::make_unique<RingPort>(kRing));
  ip_ = std::make_unique<ip::IpLayer>(*pools_.proxy, frames_, random_, proxy_counters_, ip::Limits{});
  std::vector<uint16_t> access_interfaces;
  for (uint16_t i = 0; i <= scenario_.subflows; ++i) {
    const bool to_server = i == scenario_.subflows;
    ip::InterfaceConfig interface;
    interface.name = "port" + std::to_string(i);
    interface.port = PortId{i};
    interface.mac.bytes = {0x02, 0, 0, 0, 0xff, static_cast<uint8_t>(i)};
    interface.addresses = {IpPrefix::parse(to_server ? "10.9.0.1/24" : access(i, 1) + "/24").value()};
    interface.offloads = offloads_of(scenario_.checksum_offload);
    std::string error;
    if (!ip_->add_interface(interface, error)) throw std::runtime_error(error);
    if (!to_server) access_interfaces.push_back(i);
  }
  proxy::Policy policy;
  policy.pool = {address("10.9.0.1")};
  policy.budget = std::min<uint32_t>(kInFlight, 2 * kInFlight / scenario_.connections);  // never what limits
  concentrator_ = std::make_unique<proxy::Concentrator>(policy);
  stack_ =
      std::make_unique<Stack>(*pools_.proxy, *ip_, frames_, random_, proxy_counters_, Settings{}, *concentrator_, now_);
  concentrator_->attach(*stack_);
  concentrator_->listen_transparent(access_interfaces);
}

World::~World() {
  finish();
}

uint32_t World::finish() {
  client_.reset();
  server_.reset();
  for (Link& link : links_) {
    for (rte_mbuf* frame : link.to_proxy) rte_pktmbuf_free(frame);
    for (rte_mbuf* frame : link.to_peer) rte_pktmbuf_free(frame);
  }
  links_.clear();
  if (concentrator_) concentrator_->abort_all();
  stack_.reset();
  concentrator_.reset();
  if (ip_) ip_->drop_queued();
  for (uint16_t i = 0; i < frames_.port_count(); ++i) {
    for (rte_mbuf* frame : frames_.pending(PortId{i})) rte_pktmbuf_free(frame);
    frames_.pending(PortId{i}).clear();
  }
  ports_.clear();
  return pools_.proxy->data_in_use() + pools_.proxy->header_in_use();
}

void World::carry_to_proxy(Link& link) {
  for (rte_mbuf* frame : link.peer->frames().pending(PortId{link.peer_port})) link.to_proxy.push_back(frame);
  link.peer->frames().pending(PortId{link.peer_port}).clear();
  uint32_t left = link.rate;
  while (!link.to_proxy.empty() && left >= link.to_proxy.front()->pkt_len) {
    rte_mbuf* frame = link.to_proxy.front();
    link.to_proxy.pop_front();
    left -= frame->pkt_len;
    if (scenario_.direction == Direction::kUp && link.peer == client_.get())
      path_bytes_[link.peer_port] += frame->pkt_len;
    rte_mbuf* copy = copy_frame(frame, *pools_.proxy, scenario_.checksum_offload);
    rte_pktmbuf_free(frame);
    if (copy == nullptr) throw std::runtime_error("the proxy's pool is used up");
    if (recording_) {
      const auto* data = rte_pktmbuf_mtod(copy, const uint8_t*);
      recorded_.back().push_back({static_cast<size_t>(&link - links_.data()), {data, data + copy->data_len}});
    }
    if (!link.port->deliver(copy)) throw std::runtime_error("a ring is full");
  }
}

void World::carry_to_peer(Link& link) {
  rte_mbuf* sent[RingPort::kBurst];
  while (const unsigned n = link.port->take(sent)) {
    for (rte_mbuf* frame : std::span(sent, n)) {
      rte_mbuf* copy = copy_frame(frame, link.peer->pools(), scenario_.checksum_offload);
      if (copy == nullptr) throw std::runtime_error("a peer's pool is used up");
      link.to_peer.push_back(copy);
      link.port->complete(frame);
    }
  }
  uint32_t left = link.rate;
  while (!link.to_peer.empty() && left >= link.to_peer.front()->pkt_len) {
    left -= link.to_peer.front()->pkt_len;
    if (scenario_.direction == Direction::kDown && link.peer == client_.get())
      path_bytes_[link.peer_port] += link.to_peer.front()->pkt_len;
    link.peer->take_frame(link.peer_port, Packet(link.to_peer.front()));
    link.to_peer.pop_front();
  }
}

/// What datapath::Worker does in one pass, with rings for ports. Returns whether a frame moved.
bool World::run_pass() {
  std::array<rte_mbuf*, RingPort::kBurst> burst;
  pass_frames_in_ = pass_frames_out_ = 0;
  for (uint16_t i = 0; i < ports_.size(); ++i) {
    const unsigned count = ports_[i]->receive(burst.data());
    if (count == 0) continue;
    pass_frames_in_ += count;
    stack_->receive(PortId{i}, std::span(burst.data(), count), now_);
  }
  stack_->advance_timers(now_);
  concentrator_->advance(now_);
  stack_->dispatch(now_);
  for (uint16_t i = 0; i < ports_.size(); ++i) {
    std::vector<rte_mbuf*>& pending = frames_.pending(PortId{i});
    if (pending.empty()) continue;
    pass_frames_out_ += pending.size();
    ports_[i]->transmit(pending);
    pending.clear();
  }
  return pass_frames_in_ + pass_frames_out_ != 0;
}

bool World::proxy_has_frames() const {
  for (const auto& port : ports_)
    if (port->has_received()) return true;
  return false;
}

void World::turn(Measurement* measurement) {
  if (recording_) {
    recorded_.emplace_back();
    if (recorded_.size() > kRecordedTurns) recorded_.pop_front();
  }
  bound_windows();
  client_->run(now_);
  server_->run(now_);
  for (Link& link : links_) carry_to_proxy(link);
  do {
    const uint64_t bytes_before = proxy_counters_.relay_bytes_up + proxy_counters_.relay_bytes_down;
    const uint64_t begin = rte_rdtsc_precise();
    const bool worked = run_pass();
    const uint64_t cycles = rte_rdtsc_precise() - begin;
    if (measurement == nullptr || !worked) continue;
    if (cycles > kInterruptedCycles) {
      ++measurement->interrupted;
      continue;
    }
    measurement->cycles += cycles;
    measurement->segments +=
        (proxy_counters_.relay_bytes_up + proxy_counters_.relay_bytes_down - bytes_before) / segment_;
    measurement->frames_in += pass_frames_in_;
    measurement->frames_out += pass_frames_out_;
    ++measurement->passes;
  } while (proxy_has_frames());
  for (Link& link : links_) carry_to_peer(link);
  now_ += kTurn;
}

/// No link loses anything, so windows would grow until one path takes everything a connection has in flight.
/// A path's queue of ordinary size is stood in for by a bound on its congestion window.
void World::bound_windows() {
  const uint32_t share = kInFlight / scenario_.connections / scenario_.subflows + 2u * segment_;
  for (Stack* sender : {&client_->stack(), stack_.get()})
    sender->context().tcbs.for_each([share](tcp::Tcb& tcb) {
      if (tcb.is_subflow()) tcb.cc.cwnd = std::min(tcb.cc.cwnd, share);
    });
}

void World::check() const {
  for (const Peer* peer : {client_.get(), server_.get()})
    if (!peer->problem().empty()) throw std::runtime_error(peer->problem());
  const Counters& c = proxy_counters_;
  if (c.tcp_retransmitted + c.tcp_timeouts + c.drop_no_buffer + c.tcp_ofo_dropped != 0)
    throw std::runtime_error("the relay lost something: " + std::to_string(c.tcp_retransmitted) + " retransmissions, " +
                             std::to_string(c.tcp_timeouts) + " time-outs");
  for (const auto& port : ports_)
    if (port->dropped() != 0) throw std::runtime_error("a transmit ring was full");
}

void World::warm_up(uint64_t segments) {
  const auto wait = [this](auto&& done, const char* what) {
    for (int turns = 0; !done(); ++turns) {
      if (turns == 200'000) throw std::runtime_error(std::string("this did not happen: ") + what);
      turn(nullptr);
      check();
    }
  };
  const auto relayed = [this] { return proxy_counters_.relay_bytes_up + proxy_counters_.relay_bytes_down; };
  // Few at a time: frames to a neighbour that is not yet resolved queue up to a bound.
  constexpr unsigned kConnectAtOnce = 8;
  for (unsigned opened = 0; opened < scenario_.connections;) {
    for (unsigned i = 0; i < kConnectAtOnce && opened < scenario_.connections; ++i, ++opened)
      client_->connect(address(access(0, 2)), address(kServer), kPort, 0, scenario_.mptcp);
    wait([&] { return client_->established() == opened && server_->established() == opened; },
         "connections are established");
  }
  client_->start_sending();
  server_->start_sending();
  // A client may join once the relay has shown that it speaks MPTCP, which takes data.
  for (uint16_t i = 1; i < scenario_.subflows; ++i)
    wait([&] { return client_->open_subflows(address(access(i, 2)), address(kServer), kPort, i); },
         "subflows are opened");
  wait([&] { return client_->has_subflows(scenario_.subflows); }, "subflows join");
  const uint64_t goal = relayed() + segments * segment_;
  wait([&] { return relayed() >= goal; }, "data is relayed");
}

Measurement World::measure(uint64_t segments) {
  Measurement m;
  std::fill(path_bytes_.begin(), path_bytes_.end(), 0);
  while (m.segments < segments) turn(&m);
  check();
  // Not while measuring: recording copies every frame.
  recording_ = true;
  for (unsigned i = 0; i < kRecordedTurns; ++i) turn(nullptr);
  recording_ = false;
  return m;
}

void World::swap_pass() {
  std::array<rte_mbuf*, RingPort::kBurst> burst;
  pass_frames_in_ = 0;
  for (const auto& port : ports_) {
    const unsigned count = port->receive(burst.data());
    if (count == 0) continue;
    pass_frames_in_ += count;
    for (unsigned i = 0; i < count; ++i) {
      if (i + 4 < count) rte_prefetch0(rte_pktmbuf_mtod(burst[i + 4], void*));
      auto* header = rte_pktmbuf_mtod(burst[i], rte_ether_hdr*);
      std::swap(header->dst_addr, header->src_addr);
    }
    port->transmit(std::span(burst.data(), count));
  }
}

Measurement World::measure_mac_swap(uint64_t frames) {
  Measurement m;
  rte_mbuf* sent[RingPort::kBurst];
  for (size_t at = 0; m.frames_in < frames; at = (at + 1) % recorded_.size()) {
    for (const Recorded& frame : recorded_[at]) {
      Packet packet = pools_.proxy->data();
      if (!packet) throw std::runtime_error("the proxy's pool is used up");
      std::memcpy(packet.append(static_cast<uint16_t>(frame.bytes.size())), frame.bytes.data(), frame.bytes.size());
      if (!ports_[frame.link]->deliver(packet.release())) throw std::runtime_error("a ring is full");
    }
    do {
      const uint64_t begin = rte_rdtsc_precise();
      swap_pass();
      const uint64_t cycles = rte_rdtsc_precise() - begin;
      if (cycles > kInterruptedCycles) {
        ++m.interrupted;
        continue;
      }
      m.cycles += cycles;
      m.frames_in += pass_frames_in_;
      ++m.passes;
    } while (proxy_has_frames());
    for (const auto& port : ports_)
      while (const unsigned n = port->take(sent))
        for (rte_mbuf* frame : std::span(sent, n)) port->complete(frame);
  }
  m.segments = m.frames_in;
  return m;
}

}  // namespace tributary::bench
