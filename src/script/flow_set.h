// The connections of a running script: which one a packet of the script, or of the stack, belongs to. A
// packet without addresses belongs to the connection last named, opened or listened for.
#pragma once

#include <memory>
#include <vector>

#include "src/script/ast.h"
#include "src/script/flow.h"
#include "src/script/live_packet.h"
#include "src/script/virtual_host.h"

namespace tributary::script {

class FlowSet {
 public:
  FlowSet(VirtualHost& host, MptcpNames& names, uint16_t bind_port)
      : host_(host), names_(names), bind_port_(bind_port) {}

  /// The connection of an inbound packet; a new one where the script begins one.
  Flow& find_inbound(const PacketSpec& spec);
  /// The connection of a packet the stack has sent, checked against what `spec` says of addresses. A SYN may
  /// begin one. Null with `reason` when it belongs elsewhere.
  Flow* find_outbound(const PacketSpec& spec, const LivePacket& live, std::string& reason);
  const Flow* find_live(const LivePacket& live) const;
  /// `live` is of a known connection, and `spec`, which has no addresses, speaks of another one.
  bool is_of_other(const PacketSpec& spec, const LivePacket& live) const;

  /// The next packet without addresses is about a new connection.
  void forget_current() { current_ = nullptr; }
  void set_bind_port(uint16_t port) { bind_port_ = port; }

 private:
  Flow& add(const SocketAddress& local, const SocketAddress& remote);
  IpAddress resolve(const EndpointSpec& endpoint, bool local);
  static bool is_same(const EndpointSpec& endpoint, const IpAddress& address, const SocketAddress& known);

  VirtualHost& host_;
  MptcpNames& names_;
  uint16_t bind_port_;
  uint16_t next_remote_port_ = 40001;
  uint8_t local_names_ = 0, remote_names_ = 0;
  std::vector<std::unique_ptr<Flow>> flows_;
  Flow* current_ = nullptr;
};

}  // namespace tributary::script
