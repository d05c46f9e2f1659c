#include "src/script/commands.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/script/number.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

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
      sysctls_.set(words[i].substr(0, equals), words[i].substr(equals + 1));
    }
    return;
  }
  if (program == "ip") return run_ip(words);
  if (program == "true" || program == ":") return;
  if (program == "tc" && words.size() > 2 && words[1] == "qdisc" && sysctls_.set_queue(words.back())) return;
  if (program.ends_with(".sh") && words.size() == 1) return run_file(words[0]);
  // Segmentation offload decides how a capture looks, not what the connection does.
  if (program == "ethtool" && words.size() > 2 && (words[1] == "-K" || words[1] == "--offload")) return;
  unsupported("the command \"" + words[0] + "\"");
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
