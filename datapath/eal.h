// The EAL from our configuration. What can be checked is checked first, because the EAL's own answer to a
// missing hugepage is a page of log lines or the end of the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datapath/device.h"

namespace tributary::datapath {

struct EalOptions {
  bool hugepages = false;
  uint32_t memory_mb = 512;
  std::vector<uint16_t> lcores;  ///< CPUs of the workers, one each; empty: one worker, on any CPU we may use
  std::string file_prefix = "tributary";
  std::string runtime_dir;  ///< the telemetry socket is <runtime_dir>/dpdk/<file_prefix>/dpdk_telemetry.v2
  std::vector<std::string> extra_arguments;
  std::vector<Device> devices;  ///< only these PCI devices are touched
};

/// Where tributaryctl finds the process.
std::string telemetry_socket_path(const std::string& runtime_dir, const std::string& file_prefix);

/// "0,2-3" to {0, 2, 3}, "auto" to an empty list; empty with `error` when malformed.
std::optional<std::vector<uint16_t>> parse_lcores(const std::string& text, std::string& error);

/// A running EAL. Its main thread is the caller, free to run on any CPU; workers are lcores 1, 2, ... One a
/// process.
class Eal {
 public:
  /// Empty with `error` in words an operator can act on.
  static std::optional<Eal> start(const EalOptions& options, std::string& error);
  Eal(Eal&& other) noexcept;
  Eal& operator=(Eal&&) = delete;
  ~Eal();

  /// Runs `entry(argument)` on a worker's thread. Worker 0 is lcore 1.
  bool launch(uint16_t worker, int (*entry)(void*), void* argument);
  /// Waits until it has returned.
  int join(uint16_t worker);

 private:
  Eal() = default;
  bool running_ = true;
};

/// Reasons why start() would fail, all of them, before anything is touched.
std::vector<std::string> find_eal_obstacles(const EalOptions& options);

}  // namespace tributary::datapath
