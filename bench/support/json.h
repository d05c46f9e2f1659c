// Just enough JSON to write figures: objects of numbers, strings and objects, in the order they were put.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tributary::bench {

class Json {
 public:
  Json& put(std::string_view name, double value) {
    char text[32];
    std::snprintf(text, sizeof text, value == static_cast<double>(static_cast<long long>(value)) ? "%.0f" : "%.2f",
                  value);
    return add(name, text);
  }
  Json& put(std::string_view name, std::string_view value) { return add(name, quote(value)); }
  Json& put(std::string_view name, const Json& value) { return add(name, value.text()); }
  std::string text() const { return "{" + members_ + "}"; }

 private:
  static std::string quote(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + "\"";
  }
  Json& add(std::string_view name, const std::string& value) {
    if (!members_.empty()) members_ += ", ";
    members_ += quote(name) + ": " + value;
    return *this;
  }

  std::string members_;
};

/// Returns whether the whole text is in the file.
inline bool write_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && whole;
}

}  // namespace tributary::bench
