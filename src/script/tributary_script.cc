// tributary-script FILE…: runs packet scripts against the stack in virtual time.
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "src/script/eal.h"
#include "src/script/runner.h"

namespace {

using namespace tributary;
using script::Verdict;

constexpr int kUsage = 2;
constexpr int kUnsupported = 77;

constexpr const char* kHelp =
    "usage: tributary-script [OPTION]... FILE...\n"
    "Runs packet scripts (the language of packetdrill) against Tributary's stack in virtual time.\n"
    "\n"
    "  -q, --quiet      tell only of scripts that did not pass\n"
    "  -t, --trace      tell every event and packet with its time\n"
    "      --strict     a packet nobody expected fails a script at its end too\n"
    "      --NAME=VALUE as if it stood at the top of each script: ip_version, tolerance_usecs,\n"
    "                   local_ip, remote_ip, bind_port, connect_port, mtu, tcp_ts_tick_usecs, seed\n"
    "  -D NAME=VALUE    a word of the scripts with another meaning\n"
    "  -h, --help       this text\n"
    "      --version    the version\n"
    "\n"
    "Ends with 0 when all passed, 1 when one failed, 77 when none failed but one asked for something\n"
    "unsupported, 2 for a wrong command line.\n";

struct CommandLine {
  std::vector<std::string> files;
  script::RunRequest request;
  bool quiet = false;
};

/// The exit code when there is nothing to run.
int parse(int argc, char** argv, CommandLine& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    if (argument == "-h" || argument == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (argument == "--version") {
      std::puts("tributary-script " TRIBUTARY_VERSION);
      return 0;
    }
    if (argument == "-q" || argument == "--quiet")
      out.quiet = true;
    else if (argument == "-t" || argument == "--trace")
      out.request.trace = &std::cout;
    else if (argument == "--strict")
      out.request.options.emplace_back("strict", "");
    else if (argument == "-D" && i + 1 < argc)
      out.request.options.emplace_back("define", argv[++i]);
    else if (argument.starts_with("--") && equals != argument.npos)
      out.request.options.emplace_back(argument.substr(2, equals - 2), argument.substr(equals + 1));
    else if (argument.starts_with("-")) {
      std::fprintf(stderr, "tributary-script: unknown option %s; see --help\n", argument.c_str());
      return kUsage;
    } else {
      out.files.push_back(argument);
    }
  }
  if (!out.files.empty()) return -1;
  std::fputs("tributary-script: no script named; see --help\n", stderr);
  return kUsage;
}

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPassed:
      return "passed";
    case Verdict::kFailed:
      return "FAILED";
    case Verdict::kUnsupported:
      return "unsupported";
  }
  return "";
}

void report(const std::string& file, const script::Outcome& outcome, bool quiet) {
  if (outcome.verdict == Verdict::kPassed) {
    if (!quiet) std::cout << name(outcome.verdict) << ' ' << file << '\n';
    return;
  }
  std::cout << name(outcome.verdict) << ' ' << file;
  if (outcome.line != 0) std::cout << ':' << outcome.line;
  std::cout << ": " << outcome.reason << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line;
  if (const int code = parse(argc, argv, line); code >= 0) return code;
  std::string error;
  if (!script::start_eal(error)) {
    std::fprintf(stderr, "tributary-script: %s\n", error.c_str());
    return kUsage;
  }
  const auto pools = script::make_script_pools(error);
  if (pools == nullptr) {
    std::fprintf(stderr, "tributary-script: %s\n", error.c_str());
    return kUsage;
  }
  bool failed = false, unsupported = false;
  for (const std::string& file : line.files) {
    const script::Outcome outcome = script::run_file(*pools, file, line.request);
    report(file, outcome, line.quiet);
    failed |= outcome.verdict == Verdict::kFailed;
    unsupported |= outcome.verdict == Verdict::kUnsupported;
  }
  return failed ? 1 : unsupported ? kUnsupported : 0;
}
