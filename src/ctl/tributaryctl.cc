// tributaryctl: shows what a running tributaryd does, and gives it new keys.
#include <getopt.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "datapath/concat.h"
#include "src/ctl/client.h"
#include "src/ctl/format.h"

namespace tributary::ctl {
namespace {

constexpr std::string_view kHelp = R"(usage: tributaryctl [options] status|connections [ID]|counters|reload-keys

  status             ports, listeners, buffers, load
  connections [ID]   both legs of each connection: per subflow addresses, state, bytes, round trip, window
  counters           what was counted, with its meaning; zeros are left out
  reload-keys        have the daemon read tcp.fast_open_keys from its configuration again

  --json             print JSON
  --all              counters: zeros too
  --limit N          connections: at most N (default: all)
  --socket-dir DIR   control.socket_dir of the daemon (default: /run/tributary)
  --file-prefix P    eal.file_prefix of the daemon (default: the only one in the directory)
  --help, --version
)";

struct Options {
  std::string socket_dir = "/run/tributary";
  std::optional<std::string> file_prefix;
  bool json = false;
  bool all = false;
  uint64_t limit = UINT64_MAX;
  std::vector<std::string> words;
};

int fail(std::string_view message) {
  std::fprintf(stderr, "tributaryctl: %.*s\n", static_cast<int>(message.size()), message.data());
  return EXIT_FAILURE;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

std::optional<uint64_t> parse_number(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos || text.size() > 18) return {};
  return std::strtoull(text.c_str(), nullptr, 10);
}

// The daemon gives as many as fit a reply, and the identifier to go on from.
std::optional<Json> ask_connections(Client& client, uint64_t limit, std::string& error) {
  Json all = Json::array();
  uint64_t next = 0;
  while (all.size() < limit) {
    auto reply = client.ask(concat("/tributary/connections,", next, ",", limit - all.size()), error);
    if (!reply) return {};
    for (const Json& connection : restore_lists(reply->value("connections", Json::object()))) all.push_back(connection);
    const uint64_t after = reply->value("next", uint64_t{0});
    if (after <= next) break;
    next = after;
  }
  return all;
}

int show_connections(Client& client, const Options& options) {
  std::string error;
  std::optional<Json> connections;
  if (options.words.size() > 1) {
    const auto id = parse_number(options.words[1]);
    if (!id) return fail(concat("\"", options.words[1], "\" is no connection's number"));
    if (auto one = client.ask(concat("/tributary/connection,", *id), error))
      connections = Json::array({restore_lists(*one)});
  } else {
    connections = ask_connections(client, options.limit, error);
  }
  if (!connections) return fail(error);
  print(options.json ? Json{{"connections", *connections}}.dump(2) + "\n" : format_connections(*connections));
  return EXIT_SUCCESS;
}

int reload_keys(Client& client, const Options& options) {
  std::string error;
  const auto reply = client.ask("/tributary/reload_keys", error);
  if (!reply) return fail(error);
  const uint64_t count = reply->value("fast_open_keys", uint64_t{0});
  if (options.json)
    print(reply->dump(2) + "\n");
  else
    print(count == 0 ? "tcp.fast_open_keys is empty: a key of its own will be drawn\n"
                     : concat("Fast Open keys in force: ", count, "\n"));
  return EXIT_SUCCESS;
}

int run(const Options& options) {
  const std::string& verb = options.words.at(0);
  std::string error;
  const auto path = find_socket(options.socket_dir, options.file_prefix, error);
  if (!path) return fail(error);
  auto client = Client::connect(*path, error);
  if (!client) return fail(error);
  if (verb == "connections") return show_connections(*client, options);
  if (verb == "reload-keys") return reload_keys(*client, options);
  auto reply = client->ask(concat("/tributary/", verb), error);
  if (!reply) return fail(error);
  const Json tree = restore_lists(*reply);
  if (options.json)
    print(tree.dump(2) + "\n");
  else
    print(verb == "status" ? format_status(tree) : format_counters(tree, options.all));
  return EXIT_SUCCESS;
}

int parse_and_run(int argc, char** argv) {
  enum : int { kJson = 256, kAll, kLimit, kSocketDir, kFilePrefix, kHelpFlag, kVersion };
  static constexpr option kOptions[] = {{"json", no_argument, nullptr, kJson},
                                        {"all", no_argument, nullptr, kAll},
                                        {"limit", required_argument, nullptr, kLimit},
                                        {"socket-dir", required_argument, nullptr, kSocketDir},
                                        {"file-prefix", required_argument, nullptr, kFilePrefix},
                                        {"help", no_argument, nullptr, kHelpFlag},
                                        {"version", no_argument, nullptr, kVersion},
                                        {}};
  Options options;
  for (int option; (option = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (option) {
      case kJson:
        options.json = true;
        break;
      case kAll:
        options.all = true;
        break;
      case kLimit:
        if (const auto limit = parse_number(optarg))
          options.limit = *limit;
        else
          return fail(concat("--limit: \"", optarg, "\" is no number"));
        break;
      case kSocketDir:
        options.socket_dir = optarg;
        break;
      case kFilePrefix:
        options.file_prefix = optarg;
        break;
      case kHelpFlag:
        print(kHelp);
        return EXIT_SUCCESS;
      case kVersion:
        print("tributaryctl " TRIBUTARY_VERSION "\n");
        return EXIT_SUCCESS;
      default:
        return 2;  // getopt_long has said why
    }
  }
  options.words.assign(argv + optind, argv + argc);
  const std::string verb = options.words.empty() ? "" : options.words[0];
  const size_t most = verb == "connections" ? 2 : 1;
  const std::string_view verbs[] = {"status", "connections", "counters", "reload-keys"};
  if (std::ranges::find(verbs, verb) == std::end(verbs) || options.words.size() > most) {
    std::fwrite(kHelp.data(), 1, kHelp.size(), stderr);
    return 2;
  }
  return run(options);
}

}  // namespace
}  // namespace tributary::ctl

int main(int argc, char** argv) {
  return tributary::ctl::parse_and_run(argc, argv);
}
