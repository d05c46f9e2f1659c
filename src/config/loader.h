// From the text of a configuration file to a Config, strictly (design D12): an unknown key, a wrong type or
// an impossible value is an error with line, what was expected, and the nearest name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/config/config.h"
#include "src/config/diagnostics.h"

namespace tributary::config {

/// Checks each value for itself. Empty when the text is no TOML; otherwise a Config that is complete (a wrong
/// value is replaced by its default), to be used only if `diagnostics` has no error.
std::optional<Config> read_config(std::string_view text, Diagnostics& diagnostics);

/// Reads the file and checks everything: read_config, then check_meaning. Empty when there was any error.
std::optional<Config> load_config(const std::string& path, Diagnostics& diagnostics);

/// "64KiB" to 65536. Units: B, KB, MB, GB (powers of 1000), KiB, MiB, GiB.
std::optional<int64_t> parse_bytes(std::string_view text);

}  // namespace tributary::config
