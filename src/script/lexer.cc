#include "src/script/lexer.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include "src/script/outcome.h"
#include "stack/wire/ip_address.h"

namespace tributary::script {
namespace {

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    while (true) {
      skip_blanks();
      Token token = next();
      token.end = at_;
      tokens.push_back(std::move(token));
      if (tokens.back().is(Token::Kind::kEnd)) return tokens;
    }
  }

 private:
  using Kind = Token::Kind;

  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  bool starts_with(std::string_view text) const { return source_.substr(at_).starts_with(text); }

  Token make(Kind kind, size_t size) {
    Token token;
    token.kind = kind;
    token.line = line_;
    token.offset = at_;
    token.text = source_.substr(at_, size);
    line_ += static_cast<int>(std::count(token.text.begin(), token.text.end(), '\n'));
    at_ += size;
    return token;
  }

  void skip_blanks() {
    while (at_ < source_.size()) {
      if (std::isspace(static_cast<unsigned char>(peek()))) {
        if (peek() == '\n') ++line_;
        ++at_;
      } else if (starts_with("//")) {
        at_ = std::min(source_.find('\n', at_), source_.size());
      } else if (starts_with("/*")) {
        const size_t end = source_.find("*/", at_ + 2);
        if (end == source_.npos) fail("a comment without its end", line_);
        line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                             source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
        at_ = end + 2;
      } else {
        return;
      }
    }
  }

  Token next() {
    if (at_ >= source_.size()) return make(Kind::kEnd, 0);
    if (starts_with("--") && is_word_char(peek(2))) return option();
    if (starts_with("%{")) return code();
    if (peek() == '"') return quoted(Kind::kString, '"');
    if (peek() == '`') return quoted(Kind::kBackquote, '`');
    if (starts_with("...")) return make(Kind::kPunct, 3);
    if (auto token = address()) return *std::move(token);
    if (auto token = number()) return *std::move(token);
    if (is_word_char(peek())) return make(Kind::kWord, word_size(at_));
    return make(Kind::kPunct, 1);
  }

  size_t word_size(size_t from) const {
    size_t end = from;
    while (end < source_.size() && is_word_char(source_[end])) ++end;
    return end - from;
  }

  Token option() {
    Token token = make(Kind::kOption, 2 + word_size(at_ + 2));
    token.text.erase(0, 2);
    return token;
  }

  Token code() {
    const size_t end = source_.find("}%", at_);
    if (end == source_.npos) fail("a code snippet without its end", line_);
    Token token = make(Kind::kCode, end + 2 - at_);
    token.text = token.text.substr(2, token.text.size() - 4);
    return token;
  }

  Token quoted(Kind kind, char quote) {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail("a quote without its end", line_);
    Token token = make(kind, end + 1 - at_);
    token.text = token.text.substr(1, token.text.size() - 2);
    if (kind == Kind::kString) token.text = unescape(token.text);
    return token;
  }

  static std::string unescape(const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        out += text[i];
        continue;
      }
      const char c = text[++i];
      if (c == 'n')
        out += '\n';
      else if (c == 'r')
        out += '\r';
      else if (c == 't')
        out += '\t';
      else if (c == '0')
        out += '\0';
      else if (c == 'x' && i + 2 < text.size()) {
        out += static_cast<char>(std::strtol(text.substr(i + 1, 2).c_str(), nullptr, 16));
        i += 2;
      } else
        out += c;
    }
    return out;
  }

  // "1:1001(1000)" is no address: IPv6 needs "::" or eight groups, IPv4 four numbers.
  std::optional<Token> address() {
    size_t end = at_;
    while (end < source_.size() &&
           (std::isxdigit(static_cast<unsigned char>(source_[end])) || source_[end] == ':' || source_[end] == '.'))
      ++end;
    std::string_view run = source_.substr(at_, end - at_);
    const bool looks_v6 = run.find("::") != run.npos || std::count(run.begin(), run.end(), ':') == 7;
    if (looks_v6) {
      while (!run.empty() && run.size() > 2 && run.back() == ':' && !run.ends_with("::")) run.remove_suffix(1);
      const bool mapped = run.starts_with("::ffff:") && run.find('.') != run.npos;
      if (mapped || IpAddress::parse(run)) return make(Kind::kAddress, run.size());
    }
    const size_t colon = run.find(':');
    std::string_view v4 = run.substr(0, colon);
    if (std::count(v4.begin(), v4.end(), '.') == 3 && IpAddress::parse(v4)) return make(Kind::kAddress, v4.size());
    return std::nullopt;
  }

  std::optional<Token> number() {
    size_t at = at_;
    if (source_[at] == '-') ++at;
    if (source_.substr(at).starts_with("0x")) {
      size_t end = at + 2;
      while (end < source_.size() && std::isxdigit(static_cast<unsigned char>(source_[end]))) ++end;
      if (end < source_.size() && is_word_char(source_[end])) return std::nullopt;
      Token token = make(Kind::kInteger, end - at_);
      token.integer = static_cast<int64_t>(std::strtoull(token.text.c_str(), nullptr, 16));
      token.hex = true;
      return token;
    }
    size_t end = at;
    while (end < source_.size() && is_digit(source_[end])) ++end;
    const bool whole_part = end != at;
    if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
      ++end;
      while (end < source_.size() && is_digit(source_[end])) ++end;
      Token token = make(Kind::kFloat, end - at_);
      token.number = std::strtod(token.text.c_str(), nullptr);
      return token;
    }
    if (!whole_part || (end < source_.size() && is_word_char(source_[end]))) return std::nullopt;
    Token token = make(Kind::kInteger, end - at_);
    token.integer = static_cast<int64_t>(std::strtoull(token.text.c_str(), nullptr, 10));
    token.number = static_cast<double>(token.integer);
    return token;
  }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace tributary::script
