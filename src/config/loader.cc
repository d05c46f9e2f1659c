#include "src/config/loader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "datapath/concat.h"
#include "src/config/meaning.h"
#include "src/config/nearest.h"
#include "src/config/schema.h"

namespace tributary::config {
namespace {

uint32_t line_of(const toml::node& node) {
  return node.source().begin.line;
}

std::string describe_found(const toml::node& node) {
  if (const auto* text = node.as_string()) return concat("\"", text->get(), "\"");
  if (const auto* number = node.as_integer()) return concat(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (node.is_floating_point()) return "a fraction";
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a section";
  return "a date or time";
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; });
}

bool is_network(std::string_view text) {
  const auto prefix = IpPrefix::parse(text);
  if (!prefix) return false;
  // No host bits: the address is the lowest in its block.
  std::array<uint8_t, 16> bytes = prefix->address.bytes();
  const unsigned first = prefix->address.is_v4() ? 96u + prefix->length : prefix->length;
  for (unsigned bit = first; bit < 128; ++bit)
    if (bytes[bit / 8] & (0x80 >> bit % 8)) return false;
  return true;
}

// Text of the option's type (one item of a list); whether it is acceptable.
bool check_text(const Option& option, const std::string& text) {
  switch (option.type) {
    case Type::kText:
      return true;
    case Type::kName:
      return is_name(text);
    case Type::kChoice:
      return std::ranges::find(option.choices, text) != option.choices.end();
    case Type::kAddress:
      return IpAddress::parse(text).has_value();
    case Type::kInterfaceAddress:
      return text.find('/') != std::string::npos && IpPrefix::parse(text).has_value();
    case Type::kNetwork:
      return is_network(text);
    case Type::kBool:
    case Type::kInteger:
    case Type::kBytes:
      return false;
  }
  return false;
}

// One value of the option's type into `value`; false when it is not acceptable.
bool read_single(const Option& option, const toml::node& node, Value& value) {
  if (option.type == Type::kBool) {
    const auto* flag = node.as_boolean();
    if (flag != nullptr) value = flag->get();
    return flag != nullptr;
  }
  if (option.type == Type::kInteger || option.type == Type::kBytes) {
    std::optional<int64_t> number;
    if (const auto* integer = node.as_integer()) number = integer->get();
    if (const auto* text = node.as_string(); text != nullptr && option.type == Type::kBytes)
      number = parse_bytes(text->get());
    if (!number || *number < option.min || *number > option.max) return false;
    value = *number;
    return true;
  }
  const auto* text = node.as_string();
  if (text == nullptr || !check_text(option, text->get())) return false;
  value = text->get();
  return true;
}

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Config read(const toml::table& root) {
    for (const auto& [key, node] : root) read_section(key, node);
    for (const Section& section : all_sections()) {
      const bool present = root.contains(section.name);
      if (section.repeated || present) continue;
      fill(section, section.open(config_), toml::table());
    }
    return std::move(config_);
  }

 private:
  void read_section(const toml::key& key, const toml::node& node) {
    const auto sections = all_sections();
    const auto section = std::ranges::find(sections, key.str(), &Section::name);
    const uint32_t line = key.source().begin.line;
    if (section == sections.end()) {
      std::vector<std::string_view> names;
      for (const Section& s : sections) names.push_back(s.name);
      const std::string_view kind = node.is_table() || node.is_array_of_tables() ? "section" : "key";
      diagnostics_.add_error(line, concat("unknown ", kind, " \"", key.str(), "\"", suggest_nearest(key.str(), names)));
      return;
    }
    if (!section->repeated) {
      Lines& lines = section->open(config_);
      if (const auto* table = node.as_table()) {
        fill(*section, lines, *table);
      } else {
        diagnostics_.add_error(line, concat("\"", section->name, "\" is one section: write [", section->name, "]"));
        fill(*section, lines, toml::table());
      }
      return;
    }
    const auto* array = node.as_array();
    if (array == nullptr || (!array->empty() && !node.is_array_of_tables())) {
      diagnostics_.add_error(line,
                             concat("there may be several of \"", section->name, "\": write [[", section->name, "]]"));
      return;
    }
    for (const toml::node& element : *array) fill(*section, section->open(config_), *element.as_table());
  }

  void fill(const Section& section, Lines& lines, const toml::table& table) {
    lines.section_line = line_of(table);
    for (const auto& [key, node] : table)
      if (std::ranges::find(section.options, key.str(), &Option::key) == section.options.end())
        report_unknown_key(section, key);
    for (const Option& option : section.options) fill_option(section, option, lines, table.get(option.key));
  }

  void fill_option(const Section& section, const Option& option, Lines& lines, const toml::node* node) {
    if (node == nullptr) {
      if (option.fallback == kRequired)
        diagnostics_.add_error(lines.section_line, concat("[[", section.name, "]] lacks \"", option.key,
                                                          "\": ", describe_expected(option)));
      else
        assign_fallback(option, lines);
      return;
    }
    lines.key_lines[std::string(option.key)] = line_of(*node);
    Value value;
    if (read_value(section, option, *node, value))
      option.assign(lines, value);
    else
      assign_fallback(option, lines);
  }

  // Defaults go through the same check as the file. An error in the table itself shows in the first test.
  void assign_fallback(const Option& option, Lines& lines) {
    if (option.fallback == kRequired || option.fallback == kNone) return;
    const toml::table table = toml::parse(concat("v = ", option.fallback));
    const toml::node& node = *table.get("v");
    Value value = std::vector<std::string>();
    if (!option.list && !read_single(option, node, value))
      throw std::logic_error(concat("the default of ", option.key, " is not acceptable"));
    option.assign(lines, value);
  }

  bool read_value(const Section& section, const Option& option, const toml::node& node, Value& value) {
    if (!option.list) {
      if (read_single(option, node, value)) return true;
      report_value(section, option, node);
      return false;
    }
    const auto* array = node.as_array();
    if (array == nullptr) {
      report_value(section, option, node);
      return false;
    }
    std::vector<std::string> items;
    for (const toml::node& element : *array) {
      Value item;
      if (read_single(option, element, item))
        items.push_back(std::get<std::string>(item));
      else
        report_value(section, option, element);
    }
    value = std::move(items);
    return true;
  }

  void report_value(const Section& section, const Option& option, const toml::node& node) {
    std::string message = concat(section.name, ".", option.key, ": expected ", describe_expected(option), "; found ",
                                 describe_found(node));
    if (option.type == Type::kChoice && node.is_string())
      message += suggest_nearest(node.as_string()->get(), option.choices);
    diagnostics_.add_error(line_of(node), std::move(message));
  }

  void report_unknown_key(const Section& section, const toml::key& key) {
    std::vector<std::string_view> names;
    for (const Option& option : section.options) names.push_back(option.key);
    std::string hint = suggest_nearest(key.str(), names);
    for (const Section& other : all_sections()) {
      if (!hint.empty()) break;
      if (std::ranges::find(other.options, key.str(), &Option::key) != other.options.end())
        hint = concat("; [", other.name, "] has one");
    }
    if (hint.empty()) {
      hint = "; it has";
      for (const std::string_view name : names) append(hint, name == names.front() ? " " : ", ", name);
    }
    diagnostics_.add_error(key.source().begin.line,
                           concat("unknown key \"", key.str(), "\" in [", section.name, "]", hint));
  }

  Diagnostics& diagnostics_;
  Config config_;
};

}  // namespace

std::optional<int64_t> parse_bytes(std::string_view text) {
  static constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"", 1},       {"B", 1},         {"KB", 1000},    {"MB", 1'000'000}, {"GB", 1'000'000'000},
      {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || number < 0) return {};
  std::string_view unit = text.substr(static_cast<size_t>(parsed.ptr - text.data()));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, factor] : kUnits)
    if (unit == name && number <= INT64_MAX / factor) return number * factor;
  return {};
}

std::optional<Config> read_config(std::string_view text, Diagnostics& diagnostics) {
  try {
    const toml::table root = toml::parse(text, diagnostics.file());
    return Reader(diagnostics).read(root);
  } catch (const toml::parse_error& error) {
    diagnostics.add_error(error.source().begin.line, concat("no TOML: ", error.description()));
    return {};
  }
}

std::optional<Config> load_config(const std::string& path, Diagnostics& diagnostics) {
  std::error_code ignored;
  std::ifstream file;
  if (!std::filesystem::is_directory(path, ignored)) file.open(path, std::ios::binary);
  std::string text;
  if (file.is_open()) text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) {
    diagnostics.add_error(0, "cannot be read");
    return {};
  }
  auto config = read_config(text, diagnostics);
  if (config && !diagnostics.has_errors()) check_meaning(*config, diagnostics);
  if (diagnostics.has_errors()) config.reset();
  return config;
}

}  // namespace tributary::config
