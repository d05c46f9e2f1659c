// Does a packet of the stack say what the script expects? Every difference is named.
#pragma once

#include <string>
#include <vector>

#include "src/script/ast.h"
#include "src/script/flow.h"
#include "src/script/live_packet.h"

namespace tributary::script {

struct MatchOptions {
  bool check_payload = true;       ///< against the pattern, unless the script writes bytes of its own
  uint32_t timestamp_tick_us = 0;  ///< 0: TSval is not compared
};

/// The differences, empty when the packet is as expected. Learns in `flow` and `names` what the packet tells:
/// ISNs, timestamps, keys, nonces.
std::vector<std::string> match_outbound(const PacketSpec& spec, const LivePacket& live, Flow& flow, MptcpNames& names,
                                        const MatchOptions& options);

}  // namespace tributary::script
