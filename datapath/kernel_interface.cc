#include "datapath/kernel_interface.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "datapath/concat.h"

namespace tributary::datapath {
namespace {

// "lo, eth0": enough names to see a typing error, not the thousand of a container host.
std::string list_interfaces() {
  constexpr size_t kShown = 12;
  std::vector<std::string> names;
  struct if_nameindex* all = if_nameindex();
  for (const struct if_nameindex* i = all; i != nullptr && i->if_name != nullptr; ++i) names.emplace_back(i->if_name);
  if (all != nullptr) if_freenameindex(all);
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) append(text, i == 0 ? "" : ", ", names[i]);
  if (names.size() > kShown) text += ", ...";
  return text;
}

uint32_t ask_ethtool(int fd, ifreq& request, uint32_t command) {
  ethtool_value value{};
  value.cmd = command;
  request.ifr_data = reinterpret_cast<char*>(&value);
  return ioctl(fd, SIOCETHTOOL, &request) == 0 ? value.data : 0;
}

}  // namespace

KernelInterface inspect_interface(const std::string& name) {
  KernelInterface facts;
  // The kernel is asked, not /sys: /sys shows the namespace it was mounted in, not the one we run in.
  facts.exists = name.size() < IFNAMSIZ && if_nametoindex(name.c_str()) != 0;
  if (!facts.exists) {
    facts.known_names = concat(" (there are ", list_interfaces(), ")");
    return facts;
  }
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return facts;
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) facts.up = (request.ifr_flags & IFF_UP) != 0;
  if (ioctl(fd, SIOCGIFMTU, &request) == 0) facts.mtu = static_cast<uint32_t>(request.ifr_mtu);
  facts.merges_received =
      ask_ethtool(fd, request, ETHTOOL_GGRO) != 0 || (ask_ethtool(fd, request, ETHTOOL_GFLAGS) & ETH_FLAG_LRO) != 0;
  facts.has_ipv4_address = ioctl(fd, SIOCGIFADDR, &request) == 0;
  close(fd);
  return facts;
}

std::vector<std::string> find_interface_faults(const std::string& name, const KernelInterface& facts) {
  std::vector<std::string> faults;
  if (!facts.up) faults.push_back(concat(name, " is down: ip link set ", name, " up"));
  if (facts.merges_received)
    faults.push_back(concat("the kernel merges frames received on ", name, ", those do not fit a buffer: ethtool -K ",
                            name, " gro off lro off"));
  if (facts.has_ipv4_address)
    faults.push_back(concat("the kernel has an IPv4 address on ", name,
                            " and may answer what is meant for us: ip addr flush dev ", name));
  return faults;
}

}  // namespace tributary::datapath
