// A place in a list of tokens: what every part of the parser reads through.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "src/script/lexer.h"
#include "src/script/outcome.h"

namespace tributary::script {

class Cursor {
 public:
  explicit Cursor(const std::vector<Token>& tokens) : tokens_(tokens) {}

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& take() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool at_end() const { return peek().is(Token::Kind::kEnd); }
  int line() const { return peek().line; }
  /// Where the token taken last ended in the source.
  size_t last_end() const { return at_ == 0 ? 0 : tokens_[at_ - 1].end; }

  bool accept_punct(std::string_view punct) {
    if (!peek().is_punct(punct)) return false;
    take();
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!peek().is_word(word)) return false;
    take();
    return true;
  }
  void expect_punct(std::string_view punct) {
    if (!accept_punct(punct)) wanted("'" + std::string(punct) + "'");
  }
  void expect_word(std::string_view word) {
    if (!accept_word(word)) wanted("\"" + std::string(word) + "\"");
  }
  std::string expect_word() {
    if (!peek().is(Token::Kind::kWord)) wanted("a word");
    return take().text;
  }
  /// An integer no larger than `T` holds. Negative numbers are taken as their two's complement only when `T`
  /// is signed.
  template <typename T>
  T expect_integer(const char* what) {
    const Token& token = peek();
    if (!token.is(Token::Kind::kInteger)) wanted(what);
    if constexpr (sizeof(T) < sizeof(int64_t)) {
      if (token.integer < static_cast<int64_t>(std::numeric_limits<T>::min()) ||
          token.integer > static_cast<int64_t>(std::numeric_limits<T>::max()))
        fail(std::string(what) + " " + token.text + " is out of range", token.line);
    }
    return static_cast<T>(take().integer);
  }

  [[noreturn]] void wanted(const std::string& what) const {
    const Token& token = peek();
    fail("expected " + what + ", got " + (at_end() ? "the end of the script" : "\"" + token.text + "\""), token.line);
  }

 private:
  const std::vector<Token>& tokens_;
  size_t at_ = 0;
};

}  // namespace tributary::script
