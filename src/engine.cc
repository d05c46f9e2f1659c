#include "src/engine.h"

#include <algorithm>

#include "datapath/concat.h"
#include "src/settings.h"

namespace tributary {

Engine::Engine(const config::Config& config, const std::vector<config::Interface>& interfaces, PacketPools& pools,
               size_t port_count)
    : pools_(pools),
      frames_(port_count),
      ip_(pools, frames_, random_, counters_, make_ip_limits(config)),
      concentrator_(make_policy(config, interfaces)) {}

std::unique_ptr<Engine> Engine::create(const config::Config& config, WorkerId worker, uint16_t workers,
                                       PacketPools& pools, std::span<const std::unique_ptr<datapath::Port>> ports,
                                       std::string& error) {
  const std::vector<config::Interface> interfaces = config::list_interfaces(config);
  std::unique_ptr<Engine> engine(new Engine(config, interfaces, pools, ports.size()));
  if (!engine->add_interfaces(config, interfaces, ports, error)) return nullptr;
  if (!engine->add_pool(config, interfaces, error)) return nullptr;
  engine->ip_.announce();
  engine->stack_ =
      std::make_unique<Stack>(pools, engine->ip_, engine->frames_, engine->random_, engine->counters_,
                              make_settings(config, worker, workers), engine->concentrator_, engine->clock_.now());
  engine->concentrator_.attach(*engine->stack_);
  engine->add_listeners(config, interfaces);
  engine->worker_ =
      std::make_unique<datapath::Worker>(make_worker_options(config, worker), *engine->stack_, engine->frames_,
                                         engine->counters_, ports, engine->clock_, *engine);
  return engine;
}

// The IP layer numbers interfaces in the order they are added, which is that of `interfaces`.
bool Engine::add_interfaces(const config::Config& config, const std::vector<config::Interface>& interfaces,
                            std::span<const std::unique_ptr<datapath::Port>> ports, std::string& error) {
  for (const config::Interface& interface : interfaces) {
    const datapath::PortFacts& facts = ports[interface.port]->facts();
    const ip::InterfaceConfig wanted = {.name = interface.name,
                                        .port = PortId{static_cast<uint16_t>(interface.port)},
                                        .vlan = interface.vlan,
                                        .mac = facts.mac,
                                        .mtu = interface.mtu,
                                        .addresses = interface.addresses,
                                        .offloads = facts.offloads};
    if (ip_.add_interface(wanted, error)) continue;
    error = concat("interface \"", interface.name, "\": ", error);
    return false;
  }
  for (const config::RouteSection& route : config.routes) {
    const ip::RouteConfig wanted = {.destination = route.destination,
                                    .gateway = route.gateway,
                                    .interface = static_cast<uint16_t>(interface_of_route(route, interfaces))};
    if (ip_.add_route(wanted, error)) continue;
    error = concat("route to ", route.destination.to_string(), ": ", error);
    return false;
  }
  return true;
}

bool Engine::add_pool(const config::Config& config, const std::vector<config::Interface>& interfaces,
                      std::string& error) {
  const config::ServerLegSection& leg = config.server_leg;
  for (const IpAddress& address : leg.pool) {
    if (ip_.is_own_address(address)) continue;  // an interface's address is answered for already
    const size_t interface = leg.port ? config::find_interface(interfaces, *leg.port).value()
                                      : config::find_on_link(interfaces, address).value();
    if (ip_.add_host_address(static_cast<uint16_t>(interface), address, error)) continue;
    error = concat("server_leg.pool, ", address.to_string(), ": ", error);
    return false;
  }
  return true;
}

void Engine::add_listeners(const config::Config& config, const std::vector<config::Interface>& interfaces) {
  for (const config::ListenerSection& listener : config.listeners) {
    std::vector<uint16_t> indices;
    for (const std::string& port : listener.ports)
      indices.push_back(static_cast<uint16_t>(config::find_interface(interfaces, port).value()));
    const proxy::AccessLeg leg = make_access_leg(config, listener);
    if (listener.kind == "transparent")
      concentrator_.listen_transparent(std::move(indices), leg);
    else
      concentrator_.listen_convert(std::move(indices), listener.addresses, listener.listen_port, leg);
  }
}

}  // namespace tributary
