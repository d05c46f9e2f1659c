// A host of the simulated world: a real stack with its pools, IP layer and ports, driven by events instead of
// a polling core. What it does between two events is what a worker does in one pass (design §3).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stack/stack.h"
#include "tests/sim/capture.h"
#include "tests/sim/path.h"
#include "tests/sim/prng.h"

namespace tributary::sim {

class Application;

struct HostConfig {
  std::string name;
  Settings settings = small_settings();
  std::vector<std::vector<std::string>> interfaces;  ///< addresses with prefix length, per interface
  struct Gateway {
    std::string destination;
    std::string gateway;
    uint16_t interface;
  };
  std::vector<Gateway> gateways = {};
  std::vector<std::pair<uint16_t, std::string>> host_addresses = {};  ///< answered for without a prefix, per interface
  ip::PortOffloads offloads = {};
  uint32_t data_buffers = 8192;
  uint32_t header_buffers = 8192;
  uint16_t data_room = 2048;        ///< bytes behind the headroom of a data buffer
  std::vector<uint16_t> mtus = {};  ///< of the interfaces; 1500 for those it has none for
  Micros pass_delay = Micros(0);    ///< frames wait up to this long for their pass, so that bursts form

  /// Limits that fit a host with a handful of connections.
  static Settings small_settings();
};

struct ListenOptions {
  std::vector<uint16_t> interfaces = {};  ///< empty: all
  bool mptcp = true;
  FastOpen fast_open = FastOpen::kOff;
  std::optional<congestion::Algorithm> algorithm = std::nullopt;  ///< empty: that of the host's settings
};

class Host : public StreamUser {
 public:
  using MakeApplication = std::function<std::unique_ptr<Application>(const IncomingConnection&)>;

  Host(EventLoop& loop, Prng prng, const HostConfig& config, const std::string& capture_name);
  ~Host() override;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void attach(uint16_t interface, Path& path, Side side);

  /// Runs `action` in a pass of its own, like a control message of the datapath: calls to `stack()` belong
  /// here or in a stream event.
  void post(std::function<void()> action);
  /// Opens a connection for `application`, which the host keeps. Call from within a pass.
  Application& connect(std::unique_ptr<Application> application, ConnectOptions options, PacketList early = {});
  /// Accepts at once every connection to `port`, each with an application of its own.
  void listen(uint16_t port, MakeApplication make, const ListenOptions& options = {});
  /// Sends the events of every stream to `user` (a proxy) instead of to applications.
  void set_user(StreamUser* user) { user_ = user; }
  /// `advance` runs in every pass before the stack's dispatch; `next_deadline` says when it wants the next
  /// one.
  void set_pass_hook(std::function<void(Micros)> advance, std::function<Micros()> next_deadline) {
    advance_ = std::move(advance);
    next_deadline_ = std::move(next_deadline);
  }

  Stack& stack() { return *stack_; }
  ip::IpLayer& ip() { return ip_; }
  PacketPools& pools() { return *pools_; }
  EventLoop& loop() { return loop_; }
  Prng& prng() { return prng_; }
  Counters& counters() { return counters_; }
  const std::string& name() const { return name_; }
  Micros now() const { return loop_.now(); }
  const std::vector<std::unique_ptr<Application>>& applications() const { return applications_; }

  /// What is left that should not be, one line each; empty when all is back at its start level.
  std::vector<std::string> leftovers();
  /// No connection, nothing queued, and TIME-WAIT has run out.
  bool is_at_rest() const { return stack_->idle() && stack_->context().time_wait.size() == 0; }
  /// Every counter that is not zero, for a failure.
  std::string describe_counters() const;
  uint64_t frames_without_buffer() const { return frames_without_buffer_; }

  void on_stream(ByteStream stream, uint64_t user_data, uint16_t events) override;

 private:
  struct Port;
  class InstantAcceptor;

  uint64_t keep(std::unique_ptr<Application> application);
  void take_frame(size_t port, Frame frame);
  void schedule_pass(Micros at);
  void run_pass();
  void receive_frames();
  void send_frames();
  Frame to_wire(rte_mbuf* m) const;

  EventLoop& loop_;
  Prng prng_;
  std::string name_;
  std::unique_ptr<Capture> capture_;
  std::unique_ptr<PacketPools> pools_;
  FrameQueues frames_;
  Counters counters_;
  Prng stack_random_;
  ip::IpLayer ip_;
  ip::PortOffloads offloads_;
  std::unique_ptr<Stack> stack_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::unique_ptr<Application>> applications_;
  std::vector<std::unique_ptr<InstantAcceptor>> acceptors_;
  StreamUser* user_ = nullptr;
  std::function<void(Micros)> advance_;
  std::function<Micros()> next_deadline_;
  std::vector<std::function<void()>> posted_;
  Micros pass_delay_;
  Micros pass_at_ = Micros::never();
  Micros last_pass_ = Micros(0);
  unsigned passes_at_once_ = 0;
  uint64_t frames_without_buffer_ = 0;
};

}  // namespace tributary::sim
