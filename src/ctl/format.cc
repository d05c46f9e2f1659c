#include "src/ctl/format.h"

#include <array>
#include <cctype>
#include <cstdio>

#include "datapath/concat.h"
#include "src/ctl/table.h"
#include "stack/base/counters.h"

namespace tributary::ctl {
namespace {

std::string format_fraction(double value, const char* unit) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, unit);
  return text;
}

// Replies of an older or newer daemon may lack members: what is not there is 0 or empty.
uint64_t number(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_number() ? found->get<uint64_t>() : 0;
}
std::string text(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}
const Json& child(const Json& node, const char* key) {
  static const Json kNothing = Json::object();
  const auto found = node.find(key);
  return found != node.end() ? *found : kNothing;
}

// "s12": a letter and digits, numbered in order from 0.
bool is_numbered_list(const Json& node) {
  if (!node.is_object() || node.empty()) return false;
  size_t index = 0;
  for (const auto& [key, value] : node.items()) {
    if (key.size() < 2 || !std::islower(static_cast<unsigned char>(key[0]))) return false;
    if (key.substr(1) != std::to_string(index++)) return false;
  }
  return true;
}

std::string list_flags(const Json& stream, const Json& subflow) {
  std::string flags;
  const auto add = [&](bool set, std::string_view flag) {
    if (set) append(flags, flags.empty() ? "" : ",", flag);
  };
  add(number(stream, "mptcp") != 0, "mptcp");
  add(number(stream, "fallback") != 0, "fallback");
  add(number(subflow, "backup") != 0, "backup");
  add(number(subflow, "stale") != 0, "stale");
  return flags;
}

void add_leg(Table& table, const Json& connection, const char* leg, bool first) {
  const Json& stream = child(connection, leg);
  const std::string id = first ? std::to_string(number(connection, "id")) : "";
  const std::string listener = first ? text(connection, "listener") : "";
  const std::string age = first ? format_age(number(connection, "age_s")) : "";
  bool is_first = true;
  for (const Json& s : child(stream, "subflows")) {
    const std::string rto = format_micros(number(s, "rto_us"));
    table.add_row({is_first ? id : "", is_first ? listener : "", is_first ? age : "", leg, text(s, "local"),
                   text(s, "remote"), text(s, "state"), format_bytes(number(s, "bytes_received")),
                   format_bytes(number(s, "bytes_sent")), format_micros(number(s, "srtt_us")), rto,
                   format_bytes(number(s, "cwnd")), format_bytes(number(s, "in_flight")),
                   std::to_string(number(s, "retransmissions")), list_flags(stream, s)});
    is_first = false;
  }
  if (!is_first) return;
  // A leg without a subflow: between two paths, or not yet connected.
  table.add_row({id, listener, age, leg, "-", "-", "no path", format_bytes(number(stream, "bytes_received")),
                 format_bytes(number(stream, "bytes_sent"))});
}

}  // namespace

std::string format_bytes(uint64_t bytes) {
  static constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return concat(bytes, " B");
  auto value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return format_fraction(value, kUnits[unit]);
}

std::string format_micros(uint64_t micros) {
  if (micros == 0) return "-";
  if (micros < 1000) return concat(micros, " us");
  if (micros < 1'000'000) return format_fraction(static_cast<double>(micros) / 1e3, "ms");
  return format_fraction(static_cast<double>(micros) / 1e6, "s");
}

std::string format_age(uint64_t seconds) {
  if (seconds < 60) return concat(seconds, " s");
  if (seconds < 3600) return concat(seconds / 60, " m ", seconds % 60, " s");
  if (seconds < 86400) return concat(seconds / 3600, " h ", seconds / 60 % 60, " m");
  return concat(seconds / 86400, " d ", seconds / 3600 % 24, " h");
}

Json restore_lists(const Json& reply) {
  if (!reply.is_object()) return reply;
  if (is_numbered_list(reply)) {
    Json list = Json::array();
    for (const Json& element : reply) list.push_back(restore_lists(element));
    return list;
  }
  Json object = Json::object();
  for (const auto& [key, value] : reply.items()) {
    // The library writes an empty node as {}; these members are lists by name.
    const bool list = key == "subflows" || key == "connections" || key == "ports" || key == "listeners";
    object[key] = list && value.is_object() && value.empty() ? Json::array() : restore_lists(value);
  }
  return object;
}

std::string format_status(const Json& status) {
  std::string out = concat("tributaryd ", text(status, "version"), ", process ", number(status, "pid"), ", up ",
                           format_age(number(status, "uptime_s")), "\n\n");
  const Json& state = child(status, "connections");
  append(out, "connections  ", number(state, "relayed"), " relayed, ", number(state, "mptcp"), " MPTCP, ",
         number(state, "tcp"), " TCP control blocks, ", number(state, "half_open"), " half open, ",
         number(state, "time_wait"), " in TIME-WAIT\n");
  const Json& buffers = child(status, "buffers");
  append(out, "buffers      ", number(buffers, "data_in_use"), " of ", number(buffers, "data_total"), " for data, ",
         number(buffers, "header_in_use"), " of ", number(buffers, "header_total"), " for headers in use\n");
  const Json& worker = child(status, "worker");
  append(out, "worker       ", number(worker, "passes"), " passes, ", number(worker, "working_passes"), " with work, ",
         number(worker, "naps"), " naps\n\n");

  Table ports({{"PORT"},
               {"DEVICE"},
               {"DRIVER"},
               {"LINK"},
               {"MTU", Align::kRight},
               {"MAC"},
               {"RECEIVED", Align::kRight},
               {"SENT", Align::kRight},
               {"LOST", Align::kRight}});
  for (const Json& port : child(status, "ports")) {
    const uint64_t lost = number(port, "rx_missed") + number(port, "rx_errors") + number(port, "rx_no_buffer") +
                          number(port, "tx_errors");
    ports.add_row({text(port, "name"), text(port, "device"), text(port, "driver"), text(port, "link"),
                   std::to_string(number(port, "mtu")), text(port, "mac"), format_bytes(number(port, "rx_bytes")),
                   format_bytes(number(port, "tx_bytes")), std::to_string(lost)});
  }
  out += ports.to_string();
  Table listeners({{"LISTENER"}, {"KIND"}, {"ON"}});
  for (const Json& listener : child(status, "listeners"))
    listeners.add_row({text(listener, "name"), text(listener, "kind"), text(listener, "on")});
  return concat(out, "\n", listeners.to_string());
}

std::string format_connections(const Json& connections) {
  Table table({{"ID", Align::kRight},
               {"LISTENER"},
               {"AGE", Align::kRight},
               {"LEG"},
               {"LOCAL"},
               {"REMOTE"},
               {"STATE"},
               {"RECEIVED", Align::kRight},
               {"SENT", Align::kRight},
               {"SRTT", Align::kRight},
               {"RTO", Align::kRight},
               {"CWND", Align::kRight},
               {"IN FLIGHT", Align::kRight},
               {"RETRANS", Align::kRight},
               {"FLAGS"}});
  for (const Json& connection : connections) {
    add_leg(table, connection, "access", true);
    add_leg(table, connection, "server", false);
  }
  return table.empty() ? "no connections\n" : table.to_string();
}

std::string format_counters(const Json& counters, bool all) {
  Table table({{"COUNTER"}, {"VALUE", Align::kRight}, {"MEANING"}});
  for (const auto& [name, value] : counters.items()) {
    if (!value.is_number() || (!all && value.get<uint64_t>() == 0)) continue;
    std::string_view help;
    for (const CounterInfo& info : kCounterInfo)
      if (info.name == name) help = info.help;
    table.add_row({name, std::to_string(value.get<uint64_t>()), std::string(help)});
  }
  return table.empty() ? "every counter is zero\n" : table.to_string();
}

}  // namespace tributary::ctl
