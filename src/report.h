// The start-up report: what is running, on what, and what an operator should look at.
#pragma once

#include <span>
#include <string>

#include "datapath/port.h"
#include "src/config/config.h"

namespace tributary {

struct PortReport {
  datapath::PortFacts facts;
  datapath::LinkState link;
};

/// "up, 10 Gbit/s", "up", "down".
std::string describe_link(const datapath::LinkState& link);

/// `ports` in the order of the configuration.
std::string describe_start(const config::Config& config, std::span<const PortReport> ports,
                           const std::string& telemetry_socket);

}  // namespace tributary
