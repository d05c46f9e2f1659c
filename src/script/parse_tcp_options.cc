// TCP options but MPTCP's.
#include <algorithm>

#include "src/script/parser.h"

namespace tributary::script {
namespace {

using Kind = Token::Kind;

constexpr uint8_t kMd5Kind = 19;

bool is_hex(const std::string& text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

/// Bytes in hexadecimal, which the lexer may have taken for a word, an integer, or both one after the other.
std::vector<uint8_t> parse_hex(Cursor& cursor) {
  std::string digits;
  const int line = cursor.line();
  while ((cursor.peek().is(Kind::kWord) || cursor.peek().is(Kind::kInteger)) && is_hex(cursor.peek().text))
    digits += cursor.take().text;
  if (cursor.peek().is(Kind::kWord)) unsupported("the bytes named \"" + cursor.peek().text + "\"", line);
  if (digits.size() % 2 != 0) fail("\"" + digits + "\" is half a byte too short", line);
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < digits.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  if (bytes.size() > 38) fail("more bytes than an option can hold", line);
  return bytes;
}

/// TSval and TSecr may be written as signed or as unsigned numbers.
uint32_t parse_u32(Cursor& cursor, const char* what) {
  return static_cast<uint32_t>(cursor.expect_integer<int64_t>(what));
}

TimestampOption parse_timestamp(Cursor& cursor) {
  TimestampOption option;
  cursor.expect_word("val");
  option.value = parse_u32(cursor, "a timestamp");
  cursor.expect_word("ecr");
  option.echo = parse_u32(cursor, "a timestamp");
  return option;
}

SackOption parse_sack(Cursor& cursor) {
  SackOption option;
  do {
    const uint32_t left = parse_u32(cursor, "the left edge of a SACK block");
    cursor.expect_punct(":");
    option.blocks.emplace_back(left, parse_u32(cursor, "the right edge of a SACK block"));
  } while (cursor.peek().is(Kind::kInteger));
  return option;
}

/// `ECN e0b 1 ceb 0 e1b 1`: the order of the first two counters tells the kind.
AccEcnOption parse_acc_ecn(Cursor& cursor) {
  AccEcnOption option;
  std::string first;
  while (cursor.peek().is_word("e0b") || cursor.peek().is_word("ceb") || cursor.peek().is_word("e1b")) {
    const std::string name = cursor.take().text;
    if (first.empty()) first = name;
    option.counters.push_back(parse_u32(cursor, "a counter") & 0xffffff);
  }
  option.second_order = first == "e1b";
  return option;
}

MssOption parse_mss(Cursor& cursor) {
  if (cursor.peek().is(Token::Kind::kWord))
    unsupported("the segment size named \"" + cursor.peek().text + "\"", cursor.line());
  return {cursor.expect_integer<uint16_t>("a segment size")};
}

OptionSpec parse_option(Cursor& cursor) {
  const int line = cursor.line();
  if (auto mptcp = parse_mptcp_option(cursor)) return *mptcp;
  const std::string name = cursor.expect_word();
  if (name == "nop") return NopOption{};
  if (name == "eol") return EndOption{};
  if (name == "mss") return parse_mss(cursor);
  if (name == "wscale") return WindowScaleOption{cursor.expect_integer<uint8_t>("a shift")};
  if (name == "sackOK") return SackOkOption{};
  if (name == "sack") return parse_sack(cursor);
  if (name == "TS") return parse_timestamp(cursor);
  if (name == "FO") return FastOpenOption{false, parse_hex(cursor)};
  if (name == "FOEXP") return FastOpenOption{true, parse_hex(cursor)};
  if (name == "ECN") return parse_acc_ecn(cursor);
  if (name == "uto") return UserTimeoutOption{cursor.expect_integer<uint16_t>("a time-out")};
  if (name == "md5") return RawOption{kMd5Kind, parse_hex(cursor)};
  if (name == "raw") {
    const auto kind = cursor.expect_integer<uint8_t>("an option kind");
    return RawOption{kind, parse_hex(cursor)};
  }
  unsupported("the TCP option \"" + name + "\"", line);
}

}  // namespace

std::vector<OptionSpec> parse_options(Cursor& cursor) {
  std::vector<OptionSpec> options;
  cursor.expect_punct("<");
  if (cursor.accept_punct(">")) return options;
  do options.push_back(parse_option(cursor));
  while (cursor.accept_punct(","));
  cursor.expect_punct(">");
  return options;
}

}  // namespace tributary::script
