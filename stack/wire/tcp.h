// The TCP header (RFC 9293 §3.1) as a parsed value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "stack/base/seq_num.h"

namespace tributary::wire {

constexpr size_t kTcpHeaderSize = 20;

namespace tcp_flag {
constexpr uint16_t kFin = 0x001, kSyn = 0x002, kRst = 0x004, kPsh = 0x008, kAck = 0x010, kUrg = 0x020, kEce = 0x040,
                   kCwr = 0x080, kAe = 0x100;
}  // namespace tcp_flag

struct TcpHeader {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  SeqNum seq{};
  SeqNum ack{};
  uint16_t flags = 0;                    ///< tcp_flag bits, nine of them
  uint8_t reserved = 0;                  ///< the three bits below the data offset
  uint8_t header_size = kTcpHeaderSize;  ///< bytes, options included: 20..60
  uint16_t window = 0;                   ///< unscaled, as on the wire
  uint16_t checksum = 0;                 ///< as on the wire
  uint16_t urgent = 0;
  bool has(uint16_t flag) const { return flags & flag; }
  bool operator==(const TcpHeader&) const = default;
};

/// Empty when `segment` is shorter than the header it announces. Options are the bytes from 20 to
/// `header_size`.
std::optional<TcpHeader> parse_tcp(std::span<const uint8_t> segment);

/// Writes the 20 fixed bytes; the checksum is written as given.
void emit_tcp(const TcpHeader& header, std::span<uint8_t> out);

}  // namespace tributary::wire
