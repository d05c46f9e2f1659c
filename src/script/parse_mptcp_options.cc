// The MPTCP options in the syntax of multipath-tcp's scripts. Their words may stand in any order.
#include <algorithm>
#include <map>

#include "src/script/parser.h"

namespace tributary::script {
namespace {

using Kind = Token::Kind;

template <typename T>
T parse_assigned(Cursor& cursor, const char* what) {
  cursor.expect_punct("=");
  return cursor.expect_integer<T>(what);
}
std::optional<uint8_t> parse_address_id(Cursor& cursor) {
  cursor.expect_punct("=");
  if (cursor.accept_word("auto")) return std::nullopt;
  return cursor.expect_integer<uint8_t>("an address identifier");
}

KeySpec parse_key(Cursor& cursor) {
  KeySpec key;
  key.name = cursor.expect_word();
  if (cursor.accept_punct("=")) key.value = cursor.expect_integer<uint64_t>("a key");
  return key;
}

uint8_t parse_capable_flags(Cursor& cursor) {
  if (cursor.peek().is(Kind::kInteger)) return cursor.expect_integer<uint8_t>("flags");
  uint8_t flags = 0;
  cursor.expect_punct("[");
  do {
    const int line = cursor.line();
    const std::string name = cursor.expect_word();
    if (name == "no_flags") continue;
    if (name.size() != 6 || !name.starts_with("flag_") || name[5] < 'a' || name[5] > 'h')
      fail("\"" + name + "\" is no flag of MP_CAPABLE", line);
    flags |= static_cast<uint8_t>(0x80 >> (name[5] - 'a'));
  } while (cursor.accept_punct(","));
  cursor.expect_punct("]");
  return flags;
}

CapableOption parse_capable(Cursor& cursor) {
  CapableOption option;
  while (true) {
    if (cursor.accept_word("v0"))
      option.version = 0;
    else if (cursor.accept_word("v1"))
      option.version = 1;
    else if (cursor.accept_word("flags"))
      option.flags = parse_capable_flags(cursor);
    else if (cursor.accept_word("nokey"))
      option.keys.clear();
    else if (cursor.accept_word("mpcdatalen"))
      option.data_length = cursor.expect_integer<uint16_t>("a length");
    else if (cursor.accept_word("cksum")) {
      option.checksum = true;
      cursor.expect_punct("=");
      if (!cursor.accept_word("auto")) option.checksum_value = cursor.expect_integer<uint16_t>("a checksum");
    } else if (cursor.accept_word("key")) {
      cursor.expect_punct("[");
      do option.keys.push_back(parse_key(cursor));
      while (cursor.accept_punct(","));
      cursor.expect_punct("]");
    } else {
      return option;
    }
  }
}

HmacSpec parse_hmac(Cursor& cursor) {
  HmacSpec hmac;
  cursor.expect_punct("=");
  if (cursor.accept_word("auto")) return hmac;
  hmac.automatic = false;
  if (cursor.peek().is(Kind::kInteger)) {
    hmac.literal = cursor.expect_integer<uint64_t>("an HMAC");
    return hmac;
  }
  const int line = cursor.line();
  const std::string function = cursor.expect_word();
  if (function != "trunc_l64_hmac" && function != "full_160_hmac") unsupported("the HMAC \"" + function + "\"", line);
  cursor.expect_punct("(");
  hmac.first = cursor.expect_word();
  cursor.accept_punct(",");
  hmac.second = cursor.expect_word();
  cursor.expect_punct(")");
  return hmac;
}

JoinSynOption parse_join_syn(Cursor& cursor) {
  JoinSynOption option;
  while (true) {
    if (cursor.accept_word("backup"))
      option.backup = parse_assigned<uint8_t>(cursor, "0 or 1") != 0;
    else if (cursor.accept_word("address_id"))
      option.address_id = parse_address_id(cursor);
    else if (cursor.accept_word("rand"))
      option.nonce = parse_assigned<uint32_t>(cursor, "a nonce");
    else if (cursor.accept_word("token")) {
      cursor.expect_punct("=");
      if (cursor.accept_word("auto")) continue;
      if (cursor.accept_word("sha256_32")) {
        cursor.expect_punct("(");
        option.token_key = cursor.expect_word();
        cursor.expect_punct(")");
      } else if (cursor.peek().is(Kind::kWord)) {
        unsupported("the token \"" + cursor.peek().text + "\"", cursor.line());
      } else {
        option.token = cursor.expect_integer<uint32_t>("a token");
      }
    } else {
      return option;
    }
  }
}

JoinSynAckOption parse_join_syn_ack(Cursor& cursor) {
  JoinSynAckOption option;
  while (true) {
    if (cursor.accept_word("backup"))
      option.backup = parse_assigned<uint8_t>(cursor, "0 or 1") != 0;
    else if (cursor.accept_word("address_id"))
      option.address_id = parse_address_id(cursor);
    else if (cursor.accept_word("rand"))
      option.nonce = parse_assigned<uint32_t>(cursor, "a nonce");
    else if (cursor.accept_word("sender_hmac"))
      option.hmac = parse_hmac(cursor);
    else
      return option;
  }
}

JoinAckOption parse_join_ack(Cursor& cursor) {
  JoinAckOption option;
  if (cursor.accept_word("sender_hmac")) option.hmac = parse_hmac(cursor);
  return option;
}

DataNumber parse_data_number(Cursor& cursor, bool wide) {
  DataNumber number;
  number.wide = wide;
  if (!cursor.accept_punct("=")) return number;
  const int line = cursor.line();
  if (cursor.peek().is(Kind::kInteger)) {
    number.value = cursor.expect_integer<uint64_t>("a data sequence number");
    return number;
  }
  const std::string function = cursor.expect_word();
  if (function != "trunc_r64_hmac" && function != "trunc_r64_hmac_sha256")
    unsupported("the data sequence number \"" + function + "\"", line);
  cursor.expect_punct("(");
  if (cursor.peek().is(Kind::kInteger))
    number.raw_key = cursor.expect_integer<uint64_t>("a key");
  else
    number.key = cursor.expect_word();
  cursor.expect_punct(")");
  number.value = 0;
  if (cursor.accept_punct("+")) number.value = cursor.expect_integer<uint64_t>("a number to add");
  return number;
}

DssOption parse_dss(Cursor& cursor) {
  DssOption option;
  while (true) {
    if (cursor.accept_word("dack4"))
      option.ack = parse_data_number(cursor, false);
    else if (cursor.accept_word("dack8"))
      option.ack = parse_data_number(cursor, true);
    else if (cursor.accept_word("dsn4"))
      option.dsn = parse_data_number(cursor, false);
    else if (cursor.accept_word("dsn8"))
      option.dsn = parse_data_number(cursor, true);
    else if (cursor.accept_word("ssn"))
      option.subflow_seq = parse_assigned<uint32_t>(cursor, "a subflow number");
    else if (cursor.accept_word("dll"))
      option.length = parse_assigned<uint16_t>(cursor, "a data-level length");
    else if (cursor.accept_word("nocs"))
      option.checksum = false;
    else if (cursor.accept_word("fin"))
      option.fin = true;
    else if (cursor.accept_word("cksum")) {
      cursor.expect_punct("=");
      if (!cursor.accept_word("auto")) option.checksum_value = cursor.expect_integer<uint16_t>("a checksum");
    } else {
      return option;
    }
  }
}

AddressSpec parse_address_spec(Cursor& cursor) {
  AddressSpec address;
  cursor.expect_punct("[");
  address.name = cursor.expect_word();
  if (cursor.accept_punct("=")) {
    const int line = cursor.line();
    const std::string function = cursor.expect_word();
    if (function != "inet_addr" && function != "inet6_addr") cursor.wanted("inet_addr or inet6_addr");
    cursor.expect_punct("(");
    address.value = IpAddress::parse(cursor.take().text);
    if (!address.value) fail("not an address", line);
    cursor.expect_punct(")");
  }
  cursor.expect_punct("]");
  return address;
}

AddAddressOption parse_add_address(Cursor& cursor) {
  AddAddressOption option;
  while (true) {
    if (cursor.accept_word("address_id"))
      option.address_id = parse_address_id(cursor);
    else if (cursor.accept_word("addr"))
      option.address = parse_address_spec(cursor);
    else if (cursor.accept_word("port"))
      option.port = parse_assigned<uint16_t>(cursor, "a port");
    else if (cursor.accept_word("addr_echo"))
      option.echo = true;
    else if (cursor.accept_word("hmac")) {
      cursor.expect_punct("=");
      if (!cursor.accept_word("auto")) option.hmac = cursor.expect_integer<uint64_t>("an HMAC");
    } else {
      return option;
    }
  }
}

RemoveAddressOption parse_remove_address(Cursor& cursor) {
  RemoveAddressOption option;
  if (!cursor.accept_word("address_id")) cursor.expect_word("addresses_id");
  cursor.expect_punct("=");
  cursor.expect_punct("[");
  do option.ids.push_back(cursor.expect_integer<uint8_t>("an address identifier"));
  while (cursor.accept_punct(","));
  cursor.expect_punct("]");
  return option;
}

PriorityOption parse_priority(Cursor& cursor) {
  PriorityOption option;
  while (true) {
    if (cursor.accept_word("backup"))
      option.backup = parse_assigned<uint8_t>(cursor, "0 or 1") != 0;
    else if (cursor.accept_word("address_id"))
      option.address_id = parse_address_id(cursor);
    else
      return option;
  }
}

FailOption parse_fail(Cursor& cursor) {
  FailOption option;
  if (cursor.accept_word("dsn8"))
    option.dsn = parse_data_number(cursor, true);
  else if (cursor.accept_word("dsn4"))
    option.dsn = parse_data_number(cursor, false);
  return option;
}

FastcloseOption parse_fastclose(Cursor& cursor) {
  FastcloseOption option;
  if (!cursor.peek().is(Kind::kWord)) return option;
  option.key = cursor.take().text;
  if (cursor.accept_punct("=")) option.value = cursor.expect_integer<uint64_t>("a key");
  return option;
}

ResetOption parse_reset(Cursor& cursor) {
  ResetOption option;
  option.reason = cursor.expect_integer<uint8_t>("a reason");
  if (!cursor.accept_word("flags")) return option;
  cursor.expect_punct("[");
  option.transient = cursor.accept_word("flag_t");
  if (!option.transient) cursor.expect_word("no_flags");
  cursor.expect_punct("]");
  return option;
}

template <auto Parse>
OptionSpec parse_as(Cursor& cursor) {
  return Parse(cursor);
}

}  // namespace

std::optional<OptionSpec> parse_mptcp_option(Cursor& cursor) {
  static const std::map<std::string, OptionSpec (*)(Cursor&), std::less<>> kParsers = {
      {"mpcapable", parse_as<parse_capable>},
      {"mp_join_syn", parse_as<parse_join_syn>},
      {"mp_join_syn_ack", parse_as<parse_join_syn_ack>},
      {"mp_join_ack", parse_as<parse_join_ack>},
      {"dss", parse_as<parse_dss>},
      {"add_address", parse_as<parse_add_address>},
      {"remove_address", parse_as<parse_remove_address>},
      {"mp_prio", parse_as<parse_priority>},
      {"mp_fail", parse_as<parse_fail>},
      {"mp_fastclose", parse_as<parse_fastclose>},
      {"mp_reset", parse_as<parse_reset>},
  };
  if (!cursor.peek().is(Kind::kWord)) return std::nullopt;
  const std::string& name = cursor.peek().text;
  if (name == "mp_capable" || name == "mp_capable_no_cs")
    unsupported("the option \"" + name + "\" of MPTCP version 0", cursor.line());
  const auto found = kParsers.find(name);
  if (found == kParsers.end()) return std::nullopt;
  cursor.take();
  return found->second(cursor);
}

}  // namespace tributary::script
