#include "tests/sim/concentrator.h"

#include <algorithm>
#include <memory>
#include <string>

namespace tributary::sim {
namespace {

struct Addresses {
  bool v6;
  std::string access(size_t path, int host) const {
    return v6 ? "fd00:0:0:" + std::to_string(path) + "::" + std::to_string(host)
              : "10.0." + std::to_string(path) + "." + std::to_string(host);
  }
  std::string server_side(int host) const { return (v6 ? "2001:db8::" : "192.0.2.") + std::to_string(host); }
  std::string on_link(const std::string& address) const { return address + (v6 ? "/64" : "/24"); }
  std::string server_net() const { return v6 ? "2001:db8::/64" : "192.0.2.0/24"; }
  std::string access_net() const { return v6 ? "fd00::/16" : "10.0.0.0/16"; }
};

constexpr int kClient = 1, kAccessGateway = 2;                     // on an access
constexpr int kConcentrator = 1, kServer = 2, kPoolAddress = 100;  // on the server's side

}  // namespace

Concentrated make_concentrated(World& world, const std::vector<PathParameters>& accesses,
                               const PathParameters& server_path, const ConcentratedOptions& options) {
  const Addresses at{options.v6};
  const auto server_interface = static_cast<uint16_t>(accesses.size());
  HostConfig client{.name = "client", .settings = options.client, .interfaces = {}};
  HostConfig middle{.name = "concentrator", .settings = options.concentrator, .interfaces = {}};
  HostConfig server{.name = "server", .settings = options.server, .interfaces = {}};
  std::vector<uint16_t> access_interfaces;
  for (uint16_t i = 0; i < accesses.size(); ++i) {
    client.interfaces.push_back({at.on_link(at.access(i, kClient))});
    client.gateways.push_back({at.server_net(), at.access(i, kAccessGateway), i});
    middle.interfaces.push_back({at.on_link(at.access(i, kAccessGateway))});
    access_interfaces.push_back(i);
  }
  middle.interfaces.push_back({at.on_link(at.server_side(kConcentrator))});
  middle.host_addresses.emplace_back(server_interface, at.server_side(kPoolAddress));
  server.interfaces.push_back({at.on_link(at.server_side(kServer))});
  server.gateways.push_back({at.access_net(), at.server_side(kConcentrator), 0});
  if (!options.beyond_client.empty()) middle.gateways.push_back({options.beyond_client, at.access(0, kClient), 0});
  for (HostConfig* config : {&client, &middle, &server}) {
    config->offloads = options.offloads;
    config->pass_delay = options.pass_delay;
  }

  middle.data_buffers = options.data_buffers;
  client.mtus.assign(accesses.size(), options.access_mtu);
  middle.mtus = client.mtus;
  middle.mtus.push_back(options.server_mtu);
  server.mtus = {options.server_mtu};
  constexpr uint16_t kEthernetWithTag = 18;
  const uint16_t largest = static_cast<uint16_t>(std::max(options.access_mtu, options.server_mtu) + kEthernetWithTag);
  for (HostConfig* config : {&client, &middle, &server}) config->data_room = std::max(config->data_room, largest);

  Concentrated made{};
  made.v6 = options.v6;
  made.client = &world.add_host(client);
  made.concentrator = &world.add_host(middle);
  made.server = &world.add_host(server);
  for (uint16_t i = 0; i < accesses.size(); ++i)
    made.accesses.push_back(&world.join(*made.client, i, *made.concentrator, i, accesses[i]));
  made.server_path = &world.join(*made.concentrator, server_interface, *made.server, 0, server_path);

  proxy::Policy policy;
  policy.source = options.preserve ? proxy::Policy::Source::kPreserve : proxy::Policy::Source::kPool;
  policy.pool = {*IpAddress::parse(at.server_side(kPoolAddress))};
  policy.budget = options.budget;
  policy.max_budget = options.max_budget;
  policy.max_relays = 1024;
  policy.server_algorithm = options.server_algorithm.value_or(options.concentrator.algorithm);
  policy.server_fast_open = options.fast_open;
  policy.server_dscp = options.server_dscp;
  auto proxy = std::make_shared<proxy::Concentrator>(policy);
  made.proxy = proxy.get();
  proxy->attach(made.concentrator->stack());
  proxy->listen_transparent(access_interfaces,
                            {.algorithm = options.access_algorithm.value_or(options.concentrator.algorithm),
                             .dscp = options.access_dscp,
                             .fast_open = options.fast_open});
  made.concentrator->set_user(proxy.get());
  made.concentrator->set_pass_hook([p = made.proxy](Micros now) { p->advance(now); },
                                   [p = made.proxy] { return p->next_deadline(); });
  world.add_check(
      [p = made.proxy]() -> std::string { return p->size() == 0 ? "" : std::to_string(p->size()) + " relays"; });
  world.keep(std::move(proxy));
  return made;
}

ClientPaths client_paths(const Concentrated& c) {
  const Addresses at{c.v6};
  ClientPaths paths{c.client, {}};
  for (uint16_t i = 0; i < c.accesses.size(); ++i)
    paths.ends.push_back({i, *IpAddress::parse(at.access(i, kClient)), *IpAddress::parse(at.server_side(kServer))});
  return paths;
}

}  // namespace tributary::sim
