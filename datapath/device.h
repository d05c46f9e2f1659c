// Device: what a port's `device` string in the configuration names, and what can be found out about it before
// the EAL is asked: a PCI address ("0000:01:00.0", "01:00.0") or a virtual device
// ("net_af_packet0,iface=eth1").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tributary::datapath {

struct Device {
  enum class Kind { kPci, kVirtual };
  Kind kind = Kind::kVirtual;
  std::string name;    ///< as the EAL knows it: full PCI address, or the virtual device's name
  std::string driver;  ///< virtual: the name without its number
  std::string text;    ///< what is handed to the EAL: name and arguments
  std::vector<std::pair<std::string, std::string>> arguments;

  /// The value of an argument, or empty.
  std::optional<std::string> argument(std::string_view key) const;
  /// The kernel interface a virtual device works on (af_packet, af_xdp, and tap with `remote=`), or empty.
  std::optional<std::string> kernel_interface() const;
};

/// Empty with `error` when the text is neither a PCI address nor a virtual device.
std::optional<Device> parse_device(std::string_view text, std::string& error);

/// True when both take the same hardware or kernel interface, or have one name.
bool overlap(const Device& a, const Device& b);

/// What keeps the device from being opened, in a sentence with the remedy; empty when nothing is known to.
std::string find_obstacle(const Device& device);

/// The virtual drivers to choose from in error messages.
std::vector<std::string_view> virtual_drivers();

}  // namespace tributary::datapath
