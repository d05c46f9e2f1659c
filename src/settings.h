// From the configuration to what stack and proxy are built with.
#pragma once

#include <vector>

#include "datapath/eal.h"
#include "datapath/port.h"
#include "datapath/worker.h"
#include "proxy/policy.h"
#include "src/config/config.h"
#include "src/config/interfaces.h"
#include "stack/ip/config.h"
#include "stack/settings.h"

namespace tributary {

/// The configuration has been checked; nothing here can fail.
datapath::EalOptions make_eal_options(const config::Config& config);
datapath::PortOptions make_port_options(const config::PortSection& port);
datapath::WorkerOptions make_worker_options(const config::Config& config, WorkerId worker);
PacketPools::Sizes make_pool_sizes(const config::Config& config);
ip::Limits make_ip_limits(const config::Config& config);
Settings make_settings(const config::Config& config, WorkerId worker, uint16_t workers);
std::vector<SipKey> make_fast_open_keys(const config::TcpSection& tcp);
proxy::Policy make_policy(const config::Config& config, const std::vector<config::Interface>& interfaces);
proxy::AccessLeg make_access_leg(const config::Config& config, const config::ListenerSection& listener);

/// The index of the interface a route leaves by.
size_t interface_of_route(const config::RouteSection& route, const std::vector<config::Interface>& interfaces);

/// The addresses server legs leave from: the pool, and for a family it lacks, those of the interfaces towards
/// servers.
std::vector<IpAddress> list_source_addresses(const config::Config& config,
                                             const std::vector<config::Interface>& interfaces);

}  // namespace tributary
