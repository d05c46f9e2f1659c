// Words of packetdrill's language: numbers, names, strings, addresses, commands in backquotes, and single
// characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::script {

struct Token {
  enum class Kind : uint8_t {
    kEnd,
    kWord,       ///< letters, digits, underscore
    kInteger,    ///< decimal, perhaps negative, or 0x…
    kFloat,      ///< with a point
    kString,     ///< without its quotes, escapes resolved
    kBackquote,  ///< a command
    kCode,       ///< %{ … }%
    kAddress,    ///< IPv4 or IPv6
    kOption,     ///< --name, without the dashes
    kPunct,      ///< one character, or "..."
  };
  Kind kind = Kind::kEnd;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  int line = 0;
  size_t offset = 0;  ///< of its first character in the source
  size_t end = 0;     ///< behind its last
  bool hex = false;

  bool is(Kind k) const { return kind == k; }
  bool is_punct(std::string_view p) const { return kind == Kind::kPunct && text == p; }
  bool is_word(std::string_view w) const { return kind == Kind::kWord && text == w; }
};

/// The whole source as tokens, the last one of kind kEnd. Throws ScriptError for an unfinished string or
/// comment.
std::vector<Token> tokenize(std::string_view source);

}  // namespace tributary::script
