// What the script sends: a packet of the wire out of a packet of the script.
#pragma once

#include "src/script/ast.h"
#include "src/script/flow.h"
#include "src/script/live_packet.h"

namespace tributary::script {

/// Builds the packet and notes in `flow` and `names` what it tells: ISNs, keys, mappings.
Bytes build_inbound(const PacketSpec& spec, Flow& flow, MptcpNames& names);

/// Type and code of an ICMP message by name. Throws ScriptError (unsupported) for others.
struct IcmpNumbers {
  uint8_t type = 0;
  uint8_t code = 0;
};
IcmpNumbers find_icmp(const IcmpSpec& spec, bool v4);

}  // namespace tributary::script
