#include "src/script/run_options.h"

#include <algorithm>
#include <array>

#include "src/script/number.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

// Of a wire client, or of the machine packetdrill runs on: no meaning in virtual time with one virtual port. (TS ecr
// follows what the stack sent in any case.)
constexpr auto kIgnored = std::to_array<std::string_view>({"tcp_ts_ecr_scaled", "netmask_ip", "gateway_ip", "speed",
                                                           "verbose", "v", "debug", "no_cleanup", "define", "non_fatal",
                                                           "tun_dev", "persistent_tun_dev", "send_omit_free"});

// The smallest segment the stack makes has 48 bytes of options and payload behind 40 of headers; IPv4 itself goes down
// to 68 (RFC 791), where it would be too big.
constexpr uint64_t kLeastMtu = 88;
constexpr uint64_t kMostMtu = 9000;  // what a buffer holds

uint64_t parse_within(const std::string& name, const std::string& value, uint64_t most, uint64_t least = 0) {
  const uint64_t number = parse_number("--" + name, value);
  if (number >= least && number <= most) return number;
  fail("\"" + value + "\" is no value for --" + name + ": " + std::to_string(least) + " to " + std::to_string(most));
}

IpAddress parse_address(const std::string& name, const std::string& value) {
  const auto address = IpAddress::parse(value.substr(0, value.find('/')));
  if (!address) fail("\"" + value + "\" is no value for --" + name);
  return *address;
}

}  // namespace

void RunOptions::apply(const std::string& name, const std::string& value) {
  if (name == "ip_version") {
    if (value == "ipv4")
      version = Version::kIpv4;
    else if (value == "ipv6")
      version = Version::kIpv6;
    else if (value == "ipv4-mapped-ipv6" || value == "ipv4_mapped_ipv6")
      version = Version::kMapped;
    else
      fail("\"" + value + "\" is no value for --ip_version");
  } else if (name == "local_ip") {
    host.local = parse_address(name, value);
    local_given = true;
  } else if (name == "remote_ip") {
    host.remote = parse_address(name, value);
    remote_given = true;
  } else if (name == "bind_port") {
    bind_port = static_cast<uint16_t>(parse_within(name, value, 65535));
  } else if (name == "connect_port") {
    connect_port = static_cast<uint16_t>(parse_within(name, value, 65535));
  } else if (name == "mtu") {
    host.mtu = static_cast<uint16_t>(parse_within(name, value, kMostMtu, kLeastMtu));
  } else if (name == "tolerance_usecs") {
    tolerance = Micros(static_cast<int64_t>(parse_within(name, value, 1'000'000'000)));
  } else if (name == "tcp_ts_tick_usecs") {
    timestamp_tick_us = static_cast<uint32_t>(parse_within(name, value, 1'000'000));
  } else if (name == "seed") {
    host.seed = parse_within(name, value, UINT32_MAX);
  } else if (name == "strict_segments") {
    strict_segments = true;
  } else if (name == "strict") {
    strict = true;
  } else if (std::find(kIgnored.begin(), kIgnored.end(), name) == kIgnored.end()) {
    unsupported("the option --" + name);
  }
}

void RunOptions::finish() {
  if (version == Version::kIpv6) {
    if (!local_given) host.local = *IpAddress::parse("fd3d:fa7b:d17d::1");
    if (!remote_given) host.remote = *IpAddress::parse("2001:db8::1");
  }
  if (host.local.is_v4() != host.remote.is_v4()) fail("--local_ip and --remote_ip are of two families");
}

}  // namespace tributary::script
