// Commands on DPDK's telemetry socket, in terms of our own: a command is a function from its parameters to a
// tree. Every tool that reads DPDK telemetry reads these too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tributary::datapath {

/// A reply: number, text, or named members in order. The library bounds it: names are of [A-Za-z0-9_/], 127
/// bytes of text, 256 members a node, 16 KB of JSON altogether.
struct TelemetryValue {
  using Members = std::vector<std::pair<std::string, TelemetryValue>>;
  std::variant<uint64_t, std::string, Members> value = Members{};

  TelemetryValue() = default;
  TelemetryValue(uint64_t number) : value(number) {}                   // NOLINT: a value is what it holds
  TelemetryValue(std::string text) : value(std::move(text)) {}         // NOLINT
  TelemetryValue(std::string_view text) : value(std::string(text)) {}  // NOLINT
  TelemetryValue(const char* text) : value(std::string(text)) {}       // NOLINT
  TelemetryValue(bool) = delete;                                       // say 0 or 1, or a word

  /// Appends a member; only for a node without a number or text.
  TelemetryValue& add(std::string name, TelemetryValue member);
  /// Bytes of JSON it becomes, at most.
  size_t json_size() const;
};

/// What one reply may hold, with some room for the frame around it.
constexpr size_t kTelemetryReplySize = 15 * 1024;

using TelemetryCommand = std::function<TelemetryValue(std::string_view parameters)>;

/// `path` begins with '/'. The command runs on a thread of the telemetry library, several at once are
/// possible. Once registered it stays: the library cannot forget. False when the EAL refuses.
bool register_telemetry(const std::string& path, const std::string& help, TelemetryCommand command);

}  // namespace tributary::datapath
