// Opening a port: probe, choose offloads, queues, start. Apart from port.cc, which is the packet path.
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "datapath/concat.h"

#include "datapath/kernel_interface.h"
#include "datapath/port.h"

namespace tributary::datapath {
namespace {

// A frame of the MTU with a tag, in the ring of the af_packet driver, behind the kernel's TPACKET2 header.
constexpr uint32_t kEthernetOverhead = 18;
constexpr uint32_t kAfPacketHeader = 80;
constexpr uint32_t kAfPacketDefaultFrame = 2048;

std::string list_drivers() {
  std::string text;
  for (const std::string_view driver : virtual_drivers()) append(text, text.empty() ? "" : ", ", driver);
  return text;
}

std::string explain_probe_failure(const Device& device, int result) {
  if (device.kind == Device::Kind::kVirtual && result == -EFAULT)
    return concat("no driver takes the device \"", device.name, "\"; virtual drivers are ", list_drivers());
  return concat("the driver did not open \"", device.text, "\"",
                result < -1 ? concat(" (", std::strerror(-result), ")") : "",
                "; check its arguments and the EAL's message above");
}

// The driver's own default of 512 frames is less than one relay may have in flight; the kernel drops what
// does not fit, and nobody counts it. Whoever says anything about the rings says everything.
std::string add_defaults(const Device& device) {
  if (device.driver != "net_af_packet") return device.text;
  for (const std::string_view key : {"blocksz", "framesz", "framecnt"})
    if (device.argument(key)) return device.text;
  return concat(device.text, ",framecnt=4096");
}

// Probes the device unless the EAL has already done so at its start (PCI).
std::string probe(const Device& device, uint16_t& id) {
  if (rte_eth_dev_get_port_by_name(device.name.c_str(), &id) == 0) return {};
  const int result = rte_dev_probe(add_defaults(device).c_str());
  if (result != 0) return explain_probe_failure(device, result);
  if (rte_eth_dev_get_port_by_name(device.name.c_str(), &id) == 0) return {};
  return concat("\"", device.name, "\" is no network device");
}

ip::PortOffloads choose_offloads(const rte_eth_dev_info& info, rte_eth_conf& conf) {
  const uint64_t rx = info.rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
  // Not FAST_FREE: a frame on its way out is usually still queued for retransmission (design D1).
  const uint64_t tx = info.tx_offload_capa &
                      (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
  conf.rxmode.offloads = rx;
  conf.txmode.offloads = tx;
  return {.receive_ip_checksum = (rx & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0,
          .receive_tcp_checksum = (rx & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0,
          .transmit_ip_checksum = (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0,
          .transmit_tcp_checksum = (tx & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0,
          .transmit_multi_segment = (tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0};
}

std::string find_frame_size_obstacle(const PortOptions& options) {
  if (options.device.driver != "net_af_packet") return {};
  const auto argument = options.device.argument("framesz");
  const uint32_t room =
      argument ? static_cast<uint32_t>(std::strtoul(argument->c_str(), nullptr, 10)) : kAfPacketDefaultFrame;
  const uint32_t needed = options.mtu + kEthernetOverhead + kAfPacketHeader;
  if (room >= needed) return {};
  uint32_t next = kAfPacketDefaultFrame;
  while (next < needed) next *= 2;
  return concat("an MTU of ", options.mtu, " does not fit the driver's frames of ", room, " bytes; add framesz=", next,
                ",blocksz=", std::max(next, 4096u), " to the device");
}

// The kernel's interface is left alone when it has the right MTU, since setting it needs more rights.
std::string set_mtu(uint16_t id, const PortOptions& options, const KernelInterface* kernel) {
  if (kernel != nullptr && kernel->mtu == options.mtu) return {};
  uint16_t current = 0;
  if (kernel == nullptr && rte_eth_dev_get_mtu(id, &current) == 0 && current == options.mtu) return {};
  const int result = rte_eth_dev_set_mtu(id, options.mtu);
  if (result == 0) return {};
  return concat("its MTU cannot be set to ", options.mtu, ": ", std::strerror(-result));
}

// Neighbour solicitations come to multicast addresses (RFC 4291 §2.7.1): all of them if the device can, all
// frames otherwise.
bool receive_multicast(uint16_t id) {
  return rte_eth_allmulticast_enable(id) == 0 || rte_eth_promiscuous_enable(id) == 0;
}

// The device's address; for one that has none (rings between processes) a locally administered one, the same
// at every start.
MacAddress find_mac(uint16_t id, const Device& device) {
  rte_ether_addr address{};
  rte_eth_macaddr_get(id, &address);
  MacAddress mac;
  std::memcpy(mac.bytes.data(), address.addr_bytes, sizeof address.addr_bytes);
  if (mac != MacAddress()) return mac;
  const uint64_t hash = std::hash<std::string>()(device.name);
  std::memcpy(mac.bytes.data(), &hash, mac.bytes.size());
  mac.bytes[0] = static_cast<uint8_t>((mac.bytes[0] & ~RTE_ETHER_GROUP_ADDR) | RTE_ETHER_LOCAL_ADMIN_ADDR);
  return mac;
}

}  // namespace

std::unique_ptr<Port> Port::open(const PortOptions& options, std::span<PacketPools* const> pools, std::string& error) {
  std::unique_ptr<Port> port(new Port);
  error = find_obstacle(options.device);
  if (error.empty()) error = find_frame_size_obstacle(options);
  if (error.empty()) error = probe(options.device, port->id_);
  if (error.empty() && port->configure(options, pools, error)) return port;
  error = concat("port \"", options.name, "\": ", error);
  return nullptr;
}

bool Port::configure(const PortOptions& options, std::span<PacketPools* const> pools, std::string& error) {
  const auto fail = [&](const std::string& what, int result) {
    error = concat(what, ": ", std::strerror(-result));
    return false;
  };
  rte_eth_dev_info info{};
  if (const int r = rte_eth_dev_info_get(id_, &info); r != 0) return fail("it tells nothing about itself", r);
  const auto queues = static_cast<uint16_t>(pools.size());
  if (info.max_rx_queues < queues || info.max_tx_queues < queues) {
    error = concat("it has ", std::min(info.max_rx_queues, info.max_tx_queues), " queues, but every worker needs one (",
                   queues, ")");
    return false;
  }

  rte_eth_conf conf{};
  conf.rxmode.mtu = options.mtu;
  facts_.offloads = choose_offloads(info, conf);
  if (queues > 1) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf =
        info.flow_type_rss_offloads & (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP);
  }
  if (const int r = rte_eth_dev_configure(id_, queues, queues, &conf); r != 0)
    return fail("it cannot be configured", r);

  uint16_t rx_descriptors = options.receive_descriptors;
  uint16_t tx_descriptors = options.transmit_descriptors;
  if (const int r = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors, &tx_descriptors); r != 0)
    return fail("its descriptor rings cannot be sized", r);
  const auto node = static_cast<unsigned>(rte_eth_dev_socket_id(id_));
  for (uint16_t queue = 0; queue < queues; ++queue) {
    rte_mempool* pool = pools[queue]->data_pool();
    data_pools_.push_back(pool);
    if (const int r = rte_eth_rx_queue_setup(id_, queue, rx_descriptors, node, nullptr, pool); r != 0)
      return fail(concat("receive queue ", queue, " cannot be set up"), r);
    rte_eth_txconf tx = info.default_txconf;
    tx.offloads = conf.txmode.offloads;
    if (const int r = rte_eth_tx_queue_setup(id_, queue, tx_descriptors, node, &tx); r != 0)
      return fail(concat("transmit queue ", queue, " cannot be set up"), r);
  }

  KernelInterface kernel;
  const auto interface = options.device.kernel_interface();
  if (interface) {
    kernel = inspect_interface(*interface);
    facts_.faults = find_interface_faults(*interface, kernel);
  }
  error = set_mtu(id_, options, interface ? &kernel : nullptr);
  if (!error.empty()) return false;
  if (const int r = rte_eth_dev_start(id_); r != 0) return fail("it cannot be started", r);
  started_ = true;
  if (!receive_multicast(id_))
    facts_.faults.push_back(
        "the device can neither take all multicast frames nor be promiscuous: IPv6 neighbours "
        "may not find us");

  facts_.mac = find_mac(id_, options.device);
  facts_.name = options.name;
  facts_.device = options.device.text;
  facts_.driver = info.driver_name;
  facts_.mtu = options.mtu;
  prepare_ = facts_.offloads.transmit_ip_checksum || facts_.offloads.transmit_tcp_checksum;
  return true;
}

}  // namespace tributary::datapath
