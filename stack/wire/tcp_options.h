// TCP options: MSS (RFC 9293 §3.2), window scale and timestamps (RFC 7323), SACK (RFC 2018), fast open (RFC
// 7413, also under its experimental number), user timeout (RFC 5482), AccECN counters (RFC 9768). MPTCP is in
// mptcp_options.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "stack/base/seq_num.h"
#include "stack/wire/mptcp_options.h"

namespace tributary::wire {

constexpr size_t kMaxTcpOptions = 40;

struct SackBlock {
  SeqNum left{};   ///< first byte of the block
  SeqNum right{};  ///< byte after its last
  bool operator==(const SackBlock&) const = default;
};

/// Accurate ECN byte counters of 24 bits (RFC 9768 §3.2.3), as sent: EE0B, ECEB, EE1B, or the reverse.
struct AccEcn {
  bool second_order = false;  ///< kind 174: EE1B first
  uint8_t count = 0;          ///< how many of the three were sent
  std::array<uint32_t, 3> counters{};
  bool operator==(const AccEcn&) const = default;
};

/// The options of one segment as values. `present` says which members mean anything; only `present`,
/// `sack_count` and `mptcp.present` are initialised by `parse_tcp_options`, the rest where present: no
/// 300-byte clear a packet.
struct TcpOptions {
  enum Bit : uint16_t {
    kMss = 1 << 0,
    kWindowScale = 1 << 1,
    kSackPermitted = 1 << 2,
    kTimestamps = 1 << 3,
    kSack = 1 << 4,
    kFastOpen = 1 << 5,
    kUserTimeout = 1 << 6,
    kAccEcn = 1 << 7,
    kUnknown = 1 << 14,    ///< an option we do not know was skipped
    kMalformed = 1 << 15,  ///< a length of 0, 1 or past the end ended parsing, what stood before it is kept;
                           ///< or a known option had a wrong length and was left out
  };
  uint16_t present = 0;
  bool has(Bit bit) const { return present & bit; }

  uint16_t mss = 0;
  uint8_t window_scale = 0;  ///< as sent; a shift above 14 means 14 (RFC 7323 §2.3)
  uint8_t sack_count = 0;
  uint32_t ts_value = 0;
  uint32_t ts_echo = 0;
  std::array<SackBlock, 4> sack;
  bool fast_open_experimental = false;  ///< as kind 254 with identifier 0xf989; answer in kind
  uint8_t fast_open_size = 0;           ///< of the cookie: 0 = request, or 4..16 and even
  std::array<uint8_t, 16> fast_open_cookie;
  uint16_t user_timeout = 0;  ///< G bit and 15 bits as sent
  AccEcn acc_ecn;
  MptcpOptions mptcp;
};

/// Parses an option area (at most 40 bytes). Unknown kinds are skipped; a length that cannot be stepped over
/// ends parsing, a known kind with a wrong length is left out as Linux does (RFC 9293 MUST-6, MUST-7). Of two
/// options of the same kind the last counts. Resets `out` first. Never reads outside `area`.
void parse_tcp_options(std::span<const uint8_t> area, TcpOptions& out);

/// Bytes `emit_tcp_options` writes: a multiple of four. More than 40 means the set does not fit a header.
size_t tcp_options_size(const TcpOptions& options);

/// Writes the options in Linux's order and padding (design D13): MSS, then SACK-permitted with timestamps,
/// window scale, AccECN, SACK, user timeout, fast open, MPTCP. `out` must hold `tcp_options_size` bytes.
/// Returns the bytes written.
size_t emit_tcp_options(const TcpOptions& options, std::span<uint8_t> out);

}  // namespace tributary::wire
