#include "tests/sim/host.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "stack/wire/byte_order.h"
#include "tests/sim/application.h"
#include "tests/sim/pool_cache.h"
#include "tests/sim/wire_offload.h"
#include "tests/support/pools.h"

namespace tributary::sim {
namespace {

// Lossy links are not to look like a neighbour that is not there.
constexpr ip::Limits kLimits{.solicit_attempts = 8};
constexpr size_t kBurst = 32;
constexpr size_t kMinFrame = 60;  // Ethernet without the frame check sequence
/// More passes than this without the clock moving on is a stack that never comes to rest.
constexpr unsigned kMaxPassesAtOnce = 20000;
}  // namespace

struct Host::Port : FrameSink {
  Port(Host& h, size_t i) : host(h), index(i) {}
  void take_frame(Frame frame) override { host.take_frame(index, std::move(frame)); }
  Host& host;
  size_t index;
  Path* path = nullptr;
  Side side = Side::kA;
  std::vector<Frame> received;
};

/// Accepts in the call.
class Host::InstantAcceptor : public Acceptor {
 public:
  InstantAcceptor(Host& host, MakeApplication make) : host_(host), make_(std::move(make)) {}
  void on_incoming(IncomingConnection incoming) override {
    auto application = make_(incoming);
    if (application == nullptr) return host_.stack().refuse(incoming.stream);
    application->bind(host_, incoming.stream);
    host_.stack().accept(incoming.stream, host_.keep(std::move(application)));
  }
  void on_incoming_again(ByteStream, uint64_t) override {}

 private:
  Host& host_;
  MakeApplication make_;
};

Settings HostConfig::small_settings() {
  Settings s;
  s.max_subflows = 1024;
  s.max_connections = 256;
  s.max_time_wait = 1024;
  s.max_half_open = 256;
  return s;
}

Host::Host(EventLoop& loop, Prng prng, const HostConfig& config, const std::string& capture_name)
    : loop_(loop),
      prng_(std::move(prng)),
      name_(config.name),
      capture_(Capture::from_environment(capture_name)),
      pools_(PoolCache::take(config.data_buffers, config.header_buffers, config.data_room)),
      frames_(config.interfaces.size()),
      stack_random_(prng_.fork()),
      ip_(*pools_, frames_, stack_random_, counters_, kLimits),
      offloads_(config.offloads),
      pass_delay_(config.pass_delay) {
  std::string error;
  for (const auto& addresses : config.interfaces) {
    const auto index = static_cast<uint16_t>(ports_.size());
    ip::InterfaceConfig interface;
    interface.name = name_ + std::to_string(index);
    interface.port = PortId{index};
    interface.mac.bytes = {
        0x02, 0, 0, static_cast<uint8_t>(prng_.u32()), static_cast<uint8_t>(prng_.u32()), static_cast<uint8_t>(index)};
    for (const auto& address : addresses) interface.addresses.push_back(IpPrefix::parse(address).value());
    interface.offloads = config.offloads;
    if (index < config.mtus.size()) interface.mtu = config.mtus[index];
    if (!ip_.add_interface(interface, error)) throw std::invalid_argument(error);
    ports_.push_back(std::make_unique<Port>(*this, index));
  }
  for (const auto& g : config.gateways) {
    const ip::RouteConfig route{IpPrefix::parse(g.destination).value(), IpAddress::parse(g.gateway).value(),
                                g.interface};
    if (!ip_.add_route(route, error)) throw std::invalid_argument(error);
  }
  for (const auto& [interface, address] : config.host_addresses)
    if (!ip_.add_host_address(interface, IpAddress::parse(address).value(), error)) throw std::invalid_argument(error);
  stack_ = std::make_unique<Stack>(*pools_, ip_, frames_, stack_random_, counters_, config.settings, *this, loop.now());
}

Host::~Host() {
  applications_.clear();
  stack_.reset();
  ip_.drop_queued();
  for (uint16_t port = 0; port < ports_.size(); ++port) {
    for (rte_mbuf* m : frames_.pending(PortId{port})) rte_pktmbuf_free(m);
    frames_.pending(PortId{port}).clear();
  }
  PoolCache::give_back(std::move(pools_));
}

void Host::attach(uint16_t interface, Path& path, Side side) {
  Port& port = *ports_.at(interface);
  port.path = &path;
  port.side = side;
  path.attach(side, port);
}

void Host::post(std::function<void()> action) {
  posted_.push_back(std::move(action));
  schedule_pass(now());
}

uint64_t Host::keep(std::unique_ptr<Application> application) {
  applications_.push_back(std::move(application));
  return applications_.size();  // 0 stays free: a stream nobody gave user data
}

Application& Host::connect(std::unique_ptr<Application> application, ConnectOptions options, PacketList early) {
  Application& kept = *application;
  options.user_data = keep(std::move(application));
  const ByteStream stream = stack_->connect(options, std::move(early));
  if (!stream) ADD_FAILURE() << name_ << ": no room or route for a connection to " << options.remote.to_string();
  kept.bind(*this, stream);
  return kept;
}

void Host::listen(uint16_t port, MakeApplication make, const ListenOptions& options) {
  acceptors_.push_back(std::make_unique<InstantAcceptor>(*this, std::move(make)));
  Listener listener;
  listener.interfaces = options.interfaces;
  if (listener.interfaces.empty())
    for (uint16_t i = 0; i < ports_.size(); ++i) listener.interfaces.push_back(i);
  listener.port = port;
  listener.mptcp = options.mptcp;
  listener.fast_open = options.fast_open;
  listener.algorithm = options.algorithm.value_or(stack_->context().settings.algorithm);
  listener.acceptor = acceptors_.back().get();
  stack_->add_listener(std::move(listener));
}

void Host::on_stream(ByteStream stream, uint64_t user_data, uint16_t events) {
  if (user_ != nullptr) return user_->on_stream(stream, user_data, events);
  if (user_data == 0 || user_data > applications_.size()) {
    ADD_FAILURE() << name_ << ": event " << events << " for unknown user data " << user_data;
    return;
  }
  applications_[user_data - 1]->on_stream(stream, events);
}

void Host::take_frame(size_t port, Frame frame) {
  ports_[port]->received.push_back(std::move(frame));
  const int64_t spread = pass_delay_.count();
  schedule_pass(now() +
                (spread > 0 ? Micros(static_cast<int64_t>(prng_.below(static_cast<uint64_t>(spread)))) : Micros(0)));
}

void Host::schedule_pass(Micros at) {
  at = std::max(at, now());
  if (pass_at_ <= at) return;
  pass_at_ = at;
  loop_.at(at, [this, at] {
    if (pass_at_ == at) run_pass();
  });
}

void Host::run_pass() {
  pass_at_ = Micros::never();
  passes_at_once_ = last_pass_ == now() ? passes_at_once_ + 1 : 0;
  last_pass_ = now();
  if (passes_at_once_ > kMaxPassesAtOnce) throw std::runtime_error(name_ + ": time stands still");

  receive_frames();
  stack_->advance_timers(now());
  for (auto& action : std::exchange(posted_, {})) action();
  if (advance_) advance_(now());
  stack_->dispatch(now());
  send_frames();
  schedule_pass(stack_->next_deadline());
  if (next_deadline_) schedule_pass(next_deadline_());
  if (!posted_.empty()) schedule_pass(now());
}

void Host::receive_frames() {
  std::vector<rte_mbuf*> burst;
  for (uint16_t index = 0; index < ports_.size(); ++index) {
    auto flush = [&] {
      if (!burst.empty()) stack_->receive(PortId{index}, burst, now());
      burst.clear();
    };
    for (const Frame& frame : std::exchange(ports_[index]->received, {})) {
      if (capture_) capture_->write(now(), frame);
      Packet packet = test::make_frame(*pools_, frame);
      if (!packet) {
        ++frames_without_buffer_;
        continue;
      }
      mark_received_checksums(packet.get(), offloads_);
      burst.push_back(packet.release());
      if (burst.size() == kBurst) flush();
    }
    flush();
  }
}

void Host::send_frames() {
  for (uint16_t index = 0; index < ports_.size(); ++index) {
    Port& port = *ports_[index];
    for (rte_mbuf* m : std::exchange(frames_.pending(PortId{index}), {})) {
      Frame frame = to_wire(m);
      rte_pktmbuf_free(m);
      if (capture_) capture_->write(now(), frame);
      if (port.path != nullptr) port.path->send(port.side, std::move(frame));
    }
  }
}

Frame Host::to_wire(rte_mbuf* m) const {
  if (m->next != nullptr && !offloads_.transmit_multi_segment)
    throw std::logic_error(name_ + ": a chain for a port that takes none");
  Frame frame = test::bytes_of(m);
  if (frame.size() != m->pkt_len) throw std::logic_error(name_ + ": pkt_len does not match the chain");
  fill_in_checksums(frame, *m, offloads_);
  if (frame.size() < kMinFrame) frame.resize(kMinFrame, 0);
  return frame;
}

std::string Host::describe_counters() const {
  std::ostringstream text;
  text << name_ << ':';
  for (const CounterInfo& info : kCounterInfo)
    if (counters_.*info.member != 0) text << ' ' << info.name << ' ' << counters_.*info.member;
  if (frames_without_buffer_ != 0) text << " (frames without a buffer: " << frames_without_buffer_ << ')';
  return text.str();
}

std::vector<std::string> Host::leftovers() {
  std::vector<std::string> left;
  auto check = [&](uint64_t value, const char* what) {
    if (value != 0) left.push_back(name_ + ": " + std::to_string(value) + " " + what);
  };
  ip_.drop_queued();
  const Context& c = stack_->context();
  check(c.tcbs.size(), "TCP control blocks");
  check(c.connections.size(), "MPTCP connections");
  check(c.time_wait.size(), "in TIME-WAIT");
  check(c.flows.size(), "flow table entries");
  check(c.tokens.size(), "tokens");
  check(c.half_open, "counted as half open");
  check(pools_->data_in_use(), "data buffers");
  check(pools_->header_in_use(), "header buffers");
  if (left.empty() && !stack_->idle()) left.push_back(name_ + ": not idle, though nothing is left");
  if (c.wheel.next_deadline() != Micros::never() && left.empty())
    left.push_back(name_ + ": a deadline in " + std::to_string((c.wheel.next_deadline() - now()).in_milliseconds()) +
                   " ms, though idle");
  return left;
}

}  // namespace tributary::sim
