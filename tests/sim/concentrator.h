// A client with several accesses, a concentrator that intercepts its connections, and an ordinary server
// behind it:
//
//   client 10.0.i.1 --access path i-- 10.0.i.2 concentrator 192.0.2.1 --server path-- 192.0.2.2 server
#pragma once

#include <vector>

#include "proxy/concentrator.h"
#include "tests/sim/topology.h"

namespace tributary::sim {

struct Concentrated {
  Host* client;
  Host* concentrator;
  Host* server;
  proxy::Concentrator* proxy;
  std::vector<Path*> accesses;  ///< A: the client
  Path* server_path;            ///< A: the concentrator
  bool v6;
};

struct ConcentratedOptions {
  bool v6 = false;
  bool preserve = false;  ///< the server sees the client's own address
  Settings client = HostConfig::small_settings();
  Settings concentrator = HostConfig::small_settings();
  Settings server = HostConfig::small_settings();
  ip::PortOffloads offloads = {};
  Micros pass_delay = Micros(0);
  uint32_t budget = proxy::Policy().budget;
  uint32_t max_budget = proxy::Policy().max_budget;
  uint32_t data_buffers = 8192;                                                       ///< of the concentrator
  FastOpen fast_open = FastOpen::kOff;                                                ///< on both legs
  std::optional<congestion::Algorithm> access_algorithm = {}, server_algorithm = {};  ///< if not that of the settings
  std::string beyond_client = {};  ///< a net the concentrator reaches through the client's first access
  uint8_t access_dscp = 0;
  uint8_t server_dscp = 0;
  uint16_t access_mtu = 1500;  ///< of all interfaces on the accesses
  uint16_t server_mtu = 1500;  ///< of those on the server's side
};

Concentrated make_concentrated(World& world, const std::vector<PathParameters>& accesses,
                               const PathParameters& server_path, const ConcentratedOptions& options = {});

ClientPaths client_paths(const Concentrated& concentrated);

}  // namespace tributary::sim
