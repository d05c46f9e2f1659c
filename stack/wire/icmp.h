// ICMP (RFC 792), ICMPv6 (RFC 4443) and Neighbour Discovery (RFC 4861): what a host on Ethernet needs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "stack/wire/checksum.h"
#include "stack/wire/ip_address.h"

namespace tributary::wire {

constexpr size_t kIcmpHeaderSize = 8;

namespace icmp_type {
constexpr uint8_t kEchoReply = 0, kUnreachable = 3, kEchoRequest = 8, kTimeExceeded = 11, kParameterProblem = 12;
}
namespace icmp_code {
constexpr uint8_t kNetUnreachable = 0, kHostUnreachable = 1, kProtocolUnreachable = 2, kPortUnreachable = 3,
                  kFragmentationNeeded = 4;
constexpr uint8_t kReassemblyTime = 1;  ///< of "time exceeded", ICMPv6 alike
}  // namespace icmp_code
namespace icmpv6_type {
constexpr uint8_t kUnreachable = 1, kPacketTooBig = 2, kTimeExceeded = 3, kParameterProblem = 4, kEchoRequest = 128,
                  kEchoReply = 129, kRouterSolicitation = 133, kRouterAdvertisement = 134, kNeighborSolicitation = 135,
                  kNeighborAdvertisement = 136;
}

namespace icmpv6_code {
constexpr uint8_t kAddressUnreachable = 3;
}

/// The first eight bytes both families share.
struct IcmpHeader {
  uint8_t type = 0;
  uint8_t code = 0;
  uint16_t checksum = 0;  ///< as on the wire
  uint32_t rest = 0;      ///< echo: identifier(16) sequence(16); v4 type 3 code 4: MTU in the low 16; v6 type 2: MTU
  bool operator==(const IcmpHeader&) const = default;
};

std::optional<IcmpHeader> parse_icmp(std::span<const uint8_t> bytes);
/// Writes eight bytes, the checksum as given.
void emit_icmp(const IcmpHeader& header, std::span<uint8_t> out);

/// Neighbour solicitation or advertisement with its link-layer address option (source or target).
struct NeighborMessage {
  bool advertisement = false;
  bool router = false;     ///< R, advertisement only
  bool solicited = false;  ///< S, advertisement only
  bool override_ = false;  ///< O, advertisement only
  IpAddress target{};
  std::optional<MacAddress> link_address;
  bool operator==(const NeighborMessage&) const = default;
};

/// Parses an ICMPv6 message of type 135 or 136 (`bytes` from the type on). Options with length 0 or running
/// past the end make it empty, so do a code other than 0 and a multicast target (RFC 4861 §7.1). Checksum,
/// hop limit and what depends on the IPv6 addresses are the caller's to check.
std::optional<NeighborMessage> parse_neighbor_message(std::span<const uint8_t> bytes);

/// Size of what `emit_neighbor_message` writes: 24, or 32 with a link-layer address.
size_t neighbor_message_size(const NeighborMessage& message);
/// Writes the message with a zero checksum field.
void emit_neighbor_message(const NeighborMessage& message, std::span<uint8_t> out);

/// The transport 4-tuple quoted by an ICMP error: protocol, addresses, ports and (TCP) sequence number.
struct QuotedSegment {
  IpAddress source{};
  IpAddress destination{};
  uint8_t protocol = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint32_t seq = 0;
};
/// `quoted` = the bytes behind the ICMP header. Empty for other protocols than TCP and UDP, for later
/// fragments, and when the ports, with TCP also the sequence number, are not there.
std::optional<QuotedSegment> parse_quoted_segment(std::span<const uint8_t> quoted);

}  // namespace tributary::wire
