#include "src/script/commands.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "src/script/congestion_names.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

uint64_t parse_number(const std::string& name, const std::string& value) {
  try {
    size_t used = 0;
    const uint64_t number = std::stoull(value, &used, 0);
    if (used == value.size()) return number;
  } catch (const std::exception&) {
  }
  fail("\"" + value + "\" is no value for " + name);
}

struct Setter {
  std::string_view name;
  void (*set)(Settings&, uint64_t);
};
constexpr Setter kSetters[] = {
    {"net.ipv4.tcp_syn_retries", [](Settings& s, uint64_t n) { s.syn_retries = static_cast<uint8_t>(n); }},
    {"net.ipv4.tcp_synack_retries", [](Settings& s, uint64_t n) { s.syn_ack_retries = static_cast<uint8_t>(n); }},
    {"net.ipv4.tcp_retries2", [](Settings& s, uint64_t n) { s.data_retries = static_cast<uint8_t>(n); }},
    {"net.ipv4.tcp_fin_timeout",
     [](Settings& s, uint64_t n) { s.fin_wait2 = Micros::seconds(static_cast<int64_t>(n)); }},
    {"net.ipv4.tcp_invalid_ratelimit",
     [](Settings& s, uint64_t n) { s.invalid_ratelimit = Micros::milliseconds(static_cast<int64_t>(n)); }},
    {"net.ipv4.tcp_timestamps", [](Settings& s, uint64_t n) { s.timestamps = n != 0; }},
    {"net.ipv4.tcp_slow_start_after_idle", [](Settings& s, uint64_t n) { s.restart_after_idle = n != 0; }},
    // Never, ask and accept, accept.
    {"net.ipv4.tcp_ecn",
     [](Settings& s, uint64_t n) {
       s.ecn = n == 0 ? Settings::Ecn::kOff : n == 1 ? Settings::Ecn::kAsk : Settings::Ecn::kAccept;
     }},
    // Never, when no more handshakes fit, or always.
    {"net.ipv4.tcp_syncookies",
     [](Settings& s, uint64_t n) { s.syn_cookies_from = n == 0   ? UINT32_MAX
                                                        : n == 1 ? s.max_half_open - 1
                                                                 : 0; }},
    {"net.mptcp.enabled", [](Settings& s, uint64_t n) { s.mptcp_enabled = n != 0; }},
    {"net.mptcp.checksum_enabled", [](Settings& s, uint64_t n) { s.mptcp_checksum = n != 0; }},
    {"net.mptcp.close_timeout",
     [](Settings& s, uint64_t n) { s.close_timeout = Micros::seconds(static_cast<int64_t>(n)); }},
};

/// Values the stack has without being told. An empty list: any value, it changes nothing a script could see
/// here.
struct Constant {
  std::string_view name;
  std::string_view values;  ///< separated by spaces
};
constexpr Constant kConstants[] = {
    {"net.ipv4.tcp_sack", "1"},
    {"net.ipv4.tcp_dsack", "1"},
    {"net.ipv4.tcp_fack", "0"},
    {"net.ipv4.tcp_window_scaling", "1"},
    {"net.ipv4.tcp_recovery", "1"},
    {"net.ipv4.tcp_early_retrans", "3 4"},
    {"net.ipv4.tcp_reordering", "3"},
    {"net.ipv4.tcp_ecn_option", ""},
    {"net.ipv4.tcp_frto", ""},
    {"net.ipv4.tcp_moderate_rcvbuf", ""},
    {"net.ipv4.tcp_no_metrics_save", ""},
    {"net.ipv4.tcp_autocorking", ""},
    {"net.ipv4.tcp_tso_win_divisor", ""},
    {"net.ipv4.tcp_min_tso_segs", ""},
    {"net.ipv4.tcp_pacing_ss_ratio", ""},
    {"net.ipv4.tcp_pacing_ca_ratio", ""},
    {"net.ipv4.tcp_wmem", ""},
};

bool is_among(std::string_view list, std::string_view value) {
  if (list.empty()) return true;
  std::istringstream words{std::string(list)};
  for (std::string word; words >> word;)
    if (word == value) return true;
  return false;
}

/// As Linux derives it from the largest receive buffer (RFC 7323 §2.3): the shift that lets 16 bits name all
/// of it.
uint8_t scale_of(uint64_t buffer) {
  uint8_t scale = 0;
  for (; scale < 14 && buffer > 65535; buffer >>= 1) ++scale;
  return scale;
}

IpAddress parse_address(const std::string& text) {
  const auto address = IpAddress::parse(text.substr(0, text.find('/')));
  if (!address) fail("\"" + text + "\" is no address");
  return *address;
}

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

void Commands::run(const std::string& text) {
  std::string joined;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\n') {
      joined += ' ';
      ++i;
    } else if (text[i] == ';' || text.compare(i, 2, "&&") == 0) {
      joined += '\n';
      if (text[i] == '&') ++i;
    } else {
      joined += text[i];
    }
  }
  std::istringstream lines(joined);
  for (std::string line; std::getline(lines, line);) run_line(line);
}

void Commands::run_line(const std::string& line) {
  const size_t comment = line.find('#');
  const std::vector<std::string> words = split_words(line.substr(0, comment == 0 ? 0 : line.find(" #")));
  if (!words.empty() && words[0][0] != '#') run_words(words);
}

void Commands::run_file(const std::string& path) {
  if (depth_ > 4) fail("files of commands name each other without end");
  const std::filesystem::path file = std::filesystem::path(directory_) / path;
  std::ifstream in(file);
  if (!in) unsupported("the command \"" + path + "\"");
  std::ostringstream text;
  text << in.rdbuf();
  ++depth_;
  run(text.str());
  --depth_;
}

void Commands::run_words(const Words& words) {
  const std::string program = last_part(words[0]);
  if (program == "sysctl" || program == "set_sysctls.py") {
    for (size_t i = 1; i < words.size(); ++i) {
      if (words[i][0] == '-') continue;
      const size_t equals = words[i].find('=');
      if (equals == std::string::npos) unsupported("reading the sysctl \"" + words[i] + "\"");
      set_sysctl(words[i].substr(0, equals), words[i].substr(equals + 1));
    }
    return;
  }
  if (program == "ip") return run_ip(words);
  if (program == "true" || program == ":") return;
  if (program == "tc" && words.size() > 2 && words[1] == "qdisc" && words.back() == "pfifo") return;
  if (program.ends_with(".sh") && words.size() == 1) return run_file(words[0]);
  // Segmentation offload decides how a capture looks, not what the connection does.
  if (program == "ethtool" && words.size() > 2 && (words[1] == "-K" || words[1] == "--offload")) return;
  unsupported("the command \"" + words[0] + "\"");
}

void Commands::set_sysctl(std::string name, const std::string& value) {
  if (name.starts_with("/proc/sys/")) name.erase(0, 10);
  std::replace(name.begin(), name.end(), '/', '.');
  Settings settings = host_.stack().context().settings;
  for (const Setter& setter : kSetters) {
    if (setter.name != name) continue;
    setter.set(settings, parse_number(name, value));
    return host_.change_settings(settings);
  }
  if (name == "net.ipv4.tcp_congestion_control") {
    const auto algorithm = find_congestion_control(value);
    if (!algorithm) unsupported("the congestion control \"" + value + "\"");
    settings.algorithm = *algorithm;
    return host_.change_settings(settings);
  }
  if (name == "net.ipv4.tcp_notsent_lowat")
    return face_.set_unsent_low(static_cast<uint32_t>(std::min<uint64_t>(parse_number(name, value), UINT32_MAX)));
  if (name == "net.ipv4.tcp_fastopen_blackhole_timeout_sec")
    return host_.stack().context().fast_open_cache.set_pause(
        Micros::seconds(static_cast<int64_t>(parse_number(name, value) & 0xffffff)));
  if (name == "net.ipv4.tcp_fastopen") return face_.set_fast_open(parse_number(name, value));
  if (name == "net.ipv4.tcp_fastopen_key") {
    std::vector<SipKey> keys;
    std::istringstream list(value);
    for (std::string text; std::getline(list, text, ',');) {
      const auto key = parse_sip_key(text);
      if (!key) fail("\"" + value + "\" is no value for " + name);
      keys.push_back(*key);
    }
    return host_.stack().context().fast_open_keys.replace(std::move(keys));
  }
  if (name == "net.ipv4.tcp_rmem") {
    // Three sizes; the largest decides about the window scale, the default is what a connection starts with.
    std::istringstream sizes(value);
    uint64_t least = 0, standard = 0, most = 0;
    if (!(sizes >> least >> standard >> most)) fail("\"" + value + "\" is no value for " + name);
    settings.window_scale = scale_of(most);
    return host_.change_settings(settings);
  }
  for (const Constant& constant : kConstants)
    if (constant.name == name && is_among(constant.values, value)) return;
  unsupported("the sysctl " + name + "=" + value);
}

void Commands::run_ip(const Words& words) {
  const auto word = [&](size_t i) { return i < words.size() ? words[i] : std::string(); };
  if (word(1) == "tcp_metrics" && word(2) == "flush") return host_.stack().context().fast_open_cache.clear();
  if (word(1) == "addr" && word(2) == "add") return host_.add_address(parse_address(word(3)));
  if (word(1) == "mptcp" && word(2) == "endpoint") return run_endpoint({words.begin() + 3, words.end()});
  if (word(1) == "mptcp" && word(2) == "limits" && word(3) == "set") {
    Settings settings = host_.stack().context().settings;
    for (size_t i = 4; i + 1 < words.size(); i += 2) {
      const uint64_t limit = parse_number(words[i], words[i + 1]);
      // Of announced addresses none is ever connected to, which is within every limit.
      if (words[i] == "subflow" || words[i] == "subflows")
        settings.max_subflows_per_connection = static_cast<uint8_t>(std::min<uint64_t>(limit + 1, 8));
      else if (words[i] != "add_addr_accepted" && words[i] != "add_addr_accept")
        unsupported("the limit \"" + words[i] + "\"");
    }
    return host_.change_settings(settings);
  }
  unsupported("the command \"ip " + word(1) + " " + word(2) + "\"");
}

void Commands::run_endpoint(const Words& words) {
  const std::string action = words.empty() ? "" : words[0];
  if (action == "flush") return endpoints_.clear();
  if (words.size() < 2) unsupported("the command \"ip mptcp endpoint " + action + "\"");
  const auto has = [&](const char* word) { return std::find(words.begin() + 2, words.end(), word) != words.end(); };
  const IpAddress address = parse_address(words[1] == "id" && words.size() > 3 ? words[3] : words[1]);
  if (has("signal")) unsupported("announcing an address: the stack sends no ADD_ADDR of its own");
  if (has("fullmesh")) unsupported("fullmesh endpoints");
  if (action == "add" && has("subflow")) {
    host_.add_address(address);
    endpoints_.push_back({address, has("backup")});
    return;
  }
  if (action == "change" && (has("backup") || has("nobackup"))) {
    for (ByteStream stream : face_.streams()) {
      const auto info = host_.stack().info(stream);
      if (!info || !info->mptcp) continue;
      for (size_t i = 0; i < info->subflows.size(); ++i)
        if (info->subflows[i].key.local == address) host_.stack().set_backup(stream, i, has("backup"));
    }
    return host_.pass();
  }
  unsupported("the command \"ip mptcp endpoint " + action + "\"");
}

bool Commands::open_subflows() {
  bool opened = false;
  for (const Endpoint& endpoint : endpoints_) {
    for (ByteStream stream : face_.streams()) {
      const std::pair attempt(stream, endpoint.address);
      const auto info = host_.stack().info(stream);
      if (!info || !info->mptcp || info->fallback || info->subflows.empty()) continue;
      if (std::find(tried_.begin(), tried_.end(), attempt) != tried_.end()) continue;
      const FlowKey& first = info->subflows[0].key;
      if (first.local == endpoint.address ||
          !host_.stack().open_subflow(stream, endpoint.address, first.remote, first.remote_port, std::nullopt,
                                      endpoint.backup))
        continue;
      tried_.push_back(attempt);
      opened = true;
    }
  }
  return opened;
}

}  // namespace tributary::script
