// concat: messages from pieces. (Debian 12's standard library has no std::format.)
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace tributary {

inline void append_piece(std::string& text, std::string_view piece) {
  text += piece;
}
template <std::integral T>
requires(!std::same_as<T, char> && !std::same_as<T, bool>) void append_piece(std::string& text, T number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  text.append(digits, end);
}

/// "a", 1, std::string("b") to "a1b". Numbers in decimal.
template <typename... Pieces>
std::string concat(const Pieces&... pieces) {
  std::string text;
  (append_piece(text, pieces), ...);
  return text;
}

/// The same behind what `text` already holds.
template <typename... Pieces>
void append(std::string& text, const Pieces&... pieces) {
  (append_piece(text, pieces), ...);
}

}  // namespace tributary
