#include "stack/wire/tcp.h"

#include <cassert>

#include "stack/wire/byte_order.h"

namespace tributary::wire {

std::optional<TcpHeader> parse_tcp(std::span<const uint8_t> segment) {
  if (segment.size() < kTcpHeaderSize) return {};
  const uint8_t* p = segment.data();
  const uint16_t offset_and_flags = load16(p + 12);  // offset(4) reserved(3) flags(9)
  const size_t header_size = (offset_and_flags >> 12) * 4u;
  if (header_size < kTcpHeaderSize || header_size > segment.size()) return {};
  TcpHeader header;
  header.source_port = load16(p);
  header.destination_port = load16(p + 2);
  header.seq = SeqNum(load32(p + 4));
  header.ack = SeqNum(load32(p + 8));
  header.flags = offset_and_flags & 0x1ff;
  header.reserved = offset_and_flags >> 9 & 7;
  header.header_size = static_cast<uint8_t>(header_size);
  header.window = load16(p + 14);
  header.checksum = load16(p + 16);
  header.urgent = load16(p + 18);
  return header;
}

void emit_tcp(const TcpHeader& header, std::span<uint8_t> out) {
  assert(out.size() >= kTcpHeaderSize);
  assert(header.header_size >= kTcpHeaderSize && header.header_size <= 60 && header.header_size % 4 == 0);
  uint8_t* p = out.data();
  store16(p, header.source_port);
  store16(p + 2, header.destination_port);
  store32(p + 4, header.seq.raw());
  store32(p + 8, header.ack.raw());
  store16(p + 12,
          static_cast<uint16_t>((header.header_size / 4) << 12 | (header.reserved & 7) << 9 | (header.flags & 0x1ff)));
  store16(p + 14, header.window);
  store16(p + 16, header.checksum);
  store16(p + 18, header.urgent);
}

}  // namespace tributary::wire
