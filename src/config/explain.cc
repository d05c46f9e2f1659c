// The schema in words.
#include "datapath/concat.h"
#include "src/config/schema.h"

namespace tributary::config {
namespace {

std::string list_choices(const Option& option) {
  std::string text;
  for (const std::string_view choice : option.choices) append(text, text.empty() ? "\"" : ", \"", choice, "\"");
  return text;
}

std::string format_bytes(int64_t bytes) {
  if (bytes >= 1 << 20 && bytes % (1 << 20) == 0) return concat(bytes >> 20, "MiB");
  if (bytes >= 1 << 10 && bytes % (1 << 10) == 0) return concat(bytes >> 10, "KiB");
  return concat(bytes);
}

std::string describe_item(const Option& option) {
  switch (option.type) {
    case Type::kBool:
      return "true or false";
    case Type::kInteger:
      return concat("an integer from ", option.min, " to ", option.max,
                    option.unit.empty() ? "" : concat(" (", option.unit, ")"));
    case Type::kBytes:
      return concat("a size from ", format_bytes(option.min), " to ", format_bytes(option.max),
                    ", in bytes or as text such as \"1MiB\"");
    case Type::kText:
      return "text";
    case Type::kName:
      return "a name of letters, digits, '_', '-' and '.', at most 32";
    case Type::kChoice:
      return concat("one of ", list_choices(option));
    case Type::kAddress:
      return "an address such as \"192.0.2.1\" or \"2001:db8::1\"";
    case Type::kInterfaceAddress:
      return "an address with a prefix length such as \"192.0.2.1/24\"";
    case Type::kNetwork:
      return "a prefix without host bits such as \"192.0.2.0/24\"";
  }
  return {};
}

std::string_view type_name(const Option& option) {
  switch (option.type) {
    case Type::kBool:
      return "bool";
    case Type::kInteger:
      return "integer";
    case Type::kBytes:
      return "size";
    case Type::kText:
      return "text";
    case Type::kName:
      return "name";
    case Type::kChoice:
      return "choice";
    case Type::kAddress:
      return "address";
    case Type::kInterfaceAddress:
      return "address/length";
    case Type::kNetwork:
      return "prefix";
  }
  return {};
}

std::string describe_range(const Option& option) {
  switch (option.type) {
    case Type::kInteger:
      return concat(option.min, "..", option.max, option.unit.empty() ? "" : " ", option.unit);
    case Type::kBytes:
      return concat(format_bytes(option.min), "..", format_bytes(option.max));
    case Type::kChoice:
      return list_choices(option);
    case Type::kBool:
    case Type::kText:
    case Type::kName:
    case Type::kAddress:
    case Type::kInterfaceAddress:
    case Type::kNetwork:
      return {};
  }
  return {};
}

}  // namespace

std::string describe_expected(const Option& option) {
  return option.list ? concat("a list in [ ], each ", describe_item(option)) : describe_item(option);
}

std::string explain_options() {
  std::string text;
  for (const Section& section : all_sections()) {
    const std::string title = section.repeated ? concat("[[", section.name, "]]") : concat("[", section.name, "]");
    append(text, text.empty() ? "" : "\n", "### `", title, "`\n\n", section.meaning, "\n\n");
    append(text, "| key | type | default | range | meaning |\n|---|---|---|---|---|\n");
    for (const Option& option : section.options) {
      const bool literal = option.fallback != kRequired && option.fallback != kNone;
      const std::string fallback = literal ? concat("`", option.fallback, "`") : std::string(option.fallback);
      append(text, "| `", option.key, "` | ", option.list ? "list of " : "", type_name(option), " | ", fallback, " | ",
             describe_range(option), " | ", option.meaning, " |\n");
    }
  }
  return text;
}

}  // namespace tributary::config
