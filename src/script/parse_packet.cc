// Packets: direction, IP fields, addresses, then a TCP segment or an ICMP message.
#include <algorithm>
#include <string>

#include "src/script/parser.h"
#include "stack/wire/tcp.h"

namespace tributary::script {
namespace {

using Kind = Token::Kind;
using namespace wire::tcp_flag;

uint8_t parse_ecn_name(const std::string& name, int line) {
  if (name == "noecn") return 0;
  if (name == "ect1") return 1;
  if (name == "ect0") return 2;
  if (name == "ce") return 3;
  unsupported("the IP field \"" + name + "\"", line);
}

void parse_ip_info(Cursor& cursor, IpSpec& ip) {
  const char* close = cursor.accept_punct("[") ? "]" : cursor.accept_punct("(") ? ")" : nullptr;
  if (close == nullptr) return;
  do {
    const int line = cursor.line();
    const std::string name = cursor.expect_word();
    if (name == "tos")
      ip.tos = cursor.expect_integer<uint8_t>("a type of service");
    else if (name == "ttl")
      ip.ttl = cursor.expect_integer<uint8_t>("a time to live");
    else if (name == "flowlabel")
      ip.flow_label = cursor.expect_integer<uint32_t>("a flow label");
    else if (name == "ect01")
      ip.any_ect = true;
    else
      ip.ecn = parse_ecn_name(name, line);
  } while (cursor.accept_punct(","));
  cursor.expect_punct(close);
}

IpAddress parse_address(const Token& token) {
  std::string_view text = token.text;
  if (text.starts_with("::ffff:") && text.find('.') != text.npos) text.remove_prefix(7);
  const auto address = IpAddress::parse(text);
  if (!address) fail("\"" + token.text + "\" is no address", token.line);
  return *address;
}

EndpointSpec parse_endpoint(Cursor& cursor) {
  EndpointSpec endpoint;
  if (cursor.accept_word("addr")) {
    cursor.expect_punct("[");
    endpoint.variable = cursor.expect_word();
    cursor.expect_punct("]");
  } else if (cursor.peek().is(Kind::kAddress)) {
    endpoint.address = parse_address(cursor.take());
  } else {
    endpoint.port = cursor.expect_integer<uint16_t>("a port");
    return endpoint;
  }
  if (cursor.accept_punct(":")) endpoint.port = cursor.expect_integer<uint16_t>("a port");
  return endpoint;
}

/// "1000 > 80", "192.0.2.1:1000 > 192.168.0.1:80", "addr[a] > addr[b]"; flags start with a word or a point.
bool starts_tuple(const Cursor& cursor) {
  const Token& token = cursor.peek();
  if (token.is(Kind::kAddress)) return true;
  if (token.is_punct(">")) return true;
  if (token.is_word("addr")) return cursor.peek(1).is_punct("[");
  return token.is(Kind::kInteger) && cursor.peek(1).is_punct(">");
}

uint16_t flag_bit(char letter, int line) {
  switch (letter) {
    case 'F':
      return kFin;
    case 'S':
      return kSyn;
    case 'R':
      return kRst;
    case 'P':
      return kPsh;
    case 'U':
      return kUrg;
    case 'E':
      return kEce;
    case 'W':
      return kCwr;
    case 'C':
      return kCwr;
    case 'A':
      return kAe;
    default:
      fail(std::string("\"") + letter + "\" is no TCP flag", line);
  }
}

/// The three bits AE, CWR, ECE as the number they are for AccECN (RFC 9768 §3.2.2).
uint16_t ace_bits(unsigned value, int line) {
  if (value > 7) fail("the ACE field has three bits", line);
  return static_cast<uint16_t>((value & 4 ? kAe : 0) | (value & 2 ? kCwr : 0) | (value & 1 ? kEce : 0));
}

uint16_t parse_flags(Cursor& cursor) {
  if (cursor.accept_punct("-")) return 0;
  uint16_t flags = 0;
  const int line = cursor.line();
  bool any = false;
  if (cursor.peek().is(Kind::kWord)) {
    for (char letter : cursor.take().text) flags |= flag_bit(letter, line);
    any = true;
  }
  if (cursor.peek().is(Kind::kFloat) && cursor.peek().text.starts_with(".")) {
    const std::string digits = cursor.take().text.substr(1);
    if (digits.size() != 1) fail("the ACE field is one digit", line);
    return static_cast<uint16_t>(flags | kAck | ace_bits(static_cast<unsigned>(digits[0] - '0'), line));
  }
  if (cursor.accept_punct(".")) return flags | kAck;
  if (!any) cursor.wanted("TCP flags");
  return flags;
}

/// `1:1001(1000)`
void parse_sequence(Cursor& cursor, uint32_t& seq, uint32_t& size) {
  const int line = cursor.line();
  seq = cursor.expect_integer<uint32_t>("a sequence number");
  cursor.expect_punct(":");
  const auto end = cursor.expect_integer<uint32_t>("a sequence number");
  cursor.expect_punct("(");
  size = cursor.expect_integer<uint32_t>("a payload size");
  cursor.expect_punct(")");
  if (size > 65535) fail("a payload of " + std::to_string(size) + " bytes fits no packet", line);
  if (end - seq != size)
    fail("from " + std::to_string(seq) + " to " + std::to_string(end) + " are not " + std::to_string(size) + " bytes",
         line);
}

TcpSpec parse_tcp(Cursor& cursor) {
  TcpSpec tcp;
  const int line = cursor.line();
  tcp.flags = parse_flags(cursor);
  parse_sequence(cursor, tcp.seq, tcp.payload_size);
  if (cursor.accept_word("ack")) tcp.ack = cursor.expect_integer<uint32_t>("an acknowledgement number");
  if (cursor.accept_word("win")) tcp.window = cursor.expect_integer<uint16_t>("a window");
  if (cursor.accept_word("urg")) tcp.urgent = cursor.expect_integer<uint16_t>("an urgent pointer");
  if (cursor.peek().is_punct("<") && cursor.peek(1).is_punct("...")) {
    cursor.take();
    cursor.take();
    cursor.expect_punct(">");
    tcp.any_options = true;
  } else if (cursor.peek().is_punct("<")) {
    tcp.options = parse_options(cursor);
  }
  if (cursor.peek().is(Kind::kString)) {
    tcp.payload = cursor.take().text;
    if (tcp.payload->size() != tcp.payload_size) fail("the payload has not the size given before", line);
  }
  return tcp;
}

IcmpSpec parse_icmp(Cursor& cursor) {
  IcmpSpec icmp;
  icmp.type = cursor.expect_word();
  if (cursor.peek().is(Kind::kWord) && !cursor.peek().is_word("mtu")) icmp.code = cursor.take().text;
  if (cursor.accept_word("mtu")) icmp.mtu = cursor.expect_integer<uint32_t>("an MTU");
  if (cursor.accept_punct("[")) {
    if (cursor.peek().is(Kind::kWord)) unsupported("an ICMP error about \"" + cursor.peek().text + "\"", cursor.line());
    uint32_t seq = 0;
    parse_sequence(cursor, seq, icmp.quoted_size);
    icmp.quoted_seq = seq;
    cursor.expect_punct("]");
  }
  if (cursor.accept_word("mtu")) icmp.mtu = cursor.expect_integer<uint32_t>("an MTU");
  return icmp;
}

}  // namespace

PacketSpec parse_packet(Cursor& cursor) {
  PacketSpec packet;
  packet.inbound = cursor.take().text == "<";
  parse_ip_info(cursor, packet.ip);
  for (const char* other : {"udp", "mpls", "gre", "GREv0", "ipv4", "ipv6"})
    if (cursor.peek().is_word(other)) unsupported("a packet of \"" + std::string(other) + "\"", cursor.line());
  if (cursor.accept_word("icmp")) {
    packet.body = parse_icmp(cursor);
    return packet;
  }
  if (starts_tuple(cursor)) {
    TupleSpec tuple;
    // The source may be left out.
    if (!cursor.peek().is_punct(">")) tuple.source = parse_endpoint(cursor);
    cursor.expect_punct(">");
    tuple.destination = parse_endpoint(cursor);
    cursor.accept_punct(":");
    packet.tuple = tuple;
  }
  packet.body = parse_tcp(cursor);
  return packet;
}

}  // namespace tributary::script
