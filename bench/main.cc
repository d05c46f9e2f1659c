// tributary-bench: the figures of docs/performance.md that need nothing but this process. See usage().
#include <rte_eal.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "bench/relay/relay.h"
#include "bench/state/state.h"

namespace {

int usage() {
  std::fprintf(stderr,
               "tributary-bench relay|state [--json FILE] [--cpu N]\n"
               "  relay: [--runs N] [--segments N] [--only TEXT]   cycles per relayed segment\n"
               "  state: [--connections N]                         bytes per idle proxied connection\n");
  return 2;
}

/// One thread, on one CPU: the last this process may use unless told.
bool start_eal(int cpu) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (cpu < 0 && sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &allowed)) cpu = i;
  const std::string lcores = "0@" + std::to_string(cpu);
  std::vector<std::string> arguments = {
      "tributary-bench", "--no-huge",      "--no-shconf",       "--no-pci", "-m",  "512",
      "--no-telemetry",  "--iova-mode=va", "--log-level=error", "--lcores", lcores};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tributary::bench;
  if (argc < 2) return usage();
  const std::string_view name = argv[1];
  if (name != "relay" && name != "state") return usage();
  RelayOptions relay;
  StateOptions state;
  std::string json_file;
  int cpu = -1;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (i + 1 == argc) return usage();
    const char* const value = argv[i + 1];
    const auto number = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    if (option == "--json")
      json_file = value;
    else if (option == "--cpu")
      cpu = static_cast<int>(number);
    else if (option == "--runs" && number > 0)
      relay.runs = number;
    else if (option == "--segments" && number > 0)
      relay.segments = number;
    else if (option == "--only")
      relay.only = value;
    else if (option == "--connections" && number > 0)
      state.connections = number;
    else
      return usage();
  }
  if (!start_eal(cpu)) {
    std::fprintf(stderr, "the EAL did not start\n");
    return 1;
  }
  int status = 0;
  try {
    const Json figures = name == "relay" ? run_relay(relay) : run_state(state);
    if (!json_file.empty() && !write_file(json_file, Json().put(name, figures).text() + "\n")) {
      std::fprintf(stderr, "cannot write %s\n", json_file.c_str());
      status = 1;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[1], error.what());
    status = 1;
  }
  rte_eal_cleanup();
  return status;
}
