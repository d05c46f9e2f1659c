#include "src/config/meaning.h"

#include <algorithm>
#include <map>
#include <set>

#include "datapath/concat.h"
#include "datapath/device.h"
#include "datapath/eal.h"
#include "src/config/interfaces.h"
#include "src/config/nearest.h"
#include "stack/base/sip_hash.h"

namespace tributary::config {
namespace {

// What a buffer costs beside its room: mbuf, private area, headroom, pool header. And the room of header
// buffers.
constexpr uint64_t kBufferOverhead = 128 + 64 + 128 + 64;
constexpr uint64_t kHeaderRoom = 384;
constexpr uint64_t kDataRoom = 2048;

bool is_usable(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_multicast() && !address.is_loopback() && !address.is_broadcast();
}

class Checker {
 public:
  Checker(const Config& config, Diagnostics& diagnostics)
      : config_(config), diagnostics_(diagnostics), interfaces_(list_interfaces(config)) {}

  void check_all() {
    check_limits();
    check_names();
    check_devices();
    check_interfaces();
    check_addresses();
    for (const RouteSection& route : config_.routes) check_route(route);
    check_repeated_routes();
    for (const ListenerSection& listener : config_.listeners) check_listener(listener);
    check_listener_pairs();
    check_server_leg();
    check_reachability();
  }

 private:
  void error(const Lines& where, std::string_view key, std::string message) {
    diagnostics_.add_error(where.line_of(key), std::move(message));
  }
  void warn(const Lines& where, std::string_view key, std::string message) {
    diagnostics_.add_warning(where.line_of(key), std::move(message));
  }

  void check_limits() {
    const TcpSection& tcp = config_.tcp;
    if (tcp.min_rto_ms > tcp.max_rto_ms)
      error(tcp, "min_rto_ms",
            concat("tcp.min_rto_ms (", tcp.min_rto_ms, ") is above tcp.max_rto_ms (", tcp.max_rto_ms, ")"));
    if (tcp.first_ephemeral_port > tcp.last_ephemeral_port)
      error(tcp, "first_ephemeral_port",
            concat("tcp.first_ephemeral_port (", tcp.first_ephemeral_port, ") is above tcp.last_ephemeral_port (",
                   tcp.last_ephemeral_port, ")"));
    for (const std::string& key : tcp.fast_open_keys)
      if (!parse_sip_key(key))
        error(tcp, "fast_open_keys",
              concat("tcp.fast_open_keys: \"", key,
                     "\" is not 32 hexadecimal digits, in groups of eight or without dashes"));
    if (config_.relay.budget > config_.relay.max_budget)
      error(config_.relay, "budget",
            concat("relay.budget (", config_.relay.budget, ") is above relay.max_budget (", config_.relay.max_budget,
                   ")"));
    if (!config_.control.socket_dir.starts_with('/'))
      error(config_.control, "socket_dir", "control.socket_dir must be an absolute path");
    std::string message;
    const auto lcores = datapath::parse_lcores(config_.eal.lcores, message);
    if (!lcores)
      error(config_.eal, "lcores", concat("eal.lcores: ", message));
    else if (lcores->size() > 1)
      error(config_.eal, "lcores", concat("eal.lcores names ", lcores->size(), " CPUs; there is one worker for now"));
    check_memory();
  }

  void check_memory() {
    const WorkerSection& worker = config_.worker;
    uint64_t room = kDataRoom;
    uint64_t ring = 0;
    for (const PortSection& port : config_.ports) {
      room = std::max<uint64_t>(room, port.mtu + 18u);
      ring += port.rx_descriptors;
    }
    const uint64_t needed =
        worker.data_buffers * (room + kBufferOverhead) + worker.header_buffers * (kHeaderRoom + kBufferOverhead);
    const uint64_t needed_mb = (needed >> 20) + 1;
    if (needed_mb > config_.eal.memory_mb)
      error(config_.eal, "memory_mb",
            concat("eal.memory_mb is ", config_.eal.memory_mb, ", but the buffers of [worker] need ", needed_mb));
    if (worker.data_buffers <= ring)
      error(worker, "data_buffers",
            concat("worker.data_buffers is ", worker.data_buffers, ", and the receive rings of the ports alone hold ",
                   ring));
  }

  void check_names() {
    std::set<std::string, std::less<>> names;
    for (const PortSection& port : config_.ports)
      if (!names.insert(port.name).second) error(port, "name", concat("the name \"", port.name, "\" is taken"));
    for (const InterfaceSection& interface : config_.interfaces)
      if (!names.insert(interface.name).second)
        error(interface, "name", concat("the name \"", interface.name, "\" is taken"));
    std::set<std::string, std::less<>> listeners;
    for (const ListenerSection& listener : config_.listeners)
      if (!listeners.insert(listener.name).second)
        error(listener, "name", concat("the name \"", listener.name, "\" is taken"));
    if (config_.ports.empty()) diagnostics_.add_error(0, "there is no [[port]]");
    if (config_.listeners.empty()) diagnostics_.add_error(0, "there is no [[listener]]");
  }

  void check_devices() {
    std::vector<std::pair<const PortSection*, datapath::Device>> seen;
    for (const PortSection& port : config_.ports) {
      std::string message;
      auto device = datapath::parse_device(port.device, message);
      if (!device) {
        error(port, "device", concat("port.device: ", message));
        continue;
      }
      for (const auto& [other, other_device] : seen)
        if (datapath::overlap(other_device, *device))
          error(port, "device",
                concat("\"", port.device, "\" is already the device of port \"", other->name, "\" (line ",
                       other->line_of("device"), ")"));
      seen.emplace_back(&port, std::move(*device));
    }
  }

  void check_interfaces() {
    for (const InterfaceSection& section : config_.interfaces) {
      check_known_port(section, "port", section.port);
      if (section.addresses.empty())
        error(section, "addresses", concat("interface \"", section.name, "\" has no address"));
    }
    for (const PortSection& port : config_.ports) {
      const bool used =
          !port.addresses.empty() ||
          std::ranges::find(config_.interfaces, port.name, &InterfaceSection::port) != config_.interfaces.end();
      if (!used) error(port, "addresses", concat("port \"", port.name, "\" has no address and no [[interface]]"));
      if (port.addresses.empty() && port.vlan)
        error(port, "vlan", concat("port \"", port.name, "\" has a vlan but no address"));
    }
    for (size_t i = 0; i < interfaces_.size(); ++i) {
      const Interface& a = interfaces_[i];
      for (size_t j = 0; j < i; ++j) {
        const Interface& b = interfaces_[j];
        if (a.port != b.port || a.vlan != b.vlan) continue;
        error(*a.lines, "vlan",
              concat("\"", a.name, "\" and \"", b.name, "\" are on one port and ",
                     a.vlan ? concat("both have vlan ", *a.vlan) : "neither has a vlan"));
      }
    }
  }

  // A port's own interface is meant by its name; only unknown names are errors here.
  void check_known_port(const Lines& where, std::string_view key, const std::string& name) {
    std::vector<std::string_view> names;
    for (const PortSection& port : config_.ports) names.push_back(port.name);
    if (std::ranges::find(names, name) != names.end()) return;
    error(where, key, concat("there is no port \"", name, "\"", suggest_nearest(name, names)));
  }

  const Interface* look_up(const Lines& where, std::string_view key, const std::string& name) {
    if (const auto index = find_interface(interfaces_, name)) return &interfaces_[*index];
    std::vector<std::string_view> names;
    for (const Interface& interface : interfaces_) names.push_back(interface.name);
    if (std::ranges::find(config_.ports, name, &PortSection::name) != config_.ports.end())
      error(where, key, concat("port \"", name, "\" has no address of its own; name one of its interfaces"));
    else
      error(where, key, concat("there is no port or interface \"", name, "\"", suggest_nearest(name, names)));
    return nullptr;
  }

  void check_addresses() {
    std::map<IpAddress, std::pair<const Lines*, std::string>> users;
    for (const Interface& interface : interfaces_) {
      for (const IpPrefix& prefix : interface.addresses) {
        if (!is_usable(prefix.address))
          error(*interface.lines, "addresses", concat(prefix.address.to_string(), " cannot be an address of ours"));
        claim(users, prefix.address, *interface.lines, "addresses", concat("\"", interface.name, "\""));
        if (!prefix.address.is_v4() && interface.mtu < 1280)
          error(*interface.lines, "mtu",
                concat("\"", interface.name,
                       "\" has an IPv6 address, so its mtu must be at "
                       "least 1280 (RFC 8200 §5)"));
      }
    }
    // A pool may consist of interface addresses; among themselves its addresses must differ.
    std::map<IpAddress, std::pair<const Lines*, std::string>> pool;
    for (const IpAddress& address : config_.server_leg.pool) {
      if (!is_usable(address))
        error(config_.server_leg, "pool", concat(address.to_string(), " cannot be an address of ours"));
      claim(pool, address, config_.server_leg, "pool", "server_leg.pool");
    }
  }

  void claim(std::map<IpAddress, std::pair<const Lines*, std::string>>& users, const IpAddress& address,
             const Lines& where, std::string_view key, std::string user) {
    const auto [place, is_new] = users.try_emplace(address, &where, user);
    if (is_new) return;
    error(where, key,
          concat("address ", address.to_string(), " of ", user, " is already used by ", place->second.second, " (line ",
                 place->second.first->line_of(key), ")"));
  }

  void check_route(const RouteSection& route) {
    const Interface* interface = nullptr;
    if (route.port && (interface = look_up(route, "port", *route.port)) == nullptr) return;
    if (!route.gateway) {
      if (!route.port)
        error(route, "destination",
              concat("the route to ", route.destination.to_string(), " has neither gateway nor port"));
      return;
    }
    const IpAddress& gateway = *route.gateway;
    if (gateway.is_v4() != route.destination.address.is_v4()) {
      error(route, "gateway",
            concat("the gateway ", gateway.to_string(), " is not of the family of ", route.destination.to_string()));
      return;
    }
    if (std::ranges::any_of(interfaces_, [&](const Interface& i) {
          return std::ranges::find(i.addresses, gateway, &IpPrefix::address) != i.addresses.end();
        })) {
      error(route, "gateway", concat("the gateway ", gateway.to_string(), " is our own address"));
      return;
    }
    // Link-local gateways are on every IPv6 link, whatever the prefixes say.
    if (interface != nullptr && !gateway.is_v4() && gateway.is_link_local()) return;
    const bool reachable =
        interface != nullptr ? is_on_link(*interface, gateway) : find_on_link(interfaces_, gateway).has_value();
    if (reachable) return;
    const auto better = find_on_link(interfaces_, gateway);
    error(route, "gateway",
          concat("the gateway ", gateway.to_string(), " is on the link of ",
                 interface == nullptr ? "no port" : concat("no prefix of \"", interface->name, "\""),
                 better ? concat("; it is on that of \"", interfaces_[*better].name, "\"") : ""));
  }

  void check_repeated_routes() {
    for (size_t i = 0; i < config_.routes.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (config_.routes[i].destination == config_.routes[j].destination)
          error(config_.routes[i], "destination",
                concat("there is a route to ", config_.routes[i].destination.to_string(), " already (line ",
                       config_.routes[j].section_line, ")"));
  }

  void check_listener(const ListenerSection& listener) {
    if (listener.ports.empty()) error(listener, "ports", concat("listener \"", listener.name, "\" has no port"));
    std::vector<const Interface*> interfaces;
    for (const std::string& name : listener.ports)
      if (const Interface* interface = look_up(listener, "ports", name)) interfaces.push_back(interface);
    if (listener.kind == "transparent") {
      for (const std::string_view key : {"listen_port", "addresses"})
        if (listener.key_lines.contains(key))
          error(listener, key,
                concat("a transparent listener takes every destination; \"", key, "\" is for kind = \"convert\""));
      return;
    }
    if (listener.fast_open == "no_cookie")
      error(listener, "fast_open",
            concat("listener \"", listener.name,
                   "\": fast_open = \"no_cookie\" is for kind = \"transparent\"; convert takes a "
                   "message in the SYN without a cookie anyway"));
    for (const IpAddress& address : listener.addresses) {
      const bool own = std::ranges::any_of(interfaces, [&](const Interface* i) {
        return std::ranges::find(i->addresses, address, &IpPrefix::address) != i->addresses.end();
      });
      if (!own && interfaces.size() == listener.ports.size())
        error(listener, "addresses", concat(address.to_string(), " is no address of the listener's ports"));
    }
  }

  void check_listener_pairs() {
    for (size_t i = 0; i < config_.listeners.size(); ++i) {
      const ListenerSection& a = config_.listeners[i];
      for (size_t j = 0; j < i; ++j) {
        const ListenerSection& b = config_.listeners[j];
        if (a.kind != b.kind || (a.kind == "convert" && a.listen_port != b.listen_port)) continue;
        const bool apart = !a.addresses.empty() && !b.addresses.empty() &&
                           std::ranges::find_first_of(a.addresses, b.addresses) == a.addresses.end();
        const auto shared = std::ranges::find_first_of(a.ports, b.ports);
        if (apart || shared == a.ports.end()) continue;
        error(a, "ports",
              concat("listeners \"", b.name, "\" and \"", a.name, "\" want the same connections on \"", *shared, "\""));
      }
    }
  }

  void check_server_leg() {
    const ServerLegSection& leg = config_.server_leg;
    const Interface* interface = nullptr;
    if (leg.port && (interface = look_up(leg, "port", *leg.port)) == nullptr) return;
    if (leg.source == "preserve") {
      if (!leg.pool.empty()) error(leg, "pool", "server_leg.source is \"preserve\", so there is no use for a pool");
      return;
    }
    for (const IpAddress& address : leg.pool) {
      if (interface == nullptr && !find_on_link(interfaces_, address)) {
        error(leg, "pool",
              concat(address.to_string(),
                     " is in the prefix of no port; say in server_leg.port which one "
                     "answers for it"));
        continue;
      }
      const bool family_used = std::ranges::any_of(interfaces_, [&](const Interface& i) {
        return std::ranges::any_of(i.addresses,
                                   [&](const IpPrefix& p) { return p.address.is_v4() == address.is_v4(); });
      });
      if (!family_used) error(leg, "pool", concat(address.to_string(), ": no port has an address of that family"));
    }
    if (leg.pool.empty()) return;
    for (const bool v4 : {true, false}) {
      const bool has = std::ranges::any_of(leg.pool, [&](const IpAddress& a) { return a.is_v4() == v4; });
      if (!has && clients_use(v4))
        warn(leg, "pool",
             concat("the pool has no ", v4 ? "IPv4" : "IPv6",
                    " address, but listeners take such connections; they will leave from the address of "
                    "the interface"));
    }
  }

  bool clients_use(bool v4) const {
    for (const ListenerSection& listener : config_.listeners) {
      for (const std::string& name : listener.ports) {
        const auto index = find_interface(interfaces_, name);
        if (!index) continue;
        for (const IpPrefix& prefix : interfaces_[*index].addresses)
          if (prefix.address.is_v4() == v4) return true;
      }
    }
    return false;
  }

  // With nothing but the clients' own links, every connection would be refused.
  void check_reachability() {
    if (!config_.routes.empty() || interfaces_.empty()) return;
    for (const Interface& interface : interfaces_) {
      const bool for_clients = std::ranges::any_of(config_.listeners, [&](const ListenerSection& listener) {
        return std::ranges::find(listener.ports, interface.name) != listener.ports.end();
      });
      if (!for_clients) return;
    }
    diagnostics_.add_error(0, "there is no way to a server: no [[route]], and every port is one of a listener's");
  }

  const Config& config_;
  Diagnostics& diagnostics_;
  std::vector<Interface> interfaces_;
};

}  // namespace

void check_meaning(const Config& config, Diagnostics& diagnostics) {
  Checker(config, diagnostics).check_all();
}

}  // namespace tributary::config
