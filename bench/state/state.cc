#include "bench/state/state.h"

#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/state/crafted_peer.h"
#include "bench/support/pools.h"
#include "bench/support/random.h"
#include "proxy/concentrator.h"

namespace tributary::bench {
namespace {

constexpr uint32_t kFew = 10'000;              // where the slope begins
constexpr uint32_t kBatch = 64;                // connections opened at once
constexpr Micros kBatchTime = Micros(64'000);  // a thousand connections a second
constexpr size_t kBurst = 32;

/// Bytes of this process in memory.
uint64_t resident_bytes() {
  unsigned long size = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%lu %lu", &size, &resident) != 2)
    throw std::runtime_error("cannot read /proc/self/statm");
  std::fclose(file);
  return uint64_t{resident} * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

/// A relay with two access ports and one to the servers, between crafted peers.
class Proxy {
 public:
  Proxy(PacketPools& pools, uint32_t connections)
      : pools_(pools),
        frames_(3),
        ip_(pools, frames_, random_, counters_, {}),
        peer_(pools, [this](uint16_t port, Packet frame) { received_[port].push_back(frame.release()); }) {
    for (auto& frames : received_) frames.reserve(1024);
    const char* const addresses[] = {"10.1.0.1/24", "10.1.1.1/24", "10.9.0.1/24"};
    const char* const gateways[] = {"10.1.0.2", "10.1.1.2", "10.9.0.2"};
    for (uint16_t port = 0; port < 3; ++port) {
      ip::InterfaceConfig interface;
      interface.name = "port" + std::to_string(port);
      interface.port = PortId{port};
      interface.mac.bytes = {0x02, 0, 0, 0, 0xff, static_cast<uint8_t>(port)};
      interface.addresses = {IpPrefix::parse(addresses[port]).value()};
      interface.offloads = {true, true, true, true, true};
      std::string error;
      const auto behind = IpPrefix::parse(port == CraftedPeer::kServerSide ? "198.18.0.0/15" : "100.64.0.0/10").value();
      if (!ip_.add_interface(interface, error) ||
          !ip_.add_route({behind, IpAddress::parse(gateways[port]), port}, error))
        throw std::runtime_error(error);
    }
    Settings settings;
    settings.max_subflows = 3 * connections + 4096;
    settings.max_connections = connections + 1024;
    proxy::Policy policy;
    policy.pool = {IpAddress::parse("10.9.0.1").value()};
    policy.max_relays = connections + 1024;
    concentrator_ = std::make_unique<proxy::Concentrator>(policy);
    stack_ = std::make_unique<Stack>(pools, ip_, frames_, random_, counters_, settings, *concentrator_, now_);
    concentrator_->attach(*stack_);
    concentrator_->listen_transparent({0, 1});
  }
  ~Proxy() {
    concentrator_->abort_all();
    stack_.reset();
    ip_.drop_queued();
    for (auto& frames : received_)
      for (rte_mbuf* frame : frames) rte_pktmbuf_free(frame);
  }

  /// Opens connections until there are `count`, then lets every timer of the handshakes run out.
  void open_until(uint32_t count) {
    while (opened_ < count) {
      // The first alone: frames to a neighbour not yet resolved queue up to a bound.
      const uint32_t batch = opened_ == 0 ? 1 : std::min(kBatch, count - opened_);
      for (uint32_t i = 0; i < batch; ++i) peer_.open(opened_++);
      settle();
      now_ += kBatchTime;
    }
    for (int i = 0; i < 30; ++i) {
      now_ += Micros::seconds(1);
      settle();
    }
    check();
  }

 private:
  void settle() {
    peer_.set_time(static_cast<uint32_t>(now_.count() / 1000));
    do pass();
    while (has_received());
    pass();
  }
  bool has_received() const {
    for (const auto& frames : received_)
      if (!frames.empty()) return true;
    return false;
  }
  void pass() {
    std::vector<rte_mbuf*> burst;
    for (uint16_t port = 0; port < 3; ++port) {
      burst.swap(received_[port]);
      for (size_t at = 0; at < burst.size(); at += kBurst)
        stack_->receive(PortId{port}, std::span(burst).subspan(at, std::min(kBurst, burst.size() - at)), now_);
      burst.clear();
      burst.swap(received_[port]);  // keeps the room
    }
    stack_->advance_timers(now_);
    concentrator_->advance(now_);
    stack_->dispatch(now_);
    for (uint16_t port = 0; port < 3; ++port) {
      for (rte_mbuf* frame : frames_.pending(PortId{port})) peer_.on_frame(port, Packet(frame));
      frames_.pending(PortId{port}).clear();
    }
  }
  /// Every connection is whole and nothing of it is in flight.
  void check() {
    const Context& c = stack_->context();
    uint32_t established = 0;
    stack_->context().tcbs.for_each([&](const tcp::Tcb& tcb) { established += tcb.state == tcp::State::kEstablished; });
    const bool whole = concentrator_->size() == opened_ && c.connections.size() == opened_ &&
                       c.tcbs.size() == 3 * opened_ && established == 3 * opened_ &&
                       counters_.mptcp_join_ack_rx == opened_ && peer_.joined() == opened_;
    if (!whole)
      throw std::runtime_error("of " + std::to_string(opened_) + " connections there are " +
                               std::to_string(concentrator_->size()) + " relays and " + std::to_string(established) +
                               " established legs");
    if (pools_.data_in_use() + pools_.header_in_use() != 0)
      throw std::runtime_error("an idle connection holds buffers");
  }

  PacketPools& pools_;
  FrameQueues frames_;
  Counters counters_;
  SeededRandom random_{3};
  ip::IpLayer ip_;
  Micros now_ = Micros::seconds(1000);
  std::unique_ptr<proxy::Concentrator> concentrator_;
  std::unique_ptr<Stack> stack_;
  CraftedPeer peer_;
  std::vector<rte_mbuf*> received_[3];
  uint32_t opened_ = 0;
};

}  // namespace

Json run_state(const StateOptions& options) {
  if (options.connections <= kFew) throw std::runtime_error("more than 10000 connections, please");
  const auto pools = make_pools(4096, 4096);
  const uint64_t before = resident_bytes();
  Proxy proxy(*pools, options.connections);
  proxy.open_until(kFew);
  const uint64_t at_few = resident_bytes();
  proxy.open_until(options.connections);
  const uint64_t at_many = resident_bytes();
  const double slope = static_cast<double>(at_many - at_few) / (options.connections - kFew);
  const double all = static_cast<double>(at_many - before) / options.connections;
  std::printf("Bytes per idle proxied connection (two subflows and a server leg): %.0f, from %u to %u of them.\n",
              slope, kFew, options.connections);
  std::printf("With the tables sized for that many, all told: %.0f.\n", all);
  std::printf("Blocks: Tcb %zu (three), Connection %zu, Relay %zu.\n", sizeof(tcp::Tcb), sizeof(mptcp::Connection),
              sizeof(proxy::Relay));
  return Json()
      .put("bytes_per_idle_proxied_connection", slope)
      .put("bytes_with_tables", all)
      .put("connections_low", kFew)
      .put("connections_high", options.connections)
      .put("tcb_bytes", static_cast<double>(sizeof(tcp::Tcb)))
      .put("connection_bytes", static_cast<double>(sizeof(mptcp::Connection)))
      .put("relay_bytes", static_cast<double>(sizeof(proxy::Relay)));
}

}  // namespace tributary::bench
