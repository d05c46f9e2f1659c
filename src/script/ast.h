// A packet script as data: what the parser makes of packetdrill's language and the runner carries out.
// Numbers are the script's own (relative sequence numbers, script time); nothing here knows a live
// connection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "src/script/option_spec.h"
#include "stack/base/units.h"
#include "stack/wire/ip_address.h"

namespace tributary::script {

/// When an event happens. `from` and `to` count from the script's start, or from the event before.
struct TimeSpec {
  enum class Kind : uint8_t { kAbsolute, kRelative, kAny };
  Kind kind = Kind::kRelative;
  bool range = false;  ///< anywhere from `from` to `to`
  Micros from;
  Micros to;
};

struct EndpointSpec {
  std::optional<IpAddress> address;
  std::optional<uint16_t> port;
  std::string variable;  ///< of `addr[name]`
};
struct TupleSpec {
  EndpointSpec source;
  EndpointSpec destination;
};

/// `[ect0]`, `(tos 0x10)`, `[ttl 64]`, `[flowlabel 0x1]`.
struct IpSpec {
  std::optional<uint8_t> ecn;  ///< the two bits
  bool any_ect = false;        ///< ect01: either of the ECT code points
  std::optional<uint8_t> tos;  ///< all eight bits
  std::optional<uint8_t> ttl;
  std::optional<uint32_t> flow_label;
};

struct TcpSpec {
  uint16_t flags = 0;  ///< wire::tcp_flag bits
  uint32_t seq = 0;
  uint32_t payload_size = 0;
  std::optional<uint32_t> ack;
  std::optional<uint16_t> window;
  std::optional<uint16_t> urgent;
  bool any_options = false;  ///< `<...>`
  std::vector<OptionSpec> options;
  std::optional<std::string> payload;  ///< literal bytes; otherwise the stream's pattern
};

struct IcmpSpec {
  std::string type;
  std::string code;
  std::optional<uint32_t> mtu;
  std::optional<uint32_t> quoted_seq;  ///< `[1:1001(1000)]`: of the segment quoted
  uint32_t quoted_size = 0;
};

struct PacketSpec {
  bool inbound = false;
  IpSpec ip;
  std::optional<TupleSpec> tuple;
  std::variant<TcpSpec, IcmpSpec> body;
  std::string text;  ///< the source line, for messages
};

/// An argument or result of a call. A tree; `names` belong to the items of a struct, empty where there is
/// none.
struct Expression {
  enum class Kind : uint8_t { kEllipsis, kInteger, kWord, kString, kOr, kArray, kStruct, kCall };
  Kind kind = Kind::kEllipsis;
  int64_t integer = 0;
  std::string text;  ///< of a word, a string, or the function's name
  std::vector<Expression> items;
  std::vector<std::string> names;

  /// The item of a struct with this name, or null.
  const Expression* find(std::string_view name) const;
};

struct CallSpec {
  std::string name;
  std::vector<Expression> arguments;
  std::optional<Micros> end;  ///< a call that blocks returns then; same base as the event's time
  Expression result;
  std::string error;  ///< "EAGAIN", or empty
  std::string text;
};

struct CommandSpec {
  std::string text;
};
struct CodeSpec {
  std::string text;
};

struct Event {
  int line = 0;
  TimeSpec time;
  std::variant<PacketSpec, CallSpec, CommandSpec, CodeSpec> action;
};

struct Script {
  std::string path;
  std::vector<std::pair<std::string, std::string>> options;  ///< `--name=value`
  std::vector<std::pair<int, std::string>> init;             ///< commands before the first event, with their line
  std::vector<Event> events;
  std::vector<std::pair<int, std::string>> cleanup;
};

}  // namespace tributary::script
