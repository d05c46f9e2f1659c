// One stack in virtual time with one IP port: what goes in and comes out are IP packets, and time moves only
// when told. Ethernet, ARP and neighbour discovery are played behind the port, so that nobody above sees
// them.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "src/script/live_packet.h"
#include "stack/stack.h"

namespace tributary::script {

struct HostOptions {
  IpAddress local = IpAddress::v4(0xc0a80001);   ///< 192.168.0.1
  IpAddress remote = IpAddress::v4(0xc0000201);  ///< 192.0.2.1
  std::optional<IpAddress> other;                ///< an own address of the other family
  uint16_t mtu = 1500;
  Settings settings;
  uint64_t seed = 1;

  /// Limits that fit a script.
  static Settings small_settings();
};

class VirtualHost : public StreamUser {
 public:
  /// `user` gets the events of every stream. Throws ScriptError when the addresses are unusable.
  VirtualHost(PacketPools& pools, const HostOptions& options, StreamUser& user);
  ~VirtualHost() override;
  VirtualHost(const VirtualHost&) = delete;
  VirtualHost& operator=(const VirtualHost&) = delete;

  Stack& stack() { return *stack_; }
  const Stack& stack() const { return *stack_; }
  PacketPools& pools() { return pools_; }
  const HostOptions& options() const { return options_; }
  uint16_t interface() const { return 0; }
  const Counters& counters() const { return counters_; }

  /// Makes an address answer for us; ours already is fine.
  void add_address(const IpAddress& address);
  bool is_local(const IpAddress& address) const { return ip_->is_own_address(address); }
  /// Takes effect for what the stack reads when it acts. Throws ScriptError for a table's size that changes when the
  /// stack is in use already.
  void change_settings(const Settings& settings);

  /// Time since the start.
  Micros now() const { return now_; }
  /// One pass now: timers that are due, users, segments.
  void pass();
  /// An IP packet arrives; one pass follows.
  void receive(const Bytes& packet);
  /// Lets time pass until something is due, no further than `limit`, and runs that pass.
  void step(Micros limit);

  /// What the stack has sent and nobody has taken, oldest first.
  std::deque<LivePacket> sent;

  /// Ends every connection and the stack with them. Returns the buffers that have not come back; empty when
  /// all have.
  std::string shut_down();

 private:
  class Random;
  void on_stream(ByteStream stream, uint64_t user_data, uint16_t events) override {
    user_.on_stream(stream, user_data, events);
  }
  void start_stack(const Settings& settings);
  void drain();
  void take_frame(std::span<const uint8_t> frame);
  bool answer_neighbor_question(std::span<const uint8_t> frame);
  void give_frame(uint16_t type, std::span<const uint8_t> body);

  PacketPools& pools_;
  HostOptions options_;
  StreamUser& user_;
  Counters counters_;
  FrameQueues frames_{1};
  std::unique_ptr<Random> random_;
  std::unique_ptr<ip::IpLayer> ip_;
  std::unique_ptr<Stack> stack_;
  Micros now_;
  uint32_t data_before_, header_before_;
};

}  // namespace tributary::script
