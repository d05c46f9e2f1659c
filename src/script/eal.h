// The least of DPDK that packet buffers need: memory without hugepages, devices, sockets or a word of output.
#pragma once

#include <memory>
#include <string>

#include "stack/packet/packet.h"

namespace tributary::script {

/// Starts the EAL; once a process. False with `error`.
bool start_eal(std::string& error);
/// Pools that fit a script. Null with `error`.
std::unique_ptr<PacketPools> make_script_pools(std::string& error);

}  // namespace tributary::script
