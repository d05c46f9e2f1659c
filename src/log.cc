#include "src/log.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace tributary {
namespace {

struct LevelName {
  LogLevel level;
  std::string_view name;
  std::string_view journal;  // sd-daemon(3)
};
constexpr std::array kLevels = {
    LevelName{LogLevel::kError, "error", "<3>"},
    LevelName{LogLevel::kWarning, "warning", "<4>"},
    LevelName{LogLevel::kInfo, "info", "<6>"},
    LevelName{LogLevel::kDebug, "debug", "<7>"},
};

LogLevel least = LogLevel::kInfo;

}  // namespace

void set_log_level(LogLevel level) {
  least = level;
}

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (const LevelName& known : kLevels)
    if (known.name == name) return known.level;
  return {};
}

void log_line(LogLevel level, std::string_view message) {
  if (level > least) return;
  static const bool to_journal = std::getenv("JOURNAL_STREAM") != nullptr;
  const LevelName& name = kLevels[static_cast<size_t>(level)];
  std::string line;
  while (!message.empty()) {
    const std::string_view part = message.substr(0, message.find('\n'));
    message.remove_prefix(std::min(part.size() + 1, message.size()));
    if (to_journal) line += name.journal;
    if (level < LogLevel::kInfo) append(line, name.name, ": ");
    append(line, part, "\n");
  }
  // Nobody is left to be told when this fails.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace tributary
