// The chain of IPv6 extension headers (RFC 8200 §4) between the fixed header and the transport header: walked
// over, not interpreted. Shared by the packet parser and the parser of what ICMPv6 errors quote.
#pragma once

#include <cstdint>
#include <span>

namespace tributary::wire {

/// More than this many headers in one packet is an attack, not a packet.
constexpr int kMaxExtensionHeaders = 8;

struct ExtensionChain {
  uint8_t protocol = 0;            ///< of what follows the chain, or of the fragment's content
  uint32_t size = 0;               ///< bytes of all headers walked over
  bool is_fragment = false;        ///< a fragment header other than an atomic one (RFC 6946); the walk ends behind it
  bool is_later_fragment = false;  ///< its offset is not zero: no transport header follows
  bool more_fragments = false;     ///< of a fragment: M
  uint16_t fragment_offset = 0;    ///< of a fragment: bytes
  uint32_t identification = 0;     ///< of a fragment
};

/// Walks from `next_header` through `bytes` (what follows the fixed header). False when a header does not
/// fit, stands where it may not, is a routing header with segments left, or when there are too many.
bool skip_extension_headers(uint8_t next_header, std::span<const uint8_t> bytes, ExtensionChain& out);

}  // namespace tributary::wire
