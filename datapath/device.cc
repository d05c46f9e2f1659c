#include "datapath/device.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>

#include "datapath/concat.h"

#include "datapath/kernel_interface.h"

namespace tributary::datapath {
namespace {

bool all_hex(std::string_view text, size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// "dddd:bb:dd.f", from that or from the short form without the domain.
std::optional<std::string> parse_pci_address(std::string_view text) {
  std::string full(text);
  if (text.size() == 7) full.insert(0, "0000:");
  if (full.size() != 12 || full[4] != ':' || full[7] != ':' || full[10] != '.') return {};
  const std::string_view view = full;
  if (!all_hex(view.substr(0, 4), 4) || !all_hex(view.substr(5, 2), 2) || !all_hex(view.substr(8, 2), 2)) return {};
  if (full[11] < '0' || full[11] > '7') return {};
  std::ranges::transform(full, full.begin(), [](unsigned char c) { return std::tolower(c); });
  return full;
}

std::string find_pci_obstacle(const Device& device) {
  namespace fs = std::filesystem;
  const fs::path path = "/sys/bus/pci/devices/" + device.name;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return concat("there is no PCI device ", device.name);
  const fs::path driver = fs::read_symlink(path / "driver", ignored).filename();
  static constexpr std::array<std::string_view, 3> kUserspace = {"vfio-pci", "uio_pci_generic", "igb_uio"};
  // Bifurcated drivers stay bound to the kernel's; every other kernel driver keeps the EAL away.
  static constexpr std::array<std::string_view, 2> kBifurcated = {"mlx5_core", "mlx4_core"};
  const std::string bound = driver.string();
  if (std::ranges::find(kUserspace, bound) != kUserspace.end() ||
      std::ranges::find(kBifurcated, bound) != kBifurcated.end())
    return {};
  return concat("PCI device ", device.name,
                bound.empty() ? " has no driver" : concat(" belongs to the kernel driver ", bound),
                "; bind it with: dpdk-devbind.py --bind=vfio-pci ", device.name);
}

}  // namespace

std::optional<std::string> Device::argument(std::string_view key) const {
  for (const auto& [name_of, value] : arguments)
    if (name_of == key) return value;
  return {};
}

std::optional<std::string> Device::kernel_interface() const {
  if (driver == "net_af_packet" || driver == "eth_af_packet" || driver == "net_af_xdp") return argument("iface");
  if (driver == "net_tap") return argument("remote");
  return {};
}

std::optional<Device> parse_device(std::string_view text, std::string& error) {
  Device device;
  const std::string_view name = text.substr(0, text.find(','));
  if (const auto pci = parse_pci_address(name)) {
    device.kind = Device::Kind::kPci;
    device.name = *pci;
  } else {
    const size_t end = name.find_last_not_of("0123456789");
    const bool plausible = !name.empty() && std::isalpha(static_cast<unsigned char>(name[0])) &&
                           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
    if (!plausible) {
      error = concat("\"", text,
                     "\" is neither a PCI address (0000:01:00.0) nor a virtual device "
                     "(net_af_packet0,iface=eth1)");
      return {};
    }
    if (end + 1 == name.size()) {
      error = concat("virtual device \"", name, "\" lacks its number; write \"", name, "0\"");
      return {};
    }
    device.name = name;
    device.driver = name.substr(0, end + 1);
  }
  device.text = concat(device.name, text.substr(name.size()));
  for (std::string_view rest = text.substr(name.size()); !rest.empty();) {
    rest.remove_prefix(1);  // the comma
    const std::string_view pair = rest.substr(0, rest.find(','));
    rest.remove_prefix(pair.size());
    const size_t equals = pair.find('=');
    if (pair.empty() || equals == 0 || equals == std::string_view::npos) {
      error = concat("\"", text, "\": device arguments are key=value, separated by commas");
      return {};
    }
    device.arguments.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return device;
}

bool overlap(const Device& a, const Device& b) {
  if (a.name == b.name) return true;
  const auto interface = a.kernel_interface();
  return interface && interface == b.kernel_interface();
}

std::string find_obstacle(const Device& device) {
  if (device.kind == Device::Kind::kPci) return find_pci_obstacle(device);
  const auto interface = device.kernel_interface();
  const bool needs_interface = device.driver == "net_af_packet" || device.driver == "net_af_xdp";
  if (needs_interface && !interface) return concat(device.name, " needs the argument iface=<kernel interface>");
  if (interface) {
    const KernelInterface facts = inspect_interface(*interface);
    if (!facts.exists) return concat("there is no network interface \"", *interface, "\"", facts.known_names);
    if (device.driver == "net_af_packet") {
      const int fd = socket(AF_PACKET, SOCK_RAW, 0);
      if (fd < 0 && errno == EPERM) return device.name + " needs the right CAP_NET_RAW; run as root";
      if (fd >= 0) close(fd);
    }
  }
  return {};
}

std::vector<std::string_view> virtual_drivers() {
  return {"net_af_packet", "net_af_xdp", "net_bonding", "net_memif", "net_null",
          "net_pcap",      "net_ring",   "net_tap",     "net_vhost", "net_virtio_user"};
}

}  // namespace tributary::datapath
