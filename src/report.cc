#include "src/report.h"

#include <array>
#include <vector>

#include "datapath/concat.h"
#include "src/config/interfaces.h"
#include "src/settings.h"

namespace tributary {
namespace {

std::string join(const std::vector<std::string>& items, std::string_view nothing) {
  std::string text;
  for (const std::string& item : items) append(text, text.empty() ? "" : ", ", item);
  return text.empty() ? std::string(nothing) : text;
}

template <typename T>
std::string join_addresses(const std::vector<T>& addresses) {
  std::vector<std::string> texts;
  for (const T& address : addresses) texts.push_back(address.to_string());
  return join(texts, "none");
}

std::string describe_offloads(const ip::PortOffloads& offloads) {
  const struct {
    bool in_use;
    const char* name;
  } kAll[] = {{offloads.receive_ip_checksum, "IPv4 checksum received"},
              {offloads.receive_tcp_checksum, "TCP checksum received"},
              {offloads.transmit_ip_checksum, "IPv4 checksum sent"},
              {offloads.transmit_tcp_checksum, "TCP checksum sent"},
              {offloads.transmit_multi_segment, "frames of several buffers"}};
  std::vector<std::string> in_use;
  std::vector<std::string> missing;
  for (const auto& offload : kAll) (offload.in_use ? in_use : missing).push_back(offload.name);
  return concat(join(in_use, "none"), "; done in software: ", join(missing, "nothing"));
}

void add_port(std::string& text, const config::Config& config, const std::vector<config::Interface>& interfaces,
              size_t index, const PortReport& report) {
  const datapath::PortFacts& facts = report.facts;
  append(text, "port ", facts.name, ": ", facts.device, ", driver ", facts.driver, ", MAC ", facts.mac.to_string(),
         ", MTU ", facts.mtu, ", link ", describe_link(report.link), "\n");
  for (const config::Interface& interface : interfaces) {
    if (interface.port != index) continue;
    append(text, "  ", interface.name == facts.name ? "" : concat("interface ", interface.name, ", "),
           interface.vlan ? concat("vlan ", *interface.vlan, ", ") : "", "addresses ",
           join_addresses(interface.addresses), "\n");
  }
  append(text, "  offloads in use: ", describe_offloads(facts.offloads), "\n");
  for (const std::string& fault : facts.faults) append(text, "  warning: ", fault, "\n");
  if (facts.mtu != config.ports[index].mtu)
    append(text, "  warning: the MTU was to be ", config.ports[index].mtu, "\n");
}

std::string describe_listener(const config::Config& config, const config::ListenerSection& listener) {
  std::string text = concat("listener ", listener.name, ": ");
  if (listener.kind == "transparent") {
    append(text, "every TCP connection through ", join(listener.ports, "nothing"));
  } else {
    append(text, "RFC 8803 on TCP port ", listener.listen_port, " of ",
           listener.addresses.empty() ? concat("all addresses of ", join(listener.ports, "nothing"))
                                      : join_addresses(listener.addresses));
  }
  append(text, ", ", listener.congestion.value_or(config.tcp.congestion), "\n");
  return text;
}

std::string describe_server_leg(const config::Config& config, const std::vector<config::Interface>& interfaces) {
  const config::ServerLegSection& leg = config.server_leg;
  const std::string source = leg.source == "preserve" ? std::string("the client's own address")
                                                      : join_addresses(list_source_addresses(config, interfaces));
  return concat("server leg: from ", source, ", ", leg.congestion.value_or(config.tcp.congestion), ", ",
                leg.connect_timeout_s, " s for a server to answer\n");
}

std::string describe_worker(const config::Config& config) {
  const config::WorkerSection& worker = config.worker;
  return concat("worker 0: CPU ", config.eal.lcores, ", ",
                worker.idle_backoff ? concat("naps of up to ", worker.longest_nap_us, " us when idle, ",
                                             worker.deepest_nap_us, " us after two seconds of silence")
                                    : std::string("polls without pause"),
                "; ", worker.data_buffers, " data and ", worker.header_buffers, " header buffers in ",
                config.eal.hugepages ? "hugepages" : "ordinary pages", "\n");
}

}  // namespace

std::string describe_link(const datapath::LinkState& link) {
  if (!link.up) return "down";
  if (link.megabits == 0) return "up";
  return link.megabits % 1000 == 0 ? concat("up, ", link.megabits / 1000, " Gbit/s")
                                   : concat("up, ", link.megabits, " Mbit/s");
}

std::string describe_start(const config::Config& config, std::span<const PortReport> ports,
                           const std::string& telemetry_socket) {
  const std::vector<config::Interface> interfaces = config::list_interfaces(config);
  std::string text;
  for (size_t i = 0; i < ports.size(); ++i) add_port(text, config, interfaces, i, ports[i]);
  for (const config::RouteSection& route : config.routes)
    append(text, "route ", route.destination.to_string(), ": ",
           route.gateway ? concat("by ", route.gateway->to_string(), ", ") : "",
           interfaces[interface_of_route(route, interfaces)].name, "\n");
  for (const config::ListenerSection& listener : config.listeners) text += describe_listener(config, listener);
  append(text, describe_server_leg(config, interfaces), describe_worker(config), "telemetry: ", telemetry_socket, "\n");
  return text;
}

}  // namespace tributary
