// The table of every configuration option: name, type, unit, default, range, meaning. The check, the
// defaults, the
// `--explain-config` text and docs/configuration.md all come from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/config/config.h"

namespace tributary::config {

enum class Type {
  kBool,
  kInteger,  ///< min..max, in `unit`
  kBytes,    ///< integer, or text such as "1MiB"; min..max
  kText,
  kName,              ///< letters, digits, '_', '-', '.'; at most 32
  kChoice,            ///< one of `choices`
  kAddress,           ///< "192.0.2.1", "2001:db8::1"
  kInterfaceAddress,  ///< an own address with the length of its on-link prefix: "192.0.2.1/24"
  kNetwork,           ///< a prefix: "192.0.2.0/24"
};

/// A checked value. Addresses stay text, which is known to parse.
using Value = std::variant<bool, int64_t, std::string, std::vector<std::string>>;

constexpr std::string_view kRequired = "required";
constexpr std::string_view kNone = "none";  ///< may be left out, has no default

struct Option {
  std::string_view key;
  Type type;
  bool list = false;
  std::string_view fallback;  ///< the default as it would stand in the file, or kRequired, or kNone
  std::string_view unit = {};
  int64_t min = 0;
  int64_t max = 0;
  std::vector<std::string_view> choices = {};
  std::string_view meaning;
  /// Puts a checked value into its member of the section.
  void (*assign)(Lines& section, const Value& value);
};

struct Section {
  std::string_view name;
  bool repeated = false;  ///< [[name]]
  std::string_view meaning;
  /// The section to fill; appends one if repeated.
  Lines& (*open)(Config& config);
  std::vector<Option> options;
};

std::span<const Section> all_sections();

/// What the option takes, in words: "an integer from 576 to 65535 (bytes)".
std::string describe_expected(const Option& option);

/// The options of all sections as Markdown.
std::string explain_options();

}  // namespace tributary::config
