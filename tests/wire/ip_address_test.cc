#include "stack/wire/ip_address.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

IpAddress address(std::string_view text) {
  const auto a = IpAddress::parse(text);
  EXPECT_TRUE(a) << text;
  return a.value_or(IpAddress());
}

TEST(IpAddress, TextIsReadAndWrittenInCanonicalForm) {
  struct Row {
    const char *text, *canonical;
  };
  for (const Row& row : std::initializer_list<Row>{{"192.0.2.1", "192.0.2.1"},
                                                   {"0.0.0.0", "0.0.0.0"},
                                                   {"255.255.255.255", "255.255.255.255"},
                                                   {"::", "::"},
                                                   {"::1", "::1"},
                                                   {"2001:DB8:0:0:0:0:0:7", "2001:db8::7"},
                                                   {"fe80::a:b:c:d", "fe80::a:b:c:d"}})
    EXPECT_EQ(address(row.text).to_string(), row.canonical);
}

TEST(IpAddress, AnythingElseIsRefused) {
  using namespace std::string_view_literals;
  for (std::string_view text :
       {""sv, "192.0.2"sv, "192.0.2.256"sv, "192.0.2.1 "sv, " 192.0.2.1"sv, "192.0.2.1\0"sv, "1.2.3.4.5"sv,
        "2001:db8:::1"sv, "g::1"sv, "fe80::1%eth0"sv, "[::1]"sv, "::ffff:192.0.2.1"sv, "192.0.2.1/24"sv,
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"sv})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(IpAddress, WireBytesOfIpv4AreTheMappedAddress) {
  const uint8_t bytes[] = {192, 0, 2, 1};
  const IpAddress a = IpAddress::from_v4_bytes(bytes);
  EXPECT_EQ(a, IpAddress::v4(0xc0000201));
  EXPECT_TRUE(a.is_v4());
  EXPECT_EQ(a.v4_value(), 0xc0000201u);
  EXPECT_EQ(a, IpAddress::from_v6_bytes(a.bytes().data()));
  EXPECT_FALSE(address("2001:db8::ffff:c000:201").is_v4());
  EXPECT_FALSE(IpAddress().is_v4());
}

TEST(IpAddress, PropertiesOfBothFamilies) {
  enum : unsigned { kUnspecified = 1, kMulticast = 2, kLoopback = 4, kBroadcast = 8, kLinkLocal = 16 };
  struct Row {
    const char* text;
    unsigned properties;
  };
  for (const Row& row : std::initializer_list<Row>{{"0.0.0.0", kUnspecified},
                                                   {"::", kUnspecified},
                                                   {"224.0.0.1", kMulticast},
                                                   {"239.255.255.255", kMulticast},
                                                   {"240.0.0.1", 0},
                                                   {"ff02::1", kMulticast},
                                                   {"127.0.0.1", kLoopback},
                                                   {"127.255.0.1", kLoopback},
                                                   {"::1", kLoopback},
                                                   {"1::1", 0},
                                                   {"255.255.255.255", kBroadcast},
                                                   {"169.254.7.7", kLinkLocal},
                                                   {"169.253.7.7", 0},
                                                   {"fe80::1", kLinkLocal},
                                                   {"febf::1", kLinkLocal},
                                                   {"fec0::1", 0},
                                                   {"198.51.100.7", 0},
                                                   {"2001:db8::7", 0}}) {
    const IpAddress a = address(row.text);
    EXPECT_EQ(a.is_unspecified(), (row.properties & kUnspecified) != 0) << row.text;
    EXPECT_EQ(a.is_multicast(), (row.properties & kMulticast) != 0) << row.text;
    EXPECT_EQ(a.is_loopback(), (row.properties & kLoopback) != 0) << row.text;
    EXPECT_EQ(a.is_broadcast(), (row.properties & kBroadcast) != 0) << row.text;
    EXPECT_EQ(a.is_link_local(), (row.properties & kLinkLocal) != 0) << row.text;
  }
}

TEST(IpPrefix, ContainsComparesTheLeadingBitsOfOneFamily) {
  struct Row {
    const char *prefix, *address;
    bool contains;
  };
  for (const Row& row : std::initializer_list<Row>{{"192.0.2.0/24", "192.0.2.255", true},
                                                   {"192.0.2.0/24", "192.0.3.0", false},
                                                   {"192.0.2.128/25", "192.0.2.127", false},
                                                   {"192.0.2.128/25", "192.0.2.200", true},
                                                   {"192.0.2.1/24", "192.0.2.9", true},
                                                   {"10.1.0.2", "10.1.0.2", true},
                                                   {"10.1.0.2", "10.1.0.3", false},
                                                   {"0.0.0.0/0", "203.0.113.9", true},
                                                   {"0.0.0.0/0", "2001:db8::1", false},
                                                   {"::/0", "2001:db8::1", true},
                                                   {"::/0", "10.0.0.1", false},
                                                   {"2001:db8::/33", "2001:db8:7fff::1", true},
                                                   {"2001:db8::/33", "2001:db8:8000::1", false},
                                                   {"2001:db8::1/128", "2001:db8::1", true},
                                                   {"2001:db8::1/127", "2001:db8::2", false}}) {
    const auto prefix = IpPrefix::parse(row.prefix);
    ASSERT_TRUE(prefix) << row.prefix;
    EXPECT_EQ(prefix->contains(address(row.address)), row.contains) << row.prefix << " " << row.address;
  }
}

TEST(IpPrefix, TextKeepsTheLength) {
  EXPECT_EQ(IpPrefix::parse("192.0.2.0/24")->to_string(), "192.0.2.0/24");
  EXPECT_EQ(IpPrefix::parse("192.0.2.1")->to_string(), "192.0.2.1/32");
  EXPECT_EQ(IpPrefix::parse("2001:db8::")->to_string(), "2001:db8::/128");
}

TEST(IpPrefix, ImpossibleTextIsRefused) {
  for (const char* text : {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/8 ",
                           "192.0.2.0/256", "192.0.2.0/2/4", "2001:db8::/129", "/24", "192.0.2.0/0x8"})
    EXPECT_FALSE(IpPrefix::parse(text)) << text;
}

TEST(MacAddress, DiffersWhereAnyBitDoes) {
  const MacAddress mac{{2, 0x5e, 0, 0, 0, 1}};
  EXPECT_EQ(mac, (MacAddress{{2, 0x5e, 0, 0, 0, 1}}));
  for (unsigned bit = 0; bit < 48; ++bit) {
    MacAddress other = mac;
    other.bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_NE(mac, other) << bit;
  }
}

TEST(MacAddress, TextIsReadAndWritten) {
  const auto mac = MacAddress::parse("02:00:5E:10:00:ff");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->bytes, (std::array<uint8_t, 6>{0x02, 0x00, 0x5e, 0x10, 0x00, 0xff}));
  EXPECT_EQ(mac->to_string(), "02:00:5e:10:00:ff");
  EXPECT_FALSE(mac->is_multicast());
  EXPECT_TRUE(MacAddress::broadcast().is_multicast());
  for (const char* text : {"", "02:00:5e:10:00", "02:00:5e:10:00:fff", "02-00-5e-10-00-ff", "02:00:5e:10:00:fg",
                           "2:00:5e:10:00:ff:", "02:00:5e:10:0:0ff"})
    EXPECT_FALSE(MacAddress::parse(text)) << text;
}

}  // namespace
}  // namespace tributary
