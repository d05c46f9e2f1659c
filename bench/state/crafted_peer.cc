#include "bench/state/crafted_peer.h"

#include <algorithm>
#include <stdexcept>

namespace tributary::bench {
namespace {

using namespace wire::tcp_flag;
using wire::MptcpOptions;

constexpr uint32_t kClientsPerAddress = 256;
constexpr uint16_t kFirstPort = 10'000;
constexpr uint32_t kFirstAddress = 0x64400000, kSecondAddress = 0x64600000;  // 100.64.0.0 and 100.96.0.0
constexpr uint32_t kServers = 0xc6120000, kServerCount = 64;                 // 198.18.0.0
constexpr uint16_t kServerPort = 443;
constexpr SeqNum kInitial(1000);
constexpr uint32_t kNonce = 0x01020304;

MacAddress mac_of(uint16_t port, bool relay) {
  return MacAddress{{0x02, 0, 0, 0, static_cast<uint8_t>(relay ? 0xff : 0xee), static_cast<uint8_t>(port)}};
}
Key key_of(uint32_t i) {
  return Key{uint64_t{0x1122334400000000} + i};
}
IpAddress client_address(uint16_t port, uint32_t i) {
  return IpAddress::v4((port == CraftedPeer::kFirstAccess ? kFirstAddress : kSecondAddress) + i / kClientsPerAddress);
}
IpAddress server_address(uint32_t i) {
  return IpAddress::v4(kServers + 1 + i % kServerCount);
}
uint16_t client_port(uint32_t i) {
  return static_cast<uint16_t>(kFirstPort + i % kClientsPerAddress);
}
uint32_t client_number(uint16_t port, const IpAddress& address, uint16_t tcp_port) {
  const uint32_t base = port == CraftedPeer::kFirstAccess ? kFirstAddress : kSecondAddress;
  return (address.v4_value() - base) * kClientsPerAddress + tcp_port - kFirstPort;
}

}  // namespace

void CraftedPeer::set_timestamps(uint32_t echo) {
  out_.present = wire::TcpOptions::kTimestamps;
  out_.ts_value = milliseconds_;
  out_.ts_echo = echo;
  out_.mptcp.present = 0;
}

void CraftedPeer::set_syn_options() {
  out_.present |= wire::TcpOptions::kMss | wire::TcpOptions::kSackPermitted | wire::TcpOptions::kWindowScale;
  out_.mss = 1460;
  out_.window_scale = 7;
}

void CraftedPeer::send(uint16_t port, const IpAddress& from, const IpAddress& to, const wire::TcpHeader& fields) {
  Packet frame = pools_.data();
  if (!frame) throw std::runtime_error("no buffer for a crafted frame");
  const size_t options_size = wire::tcp_options_size(out_);
  wire::EthernetHeader ethernet;
  ethernet.source = mac_of(port, false);
  ethernet.destination = mac_of(port, true);
  ethernet.type = wire::ether_type::kIpv4;
  wire::IpHeader ip;
  ip.source = from;
  ip.destination = to;
  ip.protocol = wire::ip_protocol::kTcp;
  ip.hop_limit = 64;
  ip.payload_size = static_cast<uint16_t>(wire::kTcpHeaderSize + options_size);
  wire::TcpHeader header = fields;
  header.header_size = static_cast<uint8_t>(ip.payload_size);
  const size_t ip_size = wire::ip_header_size(to);
  const size_t size = ethernet.size() + ip_size + ip.payload_size;
  const std::span<uint8_t> bytes(frame.append(static_cast<uint16_t>(size)), size);
  wire::emit_ethernet(ethernet, bytes);
  wire::emit_ip(ip, bytes.subspan(ethernet.size()));
  wire::emit_tcp(header, bytes.subspan(ethernet.size() + ip_size));
  wire::emit_tcp_options(out_, bytes.subspan(ethernet.size() + ip_size + wire::kTcpHeaderSize));
  frame.get()->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  inject_(port, std::move(frame));
}

void CraftedPeer::open(uint32_t i) {
  set_timestamps(0);
  set_syn_options();
  out_.mptcp.present = MptcpOptions::kCapable;
  out_.mptcp.capable = {};
  wire::TcpHeader syn;
  syn.source_port = client_port(i);
  syn.destination_port = kServerPort;
  syn.seq = kInitial;
  syn.flags = kSyn;
  syn.window = 64240;
  send(kFirstAccess, client_address(kFirstAccess, i), server_address(i), syn);
}

void CraftedPeer::on_frame(uint16_t port, const Packet& frame) {
  Heard heard;
  const auto ethernet = wire::parse_ethernet(frame.bytes());
  if (!ethernet) throw std::runtime_error("the relay sent no Ethernet frame");
  const auto body = frame.bytes().subspan(ethernet->size());
  if (ethernet->type == wire::ether_type::kArp) return answer_arp(port, body);
  heard.ethernet = *ethernet;
  if (wire::parse_ip(body, true, heard.ip) != wire::IpError::kNone)
    throw std::runtime_error("the relay sent no IP packet");
  const auto segment = body.subspan(heard.ip.header_size);
  const auto tcp = wire::parse_tcp(segment);
  if (!tcp || tcp->has(kRst)) throw std::runtime_error("the relay sent a reset, or no TCP segment");
  heard.tcp = *tcp;
  wire::parse_tcp_options(segment.subspan(wire::kTcpHeaderSize, tcp->header_size - wire::kTcpHeaderSize), in_);
  if (port == kServerSide)
    on_server_side(heard);
  else
    on_access(port, heard);
}

void CraftedPeer::answer_arp(uint16_t port, std::span<const uint8_t> body) {
  const auto asked = wire::parse_arp(body);
  if (!asked || asked->operation != wire::Arp::Operation::kRequest) return;
  wire::Arp reply;
  reply.operation = wire::Arp::Operation::kReply;
  reply.sender_mac = mac_of(port, false);
  reply.sender_ip = asked->target_ip;
  reply.target_mac = asked->sender_mac;
  reply.target_ip = asked->sender_ip;
  wire::EthernetHeader ethernet;
  ethernet.source = reply.sender_mac;
  ethernet.destination = asked->sender_mac;
  ethernet.type = wire::ether_type::kArp;
  Packet frame = pools_.data();
  const size_t size = ethernet.size() + wire::kArpSize;
  const std::span<uint8_t> bytes(frame.append(static_cast<uint16_t>(size)), size);
  wire::emit_ethernet(ethernet, bytes);
  wire::emit_arp(reply, bytes.subspan(ethernet.size()));
  inject_(port, std::move(frame));
}

void CraftedPeer::on_server_side(const Heard& heard) {
  if (!heard.tcp.has(kSyn)) return;
  set_timestamps(in_.ts_value);
  set_syn_options();
  wire::TcpHeader answer;
  answer.source_port = heard.tcp.destination_port;
  answer.destination_port = heard.tcp.source_port;
  answer.seq = kInitial;
  answer.ack = heard.tcp.seq + 1;
  answer.flags = kSyn | kAck;
  answer.window = 65160;
  send(kServerSide, heard.ip.destination, heard.ip.source, answer);
}

void CraftedPeer::on_access(uint16_t port, const Heard& heard) {
  if (!heard.tcp.has(kSyn)) return;
  const uint32_t i = client_number(port, heard.ip.destination, heard.tcp.destination_port);
  const IpAddress client = heard.ip.destination, server = heard.ip.source;
  const uint32_t echo = in_.ts_value;
  wire::TcpHeader answer;
  answer.source_port = heard.tcp.destination_port;
  answer.destination_port = heard.tcp.source_port;
  answer.seq = kInitial + 1;
  answer.ack = heard.tcp.seq + 1;
  answer.flags = kAck;
  answer.window = 502;
  set_timestamps(echo);
  Key& relay_key = relay_keys_[i % kWindow];
  if (port == kFirstAccess) {
    if (!in_.mptcp.has(MptcpOptions::kCapable)) throw std::runtime_error("the relay did not take MP_CAPABLE");
    relay_key = in_.mptcp.capable.sender_key;
    out_.mptcp.present = MptcpOptions::kCapable;
    out_.mptcp.capable = {};
    out_.mptcp.capable.keys = 2;
    out_.mptcp.capable.sender_key = key_of(i);
    out_.mptcp.capable.receiver_key = relay_key;
    send(port, client, server, answer);

    set_timestamps(0);
    set_syn_options();
    out_.mptcp.present = MptcpOptions::kJoin;
    out_.mptcp.join = {};
    out_.mptcp.join.form = wire::JoinForm::kSyn;
    out_.mptcp.join.address_id = AddressId{1};
    out_.mptcp.join.receiver_token = mptcp::digest_key(relay_key).token;
    out_.mptcp.join.nonce = kNonce;
    wire::TcpHeader syn = answer;
    syn.seq = kInitial;
    syn.ack = SeqNum();
    syn.flags = kSyn;
    syn.window = 64240;
    send(kSecondAccess, client_address(kSecondAccess, i), server, syn);
    return;
  }
  const wire::MpJoin join = in_.mptcp.join;
  if (!in_.mptcp.has(MptcpOptions::kJoin)) throw std::runtime_error("the relay did not answer a join");
  const auto theirs = mptcp::join_hmac(relay_key, key_of(i), join.nonce, kNonce);
  if (!std::equal(theirs.begin(), theirs.begin() + 8, join.hmac.begin()))
    throw std::runtime_error("the relay answered a join with a wrong HMAC");
  const auto ours = mptcp::join_hmac(key_of(i), relay_key, kNonce, join.nonce);
  out_.mptcp.present = MptcpOptions::kJoin;
  out_.mptcp.join = {};
  out_.mptcp.join.form = wire::JoinForm::kAck;
  std::copy_n(ours.begin(), out_.mptcp.join.hmac.size(), out_.mptcp.join.hmac.begin());
  send(port, client, server, answer);
  ++joined_;
}

}  // namespace tributary::bench
