// Option areas out of what a script says: for inbound packets to be sent, for outbound ones to be compared
// with. What a script leaves open is computed (HMACs, checksums), made up (nonces), or, outbound, taken from
// the packet compared with.
#pragma once

#include <span>

#include "src/script/ast.h"
#include "src/script/flow.h"
#include "src/script/live_packet.h"
#include "stack/wire/tcp_options.h"

namespace tributary::script {

struct EncodeContext {
  bool inbound = true;
  const TcpSpec& spec;
  Flow& flow;
  MptcpNames& names;
  /// Outbound: the packet compared with, and its options.
  const LivePacket* live = nullptr;
  const wire::TcpOptions* live_options = nullptr;
};

/// The whole area, padded with NOPs to a multiple of four bytes. Throws ScriptError for more than 40 bytes
/// and for names that mean nothing.
Bytes encode_options(EncodeContext& context);

/// Appends one MPTCP option; false when `option` is none.
bool encode_mptcp_option(EncodeContext& context, const OptionSpec& option, Bytes& out);

inline void put8(Bytes& out, unsigned value) {
  out.push_back(static_cast<uint8_t>(value));
}
inline void put16(Bytes& out, unsigned value) {
  put8(out, value >> 8);
  put8(out, value & 0xff);
}
inline void put32(Bytes& out, uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}
inline void put64(Bytes& out, uint64_t value) {
  put32(out, static_cast<uint32_t>(value >> 32));
  put32(out, static_cast<uint32_t>(value));
}

}  // namespace tributary::script
