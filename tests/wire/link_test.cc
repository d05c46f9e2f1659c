// Ethernet and ARP.
#include <gtest/gtest.h>

#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "tests/wire/hex.h"

namespace tributary::wire {
namespace {

using test::from_hex;

TEST(Ethernet, HeaderWithoutTag) {
  const auto frame = from_hex("025e00000001 025e00000002 0800 45");
  const auto header = parse_ethernet(frame);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->destination, *MacAddress::parse("02:5e:00:00:00:01"));
  EXPECT_EQ(header->source, *MacAddress::parse("02:5e:00:00:00:02"));
  EXPECT_EQ(header->type, ether_type::kIpv4);
  EXPECT_FALSE(header->has_vlan);
  EXPECT_EQ(header->size(), 14u);
  std::vector<uint8_t> out(14);
  emit_ethernet(*header, out);
  EXPECT_EQ(out, from_hex("025e00000001 025e00000002 0800"));
}

TEST(Ethernet, TagKeepsPriorityAndIdentifier) {
  const auto frame = from_hex("ffffffffffff 025e00000002 8100 a064 0806");
  const auto header = parse_ethernet(frame);
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->has_vlan);
  EXPECT_EQ(header->vlan, 0xa064);
  EXPECT_EQ(header->vlan_id(), 100);
  EXPECT_EQ(header->type, ether_type::kArp);
  EXPECT_EQ(header->size(), 18u);
  std::vector<uint8_t> out(18);
  emit_ethernet(*header, out);
  EXPECT_EQ(out, frame);
}

TEST(Ethernet, SecondTagIsLeftAsAnUnknownType) {
  const auto header = parse_ethernet(from_hex("ffffffffffff 025e00000002 8100 0064 8100 0065 0800"));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, ether_type::kVlan);
}

TEST(Ethernet, TruncatedFramesAreRefused) {
  const auto plain = from_hex("025e00000001 025e00000002 0800");
  for (size_t size = 0; size < plain.size(); ++size) EXPECT_FALSE(parse_ethernet(std::span(plain).first(size)));
  const auto tagged = from_hex("025e00000001 025e00000002 8100 0064 0800");
  for (size_t size = 0; size < tagged.size(); ++size) EXPECT_FALSE(parse_ethernet(std::span(tagged).first(size)));
}

constexpr char kRequest[] = "0001 0800 06 04 0001 025e00000002 c0000202 000000000000 c0000201";

TEST(Arp, RequestAndReplyRoundTrip) {
  const auto request = parse_arp(from_hex(kRequest));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->operation, Arp::Operation::kRequest);
  EXPECT_EQ(request->sender_mac, *MacAddress::parse("02:5e:00:00:00:02"));
  EXPECT_EQ(request->sender_ip, IpAddress::v4(0xc0000202));
  EXPECT_EQ(request->target_mac, MacAddress());
  EXPECT_EQ(request->target_ip, IpAddress::v4(0xc0000201));
  std::vector<uint8_t> out(kArpSize);
  emit_arp(*request, out);
  EXPECT_EQ(out, from_hex(kRequest));

  Arp reply{Arp::Operation::kReply, *MacAddress::parse("02:5e:00:00:00:01"), request->target_ip, request->sender_mac,
            request->sender_ip};
  emit_arp(reply, out);
  EXPECT_EQ(out, from_hex("0001 0800 06 04 0002 025e00000001 c0000201 025e00000002 c0000202"));
  EXPECT_EQ(parse_arp(out), reply);
}

TEST(Arp, EthernetPaddingBehindIsIgnored) {
  auto bytes = from_hex(kRequest);
  bytes.resize(46, 0xee);
  EXPECT_EQ(parse_arp(bytes), parse_arp(from_hex(kRequest)));
}

TEST(Arp, OtherKindsAndTruncatedOnesAreRefused) {
  struct Row {
    const char* what;
    size_t offset;
    uint8_t value;
  };
  for (const Row& row : std::initializer_list<Row>{{"hardware type", 1, 6},
                                                   {"protocol type", 3, 6},
                                                   {"hardware address length", 4, 8},
                                                   {"protocol address length", 5, 16},
                                                   {"operation 0", 7, 0},
                                                   {"RARP request", 7, 3},
                                                   {"operation 0x101", 6, 1}}) {
    auto bytes = from_hex(kRequest);
    bytes[row.offset] = row.value;
    EXPECT_FALSE(parse_arp(bytes)) << row.what;
  }
  const auto bytes = from_hex(kRequest);
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(parse_arp(std::span(bytes).first(size)));
}

}  // namespace
}  // namespace tributary::wire
