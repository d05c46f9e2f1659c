// Numbers with units as an operator writes them: "10ms", "50M", "256K", "0.01" or "1%".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "testbed/link/parameters.h"

namespace tributary::link {

/// "250us", "10ms", "1.5s", "800ns"; a bare number is milliseconds. Nothing if it is no such thing or
/// negative.
std::optional<Nanos> parse_duration(std::string_view text);

/// "50M", "2.5G", "64k", "1000": powers of ten, as line rates are. "unlimited" is 0.
std::optional<std::uint64_t> parse_rate(std::string_view text);

/// "256K", "1M", "1500": powers of 1024, as memory is.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// "0.01" or "1%": 0 to 1.
std::optional<double> parse_share(std::string_view text);

/// A whole number.
std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace tributary::link
