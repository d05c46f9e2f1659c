// A packet of the stack in the script's own words: relative numbers, named options. For messages.
#pragma once

#include <span>
#include <string>

#include "src/script/flow.h"
#include "src/script/live_packet.h"

namespace tributary::script {

/// "S. 0:0(0) ack 1 win 65535 <mss 1460>". Without a flow, or while it does not know a number, the wire's own
/// numbers.
std::string describe(const LivePacket& packet, const Flow* flow, const MptcpNames& names);
/// What stands between `<` and `>`.
std::string describe_options(std::span<const uint8_t> area, const Flow* flow, const MptcpNames& names, bool from_stack);
std::string describe_flags(uint16_t flags);
/// Seconds with microseconds: "1.000250".
std::string describe_time(Micros time);

}  // namespace tributary::script
