#include "src/script/sysctls.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include "src/script/congestion_names.h"
#include "src/script/number.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

constexpr uint64_t kSeconds = INT32_MAX;  // as in Linux, which holds such times in an int

Micros seconds(uint64_t n) {
  return Micros::seconds(static_cast<int64_t>(n));
}
Micros milliseconds(uint64_t n) {
  return Micros::milliseconds(static_cast<int64_t>(n));
}

/// A number that is a setting. Values outside of the range are Linux's at most, not ours.
struct Setter {
  std::string_view name;
  uint64_t least, most;
  void (*set)(Settings&, uint64_t);
};
constexpr Setter kSetters[] = {
    {"net.ipv4.tcp_syn_retries", 1, 127, [](Settings& s, uint64_t n) { s.syn_retries = static_cast<uint8_t>(n); }},
    {"net.ipv4.tcp_synack_retries", 0, 255,
     [](Settings& s, uint64_t n) { s.syn_ack_retries = static_cast<uint8_t>(n); }},
    {"net.ipv4.tcp_retries2", 0, 255, [](Settings& s, uint64_t n) { s.data_retries = static_cast<uint8_t>(n); }},
    {"net.ipv4.tcp_rto_min_us", 1, kSeconds,
     [](Settings& s, uint64_t n) { s.min_rto = Micros(static_cast<int64_t>(n)); }},
    {"net.ipv4.tcp_rto_max_ms", 1000, 120'000, [](Settings& s, uint64_t n) { s.max_rto = milliseconds(n); }},
    {"net.ipv4.tcp_keepalive_time", 1, kSeconds, [](Settings& s, uint64_t n) { s.keepalive = seconds(n); }},
    {"net.ipv4.tcp_keepalive_intvl", 1, kSeconds, [](Settings& s, uint64_t n) { s.keepalive_interval = seconds(n); }},
    {"net.ipv4.tcp_keepalive_probes", 0, 255,
     [](Settings& s, uint64_t n) { s.keepalive_probes = static_cast<uint8_t>(n); }},
    {"net.ipv4.tcp_fin_timeout", 0, kSeconds, [](Settings& s, uint64_t n) { s.fin_wait2 = seconds(n); }},
    {"net.ipv4.tcp_max_tw_buckets", 1, UINT16_MAX,
     [](Settings& s, uint64_t n) { s.max_time_wait = static_cast<uint32_t>(n); }},
    {"net.ipv4.tcp_invalid_ratelimit", 0, kSeconds,
     [](Settings& s, uint64_t n) { s.invalid_ratelimit = milliseconds(n); }},
    {"net.ipv4.tcp_timestamps", 0, 1, [](Settings& s, uint64_t n) { s.timestamps = n != 0; }},
    {"net.ipv4.tcp_slow_start_after_idle", 0, 1, [](Settings& s, uint64_t n) { s.restart_after_idle = n != 0; }},
    // Never, ask and accept, accept.
    {"net.ipv4.tcp_ecn", 0, 2,
     [](Settings& s, uint64_t n) {
       s.ecn = n == 0 ? Settings::Ecn::kOff : n == 1 ? Settings::Ecn::kAsk : Settings::Ecn::kAccept;
     }},
    // Never, when no more handshakes fit, or always.
    {"net.ipv4.tcp_syncookies", 0, 2,
     [](Settings& s, uint64_t n) { s.syn_cookies_from = n == 0   ? UINT32_MAX
                                                        : n == 1 ? s.max_half_open - 1
                                                                 : 0; }},
    {"net.mptcp.enabled", 0, 1, [](Settings& s, uint64_t n) { s.mptcp_enabled = n != 0; }},
    {"net.mptcp.checksum_enabled", 0, 1, [](Settings& s, uint64_t n) { s.mptcp_checksum = n != 0; }},
    {"net.mptcp.close_timeout", 0, kSeconds, [](Settings& s, uint64_t n) { s.close_timeout = seconds(n); }},
};

/// Values the stack has without being told, separated by spaces; "100.." is that and more.
struct Constant {
  std::string_view name;
  std::string_view values;
};
constexpr Constant kConstants[] = {
    {"net.ipv4.tcp_sack", "1"},
    {"net.ipv4.tcp_dsack", "1"},
    {"net.ipv4.tcp_fack", "0"},
    {"net.ipv4.tcp_window_scaling", "1"},
    {"net.ipv4.tcp_recovery", "1"},
    {"net.ipv4.tcp_early_retrans", "3 4"},  // tail loss probes; nothing is held back for early retransmit
    {"net.ipv4.tcp_reordering", "3"},
    {"net.ipv4.tcp_ecn_option", "0 1 2"},   // of the accurate form of ECN, which tcp_ecn cannot ask for here
    {"net.ipv4.tcp_frto", "1 2"},           // F-RTO is always on
    {"net.ipv4.tcp_no_metrics_save", "1"},  // no connection begins with what another has measured
    {"net.ipv4.tcp_autocorking", "0"},
    {"net.ipv4.tcp_tso_win_divisor",
     "3 100.."},                        // nothing waits for more; 3 is what scripts without this line count on
    {"net.ipv4.tcp_mtu_probing", "1"},  // after a black hole, and only then
    {"net.ipv4.tcp_rfc1337", "1"},
};
/// The same of pacing: without any the value is without effect, with Linux too.
constexpr Constant kPacingConstants[] = {
    {"net.ipv4.tcp_min_tso_segs", "2"},
    {"net.ipv4.tcp_pacing_ss_ratio", "200"},
    {"net.ipv4.tcp_pacing_ca_ratio", "125"},
};

bool is_among(std::string_view list, std::string_view value) {
  std::istringstream words{std::string(list)};
  for (std::string word; words >> word;) {
    const bool open = word.ends_with("..");
    if (word == value) return true;
    if (open && parse_number("", std::string(value)) >= parse_number("", word.substr(0, word.size() - 2))) return true;
  }
  return false;
}

/// As Linux derives it from the largest receive buffer (RFC 7323 §2.3): the shift that lets 16 bits name all
/// of it.
uint8_t scale_of(uint64_t buffer) {
  uint8_t scale = 0;
  for (; scale < 14 && buffer > 65535; buffer >>= 1) ++scale;
  return scale;
}

/// `count` numbers with blanks between them.
std::vector<uint64_t> parse_list(const std::string& name, const std::string& value, size_t count) {
  std::istringstream words(value);
  std::vector<uint64_t> numbers;
  for (std::string word; words >> word;) numbers.push_back(parse_number(name, word));
  if (numbers.size() != count) fail("\"" + value + "\" is no value for " + name);
  return numbers;
}

}  // namespace

void Sysctls::set(std::string name, const std::string& value) {
  if (name.starts_with("/proc/sys/")) name.erase(0, 10);
  std::replace(name.begin(), name.end(), '/', '.');
  if (set_number(name, value) || set_list(name, value)) return;
  if (name == "net.core.default_qdisc" && set_queue(value)) return;
  if (is_what_the_stack_does(name, value)) return;
  if (name == "net.ipv4.tcp_congestion_control") {
    const auto algorithm = find_congestion_control(value);
    if (!algorithm) unsupported("the congestion control \"" + value + "\"");
    Settings settings = host_.stack().context().settings;
    settings.algorithm = *algorithm;
    return host_.change_settings(settings);
  }
  if (name == "net.ipv4.tcp_fastopen_key") return set_fast_open_keys(name, value);
  unsupported("the sysctl " + name + "=" + value);
}

bool Sysctls::set_number(const std::string& name, const std::string& value) {
  Settings settings = host_.stack().context().settings;
  for (const Setter& setter : kSetters) {
    if (setter.name != name) continue;
    const uint64_t number = parse_number(name, value);
    if (number < setter.least || number > setter.most) return false;
    setter.set(settings, number);
    host_.change_settings(settings);
    return true;
  }
  if (name == "net.ipv4.tcp_notsent_lowat") {
    face_.set_unsent_low(static_cast<uint32_t>(std::min<uint64_t>(parse_number(name, value), UINT32_MAX)));
  } else if (name == "net.ipv4.tcp_fastopen_blackhole_timeout_sec") {
    settings.fast_open_pause = seconds(parse_number(name, value) & 0xffffff);
    host_.change_settings(settings);
    host_.stack().context().fast_open_cache.set_pause(settings.fast_open_pause);
  } else if (name == "net.ipv4.tcp_fastopen") {
    face_.set_fast_open(parse_number(name, value));
  } else if (name == "net.ipv4.tcp_moderate_rcvbuf" && (value == "0" || value == "1")) {
    face_.set_right_sizing(value == "1");
  } else {
    return false;
  }
  return true;
}

bool Sysctls::set_list(const std::string& name, const std::string& value) {
  Settings settings = host_.stack().context().settings;
  if (name == "net.ipv4.tcp_rmem") {
    // Three sizes: the least, what a connection starts with, the most. Of ours the last decides about the window scale.
    settings.window_scale = scale_of(parse_list(name, value, 3)[2]);
  } else if (name == "net.ipv4.tcp_wmem") {
    face_.set_send_buffer(static_cast<uint32_t>(std::min<uint64_t>(parse_list(name, value, 3)[2], INT32_MAX)));
    return true;
  } else if (name == "net.ipv4.ip_local_port_range") {
    const std::vector<uint64_t> range = parse_list(name, value, 2);
    if (range[0] == 0 || range[0] > range[1] || range[1] > UINT16_MAX)
      fail("\"" + value + "\" is no value for " + name);
    settings.first_ephemeral_port = static_cast<uint16_t>(range[0]);
    settings.last_ephemeral_port = static_cast<uint16_t>(range[1]);
  } else {
    return false;
  }
  host_.change_settings(settings);
  return true;
}

bool Sysctls::set_queue(const std::string& discipline) {
  if (discipline != "fq" && discipline != "pfifo" && discipline != "pfifo_fast" && discipline != "fq_codel")
    return false;
  Settings settings = host_.stack().context().settings;
  settings.pacing = discipline == "fq";
  if (settings.pacing && !pace_.empty()) unsupported("the sysctl " + pace_ + " with pacing");
  host_.change_settings(settings);
  return true;
}

bool Sysctls::is_what_the_stack_does(const std::string& name, const std::string& value) {
  for (const Constant& constant : kConstants)
    if (constant.name == name) return is_among(constant.values, value);
  for (const Constant& constant : kPacingConstants) {
    if (constant.name != name) continue;
    if (is_among(constant.values, value)) return true;
    if (host_.stack().context().settings.pacing) return false;
    pace_ = name + "=" + value;
    return true;
  }
  return false;
}

void Sysctls::set_fast_open_keys(const std::string& name, const std::string& value) {
  Settings settings = host_.stack().context().settings;
  settings.fast_open_keys.clear();
  std::istringstream list(value);
  for (std::string text; std::getline(list, text, ',');) {
    const auto key = parse_sip_key(text);
    if (!key) fail("\"" + value + "\" is no value for " + name);
    settings.fast_open_keys.push_back(*key);
  }
  host_.change_settings(settings);
  host_.stack().context().fast_open_keys.replace(settings.fast_open_keys);
}

}  // namespace tributary::script
