#include "testbed/link/units.h"

#include <charconv>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace tributary::link {

namespace {

using Unit = std::pair<std::string_view, double>;

// The number at the start of `text` times its unit, one of `units`.
std::optional<double> parse_scaled(std::string_view text, std::initializer_list<Unit> units) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& [name, factor] : units) {
    if (rest != name) continue;
    double value = number * factor;
    if (value > 0x1p53) return std::nullopt;  // beyond what a double counts exactly
    return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> round_to_count(std::optional<double> value) {
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*value));
}

}  // namespace

std::optional<Nanos> parse_duration(std::string_view text) {
  auto nanos = round_to_count(parse_scaled(text, {{"", 1e6}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"s", 1e9}}));
  if (!nanos) return std::nullopt;
  return Nanos{static_cast<std::int64_t>(*nanos)};
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  if (text == "unlimited") return 0;
  return round_to_count(parse_scaled(text, {{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}}));
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  return round_to_count(parse_scaled(text, {{"", 1}, {"k", 0x1p10}, {"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}}));
}

std::optional<double> parse_share(std::string_view text) {
  auto share = parse_scaled(text, {{"", 1}, {"%", 0.01}});
  if (!share || *share > 1) return std::nullopt;
  return share;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace tributary::link
