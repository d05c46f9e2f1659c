#include "stack/wire/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/wire/hex.h"

namespace tributary::wire {
namespace {

using test::from_hex;

/// The definition of RFC 1071 §1, one word at a time.
Sum sum_by_definition(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<Sum>(sum);
}

std::vector<uint8_t> random_bytes(std::mt19937_64& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
  return bytes;
}

TEST(Checksum, ExampleOfRfc1071) {
  EXPECT_EQ(sum_bytes(from_hex("0001 f203 f4f5 f6f7")), 0xddf2);
}

TEST(Checksum, EveryLengthAndAlignmentAgreesWithTheDefinition) {
  std::mt19937_64 random(1);
  const auto bytes = random_bytes(random, 2048);
  for (size_t offset = 0; offset < 8; ++offset)
    for (size_t size = 0; size < 300; ++size) {
      const auto part = std::span(bytes).subspan(offset, size);
      ASSERT_EQ(sum_bytes(part), sum_by_definition(part)) << "offset " << offset << " size " << size;
    }
  for (size_t size : {1447u, 1448u, 1460u, 2047u})
    EXPECT_EQ(sum_bytes(std::span(bytes).first(size)), sum_by_definition(std::span(bytes).first(size)));
}

TEST(Checksum, ManyOnesDoNotOverflow) {
  const std::vector<uint8_t> ones(1 << 20, 0xff);
  EXPECT_EQ(sum_bytes(ones), 0xffff);
  EXPECT_EQ(sum_bytes(std::span(ones).first(65535)), sum_by_definition(std::span(ones).first(65535)));
  EXPECT_EQ(sum_bytes(std::vector<uint8_t>(1000, 0)), 0);
}

TEST(Checksum, SumOfTheWholeFollowsFromAnySplit) {
  std::mt19937_64 random(2);
  const auto bytes = random_bytes(random, 97);
  const Sum whole = sum_bytes(bytes);
  for (size_t first = 0; first <= bytes.size(); ++first) {
    const Sum head = sum_bytes(std::span(bytes).first(first));
    const Sum tail = sum_bytes(std::span(bytes).subspan(first));
    EXPECT_TRUE(same_value(concatenate(head, first, tail), whole)) << first;
    // Splitting: the tail follows from the whole and the smaller part.
    const Sum rest = subtract(whole, head);
    EXPECT_TRUE(same_value(first & 1 ? swap_bytes(rest) : rest, tail)) << first;
  }
}

TEST(Checksum, ThreeOddPiecesConcatenate) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    const auto a = random_bytes(random, random() % 40), b = random_bytes(random, random() % 40),
               c = random_bytes(random, random() % 40);
    std::vector<uint8_t> whole(a);
    whole.insert(whole.end(), b.begin(), b.end());
    whole.insert(whole.end(), c.begin(), c.end());
    const Sum left_first =
        concatenate(concatenate(sum_bytes(a), a.size(), sum_bytes(b)), a.size() + b.size(), sum_bytes(c));
    const Sum right_first = concatenate(sum_bytes(a), a.size(), concatenate(sum_bytes(b), b.size(), sum_bytes(c)));
    EXPECT_TRUE(same_value(left_first, sum_bytes(whole)));
    EXPECT_TRUE(same_value(right_first, sum_bytes(whole)));
  }
}

TEST(Checksum, ArithmeticOfOnesComplement) {
  for (unsigned a : {0u, 1u, 0x7fffu, 0x8000u, 0xfffeu, 0xffffu})
    for (unsigned b : {0u, 1u, 0x00ffu, 0xff00u, 0x8000u, 0xfffeu, 0xffffu}) {
      const Sum x = static_cast<Sum>(a), y = static_cast<Sum>(b);
      EXPECT_TRUE(same_value(add(x, y), static_cast<Sum>((a + b) % 0xffff))) << a << " " << b;
      EXPECT_TRUE(same_value(subtract(add(x, y), y), x)) << a << " " << b;
      EXPECT_TRUE(same_value(swap_bytes(add(x, y)), add(swap_bytes(x), swap_bytes(y))));
    }
  EXPECT_TRUE(same_value(0, 0xffff));
  EXPECT_TRUE(same_value(0xffff, 0));
  EXPECT_FALSE(same_value(0, 1));
  EXPECT_FALSE(same_value(0xfffe, 0xffff));
  EXPECT_EQ(fold(UINT64_MAX), 0xffff);
  EXPECT_EQ(fold(0x1'0000'0000), 1);
}

TEST(Checksum, PseudoHeaderIsTheSumOfItsBytes) {
  const IpAddress v4a = IpAddress::v4(0xc0000201), v4b = IpAddress::v4(0xc6336407);
  EXPECT_TRUE(
      same_value(pseudo_header_sum(v4a, v4b, 6, 0x1234), sum_by_definition(from_hex("c0000201 c6336407 0006 1234"))));
  const IpAddress v6a = *IpAddress::parse("2001:db8::7"), v6b = *IpAddress::parse("fe80::1:2");
  EXPECT_TRUE(same_value(pseudo_header_sum(v6a, v6b, 58, 0x12345),
                         sum_by_definition(from_hex("20010db8000000000000000000000007 fe800000000000000000000000010002"
                                                    "00012345 0000003a"))));
}

// The vectors of the wire notes: "hello" mapped at IDSN+1, then with DATA_FIN, then the bare DATA_FIN.
TEST(Checksum, DssChecksumOfHello) {
  const Sum hello = sum_bytes(from_hex("68656c6c6f"));
  constexpr uint64_t kDsn = 0x62815714b76ae9a6;
  EXPECT_EQ(static_cast<Sum>(~add(dss_pseudo_header_sum(kDsn, 1, 5), hello)), 0x6180);
  EXPECT_EQ(static_cast<Sum>(~add(dss_pseudo_header_sum(kDsn, 1, 6), hello)), 0x617f);
  EXPECT_EQ(static_cast<Sum>(~dss_pseudo_header_sum(kDsn + 5, 0, 1)), 0xa552);
}

}  // namespace
}  // namespace tributary::wire
