// Diagnostics: what is wrong with a configuration file, each with its line. All of it is collected, so that a
// file is not corrected one error a start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tributary::config {

struct Diagnostic {
  enum class Severity { kError, kWarning };
  uint32_t line = 0;
  Severity severity = Severity::kError;
  std::string message;
};

class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  void add_error(uint32_t line, std::string message);
  void add_warning(uint32_t line, std::string message);

  bool has_errors() const;
  const std::vector<Diagnostic>& all() const { return all_; }
  const std::string& file() const { return file_; }
  /// "tributary.toml:12: error: ...", one a line, in the order of the file.
  std::string to_string() const;

 private:
  std::string file_;
  std::vector<Diagnostic> all_;
};

}  // namespace tributary::config
