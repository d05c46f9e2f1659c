// TCP options (RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413, RFC 5482; MPTCP in mptcp_options.h).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "stack/base/seq_num.h"
#include "stack/wire/mptcp_options.h"

namespace tributary::wire {

constexpr size_t kMaxTcpOptions = 40;

struct SackBlock {
  SeqNum left;   ///< first byte of the block
  SeqNum right;  ///< byte after its last
  bool operator==(const SackBlock&) const = default;
};

/// The options of one segment as values. `present` says which members mean anything; only `present`, `sack_count`
/// and `mptcp.present` are initialised by `parse_tcp_options`, the rest where present: no 300-byte clear a packet.
struct TcpOptions {
  enum Bit : uint16_t {
    kMss = 1 << 0, kWindowScale = 1 << 1, kSackPermitted = 1 << 2, kTimestamps = 1 << 3, kSack = 1 << 4,
    kFastOpen = 1 << 5, kUserTimeout = 1 << 6,
    kUnknown = 1 << 14,    ///< an option we do not know was skipped
    kMalformed = 1 << 15,  ///< a length was impossible; what stood before it is kept, the rest ignored
  };
  uint16_t present = 0;
  bool has(Bit bit) const { return present & bit; }

  uint16_t mss = 0;
  uint8_t window_scale = 0;              ///< as sent; a shift above 14 means 14 (RFC 7323 §2.3)
  uint8_t sack_count = 0;
  uint32_t ts_value = 0;
  uint32_t ts_echo = 0;
  std::array<SackBlock, 4> sack;
  uint8_t fast_open_size = 0;            ///< 0 = cookie request
  std::array<uint8_t, 16> fast_open_cookie;
  uint16_t user_timeout = 0;             ///< G bit and 15 bits as sent
  MptcpOptions mptcp;
};

/// Parses an option area (at most 40 bytes). Unknown kinds are skipped; an illegal length ends parsing (MUST-7).
/// Resets `out` first. Never reads outside `area`.
void parse_tcp_options(std::span<const uint8_t> area, TcpOptions& out);

/// Bytes `emit_tcp_options` writes: a multiple of four. More than 40 means the set does not fit a header.
size_t tcp_options_size(const TcpOptions& options);

/// Writes the options in Linux's order and padding (design D13): MSS, then SACK-permitted with timestamps, window
/// scale, SACK, fast open, MPTCP. `out` must hold `tcp_options_size` bytes. Returns the bytes written.
size_t emit_tcp_options(const TcpOptions& options, std::span<uint8_t> out);

}  // namespace tributary::wire
