#include "src/script/virtual_host.h"

#include <algorithm>
#include <cstring>

#include "src/script/outcome.h"
#include "stack/ip/solicitation.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"

namespace tributary::script {
namespace {

constexpr MacAddress kOurMac = {{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kGatewayMac = {{2, 0, 0, 0, 0, 2}};
constexpr Micros kStart = Micros::seconds(1000);  // of the stack's clock, when a script's is 0
constexpr int kMaxPasses = 1000;                  // at one point in time

IpPrefix on_link(const IpAddress& address) {
  return {address, static_cast<uint8_t>(address.is_v4() ? 24 : 64)};
}
/// A neighbour all packets go to: the last address of our link.
IpAddress gateway_of(const IpAddress& local) {
  std::array<uint8_t, 16> bytes = local.bytes();
  bytes[15] = bytes[15] == 254 ? 253 : 254;
  return IpAddress(bytes);
}

ip::RouteConfig route_of_everything(const IpAddress& local) {
  return {{local.is_v4() ? IpAddress::v4(0) : IpAddress(), 0}, gateway_of(local), 0};
}

}  // namespace

/// xorshift64*: the same script is the same run.
class VirtualHost::Random : public RandomSource {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  void fill(std::span<uint8_t> out) override {
    for (uint8_t& byte : out) {
      state_ ^= state_ >> 12;
      state_ ^= state_ << 25;
      state_ ^= state_ >> 27;
      byte = static_cast<uint8_t>((state_ * 0x2545f4914f6cdd1du) >> 56);
    }
  }

 private:
  uint64_t state_;
};

Settings HostOptions::small_settings() {
  Settings settings;
  settings.pacing = false;  // as Linux without the fq discipline
  settings.max_subflows = 256;
  settings.max_connections = 64;
  settings.max_time_wait = 64;
  settings.max_half_open = 64;
  return settings;
}

VirtualHost::VirtualHost(PacketPools& pools, const HostOptions& options, StreamUser& user)
    : pools_(pools),
      options_(options),
      user_(user),
      random_(std::make_unique<Random>(options.seed)),
      ip_(std::make_unique<ip::IpLayer>(pools, frames_, *random_, counters_, ip::Limits{.neighbors = 64})),
      data_before_(pools.data_in_use()),
      header_before_(pools.header_in_use()) {
  ip::InterfaceConfig interface;
  interface.name = "tun0";
  interface.port = PortId{0};
  interface.mac = kOurMac;
  interface.mtu = options.mtu;
  interface.addresses = {on_link(options.local)};
  if (options.other) interface.addresses.push_back(on_link(*options.other));
  std::string error;
  bool added = ip_->add_interface(interface, error).has_value();
  for (const IpPrefix& own : interface.addresses)
    added = added && ip_->add_route(route_of_everything(own.address), error);
  if (!added) fail("the addresses of this script are unusable: " + error);
  start_stack(options.settings);
}

void VirtualHost::start_stack(const Settings& settings) {
  stack_ = std::make_unique<Stack>(pools_, *ip_, frames_, *random_, counters_, settings, *this, kStart);
}

VirtualHost::~VirtualHost() {
  shut_down();
}

void VirtualHost::add_address(const IpAddress& address) {
  if (is_local(address)) return;
  std::string error;
  if (!ip_->add_host_address(0, address, error)) fail("the address " + address.to_string() + " is unusable: " + error);
}

void VirtualHost::change_settings(const Settings& settings) {
  Context& context = stack_->context();
  if (settings.max_time_wait == context.settings.max_time_wait) {
    context.settings = settings;
    return;
  }
  if (now_ != Micros(0) || !stack_->idle() || !context.listeners.empty())
    unsupported("another size of a table when the stack is in use");
  stack_.reset();
  start_stack(settings);
}

void VirtualHost::pass() {
  const Micros at = kStart + now_;
  for (int i = 0; i < kMaxPasses; ++i) {
    stack_->advance_timers(at);
    if (ip_->next_deadline() <= at) ip_->on_deadline(at);
    stack_->dispatch(at);
    drain();
    if (stack_->next_deadline() > at) return;
  }
  fail("the stack does not come to rest: time stands still");
}

void VirtualHost::step(Micros limit) {
  const Micros due = std::min(stack_->next_deadline(), ip_->next_deadline());
  now_ = std::max(now_, due == Micros::never() ? limit : std::min(limit, due - kStart));
  pass();
}

void VirtualHost::receive(const Bytes& packet) {
  const bool v4 = !packet.empty() && packet[0] >> 4 == 4;
  give_frame(v4 ? wire::ether_type::kIpv4 : wire::ether_type::kIpv6, packet);
  pass();
}

void VirtualHost::give_frame(uint16_t type, std::span<const uint8_t> body) {
  wire::EthernetHeader header;
  header.destination = kOurMac;
  header.source = kGatewayMac;
  header.type = type;
  Packet packet = pools_.data();
  const size_t size = header.size() + body.size();
  char* room =
      packet ? rte_pktmbuf_append(packet.get(), static_cast<uint16_t>(std::min<size_t>(size, UINT16_MAX))) : nullptr;
  if (room == nullptr) unsupported("a packet of " + std::to_string(body.size()) + " bytes");
  auto* bytes = reinterpret_cast<uint8_t*>(room);
  wire::emit_ethernet(header, {bytes, header.size()});
  std::copy(body.begin(), body.end(), bytes + header.size());
  rte_mbuf* frame = packet.release();
  stack_->receive(PortId{0}, {&frame, 1}, kStart + now_);
}

void VirtualHost::drain() {
  std::vector<rte_mbuf*> frames;
  frames.swap(frames_.pending(PortId{0}));
  for (rte_mbuf* m : frames) {
    Bytes bytes;
    for (const rte_mbuf* part = m; part != nullptr; part = part->next) {
      const auto* data = rte_pktmbuf_mtod(part, const uint8_t*);
      bytes.insert(bytes.end(), data, data + part->data_len);
    }
    rte_pktmbuf_free(m);
    take_frame(bytes);
  }
  if (!frames.empty()) drain();
}

void VirtualHost::take_frame(std::span<const uint8_t> frame) {
  if (answer_neighbor_question(frame)) return;
  const auto ethernet = wire::parse_ethernet(frame);
  if (ethernet) sent.push_back(parse_packet_bytes(frame.subspan(ethernet->size()), now_));
}

bool VirtualHost::answer_neighbor_question(std::span<const uint8_t> frame) {
  const auto ethernet = wire::parse_ethernet(frame);
  if (!ethernet) return true;
  const auto body = frame.subspan(ethernet->size());
  if (ethernet->type == wire::ether_type::kArp) {
    const auto arp = wire::parse_arp(body);
    if (!arp || arp->operation != wire::Arp::Operation::kRequest) return true;
    Bytes answer(wire::kArpSize);
    wire::emit_arp({wire::Arp::Operation::kReply, kGatewayMac, arp->target_ip, kOurMac, arp->sender_ip}, answer);
    give_frame(wire::ether_type::kArp, answer);
    return true;
  }
  const LivePacket packet = parse_packet_bytes(body, now_);
  if (!packet.icmp || packet.ip.protocol != wire::ip_protocol::kIcmpv6) return false;
  Bytes message(wire::kIcmpHeaderSize);
  wire::emit_icmp(*packet.icmp, message);
  message.insert(message.end(), packet.body.begin(), packet.body.end());
  const auto question = wire::parse_neighbor_message(message);
  if (!question || question->advertisement) return question.has_value();
  wire::NeighborMessage reply;
  reply.advertisement = reply.solicited = reply.override_ = true;
  reply.target = question->target;
  reply.link_address = kGatewayMac;
  Bytes out(wire::neighbor_message_size(reply));
  wire::emit_neighbor_message(reply, out);
  wire::IpHeader ip;
  ip.source = question->target;
  ip.destination = packet.ip.source;
  ip.hop_limit = 255;
  const auto header = wire::parse_icmp(out);
  give_frame(wire::ether_type::kIpv6, make_icmp_packet(ip, *header, std::span(out).subspan(wire::kIcmpHeaderSize)));
  return true;
}

std::string VirtualHost::shut_down() {
  stack_.reset();
  ip_->drop_queued();
  for (rte_mbuf* m : frames_.pending(PortId{0})) rte_pktmbuf_free(m);
  frames_.pending(PortId{0}).clear();
  const uint32_t data = pools_.data_in_use() - data_before_, header = pools_.header_in_use() - header_before_;
  if (data == 0 && header == 0) return {};
  return std::to_string(data) + " data buffers and " + std::to_string(header) + " header buffers";
}

}  // namespace tributary::script
