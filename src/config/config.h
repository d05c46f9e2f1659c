// Config: the configuration file as values. Filled from the table in schema.cc, which holds every default;
// nothing here has one. Names are the file's own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stack/wire/ip_address.h"

namespace tributary::config {

/// Where a section and its keys stand in the file, for errors found later. 0: not in the file.
struct Lines {
  uint32_t section_line = 0;
  std::map<std::string, uint32_t, std::less<>> key_lines;

  /// Of the key, or of the section when the key is not there.
  uint32_t line_of(std::string_view key) const {
    const auto found = key_lines.find(key);
    return found == key_lines.end() ? section_line : found->second;
  }
};

struct EalSection : Lines {
  bool hugepages;
  uint32_t memory_mb;
  std::string lcores;
  std::string file_prefix;
  std::vector<std::string> extra_args;
};

struct WorkerSection : Lines {
  bool idle_backoff;
  uint32_t idle_passes;
  uint32_t longest_nap_us;
  uint32_t deepest_nap_us;
  uint32_t data_buffers;
  uint32_t header_buffers;
  uint32_t max_connections;
  uint32_t max_subflows;
  uint32_t max_half_open;
  uint32_t syn_cookies_from;
  uint32_t max_time_wait;
  uint32_t max_fast_open;
  uint32_t fast_open_cache;
  uint16_t fragmented_packets;
};

struct TcpSection : Lines {
  std::string congestion;
  std::string ecn;
  uint32_t keepalive_s;
  uint32_t keepalive_interval_s;
  uint8_t keepalive_probes;
  uint32_t user_timeout_s;
  uint8_t window_scale;
  bool timestamps;
  bool pacing;
  bool restart_after_idle;
  uint32_t receive_budget;
  uint32_t initial_rto_ms;
  uint32_t min_rto_ms;
  uint32_t max_rto_ms;
  uint32_t delayed_ack_ms;
  uint32_t time_wait_s;
  uint32_t fin_wait2_s;
  uint8_t syn_retries;
  uint8_t syn_ack_retries;
  uint8_t data_retries;
  uint16_t max_out_of_order;
  uint32_t invalid_ratelimit_ms;
  uint16_t first_ephemeral_port;
  uint16_t last_ephemeral_port;
  std::vector<std::string> fast_open_keys;
};

struct MptcpSection : Lines {
  bool enabled;
  bool checksum;
  uint8_t max_subflows;
  uint32_t close_timeout_s;
  uint32_t join_timeout_s;
};

struct PortSection : Lines {
  std::string name;
  std::string device;
  std::vector<IpPrefix> addresses;
  std::optional<uint16_t> vlan;
  uint16_t mtu;
  uint16_t rx_descriptors;
  uint16_t tx_descriptors;
};

struct InterfaceSection : Lines {
  std::string name;
  std::string port;
  std::vector<IpPrefix> addresses;
  std::optional<uint16_t> vlan;
  std::optional<uint16_t> mtu;
};

struct RouteSection : Lines {
  IpPrefix destination;
  std::optional<IpAddress> gateway;
  std::optional<std::string> port;
};

struct ListenerSection : Lines {
  std::string name;
  std::string kind;
  std::vector<std::string> ports;
  uint16_t listen_port;
  std::vector<IpAddress> addresses;
  std::optional<std::string> congestion;
  uint8_t dscp;
  std::string fast_open;
};

struct ServerLegSection : Lines {
  std::string source;
  std::vector<IpAddress> pool;
  std::optional<std::string> port;
  uint32_t connect_timeout_s;
  std::optional<std::string> congestion;
  uint8_t dscp;
  std::string fast_open;
};

struct RelaySection : Lines {
  uint32_t budget;
  uint32_t max_budget;
};

struct ControlSection : Lines {
  std::string socket_dir;
  uint32_t grace_s;
};

struct LogSection : Lines {
  std::string level;
};

struct Config {
  EalSection eal;
  WorkerSection worker;
  TcpSection tcp;
  MptcpSection mptcp;
  std::vector<PortSection> ports;
  std::vector<InterfaceSection> interfaces;
  std::vector<RouteSection> routes;
  std::vector<ListenerSection> listeners;
  ServerLegSection server_leg;
  RelaySection relay;
  ControlSection control;
  LogSection log;
};

}  // namespace tributary::config
