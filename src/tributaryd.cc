// tributaryd: a concentrator for MPTCP clients (hybrid access gateway, RFC 8803 Transport Converter).
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "src/config/loader.h"
#include "src/config/schema.h"
#include "src/daemon.h"
#include "src/log.h"

namespace tributary {
namespace {

constexpr std::string_view kHelp = R"(usage: tributaryd [--config FILE]
       tributaryd --check FILE

  --config FILE      run with this configuration (default: /etc/tributary/tributary.toml)
  --check FILE       say what is wrong with a configuration, start nothing
  --explain-config   every option: type, default, range, meaning
  --help, --version
)";

constexpr int kUsage = 2;

void print(std::FILE* out, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), out);
}

int check(const std::string& path) {
  config::Diagnostics diagnostics(path);
  const auto config = config::load_config(path, diagnostics);
  print(stderr, diagnostics.to_string());
  if (!config) return EXIT_FAILURE;
  print(stdout, path + ": good\n");
  return EXIT_SUCCESS;
}

int run(const std::string& path) {
  config::Diagnostics diagnostics(path);
  const auto config = config::load_config(path, diagnostics);
  print(stderr, diagnostics.to_string());
  if (!config) return EXIT_FAILURE;
  set_log_level(parse_log_level(config->log.level).value());
  return run_daemon(path, *config);
}

int parse_and_run(int argc, char** argv) {
  enum : int { kConfig = 256, kCheck, kExplain, kHelpFlag, kVersion };
  static constexpr option kOptions[] = {
      {"config", required_argument, nullptr, kConfig},    {"check", required_argument, nullptr, kCheck},
      {"explain-config", no_argument, nullptr, kExplain}, {"help", no_argument, nullptr, kHelpFlag},
      {"version", no_argument, nullptr, kVersion},        {}};
  std::string path = "/etc/tributary/tributary.toml";
  for (int option; (option = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (option) {
      case kConfig:
        path = optarg;
        break;
      case kCheck:
        return check(optarg);
      case kExplain:
        print(stdout, config::explain_options());
        return EXIT_SUCCESS;
      case kHelpFlag:
        print(stdout, kHelp);
        return EXIT_SUCCESS;
      case kVersion:
        print(stdout, "tributaryd " TRIBUTARY_VERSION "\n");
        return EXIT_SUCCESS;
      default:
        return kUsage;  // getopt_long has said why
    }
  }
  if (optind != argc) {
    print(stderr, kHelp);
    return kUsage;
  }
  return run(path);
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  return tributary::parse_and_run(argc, argv);
}
