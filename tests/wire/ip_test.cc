#include "stack/wire/ip.h"

#include <gtest/gtest.h>

#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"
#include "tests/wire/hex.h"

namespace tributary::wire {
namespace {

using test::from_hex;

// 192.0.2.1 to 198.51.100.7, TCP, four bytes of payload.
constexpr char kV4[] = "4514 0018 1234 4000 4006 0000 c0000201 c6336407 aabbccdd";
constexpr char kV6Addresses[] = "20010db8000000000000000000000001 20010db8000000000000000000000002";

/// IPv4 header checksum put right over `header_size` bytes.
std::vector<uint8_t> with_checksum(std::vector<uint8_t> packet, size_t header_size = 20) {
  store16(&packet[10], 0);
  store16(&packet[10], static_cast<uint16_t>(~sum_bytes(std::span(packet).first(header_size))));
  return packet;
}

/// An IPv6 packet of `next_header` whose payload is `rest`.
std::vector<uint8_t> v6_packet(uint8_t next_header, std::string_view rest) {
  const auto payload = from_hex(rest);
  auto packet = from_hex(std::string("6b8a bcde 0000 00 3f ") + kV6Addresses);
  packet[6] = next_header;
  store16(&packet[4], static_cast<uint16_t>(payload.size()));
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

TEST(Ip, Ipv4HeaderRoundTrips) {
  const auto packet = with_checksum(from_hex(kV4));
  IpHeader header;
  ASSERT_EQ(parse_ip(packet, false, header), IpError::kNone);
  EXPECT_EQ(header.source, IpAddress::v4(0xc0000201));
  EXPECT_EQ(header.destination, IpAddress::v4(0xc6336407));
  EXPECT_EQ(header.protocol, ip_protocol::kTcp);
  EXPECT_EQ(header.traffic_class, 0x14);
  EXPECT_EQ(header.hop_limit, 64);
  EXPECT_EQ(header.identification, 0x1234);
  EXPECT_TRUE(header.dont_fragment);
  EXPECT_FALSE(header.is_fragment);
  EXPECT_EQ(header.header_size, 20);
  EXPECT_EQ(header.payload_size, 4);
  std::vector<uint8_t> out(20);
  EXPECT_EQ(emit_ip(header, out), 20u);
  EXPECT_EQ(out, std::vector<uint8_t>(packet.begin(), packet.begin() + 20));
  header.dont_fragment = false;
  emit_ip(header, out);
  EXPECT_EQ(out[6], 0);
  EXPECT_EQ(sum_bytes(out), 0xffff);
}

TEST(Ip, Ipv6HeaderRoundTrips) {
  const auto packet = v6_packet(6, "aabbccdd");
  IpHeader header;
  ASSERT_EQ(parse_ip(packet, false, header), IpError::kNone);
  EXPECT_EQ(header.source, *IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(header.destination, *IpAddress::parse("2001:db8::2"));
  EXPECT_EQ(header.protocol, ip_protocol::kTcp);
  EXPECT_EQ(header.traffic_class, 0xb8);
  EXPECT_EQ(header.flow_label, 0xabcdeu);
  EXPECT_EQ(header.hop_limit, 63);
  EXPECT_EQ(header.header_size, 40);
  EXPECT_EQ(header.payload_size, 4);
  std::vector<uint8_t> out(40);
  EXPECT_EQ(emit_ip(header, out), 40u);
  EXPECT_EQ(out, std::vector<uint8_t>(packet.begin(), packet.begin() + 40));
}

TEST(Ip, EthernetPaddingIsNotPayload) {
  auto v4 = with_checksum(from_hex(kV4));
  v4.resize(46);
  auto v6 = v6_packet(6, "aabbccdd");
  v6.resize(60);
  IpHeader header;
  ASSERT_EQ(parse_ip(v4, false, header), IpError::kNone);
  EXPECT_EQ(header.payload_size, 4);
  ASSERT_EQ(parse_ip(v6, false, header), IpError::kNone);
  EXPECT_EQ(header.payload_size, 4);
}

TEST(Ip, Ipv4OptionsAreSkipped) {
  const auto packet = with_checksum(from_hex("4600 001c 0000 0000 4006 0000 c0000201 c6336407 94040000 aabbccdd"), 24);
  IpHeader header;
  ASSERT_EQ(parse_ip(packet, false, header), IpError::kNone);
  EXPECT_EQ(header.header_size, 24);
  EXPECT_EQ(header.payload_size, 4);
}

TEST(Ip, Ipv4FragmentsSaySo) {
  struct Row {
    const char* what;
    uint16_t bits;
    bool is_fragment;
  };
  for (const Row& row : std::initializer_list<Row>{{"whole", 0x0000, false},
                                                   {"whole, DF", 0x4000, false},
                                                   {"reserved bit", 0x8000, false},
                                                   {"first", 0x2000, true},
                                                   {"middle", 0x2010, true},
                                                   {"last", 0x0001, true}}) {
    auto packet = from_hex(kV4);
    store16(&packet[6], row.bits);
    IpHeader header;
    ASSERT_EQ(parse_ip(with_checksum(packet), false, header), IpError::kNone);
    EXPECT_EQ(header.is_fragment, row.is_fragment) << row.what;
  }
}

TEST(Ip, ChecksumIsVerifiedUnlessTheDeviceDid) {
  auto packet = with_checksum(from_hex(kV4));
  packet[8] ^= 1;
  IpHeader header;
  EXPECT_EQ(parse_ip(packet, false, header), IpError::kChecksum);
  EXPECT_EQ(parse_ip(packet, true, header), IpError::kNone);
}

TEST(Ip, ImpossibleIpv4LengthsAreRefused) {
  struct Row {
    const char* hex;
    IpError error;
  };
  IpHeader header;
  for (const Row& row :
       std::initializer_list<Row>{{"", IpError::kTruncated},
                                  {"45", IpError::kTruncated},
                                  {"35 00 0014 0000 0000 4006 0000 c0000201 c6336407", IpError::kVersion},
                                  {"05 00 0014 0000 0000 4006 0000 c0000201 c6336407", IpError::kVersion},
                                  {"44 00 0014 0000 0000 4006 0000 c0000201 c6336407", IpError::kHeaderLength},
                                  {"40 00 0014 0000 0000 4006 0000 c0000201 c6336407", IpError::kHeaderLength},
                                  {"46 00 0014 0000 0000 4006 0000 c0000201 c6336407", IpError::kTruncated},
                                  {"46 00 0014 0000 0000 4006 0000 c0000201 c6336407 00000000", IpError::kTotalLength},
                                  {"45 00 0013 0000 0000 4006 0000 c0000201 c6336407", IpError::kTotalLength},
                                  {"45 00 0000 0000 0000 4006 0000 c0000201 c6336407", IpError::kTotalLength},
                                  {"45 00 0015 0000 0000 4006 0000 c0000201 c6336407", IpError::kTruncated}})
    EXPECT_EQ(parse_ip(from_hex(row.hex), true, header), row.error) << row.hex;
}

TEST(Ip, EveryTruncationIsRefused) {
  const auto v4 = with_checksum(from_hex(kV4));
  const auto v6 = v6_packet(0, "06 00 0104 00000000 aabbccdd");
  IpHeader header;
  for (size_t size = 0; size < v4.size(); ++size)
    EXPECT_EQ(parse_ip(std::span(v4).first(size), false, header), IpError::kTruncated);
  for (size_t size = 0; size < v6.size(); ++size)
    EXPECT_EQ(parse_ip(std::span(v6).first(size), false, header), IpError::kTruncated);
}

struct ExtensionRow {
  const char* what;
  uint8_t next_header;
  const char* rest;
  IpError error;
  uint8_t protocol;
  uint16_t header_size;
  bool is_fragment;
};

constexpr char kEight[] = "00 00 0000 00000000";  // one more Destination Options header, placeholder next header

TEST(Ip, Ipv6ExtensionHeadersAreWalkedOver) {
  using enum IpError;
  for (const ExtensionRow& row : std::initializer_list<ExtensionRow>{
           {"hop-by-hop", 0, "06 00 010400000000 aabb", kNone, 6, 48, false},
           {"hop-by-hop of 16", 0, "3a 01 0502000001000100 00000000 0000 aa", kNone, 58, 56, false},
           {"destination options", 60, "06 00 010400000000 aa", kNone, 6, 48, false},
           {"hop-by-hop, destination", 0, "3c 00 010400000000 06 00 010400000000 aa", kNone, 6, 56, false},
           {"hop-by-hop not first", 60, "00 00 010400000000 06 00 010400000000 aa", kExtensionHeader, 0, 0, false},
           {"routing, none left", 43, "06 00 00 00 00000000 aa", kNone, 6, 48, false},
           {"routing, segments left", 43, "06 00 00 01 00000000 aa", kExtensionHeader, 0, 0, false},
           {"authentication of 24", 51, "06 04 0000 00000001 00000001 000000000000000000000000 aa", kNone, 6, 64,
            false},
           {"atomic fragment", 44, "06 00 0000 12345678 aa", kNone, 6, 48, false},
           {"atomic fragment, options", 44, "3c 00 0000 12345678 06 00 010400000000 aa", kNone, 6, 56, false},
           {"first fragment", 44, "06 00 0001 12345678 aa", kNone, 6, 48, true},
           {"first fragment, options", 44, "3c 00 0001 12345678 06 00 010400000000 aa", kNone, 60, 48, true},
           {"last fragment", 44, "06 00 0008 12345678 aa", kNone, 6, 48, true},
           {"fragment with reserved bits", 44, "06 00 0006 12345678 aa", kNone, 6, 48, false},
           {"no next header", 59, "aabb", kNone, 59, 40, false},
           {"ESP is a payload", 50, "00000001", kNone, 50, 40, false},
           {"header behind the end", 0, "", kExtensionHeader, 0, 0, false},
           {"seven bytes", 60, "06 00 0104000000", kExtensionHeader, 0, 0, false},
           {"length past the end", 60, "06 01 010400000000 0000", kExtensionHeader, 0, 0, false},
           {"longest length", 60, "06 ff 010400000000 0000", kExtensionHeader, 0, 0, false},
           {"authentication past the end", 51, "06 04 0000 00000001 00000001", kExtensionHeader, 0, 0, false},
           {"fragment header cut", 44, "06 00 0001", kExtensionHeader, 0, 0, false},
           {"options fill the packet", 60, "06 00 010400000000", kNone, 6, 48, false}}) {
    IpHeader header;
    ASSERT_EQ(parse_ip(v6_packet(row.next_header, row.rest), false, header), row.error) << row.what;
    if (row.error != kNone) continue;
    EXPECT_EQ(header.protocol, row.protocol) << row.what;
    EXPECT_EQ(header.header_size, row.header_size) << row.what;
    EXPECT_EQ(header.is_fragment, row.is_fragment) << row.what;
    EXPECT_EQ(header.header_size + header.payload_size, v6_packet(0, row.rest).size()) << row.what;
  }
}

TEST(Ip, ChainOfExtensionHeadersIsBounded) {
  for (int count : {8, 9}) {
    std::string chain;
    for (int i = 1; i < count; ++i) chain += std::string("3c") + (kEight + 2);
    chain += std::string("06") + (kEight + 2);
    IpHeader header;
    EXPECT_EQ(parse_ip(v6_packet(60, chain), false, header), count == 8 ? IpError::kNone : IpError::kExtensionHeader);
  }
}

TEST(Ip, MappedAddressesDoNotComeInFromTheWire) {
  for (size_t offset : {8u, 24u}) {
    auto packet = v6_packet(6, "aabb");
    const IpAddress mapped = IpAddress::v4(0xc0000201);
    std::copy(mapped.bytes().begin(), mapped.bytes().end(), packet.begin() + static_cast<long>(offset));
    IpHeader header;
    EXPECT_EQ(parse_ip(packet, false, header), IpError::kAddress);
  }
}

TEST(Ip, HeaderSizeFollowsTheFamily) {
  EXPECT_EQ(ip_header_size(IpAddress::v4(1)), 20u);
  EXPECT_EQ(ip_header_size(*IpAddress::parse("2001:db8::1")), 40u);
}

}  // namespace
}  // namespace tributary::wire
