#include "datapath/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "datapath/concat.h"

namespace tributary::datapath {
namespace {

cpu_set_t allowed_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) CPU_SET(0, &allowed);
  return allowed;
}

std::string list_cpus(const cpu_set_t& cpus) {
  std::string text;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &cpus)) append(text, text.empty() ? "" : ",", cpu);
  return text;
}

// Lcore 0 is the control thread and floats; each worker is an lcore of its own behind it.
std::string lcores_argument(const EalOptions& options) {
  const std::string all = concat("@(", list_cpus(allowed_cpus()), ")");
  std::string text = concat("0", all);
  if (options.lcores.empty()) return concat(text, ",1", all);
  for (size_t i = 0; i < options.lcores.size(); ++i) append(text, ",", i + 1, "@", options.lcores[i]);
  return text;
}

uint64_t meminfo_value(const std::string& key) {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    if (!line.starts_with(key + ":")) continue;
    return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10);
  }
  return 0;
}

std::string find_hugepage_obstacle(uint32_t memory_mb) {
  const uint64_t page_kb = meminfo_value("Hugepagesize");
  const uint64_t free_mb = meminfo_value("HugePages_Free") * page_kb / 1024;
  if (free_mb >= memory_mb) return {};
  std::string text =
      concat("eal.hugepages is true, but of the ", memory_mb, " MB wanted only ", free_mb, " MB of hugepages are free");
  if (page_kb != 0)
    append(text, "; reserve them with: echo ", (memory_mb * 1024ull + page_kb - 1) / page_kb,
           " > /sys/kernel/mm/hugepages/hugepages-", page_kb, "kB/nr_hugepages");
  return concat(text, ", or set eal.hugepages = false");
}

// Somebody answering on the socket is an instance with the same directory and prefix.
bool socket_answers(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool answers = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return answers;
}

std::string find_runtime_dir_obstacle(const EalOptions& options) {
  const std::string path = telemetry_socket_path(options.runtime_dir, options.file_prefix);
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kLongest)
    return concat("control.socket_dir is too long: the socket ", path, " may have ", kLongest, " characters at most");
  std::error_code failure;
  std::filesystem::create_directories(options.runtime_dir, failure);
  if (failure) return concat("control.socket_dir ", options.runtime_dir, " cannot be created: ", failure.message());
  if (access(options.runtime_dir.c_str(), W_OK) != 0)
    return concat("control.socket_dir ", options.runtime_dir, " is not writable");
  if (socket_answers(path))
    return concat("another process serves ", path,
                  "; give each instance its own control.socket_dir or eal.file_prefix");
  return {};
}

}  // namespace

std::string telemetry_socket_path(const std::string& runtime_dir, const std::string& file_prefix) {
  return concat(runtime_dir, "/dpdk/", file_prefix, "/dpdk_telemetry.v2");
}

std::optional<std::vector<uint16_t>> parse_lcores(const std::string& text, std::string& error) {
  std::vector<uint16_t> lcores;
  if (text == "auto") return lcores;
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto fail = [&]() -> std::optional<std::vector<uint16_t>> {
    error = concat("\"", text, "\" is not a list of CPUs such as \"0\" or \"2,4-5\", nor \"auto\"");
    return {};
  };
  while (true) {
    uint16_t first = 0;
    auto parsed = std::from_chars(p, end, first);
    if (parsed.ec != std::errc()) return fail();
    uint16_t last = first;
    if (parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc()) return fail();
    }
    if (last < first || last >= CPU_SETSIZE) return fail();
    for (unsigned cpu = first; cpu <= last; ++cpu) lcores.push_back(static_cast<uint16_t>(cpu));
    if (parsed.ptr == end) return lcores;
    if (*parsed.ptr != ',') return fail();
    p = parsed.ptr + 1;
  }
}

std::vector<std::string> find_eal_obstacles(const EalOptions& options) {
  std::vector<std::string> obstacles;
  const cpu_set_t allowed = allowed_cpus();
  for (const uint16_t cpu : options.lcores)
    if (!CPU_ISSET(cpu, &allowed))
      obstacles.push_back(concat("eal.lcores names CPU ", cpu, "; this process may use ", list_cpus(allowed)));
  if (options.hugepages) {
    if (std::string o = find_hugepage_obstacle(options.memory_mb); !o.empty()) obstacles.push_back(o);
  }
  if (std::string o = find_runtime_dir_obstacle(options); !o.empty()) obstacles.push_back(o);
  for (const Device& device : options.devices)
    if (std::string o = find_obstacle(device); !o.empty()) obstacles.push_back(o);
  return obstacles;
}

std::optional<Eal> Eal::start(const EalOptions& options, std::string& error) {
  for (const std::string& obstacle : find_eal_obstacles(options)) append(error, error.empty() ? "" : "\n", obstacle);
  if (!error.empty()) return {};

  std::vector<std::string> arguments = {"tributary",
                                        "--lcores",
                                        lcores_argument(options),
                                        "--main-lcore",
                                        "0",
                                        "-m",
                                        std::to_string(options.memory_mb),
                                        "--file-prefix",
                                        options.file_prefix,
                                        "--log-level=warning",
                                        "--log-level=lib.telemetry:error"};
  // --in-memory keeps no files and unlinks its hugepages, so that a killed process leaves nothing; the EAL
  // does not take it together with --no-huge.
  if (options.hugepages)
    arguments.push_back("--in-memory");
  else
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  bool pci = false;
  for (const Device& device : options.devices) {
    if (device.kind != Device::Kind::kPci) continue;
    arguments.insert(arguments.end(), {"-a", device.text});
    pci = true;
  }
  // Virtual addresses as I/O addresses need neither /proc/self/pagemap nor, without PCI devices, an IOMMU.
  if (!pci) arguments.insert(arguments.end(), {"--no-pci", "--iova-mode=va"});
  arguments.insert(arguments.end(), options.extra_arguments.begin(), options.extra_arguments.end());

  // The EAL puts its socket below this directory (systemd.exec's convention); there is no option for it.
  setenv("RUNTIME_DIRECTORY", options.runtime_dir.c_str(), 1);
  std::vector<char*> argv;
  std::string line;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
    append(line, " ", argument);
  }
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    error =
        concat("the EAL did not start: ", rte_strerror(rte_errno), "; it was given:", line.substr(line.find(' ', 1)));
    return {};
  }
  return Eal();
}

Eal::Eal(Eal&& other) noexcept : running_(std::exchange(other.running_, false)) {}

Eal::~Eal() {
  if (running_) rte_eal_cleanup();
}

bool Eal::launch(uint16_t worker, int (*entry)(void*), void* argument) {
  return rte_eal_remote_launch(entry, argument, worker + 1u) == 0;
}

int Eal::join(uint16_t worker) {
  return rte_eal_wait_lcore(worker + 1u);
}

}  // namespace tributary::datapath
