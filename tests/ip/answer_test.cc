// What the layer answers by itself: ARP, neighbour solicitations, echo; and what it does not fall for.
#include <gtest/gtest.h>

#include "tests/ip/ip_fixture.h"

namespace tributary {
namespace {

using test::addr;
using test::Bytes;
using test::kAccessMac;
using test::kAccessPort;
using test::kPeerMac;
using test::kServerMac;
using test::kServerPort;
using test::kVlan;
using test::Parsed;

using Answers = test::IpFixture;

wire::Arp request(std::string_view from, std::string_view to) {
  return {.operation = wire::Arp::Operation::kRequest,
          .sender_mac = kPeerMac,
          .sender_ip = addr(from),
          .target_mac = MacAddress(),
          .target_ip = addr(to)};
}

TEST_F(Answers, ArpRequestForOurAddressIsAnswered) {
  std::string error;
  ASSERT_TRUE(layer_->add_host_address(access_, addr("192.0.2.50"), error));
  for (const char* own : {"192.0.2.1", "192.0.2.50"}) {
    for (const char* asker : {"192.0.2.9", "0.0.0.0"}) {  // the second is an address probe (RFC 5227)
      receive(test::arp_frame({kPeerMac, MacAddress::broadcast()}, request(asker, own)));
      const auto frames = sent(kAccessPort);
      ASSERT_EQ(frames.size(), 1u);
      EXPECT_EQ(frames[0].ethernet.destination, kPeerMac);
      EXPECT_EQ(frames[0].ethernet.source, kAccessMac);
      EXPECT_EQ(*frames[0].arp, (wire::Arp{.operation = wire::Arp::Operation::kReply,
                                           .sender_mac = kAccessMac,
                                           .sender_ip = addr(own),
                                           .target_mac = kPeerMac,
                                           .target_ip = addr(asker)}));
    }
  }
  EXPECT_EQ(counters_.arp_answered, 4u);
  EXPECT_EQ(layer_->neighbor_count(), 0u) << "asking leaves no entry";
}

TEST_F(Answers, ArpForOthersIsNot) {
  for (const char* other : {"192.0.2.2", "198.51.100.1", "203.0.113.1"})
    receive(test::arp_frame({kPeerMac, MacAddress::broadcast()}, request("192.0.2.9", other)));
  EXPECT_TRUE(sent(kAccessPort).empty());
}

TEST_F(Answers, ArpOnTheVlanOfTheAddressOnly) {
  receive(test::arp_frame({kPeerMac, MacAddress::broadcast(), kVlan}, request("203.0.113.9", "203.0.113.1")),
          kServerPort);
  const auto frames = sent(kServerPort);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].ethernet.has_vlan);
  EXPECT_EQ(frames[0].ethernet.vlan_id(), kVlan);
  EXPECT_EQ(frames[0].ethernet.source, kServerMac);
  ASSERT_TRUE(frames[0].arp);

  receive(test::arp_frame({kPeerMac, MacAddress::broadcast()}, request("203.0.113.9", "203.0.113.1")), kServerPort);
  EXPECT_TRUE(sent(kServerPort).empty());
}

TEST_F(Answers, ForgedArpIsDropped) {
  auto from_us = request("192.0.2.1", "192.0.2.1");
  auto multicast_mac = request("192.0.2.9", "192.0.2.1");
  multicast_mac.sender_mac = MacAddress::broadcast();
  auto zero_mac = request("192.0.2.9", "192.0.2.1");
  zero_mac.sender_mac = {};
  for (const wire::Arp& bad : {from_us, multicast_mac, zero_mac, request("224.0.0.1", "192.0.2.1"),
                               request("255.255.255.255", "192.0.2.1"), request("127.0.0.1", "192.0.2.1")})
    EXPECT_EQ(drop_reason(test::arp_frame({kPeerMac, MacAddress::broadcast()}, bad)), "DropMalformed");
  Bytes cut = test::arp_frame({kPeerMac, MacAddress::broadcast()}, request("192.0.2.9", "192.0.2.1"));
  cut.pop_back();
  EXPECT_EQ(drop_reason(cut), "DropMalformed");
  EXPECT_TRUE(sent(kAccessPort).empty());
}

struct Solicitation {
  IpAddress source = addr("2001:db8:1::9");
  IpAddress destination = ip::solicited_node(addr("2001:db8:1::1"));
  uint8_t hop_limit = 255;
  wire::NeighborMessage message;

  Solicitation() {
    message.target = addr("2001:db8:1::1");
    message.link_address = kPeerMac;
  }
  Bytes frame(uint16_t vlan = 0) const {
    auto header = test::ip_header(source, destination, wire::ip_protocol::kIcmpv6);
    header.hop_limit = hop_limit;
    const MacAddress to = destination.is_multicast() ? ip::multicast_mac(destination) : kAccessMac;
    return test::neighbor_frame({kPeerMac, to, vlan}, header, message);
  }
};

TEST_F(Answers, NeighborSolicitationForOurAddressIsAnswered) {
  std::string error;
  ASSERT_TRUE(layer_->add_host_address(access_, addr("2001:db8:1::50"), error));
  for (const char* own : {"2001:db8:1::1", "2001:db8:1::50", "fe80::ff:fe00:1"}) {
    for (bool unicast : {false, true}) {
      Solicitation asked;
      asked.message.target = addr(own);
      asked.destination = unicast ? addr(own) : ip::solicited_node(addr(own));
      receive(asked.frame());
      const auto frames = sent(kAccessPort);
      ASSERT_EQ(frames.size(), 1u) << own;
      const Parsed& answer = frames[0];
      EXPECT_EQ(answer.ethernet.destination, kPeerMac);
      EXPECT_EQ(answer.ip->source, addr(own));
      EXPECT_EQ(answer.ip->destination, asked.source);
      EXPECT_EQ(answer.ip->hop_limit, 255);
      EXPECT_TRUE(answer.good_icmp_checksum);
      ASSERT_TRUE(answer.neighbor);
      EXPECT_TRUE(answer.neighbor->advertisement);
      EXPECT_TRUE(answer.neighbor->solicited);
      EXPECT_TRUE(answer.neighbor->override_);
      EXPECT_FALSE(answer.neighbor->router);
      EXPECT_EQ(answer.neighbor->target, addr(own));
      EXPECT_EQ(answer.neighbor->link_address, kAccessMac);
    }
  }
  EXPECT_EQ(counters_.arp_answered, 6u);
  EXPECT_EQ(layer_->neighbor_count(), 0u) << "asking leaves no entry";
}

TEST_F(Answers, DuplicateAddressDetectionIsAnsweredToAllNodes) {
  Solicitation asked;
  asked.source = addr("::");
  asked.message.link_address.reset();
  receive(asked.frame());
  const auto frames = sent(kAccessPort);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].ethernet.destination, (MacAddress{{0x33, 0x33, 0, 0, 0, 1}}));
  EXPECT_EQ(frames[0].ip->destination, addr("ff02::1"));
  EXPECT_FALSE(frames[0].neighbor->solicited);
  EXPECT_TRUE(frames[0].neighbor->override_);
  EXPECT_TRUE(frames[0].good_icmp_checksum);
}

TEST_F(Answers, ForgedNeighborMessagesAreDropped) {
  struct {
    const char* what;
    void (*change)(Solicitation&);
    const char* reason;
  } const table[] = {
      {"routed", [](Solicitation& s) { s.hop_limit = 254; }, "DropMalformed"},
      {"for another", [](Solicitation& s) { s.message.target = addr("2001:db8:1::2"); }, "DropNotForUs"},
      {"for another interface", [](Solicitation& s) { s.message.target = addr("2001:db8:2::1"); }, "DropNotForUs"},
      {"to another group", [](Solicitation& s) { s.destination = addr("ff02::1"); }, "DropNotForUs"},
      {"from us", [](Solicitation& s) { s.source = addr("2001:db8:1::1"); }, "DropMalformed"},
      {"from a group", [](Solicitation& s) { s.source = addr("ff02::1"); }, "DropMalformed"},
      {"DAD with link address", [](Solicitation& s) { s.source = addr("::"); }, "DropMalformed"},
      {"DAD by unicast",
       [](Solicitation& s) {
         s.source = addr("::"), s.destination = addr("2001:db8:1::1");
         s.message.link_address.reset();
       },
       "DropMalformed"},
      {"group link address", [](Solicitation& s) { s.message.link_address = MacAddress::broadcast(); },
       "DropMalformed"},
      {"solicited to a group",
       [](Solicitation& s) { s.message.advertisement = s.message.solicited = true, s.destination = addr("ff02::1"); },
       "DropMalformed"},
      {"claims our address", [](Solicitation& s) { s.message.advertisement = true; }, "DropMalformed"},
      {"routed advertisement",
       [](Solicitation& s) {
         s.message.advertisement = true, s.message.target = addr("2001:db8:1::9");
         s.hop_limit = 64;
       },
       "DropMalformed"},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.what);
    Solicitation forged;
    row.change(forged);
    EXPECT_EQ(drop_reason(forged.frame()), row.reason);
  }
  Bytes corrupt = Solicitation().frame();
  corrupt.back() ^= 1;
  EXPECT_EQ(drop_reason(corrupt), "DropMalformed");
  EXPECT_EQ(drop_reason(Solicitation().frame(kVlan)), "DropVlan");
  EXPECT_TRUE(sent(kAccessPort).empty());
}

struct Echo {
  const char* from;
  const char* to;
  uint16_t vlan;
  PortId port;
  MacAddress mac;
};

class EchoAnswers : public test::IpFixture, public testing::WithParamInterface<Echo> {};

INSTANTIATE_TEST_SUITE_P(All, EchoAnswers,
                         testing::Values(Echo{"192.0.2.9", "192.0.2.1", 0, kAccessPort, kAccessMac},
                                         Echo{"10.1.2.3", "192.0.2.1", 0, kAccessPort, kAccessMac},
                                         Echo{"10.1.2.3", "198.51.100.1", 0, kAccessPort, kAccessMac},
                                         Echo{"203.0.113.9", "203.0.113.1", kVlan, kServerPort, kServerMac},
                                         Echo{"2001:db8:1::9", "2001:db8:1::1", 0, kAccessPort, kAccessMac},
                                         Echo{"fe80::9", "fe80::ff:fe00:1", 0, kAccessPort, kAccessMac},
                                         Echo{"2001:db8:7::9", "2001:db8:7::1", kVlan, kServerPort, kServerMac}));

TEST_P(EchoAnswers, CarryTheirPayloadBackInTheSameBuffer) {
  const Echo& echo = GetParam();
  const bool v4 = addr(echo.from).is_v4();
  for (size_t size : {0, 1, 2, 17, 56, 1400, 1472}) {
    Bytes body(size);
    random_.fill(body);
    auto header = test::ip_header(addr(echo.from), addr(echo.to), 0);
    header.hop_limit = 3;
    header.traffic_class = 0xb9;  // EF with ECT(1): the mark stays, the congestion bits do not
    Bytes request = test::icmp_frame({kPeerMac, echo.mac, echo.vlan}, header, v4 ? 8 : 128, 0, 0xabcd0001, body);
    request.resize(std::max<size_t>(request.size(), 60));  // Ethernet padding must not come back
    const uint32_t data_before = pools_->data_in_use();
    receive(request, echo.port);
    EXPECT_EQ(pools_->data_in_use(), data_before + 1);
    EXPECT_EQ(pools_->header_in_use(), 0u);
    const auto frames = sent(echo.port);
    ASSERT_EQ(frames.size(), 1u);
    const Parsed& reply = frames[0];
    EXPECT_EQ(reply.frame_size, reply.ethernet.size() + reply.ip->header_size + 8 + size);
    EXPECT_EQ(reply.ethernet.destination, kPeerMac);
    EXPECT_EQ(reply.ethernet.source, echo.mac);
    EXPECT_EQ(reply.ethernet.has_vlan, echo.vlan != 0);
    EXPECT_EQ(reply.ip->source, addr(echo.to));
    EXPECT_EQ(reply.ip->destination, addr(echo.from));
    EXPECT_EQ(reply.ip->hop_limit, 64);
    EXPECT_EQ(reply.ip->traffic_class, 0xb8);
    EXPECT_EQ(reply.icmp->type, v4 ? 0 : 129);
    EXPECT_EQ(reply.icmp->rest, 0xabcd0001u);
    EXPECT_TRUE(reply.good_icmp_checksum);
    EXPECT_TRUE(std::ranges::equal(std::span(reply.payload).subspan(8), body));
  }
  EXPECT_EQ(counters_.echo_answered, 7u);
  EXPECT_EQ(layer_->neighbor_count(), 0u);
}

TEST_F(Answers, EchoRequestsNotMeantForUsAreNotAnswered) {
  struct {
    const char* what;
    const char* from;
    const char* to;
    MacAddress mac;
    const char* reason;
  } const table[] = {
      {"other host", "192.0.2.9", "192.0.2.2", kAccessMac, "DropNotForUs"},
      {"broadcast", "192.0.2.9", "192.0.2.255", MacAddress::broadcast(), "DropNotForUs"},
      {"limited broadcast", "192.0.2.9", "255.255.255.255", MacAddress::broadcast(), "DropNotForUs"},
      {"our address by broadcast frame", "192.0.2.9", "192.0.2.1", MacAddress::broadcast(), "DropNotForUs"},
      {"from us", "192.0.2.1", "192.0.2.1", kAccessMac, "DropMalformed"},
      {"from another address of ours", "198.51.100.1", "192.0.2.1", kAccessMac, "DropMalformed"},
      {"from a group", "224.0.0.1", "192.0.2.1", kAccessMac, "DropMalformed"},
      {"from everybody", "255.255.255.255", "192.0.2.1", kAccessMac, "DropMalformed"},
      {"from nobody", "0.0.0.0", "192.0.2.1", kAccessMac, "DropMalformed"},
      {"from IPv6 nobody", "::", "2001:db8:1::1", kAccessMac, "DropNotForUs"},
      {"IPv6 group", "2001:db8:1::9", "ff02::1", MacAddress{{0x33, 0x33, 0, 0, 0, 1}}, "DropNotForUs"},
      {"link-local address of another link", "fe80::9", "fe80::ff:fe00:2", kAccessMac, "DropNotForUs"},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.what);
    const uint8_t type = addr(row.from).is_v4() ? 8 : 128;
    const auto header = test::ip_header(addr(row.from), addr(row.to), 0);
    EXPECT_EQ(drop_reason(test::icmp_frame({kPeerMac, row.mac}, header, type, 0, 1, Bytes(8))), row.reason);
  }
  EXPECT_TRUE(sent(kAccessPort).empty());
}

TEST_F(Answers, EchoWithWrongChecksumIsNotAnswered) {
  for (const char* from : {"192.0.2.9", "2001:db8:1::9"}) {
    const bool v4 = addr(from).is_v4();
    const auto header = test::ip_header(addr(from), addr(v4 ? "192.0.2.1" : "2001:db8:1::1"), 0);
    Bytes frame = test::icmp_frame({kPeerMac, kAccessMac}, header, v4 ? 8 : 128, 0, 1, Bytes(8));
    frame.back() ^= 1;
    EXPECT_EQ(drop_reason(frame), "DropMalformed");
  }
}

TEST_F(Answers, EchoWithIpOptionsIsAnsweredWithoutThem) {
  const auto header = test::ip_header(addr("192.0.2.9"), addr("192.0.2.1"), wire::ip_protocol::kIcmp);
  Bytes frame = test::icmp_frame({kPeerMac, kAccessMac}, header, 8, 0, 1, Bytes(8, 0x55));
  frame.insert(frame.begin() + 34, {1, 1, 1, 0});  // NOP NOP NOP EOL
  frame[14] = 0x46;
  wire::store16(&frame[16], wire::load16(&frame[16]) + 4);
  wire::store16(&frame[24], 0);
  wire::store16(&frame[24], static_cast<uint16_t>(~wire::sum_bytes(std::span(frame).subspan(14, 24))));
  receive(frame);
  const auto frames = sent(kAccessPort);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].ip->header_size, 20);
  EXPECT_TRUE(frames[0].good_icmp_checksum);
  EXPECT_EQ(frames[0].payload.size(), 16u);
}

TEST_F(Answers, AnnouncementTellsEveryOwnAddressToItsLink) {
  std::string error;
  ASSERT_TRUE(layer_->add_host_address(server_, addr("198.51.100.200"), error));
  layer_->announce();
  std::vector<std::string> told;
  for (PortId port : {kAccessPort, kServerPort}) {
    for (const Parsed& frame : sent(port)) {
      EXPECT_TRUE(frame.ethernet.destination.is_multicast());
      const std::string vlan = frame.ethernet.has_vlan ? " on VLAN" : "";
      if (frame.arp) {
        EXPECT_EQ(frame.arp->sender_ip, frame.arp->target_ip);
        told.push_back(frame.arp->sender_ip.to_string() + vlan);
      } else {
        EXPECT_TRUE(frame.neighbor->advertisement && frame.neighbor->override_ && !frame.neighbor->solicited);
        EXPECT_TRUE(frame.good_icmp_checksum);
        told.push_back(frame.neighbor->target.to_string() + vlan);
      }
    }
  }
  EXPECT_EQ(told, (std::vector<std::string>{"192.0.2.1", "2001:db8:1::1", "fe80::ff:fe00:1", "198.51.100.1",
                                            "2001:db8:2::1", "fe80::ff:fe00:2", "198.51.100.200", "203.0.113.1 on VLAN",
                                            "2001:db8:7::1 on VLAN", "fe80::ff:fe00:2 on VLAN"}));
}

}  // namespace
}  // namespace tributary
