// The frame of a script: options, commands before it, timed events, commands behind it.
#include <algorithm>
#include <cmath>
#include <map>

#include "src/script/parser.h"

namespace tributary::script {
namespace {

using Kind = Token::Kind;

Micros parse_seconds(Cursor& cursor) {
  const Token& token = cursor.peek();
  if (!token.is(Kind::kFloat) && !token.is(Kind::kInteger)) cursor.wanted("a time in seconds");
  return Micros(std::llround(cursor.take().number * 1e6));
}

TimeSpec parse_time(Cursor& cursor) {
  TimeSpec time;
  if (cursor.accept_punct("*")) {
    time.kind = TimeSpec::Kind::kAny;
    return time;
  }
  const bool relative = cursor.accept_punct("+");
  time.kind = relative ? TimeSpec::Kind::kRelative : TimeSpec::Kind::kAbsolute;
  time.from = time.to = parse_seconds(cursor);
  if (!cursor.accept_punct("~")) return time;
  if (relative) cursor.expect_punct("+");
  time.range = true;
  time.to = parse_seconds(cursor);
  if (time.to < time.from) fail("the range of times ends before it begins", cursor.line());
  return time;
}

bool starts_time(const Token& token) {
  return token.is_punct("+") || token.is_punct("*") || token.is(Kind::kFloat) || token.is(Kind::kInteger);
}

std::pair<std::string, std::string> parse_option(Cursor& cursor) {
  std::pair<std::string, std::string> option{cursor.take().text, ""};
  if (!cursor.accept_punct("=")) return option;
  const size_t start = cursor.last_end();
  option.second = cursor.take().text;
  // "ipv4-mapped-ipv6" and "192.0.2.0/24" are several words to the lexer, one to us.
  while (!cursor.at_end() && cursor.peek().offset == cursor.last_end() && cursor.last_end() > start &&
         !cursor.peek().is_punct("="))
    option.second += cursor.take().text;
  // `--define=NAME=value`
  if (cursor.accept_punct("=")) {
    const Token& value = cursor.take();
    const std::string quote = value.is(Kind::kString) ? "\"" : value.is(Kind::kBackquote) ? "`" : "";
    option.second += "=" + quote + value.text + quote;
  }
  return option;
}

using Definitions = std::map<std::string, std::vector<Token>>;

Definitions read_definitions(const std::vector<std::string>& defined) {
  Definitions out;
  for (const std::string& text : defined) {
    const size_t equals = text.find('=');
    if (equals == text.npos || equals == 0) fail("\"" + text + "\" defines nothing: NAME=VALUE is wanted");
    std::vector<Token> value = tokenize(std::string_view(text).substr(equals + 1));
    value.pop_back();  // the end
    out[text.substr(0, equals)] = std::move(value);
  }
  return out;
}

/// Words that `--define` gave another meaning, here or on the command line.
void replace_defined(std::vector<Token>& tokens, Definitions defined) {
  for (size_t i = 0; i + 4 < tokens.size(); ++i)
    if (tokens[i].is(Kind::kOption) && tokens[i].text == "define" && tokens[i + 3].is_punct("="))
      defined.emplace(tokens[i + 2].text, std::vector<Token>{tokens[i + 4]});  // those of the command line win
  if (defined.empty()) return;
  std::vector<Token> out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].is(Kind::kOption) && tokens[i].text == "define") {
      const size_t end = std::min(i + 5, tokens.size());
      while (i < end) out.push_back(tokens[i++]);
      --i;
      continue;
    }
    const auto found = tokens[i].is(Kind::kWord) ? defined.find(tokens[i].text) : defined.end();
    if (found == defined.end()) {
      out.push_back(tokens[i]);
      continue;
    }
    for (Token token : found->second) {
      token.line = tokens[i].line;
      token.offset = tokens[i].offset;
      token.end = tokens[i].end;
      out.push_back(std::move(token));
    }
  }
  tokens = std::move(out);
}

std::string source_line(std::string_view source, size_t from, size_t to) {
  std::string text;
  for (char c : source.substr(from, to - from)) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!blank)
      text += c;
    else if (!text.empty() && text.back() != ' ')
      text += ' ';
  }
  return text;
}

Event parse_event(Cursor& cursor, std::string_view source) {
  Event event;
  event.line = cursor.line();
  event.time = parse_time(cursor);
  const size_t start = cursor.peek().offset;
  const Token& token = cursor.peek();
  event.line = token.line;
  if (token.is_punct("<") || token.is_punct(">")) {
    PacketSpec packet = parse_packet(cursor);
    packet.text = source_line(source, start, cursor.last_end());
    event.action = std::move(packet);
  } else if (token.is(Kind::kBackquote)) {
    event.action = CommandSpec{cursor.take().text};
  } else if (token.is(Kind::kCode)) {
    event.action = CodeSpec{cursor.take().text};
  } else {
    std::optional<Micros> end;
    if (cursor.accept_punct("...")) end = parse_seconds(cursor);
    CallSpec call = parse_call(cursor);
    call.end = end;
    call.text = source_line(source, start, cursor.last_end());
    event.action = std::move(call);
  }
  return event;
}

}  // namespace

Script parse_script(const std::string& path, std::string_view source, const std::vector<std::string>& defined) {
  std::vector<Token> tokens = tokenize(source);
  replace_defined(tokens, read_definitions(defined));
  Cursor cursor(tokens);
  Script script;
  script.path = path;
  while (cursor.peek().is(Kind::kOption)) script.options.push_back(parse_option(cursor));
  while (cursor.peek().is(Kind::kBackquote)) {
    const int line = cursor.line();
    script.init.emplace_back(line, cursor.take().text);
  }
  while (starts_time(cursor.peek())) script.events.push_back(parse_event(cursor, source));
  while (cursor.peek().is(Kind::kBackquote)) {
    const int line = cursor.line();
    script.cleanup.emplace_back(line, cursor.take().text);
  }
  if (!cursor.at_end()) cursor.wanted("a time and an event");
  return script;
}

}  // namespace tributary::script
