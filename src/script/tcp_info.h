// TCP_INFO as Linux has it: the names, numbers and units programs know, filled from what the stack knows. What the
// stack does not know has no entry, rather than a number made up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "stack/tcp/info.h"

namespace tributary::script {

/// A member of Linux's struct tcp_info, as `tcpi_snd_cwnd`; or a constant that goes with it.
struct TcpVariable {
  std::string_view name;
  uint64_t value = 0;
};

/// Of a connection. Windows in segments of the present payload size, times in microseconds but `last_`: milliseconds.
std::vector<TcpVariable> name_tcp_info(const tcp::TcpInfo& info);
/// Of a socket that listens, or that has no connection: the state and what goes with it.
std::vector<TcpVariable> name_listener_info(size_t waiting, int backlog);
std::vector<TcpVariable> name_closed_info();

/// TCP_ESTABLISHED, TCP_CA_Open, TCPI_OPT_SACK and the like: those that `name_tcp_info` tells of.
std::span<const TcpVariable> tcp_info_constants();

/// Writes struct tcp_info, or the front of it that fits: what has no entry is zero. Returns the bytes written.
size_t write_tcp_info(std::span<const TcpVariable> variables, std::span<std::byte> out);

}  // namespace tributary::script
