// Daemon: from a checked configuration to a running concentrator, and back to nothing.
#pragma once

#include <string>

#include "src/config/config.h"

namespace tributary {

/// `path` is where `config` was read. Runs until SIGTERM or SIGINT. Returns the exit status: 0 after a signal, 1 when
/// it could not start (the reason has been logged). A second signal ends the process at once.
int run_daemon(const std::string& path, const config::Config& config);

}  // namespace tributary
