// A configuration that has nothing wrong, for tests to break.
#pragma once

#include <string>
#include <string_view>

namespace tributary::config::test {

// Line numbers matter to the tests: the first line is 1.
inline constexpr std::string_view kGoodConfig = R"([eal]
memory_mb = 256

[worker]
data_buffers = 8192

[[port]]
name = "access0"
device = "net_af_packet0,iface=veth-a0"
addresses = ["10.1.0.1/24", "fd00:1::1/64"]

[[port]]
name = "server0"
device = "net_af_packet1,iface=veth-s0"
addresses = ["10.9.0.2/24", "fd00:9::2/64"]

[[route]]
destination = "0.0.0.0/0"
gateway = "10.9.0.1"

[[listener]]
name = "transparent"
kind = "transparent"
ports = ["access0"]

[[listener]]
name = "convert"
kind = "convert"
ports = ["access0"]

[server_leg]
pool = ["10.9.0.10", "fd00:9::10"]
)";

/// kGoodConfig with the first `from` replaced; everything before it keeps its line.
inline std::string break_config(std::string_view from, std::string_view to) {
  std::string text(kGoodConfig);
  const size_t at = text.find(from);
  if (at == std::string::npos) return "the test wants to replace what is not there";
  return text.replace(at, from.size(), to);
}

}  // namespace tributary::config::test
