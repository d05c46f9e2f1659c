#include "src/script/flow_set.h"

#include <algorithm>

#include "src/script/outcome.h"

namespace tributary::script {
namespace {

IpAddress count_up(const IpAddress& address, uint8_t n) {
  std::array<uint8_t, 16> bytes = address.bytes();
  bytes[15] = static_cast<uint8_t>(bytes[15] + n);
  return IpAddress(bytes);
}

}  // namespace

Flow& FlowSet::add(const SocketAddress& local, const SocketAddress& remote) {
  flows_.push_back(std::make_unique<Flow>());
  Flow& flow = *flows_.back();
  flow.local = local;
  flow.remote = remote;
  return flow;
}

IpAddress FlowSet::resolve(const EndpointSpec& endpoint, bool local) {
  if (endpoint.address) return *endpoint.address;
  const IpAddress& standard = local ? host_.options().local : host_.options().remote;
  if (endpoint.variable.empty()) return standard;
  const auto found = names_.addresses.find(endpoint.variable);
  if (found != names_.addresses.end()) return found->second;
  uint8_t& used = local ? local_names_ : remote_names_;
  const IpAddress address = count_up(standard, used++);
  if (local) host_.add_address(address);
  return names_.addresses[endpoint.variable] = address;
}

bool FlowSet::is_same(const EndpointSpec& endpoint, const IpAddress& address, const SocketAddress& known) {
  return address == known.address && (!endpoint.port || *endpoint.port == known.port);
}

Flow& FlowSet::find_inbound(const PacketSpec& spec) {
  if (!spec.tuple) {
    if (current_ == nullptr)
      current_ = &add({host_.options().local, bind_port_}, {host_.options().remote, next_remote_port_++});
    return *current_;
  }
  const EndpointSpec& source = spec.tuple->source;
  const EndpointSpec& destination = spec.tuple->destination;
  const IpAddress remote = resolve(source, false);
  const IpAddress local = resolve(destination, true);
  for (auto at = flows_.rbegin(); at != flows_.rend(); ++at)
    if (is_same(source, remote, (*at)->remote) && is_same(destination, local, (*at)->local))
      return *(current_ = at->get());
  current_ =
      &add({local, destination.port.value_or(bind_port_)}, {remote, source.port ? *source.port : next_remote_port_++});
  return *current_;
}

const Flow* FlowSet::find_live(const LivePacket& live) const {
  if (!live.tcp) return nullptr;
  for (auto at = flows_.rbegin(); at != flows_.rend(); ++at) {
    const Flow& flow = **at;
    if (flow.local.address == live.ip.source && flow.remote.address == live.ip.destination &&
        flow.local.port == live.tcp->source_port && flow.remote.port == live.tcp->destination_port)
      return &flow;
  }
  return nullptr;
}

bool FlowSet::is_of_other(const PacketSpec& spec, const LivePacket& live) const {
  const Flow* flow = find_live(live);
  const auto* tcp = std::get_if<TcpSpec>(&spec.body);
  if (flow == nullptr || spec.tuple || tcp == nullptr) return false;
  const bool opens = (tcp->flags & (wire::tcp_flag::kSyn | wire::tcp_flag::kAck)) == wire::tcp_flag::kSyn;
  return current_ != nullptr ? flow != current_ : opens;
}

Flow* FlowSet::find_outbound(const PacketSpec& spec, const LivePacket& live, std::string& reason) {
  auto* flow = const_cast<Flow*>(find_live(live));
  const bool opens = live.tcp->has(wire::tcp_flag::kSyn) && !live.tcp->has(wire::tcp_flag::kAck);
  if (flow == nullptr && opens) {
    flow = &add({live.ip.source, live.tcp->source_port}, {live.ip.destination, live.tcp->destination_port});
    flow->opened_by_call = true;
    if (!spec.tuple) current_ = flow;
  }
  if (flow == nullptr) {
    reason = "it belongs to no connection of this script";
    return nullptr;
  }
  if (!spec.tuple) {
    if (current_ == nullptr) current_ = flow;
    if (flow == current_) return flow;
    reason = "it belongs to another connection than the packets before";
    return nullptr;
  }
  const auto fits = [&](const EndpointSpec& endpoint, const SocketAddress& known) {
    const bool fresh = !endpoint.variable.empty() && !names_.addresses.contains(endpoint.variable);
    if (fresh) names_.addresses[endpoint.variable] = known.address;
    if (endpoint.address && *endpoint.address != known.address) return false;
    if (!endpoint.variable.empty() && names_.addresses.at(endpoint.variable) != known.address) return false;
    return !endpoint.port || *endpoint.port == known.port;
  };
  if (!fits(spec.tuple->source, flow->local) || !fits(spec.tuple->destination, flow->remote)) {
    reason = "its addresses are others";
    return nullptr;
  }
  return current_ = flow;
}

}  // namespace tributary::script
