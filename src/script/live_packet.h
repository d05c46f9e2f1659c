// An IP packet on the virtual port: bytes, and what they say. Checksums are made on the way in and verified
// on the way out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stack/base/units.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ip.h"
#include "stack/wire/tcp.h"

namespace tributary::script {

using Bytes = std::vector<uint8_t>;

/// A TCP segment, or an ICMP message (`tcp` is empty then and `body` starts behind the ICMP header).
struct LivePacket {
  Micros time;  ///< script time at which the stack sent it
  wire::IpHeader ip;
  std::optional<wire::TcpHeader> tcp;
  std::optional<wire::IcmpHeader> icmp;
  Bytes bytes;                       ///< all of it, from the IP header on
  Bytes options;                     ///< TCP's option area
  Bytes body;                        ///< payload
  bool coalesced = false;            ///< several segments put together, see ScriptRun
  std::vector<std::string> defects;  ///< wrong checksums, impossible lengths
};

/// Takes apart an IP packet the stack has sent.
LivePacket parse_packet_bytes(std::span<const uint8_t> packet, Micros time);

/// One TCP segment as an IP packet with good checksums. `options` has a multiple of four bytes.
Bytes make_tcp_packet(wire::IpHeader ip, wire::TcpHeader tcp, std::span<const uint8_t> options,
                      std::span<const uint8_t> payload);
/// One ICMP or ICMPv6 message.
Bytes make_icmp_packet(wire::IpHeader ip, const wire::IcmpHeader& icmp, std::span<const uint8_t> body);

/// The byte of a stream at `offset`: what inbound payload and written data are made of, so that a wrong order
/// or a wrong place is noticed.
inline uint8_t pattern_byte(uint64_t offset) {
  return static_cast<uint8_t>('!' + offset % 89 + (offset / 89) % 5);
}
Bytes make_pattern(uint64_t offset, size_t size);

}  // namespace tributary::script
