// Messages of the daemon's control side to standard error. The packet path never logs.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "datapath/concat.h"

namespace tributary {

enum class LogLevel { kError, kWarning, kInfo, kDebug };

/// Messages below the level are dropped. Set once, before threads start.
void set_log_level(LogLevel level);
std::optional<LogLevel> parse_log_level(std::string_view name);

/// Writes one line in one call, so that lines of several threads do not mix. "<3>"-style priorities are put
/// in front when the journal reads them.
void log_line(LogLevel level, std::string_view message);

template <typename... Pieces>
void log_error(const Pieces&... pieces) {
  log_line(LogLevel::kError, concat(pieces...));
}
template <typename... Pieces>
void log_warning(const Pieces&... pieces) {
  log_line(LogLevel::kWarning, concat(pieces...));
}
template <typename... Pieces>
void log_info(const Pieces&... pieces) {
  log_line(LogLevel::kInfo, concat(pieces...));
}
template <typename... Pieces>
void log_debug(const Pieces&... pieces) {
  log_line(LogLevel::kDebug, concat(pieces...));
}

}  // namespace tributary
