#include "stack/wire/tcp.h"

#include <gtest/gtest.h>

#include "tests/wire/hex.h"

namespace tributary::wire {
namespace {

using test::from_hex;

constexpr char kSegment[] = "1f90 c350 01020304 a1a2a3a4 5112 faf0 1234 0042";

TEST(Tcp, HeaderRoundTrips) {
  const auto bytes = from_hex(kSegment);
  const auto header = parse_tcp(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->source_port, 8080);
  EXPECT_EQ(header->destination_port, 50000);
  EXPECT_EQ(header->seq, SeqNum(0x01020304));
  EXPECT_EQ(header->ack, SeqNum(0xa1a2a3a4));
  EXPECT_EQ(header->flags, tcp_flag::kSyn | tcp_flag::kAck | tcp_flag::kAe);
  EXPECT_EQ(header->reserved, 0);
  EXPECT_EQ(header->header_size, 20);
  EXPECT_EQ(header->window, 0xfaf0);
  EXPECT_EQ(header->checksum, 0x1234);
  EXPECT_EQ(header->urgent, 0x42);
  std::vector<uint8_t> out(20);
  emit_tcp(*header, out);
  EXPECT_EQ(out, bytes);
}

TEST(Tcp, EveryFlagAndReservedBitIsKept) {
  for (unsigned bits = 0; bits < 0x1000; ++bits) {
    auto bytes = from_hex(kSegment);
    bytes[12] = static_cast<uint8_t>(0x50 | bits >> 8);
    bytes[13] = static_cast<uint8_t>(bits);
    const auto header = parse_tcp(bytes);
    ASSERT_TRUE(header);
    ASSERT_EQ(header->flags, bits & 0x1ff);
    ASSERT_EQ(header->reserved, bits >> 9);
    std::vector<uint8_t> out(20);
    emit_tcp(*header, out);
    ASSERT_EQ(out, bytes);
  }
}

TEST(Tcp, DataOffsetIsHeldAgainstTheSegment) {
  for (unsigned words = 0; words < 16; ++words)
    for (size_t size = 0; size <= 64; ++size) {
      std::vector<uint8_t> bytes(size);
      if (size > 12) bytes[12] = static_cast<uint8_t>(words << 4);
      const auto header = parse_tcp(bytes);
      ASSERT_EQ(header.has_value(), words >= 5 && size >= words * 4) << words << " " << size;
      if (header) {
        EXPECT_EQ(header->header_size, words * 4);
      }
    }
}

}  // namespace
}  // namespace tributary::wire
