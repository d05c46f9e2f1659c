// The daemon's commands on the telemetry socket:
//
//   /tributary/status                       ports, listeners, load
//   /tributary/connections,<first>,<count>  relays from identifier <first> on, as many as fit one reply;
//   "next" says where
//                                           to go on, 0 when there are no more
//   /tributary/connection,<identifier>      one relay
//   /tributary/counters                     the counters of all workers
//   /tributary/reload_keys                  reads tcp.fast_open_keys again, and nothing else of the file
//
// Each runs on the worker, between two passes, so there is nothing to lock.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "datapath/port.h"
#include "src/config/config.h"
#include "src/engine.h"

namespace tributary {

/// While it lives the commands answer; afterwards they say that the daemon is stopping.
class Telemetry {
 public:
  /// Everything referred to outlives this object, and the worker runs as long. `path`: of the configuration.
  Telemetry(const std::string& path, const config::Config& config, Engine& engine,
            std::span<const std::unique_ptr<datapath::Port>> ports);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

 private:
  struct Source;
  std::shared_ptr<Source> source_;
};

}  // namespace tributary
