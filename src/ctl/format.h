// The daemon's replies as tables for people, and as the JSON of `--json`.
#pragma once

#include <string>

#include "src/ctl/client.h"

namespace tributary::ctl {

/// 1234567 to "1.2 MB" (powers of 1000; whole numbers below 1000).
std::string format_bytes(uint64_t bytes);
/// Microseconds to "950 us", "10.2 ms", "1.5 s", "-" for 0.
std::string format_micros(uint64_t micros);
/// Seconds to "42 s", "3 m 20 s", "2 h 5 m", "3 d 4 h".
std::string format_age(uint64_t seconds);

/// The telemetry library knows no lists of objects, so the daemon numbers members: {"s0": {}, "s1": {}}.
/// Turns such a node into [{}, {}], everywhere in the tree.
Json restore_lists(const Json& reply);

std::string format_status(const Json& status);
/// One line a subflow; `connections` is a list as `restore_lists` leaves it.
std::string format_connections(const Json& connections);
/// Counters that are not zero, or all, with what they mean.
std::string format_counters(const Json& counters, bool all);

}  // namespace tributary::ctl
