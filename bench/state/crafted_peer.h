// CraftedPeer: both ends of many proxied connections without stacks of their own: it answers what the relay
// sends frame by frame, from a few bytes per connection in progress, so that nearly all memory the process
// gains is the relay's.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "stack/mptcp/crypto.h"
#include "stack/packet/packet.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ip.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"

namespace tributary::bench {

class CraftedPeer {
 public:
  static constexpr uint16_t kFirstAccess = 0, kSecondAccess = 1, kServerSide = 2;  ///< ports of the relay

  /// `inject(port, frame)` is how a frame reaches the relay.
  CraftedPeer(PacketPools& pools, std::function<void(uint16_t, Packet)> inject)
      : pools_(pools), inject_(std::move(inject)) {}

  /// Client number `i` opens its connection: SYN with MP_CAPABLE, keys, then a join by the other access.
  /// Numbers of connections in progress lie within `kWindow` of each other.
  void open(uint32_t i);
  static constexpr uint32_t kWindow = 256;
  /// A frame of the relay's.
  void on_frame(uint16_t port, const Packet& frame);
  void set_time(uint32_t milliseconds) { milliseconds_ = milliseconds; }
  uint32_t joined() const { return joined_; }

 private:
  struct Heard {
    wire::EthernetHeader ethernet;
    wire::IpHeader ip;
    wire::TcpHeader tcp;
  };
  void answer_arp(uint16_t port, std::span<const uint8_t> body);
  void on_server_side(const Heard& heard);
  void on_access(uint16_t port, const Heard& heard);
  void send(uint16_t port, const IpAddress& from, const IpAddress& to, const wire::TcpHeader& header);
  void set_syn_options();
  void set_timestamps(uint32_t echo);

  PacketPools& pools_;
  std::function<void(uint16_t, Packet)> inject_;
  uint32_t milliseconds_ = 1;
  uint32_t joined_ = 0;
  std::vector<Key> relay_keys_ = std::vector<Key>(kWindow);
  wire::TcpOptions in_, out_;
};

}  // namespace tributary::bench
