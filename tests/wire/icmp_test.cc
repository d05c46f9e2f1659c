// ICMP, Neighbour Discovery and what ICMP errors quote.
#include "stack/wire/icmp.h"

#include <gtest/gtest.h>

#include "stack/wire/ip.h"
#include "tests/wire/hex.h"

namespace tributary::wire {
namespace {

using test::from_hex;

TEST(Icmp, EchoHeaderRoundTrips) {
  const auto bytes = from_hex("08 00 1234 abcd 0007 61626364");
  const auto header = parse_icmp(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(*header, (IcmpHeader{icmp_type::kEchoRequest, 0, 0x1234, 0xabcd0007}));
  std::vector<uint8_t> out(8);
  emit_icmp(*header, out);
  EXPECT_EQ(out, from_hex("08 00 1234 abcd 0007"));
  for (size_t size = 0; size < kIcmpHeaderSize; ++size) EXPECT_FALSE(parse_icmp(std::span(bytes).first(size)));
}

TEST(Icmp, ChecksumOfAnEchoVerifies) {
  auto bytes = from_hex("08 00 0000 abcd 0007 616263");
  auto header = *parse_icmp(bytes);
  header.checksum = static_cast<uint16_t>(~sum_bytes(bytes));
  emit_icmp(header, bytes);
  EXPECT_EQ(sum_bytes(bytes), 0xffff);
}

constexpr char kTarget[] = "fe80000000000000025e00fffe000001";

TEST(NeighborMessage, SolicitationRoundTrips) {
  const auto bytes = from_hex(std::string("87 00 0000 00000000 ") + kTarget + "0101 025e00000002");
  const auto message = parse_neighbor_message(bytes);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->advertisement);
  EXPECT_EQ(message->target, *IpAddress::parse("fe80::25e:ff:fe00:1"));
  EXPECT_EQ(message->link_address, MacAddress::parse("02:5e:00:00:00:02"));
  ASSERT_EQ(neighbor_message_size(*message), 32u);
  std::vector<uint8_t> out(32, 0xee);
  emit_neighbor_message(*message, out);
  EXPECT_EQ(out, bytes);
}

TEST(NeighborMessage, AdvertisementKeepsItsFlags) {
  for (unsigned flags = 0; flags < 8; ++flags) {
    NeighborMessage sent;
    sent.advertisement = true;
    sent.router = flags & 4;
    sent.solicited = flags & 2;
    sent.override_ = flags & 1;
    sent.target = *IpAddress::parse("2001:db8::7");
    if (flags & 1) sent.link_address = MacAddress{{2, 0x5e, 0, 0, 0, 1}};
    std::vector<uint8_t> out(neighbor_message_size(sent), 0xee);
    EXPECT_EQ(out.size(), flags & 1 ? 32u : 24u);
    emit_neighbor_message(sent, out);
    EXPECT_EQ(out[0], icmpv6_type::kNeighborAdvertisement);
    EXPECT_EQ(out[4], flags << 5);
    EXPECT_EQ(parse_neighbor_message(out), sent);
  }
}

TEST(NeighborMessage, FlagsOfASolicitationAreIgnored) {
  const auto message = parse_neighbor_message(from_hex(std::string("87 00 0000 e0000000 ") + kTarget));
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->router || message->solicited || message->override_ || message->link_address);
}

TEST(NeighborMessage, OnlyTheRightLinkAddressOptionCounts) {
  struct Row {
    const char *what, *type, *options;
    bool has_link_address;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"source in solicitation", "87", "0101 025e00000002", true},
           {"target in solicitation", "87", "0201 025e00000002", false},
           {"source in advertisement", "88", "0101 025e00000002", false},
           {"target in advertisement", "88", "0201 025e00000002", true},
           {"link address of 14 bytes", "87", "0102 025e00000002 0000000000000000", false},
           {"nonce before it", "87", "0e01 010203040506 0101 025e00000002", true},
           {"unknown behind it", "87", "0101 025e00000002 fd02 0000000000000000000000000000", true}}) {
    const auto message =
        parse_neighbor_message(from_hex(std::string(row.type) + "00 0000 00000000 " + kTarget + row.options));
    ASSERT_TRUE(message) << row.what;
    EXPECT_EQ(message->link_address.has_value(), row.has_link_address) << row.what;
  }
}

TEST(NeighborMessage, InvalidOnesAreRefused) {
  const std::string good = std::string("87 00 0000 00000000 ") + kTarget;
  for (const std::string& text :
       {std::string("85 00 0000 00000000 ") + kTarget, std::string("89 00 0000 00000000 ") + kTarget,
        std::string("87 01 0000 00000000 ") + kTarget,
        std::string("87 00 0000 00000000 ff0200000000000000000000000000 01"),
        std::string("87 00 0000 00000000 00000000000000000000ffffc0000201"), good + "0100 025e00000002",
        good + "0102 025e00000002", good + "01", good + "0101 025e000000", good + "0101 025e00000002 0e"})
    EXPECT_FALSE(parse_neighbor_message(from_hex(text))) << text;
  const auto bytes = from_hex(good);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse_neighbor_message(std::span(bytes).first(size))) << size;
}

constexpr char kQuotedV4[] = "4500 05dc 1234 4000 3f06 0000 c0000201 c6336407";
constexpr char kQuotedV6[] = "60000000 0500 06 3f 20010db8000000000000000000000001 20010db8000000000000000000000002";

TEST(QuotedSegment, EightBytesOfTcpAreEnough) {
  const auto segment = parse_quoted_segment(from_hex(std::string(kQuotedV4) + "1f90 c350 01020304"));
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->source, IpAddress::v4(0xc0000201));
  EXPECT_EQ(segment->destination, IpAddress::v4(0xc6336407));
  EXPECT_EQ(segment->protocol, ip_protocol::kTcp);
  EXPECT_EQ(segment->source_port, 8080);
  EXPECT_EQ(segment->destination_port, 50000);
  EXPECT_EQ(segment->seq, 0x01020304u);
}

TEST(QuotedSegment, Ipv6WithExtensionHeaders) {
  auto quoted = from_hex(std::string(kQuotedV6) + "1f90 c350 01020304");
  ASSERT_TRUE(parse_quoted_segment(quoted));
  EXPECT_EQ(parse_quoted_segment(quoted)->destination, *IpAddress::parse("2001:db8::2"));
  quoted = from_hex(std::string(kQuotedV6) + "06 00 0001 12345678 1f90 c350 01020304");
  quoted[6] = 44;  // the first fragment of the datagram that was too big
  ASSERT_TRUE(parse_quoted_segment(quoted));
  EXPECT_EQ(parse_quoted_segment(quoted)->seq, 0x01020304u);
  quoted[43] = 0x08;  // a later one
  EXPECT_FALSE(parse_quoted_segment(quoted));
}

TEST(QuotedSegment, UdpNeedsThePortsAlone) {
  auto quoted = from_hex(std::string(kQuotedV4) + "0035 c350");
  EXPECT_FALSE(parse_quoted_segment(quoted));
  quoted[9] = ip_protocol::kUdp;
  const auto segment = parse_quoted_segment(quoted);
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->source_port, 53);
  EXPECT_EQ(segment->seq, 0u);
}

TEST(QuotedSegment, LaterFragmentsOtherProtocolsAndNonsenseAreRefused) {
  const auto good = from_hex(std::string(kQuotedV4) + "1f90 c350 01020304");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse_quoted_segment(std::span(good).first(size))) << size;
  struct Row {
    size_t offset;
    uint8_t value;
  };
  for (const Row& row : std::initializer_list<Row>{{0, 0x44}, {0, 0x4f}, {0, 0x55}, {0, 0x65}, {7, 1}, {9, 1}}) {
    auto bytes = good;
    bytes[row.offset] = row.value;
    EXPECT_FALSE(parse_quoted_segment(bytes)) << row.offset;
  }
}

}  // namespace
}  // namespace tributary::wire
