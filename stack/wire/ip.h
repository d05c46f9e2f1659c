// IPv4 (RFC 791) and IPv6 (RFC 8200) headers as parsed values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "stack/wire/ip_address.h"

namespace tributary::wire {

namespace ip_protocol {
constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58, kNone = 59;
}

/// What the stack needs of either family. Options and extension headers are skipped over, not interpreted,
/// except that a fragment says so.
struct IpHeader {
  IpAddress source{};
  IpAddress destination{};
  uint8_t protocol = 0;          ///< of the payload, behind all extension headers
  uint8_t traffic_class = 0;     ///< DSCP(6) ECN(2)
  uint8_t hop_limit = 0;         ///< TTL
  bool dont_fragment = true;     ///< IPv4 only
  bool is_fragment = false;      ///< not the whole datagram: offset or more-fragments is set
  bool more_fragments = false;   ///< of a fragment: it is not the last
  uint32_t identification = 0;   ///< IPv4: 16 bits; IPv6: of a fragment
  uint16_t fragment_offset = 0;  ///< of a fragment: where its payload belongs in that of the packet, bytes
  uint32_t flow_label = 0;       ///< IPv6 only, 20 bits
  uint16_t header_size = 0;      ///< bytes up to the payload, options and extension headers included
  uint16_t payload_size = 0;     ///< bytes behind the header; Ethernet padding is not counted
  bool is_v4() const { return source.is_v4(); }
  bool operator==(const IpHeader&) const = default;
};

enum class IpError : uint8_t {
  kNone,
  kTruncated,        ///< shorter than its headers or its length field say
  kVersion,          ///< neither 4 nor 6
  kHeaderLength,     ///< IPv4 header length below 20
  kChecksum,         ///< IPv4
  kTotalLength,      ///< IPv4 total length below the header length
  kExtensionHeader,  ///< IPv6: does not fit, stands where it may not, segments left, or too many
  kAddress,          ///< an IPv4-mapped address in an IPv6 header
};

/// Parses the header at the start of `packet`, whose family its first nibble says. Verifies IPv4's checksum
/// unless `checksum_verified`. Skips Hop-by-Hop, Routing (segments left 0), Destination Options and AH within
/// bounds; a fragment header sets `is_fragment` (an atomic fragment, RFC 6946, does not) and `header_size`
/// then ends behind it; `protocol` is what the fragment header says follows in the whole packet.
IpError parse_ip(std::span<const uint8_t> packet, bool checksum_verified, IpHeader& out);

/// Bytes of the header `emit_ip` writes: 20 or 40.
size_t ip_header_size(const IpAddress& destination);

/// Writes a header without options: `header.payload_size` bytes follow it. IPv4's checksum is computed.
/// Returns the bytes written.
size_t emit_ip(const IpHeader& header, std::span<uint8_t> out);

}  // namespace tributary::wire
