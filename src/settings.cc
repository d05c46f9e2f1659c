#include "src/settings.h"

#include <algorithm>

namespace tributary {
namespace {

// Interfaces that routes of the family leave by; without routes, those that are not a listener's.
std::vector<const config::Interface*> find_server_interfaces(const config::Config& config,
                                                             const std::vector<config::Interface>& interfaces,
                                                             bool v4) {
  std::vector<const config::Interface*> found;
  for (const config::RouteSection& route : config.routes)
    if (route.destination.address.is_v4() == v4) found.push_back(&interfaces[interface_of_route(route, interfaces)]);
  if (!found.empty()) return found;
  for (const config::Interface& interface : interfaces) {
    const bool for_clients = std::ranges::any_of(config.listeners, [&](const config::ListenerSection& listener) {
      return std::ranges::find(listener.ports, interface.name) != listener.ports.end();
    });
    if (!for_clients) found.push_back(&interface);
  }
  return found;
}

congestion::Algorithm make_algorithm(const std::string& name) {
  return congestion::parse_algorithm(name).value();  // the schema lets no other name through
}

FastOpen make_fast_open(const std::string& name) {
  return name == "cookie" ? FastOpen::kCookie : name == "no_cookie" ? FastOpen::kNoCookie : FastOpen::kOff;
}

}  // namespace

datapath::EalOptions make_eal_options(const config::Config& config) {
  datapath::EalOptions options;
  std::string unused;
  options.hugepages = config.eal.hugepages;
  options.memory_mb = config.eal.memory_mb;
  options.lcores = datapath::parse_lcores(config.eal.lcores, unused).value();
  options.file_prefix = config.eal.file_prefix;
  options.runtime_dir = config.control.socket_dir;
  options.extra_arguments = config.eal.extra_args;
  for (const config::PortSection& port : config.ports)
    options.devices.push_back(datapath::parse_device(port.device, unused).value());
  return options;
}

datapath::PortOptions make_port_options(const config::PortSection& port) {
  std::string unused;
  return {.name = port.name,
          .device = datapath::parse_device(port.device, unused).value(),
          .mtu = port.mtu,
          .receive_descriptors = port.rx_descriptors,
          .transmit_descriptors = port.tx_descriptors};
}

datapath::WorkerOptions make_worker_options(const config::Config& config, WorkerId worker) {
  return {.id = worker,
          .idle_backoff = config.worker.idle_backoff,
          .idle_passes = config.worker.idle_passes,
          .longest_nap = Micros(config.worker.longest_nap_us),
          .deepest_nap = Micros(config.worker.deepest_nap_us)};
}

PacketPools::Sizes make_pool_sizes(const config::Config& config) {
  PacketPools::Sizes sizes;
  sizes.data_buffers = config.worker.data_buffers;
  sizes.header_buffers = config.worker.header_buffers;
  constexpr int kEthernetWithTag = 18;
  for (const config::PortSection& port : config.ports)
    sizes.data_room = static_cast<uint16_t>(std::max<int>(sizes.data_room, port.mtu + kEthernetWithTag));
  return sizes;
}

ip::Limits make_ip_limits(const config::Config& config) {
  ip::Limits limits;
  limits.fragmented_packets = config.worker.fragmented_packets;
  return limits;
}

Settings make_settings(const config::Config& config, WorkerId worker, uint16_t workers) {
  const config::TcpSection& tcp = config.tcp;
  Settings settings;
  settings.max_subflows = config.worker.max_subflows;
  settings.max_connections = config.worker.max_connections;
  settings.max_time_wait = config.worker.max_time_wait;
  settings.max_half_open = config.worker.max_half_open;
  settings.syn_cookies_from = config.worker.syn_cookies_from;
  settings.algorithm = make_algorithm(tcp.congestion);
  settings.ecn = tcp.ecn == "off"   ? Settings::Ecn::kOff
                 : tcp.ecn == "ask" ? Settings::Ecn::kAsk
                                    : Settings::Ecn::kAccept;
  settings.keepalive = Micros::seconds(tcp.keepalive_s);
  settings.keepalive_interval = Micros::seconds(tcp.keepalive_interval_s);
  settings.keepalive_probes = tcp.keepalive_probes;
  settings.user_timeout = Micros::seconds(tcp.user_timeout_s);
  settings.initial_rto = Micros::milliseconds(tcp.initial_rto_ms);
  settings.min_rto = Micros::milliseconds(tcp.min_rto_ms);
  settings.max_rto = Micros::milliseconds(tcp.max_rto_ms);
  settings.delayed_ack = Micros::milliseconds(tcp.delayed_ack_ms);
  settings.time_wait = Micros::seconds(tcp.time_wait_s);
  settings.fin_wait2 = Micros::seconds(tcp.fin_wait2_s);
  settings.syn_retries = tcp.syn_retries;
  settings.syn_ack_retries = tcp.syn_ack_retries;
  settings.data_retries = tcp.data_retries;
  settings.window_scale = tcp.window_scale;
  settings.timestamps = tcp.timestamps;
  settings.pacing = tcp.pacing;
  settings.restart_after_idle = tcp.restart_after_idle;
  settings.max_out_of_order = tcp.max_out_of_order;
  settings.invalid_ratelimit = Micros::milliseconds(tcp.invalid_ratelimit_ms);
  settings.receive_budget = tcp.receive_budget;
  settings.first_ephemeral_port = tcp.first_ephemeral_port;
  settings.last_ephemeral_port = tcp.last_ephemeral_port;
  settings.fast_open_keys = make_fast_open_keys(tcp);
  settings.max_fast_open = config.worker.max_fast_open;
  settings.fast_open_cache = config.worker.fast_open_cache;
  settings.mptcp_enabled = config.mptcp.enabled;
  settings.mptcp_checksum = config.mptcp.checksum;
  settings.max_subflows_per_connection = config.mptcp.max_subflows;
  settings.close_timeout = Micros::seconds(config.mptcp.close_timeout_s);
  settings.join_timeout = Micros::seconds(config.mptcp.join_timeout_s);
  settings.worker = worker;
  settings.workers = workers;
  return settings;
}

std::vector<SipKey> make_fast_open_keys(const config::TcpSection& tcp) {
  std::vector<SipKey> keys;
  for (const std::string& key : tcp.fast_open_keys) keys.push_back(parse_sip_key(key).value());
  return keys;
}

proxy::Policy make_policy(const config::Config& config, const std::vector<config::Interface>& interfaces) {
  const config::ServerLegSection& leg = config.server_leg;
  proxy::Policy policy;
  if (leg.source == "preserve")
    policy.source = proxy::Policy::Source::kPreserve;
  else
    policy.pool = list_source_addresses(config, interfaces);
  policy.connect_timeout = Micros::seconds(leg.connect_timeout_s);
  policy.server_algorithm = make_algorithm(leg.congestion.value_or(config.tcp.congestion));
  policy.server_dscp = leg.dscp;
  policy.server_fast_open = make_fast_open(leg.fast_open);
  policy.budget = config.relay.budget;
  policy.max_budget = config.relay.max_budget;
  policy.max_relays = config.worker.max_connections;
  return policy;
}

proxy::AccessLeg make_access_leg(const config::Config& config, const config::ListenerSection& listener) {
  return {.algorithm = make_algorithm(listener.congestion.value_or(config.tcp.congestion)),
          .dscp = listener.dscp,
          .fast_open = make_fast_open(listener.fast_open)};
}

size_t interface_of_route(const config::RouteSection& route, const std::vector<config::Interface>& interfaces) {
  if (route.port) return config::find_interface(interfaces, *route.port).value();
  return config::find_on_link(interfaces, route.gateway.value()).value();
}

std::vector<IpAddress> list_source_addresses(const config::Config& config,
                                             const std::vector<config::Interface>& interfaces) {
  std::vector<IpAddress> addresses = config.server_leg.pool;
  for (const bool v4 : {true, false}) {
    if (std::ranges::any_of(config.server_leg.pool, [&](const IpAddress& a) { return a.is_v4() == v4; })) continue;
    for (const config::Interface* interface : find_server_interfaces(config, interfaces, v4)) {
      for (const IpPrefix& prefix : interface->addresses) {
        const IpAddress& address = prefix.address;
        const bool usable = address.is_v4() == v4 && !address.is_link_local();
        if (usable && std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
      }
    }
  }
  return addresses;
}

}  // namespace tributary
