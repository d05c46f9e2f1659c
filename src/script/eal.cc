#include "src/script/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <vector>

namespace tributary::script {

bool start_eal(std::string& error) {
  std::vector<std::string> arguments = {
      "tributary-script", "--no-huge",      "--no-shconf",       "--no-pci", "-m", "32",
      "--no-telemetry",   "--iova-mode=va", "--log-level=error", "--lcores", "0"};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0) return true;
  error = "the EAL did not start: " + std::string(rte_strerror(rte_errno));
  return false;
}

std::unique_ptr<PacketPools> make_script_pools(std::string& error) {
  PacketPools::Sizes sizes;
  sizes.data_buffers = 2047;
  sizes.header_buffers = 1023;
  sizes.data_room = 9216;  // the largest MTU of a script, and a link header
  const char* reason = "";
  auto pools = PacketPools::create(sizes, "script", &reason);
  if (pools == nullptr) error = std::string("no packet buffers: ") + reason;
  return pools;
}

}  // namespace tributary::script
