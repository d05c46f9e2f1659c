// The value of a socket option as the system calls have it: bytes, most often one `int` or several, sometimes a name
// or a key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tributary::script {

class OptionValue {
 public:
  OptionValue() = default;
  OptionValue(std::initializer_list<int64_t> numbers) {
    for (int64_t number : numbers) push_back(number);
  }
  explicit OptionValue(std::string_view bytes) : bytes_(bytes) {}

  void push_back(int64_t number) {
    const int value = static_cast<int>(number);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  /// As a caller that names a smaller size gives it.
  void truncate(size_t size) {
    if (size < bytes_.size()) bytes_.resize(size);
  }

  /// How many numbers are whole.
  size_t count() const { return bytes_.size() / sizeof(int); }
  /// Must be one of `count()`.
  int number(size_t i) const {
    int value = 0;
    std::memcpy(&value, bytes_.data() + i * sizeof value, sizeof value);
    return value;
  }
  std::string_view bytes() const { return bytes_; }
  /// Up to the zero that ends a string.
  std::string_view text() const { return std::string_view(bytes_).substr(0, bytes_.find('\0')); }

 private:
  std::string bytes_;
};

}  // namespace tributary::script
