// What comes up from a frame, and which named reason drops the rest.
#include <gtest/gtest.h>

#include "tests/ip/ip_fixture.h"

namespace tributary {
namespace {

using ip::Received;
using test::addr;
using test::Bytes;
using test::kAccessMac;
using test::kAccessPort;
using test::kPeerMac;
using test::kServerMac;
using test::kServerPort;
using test::kVlan;

class Receive : public test::IpFixture {
 protected:
  static Bytes good_v4() {
    return test::tcp_frame({kPeerMac, kAccessMac}, addr("192.0.2.9"), addr("192.0.2.1"), "data");
  }
  static Bytes good_v6() {
    return test::tcp_frame({kPeerMac, kAccessMac}, addr("2001:db8:1::9"), addr("2001:db8:1::1"), "data");
  }
  /// Sets the IPv4 header checksum of an untagged frame anew.
  static void seal_v4(Bytes& frame) {
    wire::store16(&frame[24], 0);
    const size_t size = std::min<size_t>((frame[14] & 15) * 4u, frame.size() - 14);
    wire::store16(&frame[24], static_cast<uint16_t>(~wire::sum_bytes(std::span(frame).subspan(14, size))));
  }
  std::string handed_up_text(const Received& r) const {
    const auto segment = handed_up_.bytes().subspan(r.segment_offset, r.segment_size);
    return {segment.begin() + wire::kTcpHeaderSize, segment.end()};
  }
};

TEST_F(Receive, TcpSegmentsAreHandedUp) {
  struct {
    const char* from;
    const char* to;
    PortId port;
    MacAddress mac;
    uint16_t vlan;
    uint16_t interface;
    bool for_us;
  } const table[] = {
      {"192.0.2.9", "192.0.2.1", kAccessPort, kAccessMac, 0, 0, true},
      {"192.0.2.9", "198.51.100.1", kAccessPort, kAccessMac, 0, 0, true},  // another interface's address is ours too
      {"192.0.2.9", "8.8.8.8", kAccessPort, kAccessMac, 0, 0, false},
      {"2001:db8:1::9", "2001:db8:1::1", kAccessPort, kAccessMac, 0, 0, true},
      {"2001:db8:1::9", "2001:4860::1", kAccessPort, kAccessMac, 0, 0, false},
      {"fe80::9", "fe80::ff:fe00:1", kAccessPort, kAccessMac, 0, 0, true},
      {"fe80::9", "fe80::ff:fe00:2", kAccessPort, kAccessMac, 0, 0, false},  // ours, but not on this link
      {"198.51.100.9", "198.51.100.1", kServerPort, kServerMac, 0, 1, true},
      {"203.0.113.9", "203.0.113.1", kServerPort, kServerMac, kVlan, 2, true},
      {"203.0.113.9", "203.0.113.1", kServerPort, kServerMac, kVlan | 0xe000, 2, true},  // priority bits
      {"198.51.100.9", "198.51.100.1", kServerPort, kServerMac, 0xe000, 1, true},        // priority tag only
  };
  for (const auto& row : table) {
    SCOPED_TRACE(std::string(row.from) + " to " + row.to);
    Bytes frame = test::tcp_frame({kPeerMac, row.mac, row.vlan}, addr(row.from), addr(row.to), "data");
    frame.resize(frame.size() + 9);  // trailing padding is not payload
    const Received r = receive(frame, row.port);
    ASSERT_EQ(r.kind, Received::Kind::kTcp);
    EXPECT_EQ(r.interface, row.interface);
    EXPECT_EQ(r.for_us, row.for_us);
    EXPECT_FALSE(r.tcp_checksum_good);
    EXPECT_EQ(r.ip.source, addr(row.from));
    EXPECT_EQ(r.ip.destination, addr(row.to));
    EXPECT_EQ(handed_up_text(r), "data");
  }
}

TEST_F(Receive, UnusableFramesAreDroppedByName) {
  struct {
    const char* what;
    Bytes (*base)();
    void (*change)(Bytes&);
    const char* reason;
  } const table[] = {
      {"empty", good_v4, [](Bytes& f) { f.clear(); }, "DropMalformed"},
      {"half an Ethernet header", good_v4, [](Bytes& f) { f.resize(13); }, "DropMalformed"},
      {"no IP header", good_v4, [](Bytes& f) { f.resize(14); }, "DropMalformed"},
      {"cut IP header", good_v4, [](Bytes& f) { f.resize(33); }, "DropMalformed"},
      {"cut payload", good_v4, [](Bytes& f) { f.pop_back(); }, "DropMalformed"},
      {"source is a group", good_v4, [](Bytes& f) { f[6] |= 1; }, "DropMalformed"},
      {"to another host", good_v4, [](Bytes& f) { f[5] ^= 0x40; }, "DropNotForUs"},
      {"to another port's MAC", good_v4, [](Bytes& f) { f[5] = 2; }, "DropNotForUs"},
      {"TCP by broadcast", good_v4, [](Bytes& f) { std::fill_n(f.begin(), 6, 0xff); }, "DropNotForUs"},
      {"unknown type", good_v4, [](Bytes& f) { f[12] = 0x88; }, "DropProtocol"},
      {"version 5", good_v4, [](Bytes& f) { f[14] = 0x55; }, "DropMalformed"},
      {"IPv6 under IPv4's type", good_v6, [](Bytes& f) { f[12] = 8, f[13] = 0; }, "DropMalformed"},
      {"header length 16", good_v4, [](Bytes& f) { f[14] = 0x44, seal_v4(f); }, "DropMalformed"},
      {"total below header", good_v4, [](Bytes& f) { f[17] = 19, seal_v4(f); }, "DropMalformed"},
      {"total beyond frame", good_v4, [](Bytes& f) { f[16] = 4, seal_v4(f); }, "DropMalformed"},
      {"wrong checksum", good_v4, [](Bytes& f) { f[24] ^= 1; }, "DropIpChecksum"},
      {"a fragment of UDP", good_v4, [](Bytes& f) { f[20] = 0x20, f[23] = 17, seal_v4(f); }, "DropProtocol"},
      {"UDP", good_v4, [](Bytes& f) { f[23] = 17, seal_v4(f); }, "DropProtocol"},
      {"ICMPv6 on IPv4", good_v4, [](Bytes& f) { f[23] = 58, seal_v4(f); }, "DropMalformed"},
      {"source is loopback", good_v4, [](Bytes& f) { f[26] = 127, seal_v4(f); }, "DropMalformed"},
      {"source is multicast", good_v4, [](Bytes& f) { f[26] = 224, seal_v4(f); }, "DropMalformed"},
      {"source is zero", good_v4, [](Bytes& f) { std::fill_n(&f[26], 4, 0), seal_v4(f); }, "DropMalformed"},
      {"source is broadcast", good_v4, [](Bytes& f) { std::fill_n(&f[26], 4, 0xff), seal_v4(f); }, "DropMalformed"},
      {"source is ours", good_v4, [](Bytes& f) { f[29] = 1, seal_v4(f); }, "DropMalformed"},
      {"destination is multicast", good_v4, [](Bytes& f) { f[30] = 224, seal_v4(f); }, "DropNotForUs"},
      {"destination is loopback", good_v4, [](Bytes& f) { f[30] = 127, seal_v4(f); }, "DropNotForUs"},
      {"IPv6 cut", good_v6, [](Bytes& f) { f.pop_back(); }, "DropMalformed"},
      {"IPv6 source is a group", good_v6, [](Bytes& f) { f[22] = 0xff; }, "DropMalformed"},
      {"IPv6 source is ours", good_v6, [](Bytes& f) { f[37] = 1; }, "DropMalformed"},
      {"IPv6 source is loopback", good_v6, [](Bytes& f) { std::fill_n(&f[22], 15, 0), f[37] = 1; }, "DropMalformed"},
      {"TCP from nobody", good_v6, [](Bytes& f) { std::fill_n(&f[22], 16, 0); }, "DropMalformed"},
      {"IPv6 destination is a group", good_v6, [](Bytes& f) { f[38] = 0xff; }, "DropNotForUs"},
      {"IPv6 UDP", good_v6, [](Bytes& f) { f[20] = 17; }, "DropProtocol"},
      {"IPv6 without payload", good_v6, [](Bytes& f) { f[20] = 59; }, "DropProtocol"},
      {"ICMP on IPv6", good_v6, [](Bytes& f) { f[20] = 1; }, "DropMalformed"},
      {"IPv6 extension beyond the end", good_v6, [](Bytes& f) { f[20] = 0, f[55] = 9; }, "DropMalformed"},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.what);
    Bytes frame = row.base();
    row.change(frame);
    EXPECT_EQ(drop_reason(frame), row.reason);
  }
}

TEST_F(Receive, UnknownVlansAndPortsAreDropped) {
  EXPECT_EQ(drop_reason(test::tcp_frame({kPeerMac, kAccessMac, kVlan}, addr("192.0.2.9"), addr("192.0.2.1"))),
            "DropVlan");
  EXPECT_EQ(
      drop_reason(test::tcp_frame({kPeerMac, kServerMac, 8}, addr("203.0.113.9"), addr("203.0.113.1")), kServerPort),
      "DropVlan");
  EXPECT_EQ(drop_reason(good_v4(), PortId{7}), "DropVlan");
  Bytes cut_tag = test::tcp_frame({kPeerMac, kServerMac, kVlan}, addr("203.0.113.9"), addr("203.0.113.1"));
  cut_tag.resize(17);
  EXPECT_EQ(drop_reason(cut_tag, kServerPort), "DropMalformed");
}

TEST_F(Receive, ATagThePortTookOutCounts) {
  Packet frame = test::make_frame(
      *pools_, test::tcp_frame({kPeerMac, kServerMac}, addr("203.0.113.9"), addr("203.0.113.1"), "data"));
  frame.get()->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  frame.get()->vlan_tci = kVlan | 0x6000;
  Received r;
  layer_->receive(frame, kServerPort, now_, r);
  EXPECT_EQ(r.kind, Received::Kind::kTcp);
  EXPECT_EQ(r.interface, vlan_);
}

TEST_F(Receive, ChainedFramesAreNotTaken) {
  Packet frame = test::make_frame(*pools_, good_v4());
  ASSERT_EQ(rte_pktmbuf_chain(frame.get(), test::make_frame(*pools_, Bytes(10)).release()), 0);
  Received r;
  layer_->receive(frame, kAccessPort, now_, r);
  EXPECT_FALSE(frame);
  EXPECT_EQ(counters_.drop_malformed, 1u);
}

TEST_F(Receive, ThePortsVerdictOnChecksumsIsBelievedOnlyWithTheOffload) {
  auto config = access_config();
  config.vlan = 5;
  config.addresses = {test::prefix("10.0.0.1/24")};
  config.offloads.receive_ip_checksum = config.offloads.receive_tcp_checksum = true;
  std::string error;
  ASSERT_TRUE(layer_->add_interface(config, error));
  constexpr uint64_t kIpGood = RTE_MBUF_F_RX_IP_CKSUM_GOOD, kIpBad = RTE_MBUF_F_RX_IP_CKSUM_BAD;
  constexpr uint64_t kTcpGood = RTE_MBUF_F_RX_L4_CKSUM_GOOD, kTcpBad = RTE_MBUF_F_RX_L4_CKSUM_BAD;
  struct {
    uint16_t vlan;  // 5: with offloads
    bool right_checksum;
    uint64_t flags;
    bool comes_up;
    bool tcp_good;
  } const table[] = {
      {5, true, 0, true, false},
      {5, false, 0, false, false},       // unknown: software looks
      {5, false, kIpGood, true, false},  // the port has looked
      {5, true, kIpBad, false, false},
      {5, true, kIpGood | kTcpGood, true, true},
      {5, true, kIpGood | kTcpBad, false, false},
      {0, false, kIpGood, false, false},
      {0, true, kIpBad | kTcpBad, true, false},
      {0, true, kTcpGood, true, false},
  };
  for (size_t i = 0; i < std::size(table); ++i) {
    SCOPED_TRACE(i);
    const auto& row = table[i];
    Bytes bytes = test::tcp_frame({kPeerMac, kAccessMac, row.vlan}, addr("10.0.0.9"), addr("10.0.0.1"), "data");
    const size_t ip = row.vlan == 0 ? 14 : 18;
    if (!row.right_checksum) bytes[ip + 10] ^= 1;
    Packet frame = test::make_frame(*pools_, bytes);
    frame.get()->ol_flags |= row.flags;
    Received r;
    layer_->receive(frame, kAccessPort, now_, r);
    EXPECT_EQ(r.kind == Received::Kind::kTcp, row.comes_up);
    if (row.comes_up) {
      EXPECT_EQ(r.tcp_checksum_good, row.tcp_good);
    }
  }
}

Bytes error_frame(std::string_view router, std::string_view to, uint8_t type, uint8_t code, uint32_t rest,
                  const Bytes& quoted) {
  return test::icmp_frame({kPeerMac, kAccessMac}, test::ip_header(addr(router), addr(to), 0), type, code, rest, quoted);
}

TEST_F(Receive, IcmpErrorsAboutSegmentsAreHandedUp) {
  struct {
    const char* router;
    const char* from;  ///< source of the quoted segment: where the error goes
    const char* to;
    uint8_t type, code;
    uint32_t rest;
    bool for_us;
  } const table[] = {
      {"192.0.2.254", "192.0.2.1", "8.8.8.8", 3, 4, 1400, true},
      {"192.0.2.254", "192.0.2.1", "8.8.8.8", 3, 3, 0, true},
      {"192.0.2.254", "192.0.2.1", "8.8.8.8", 11, 0, 0, true},
      {"192.0.2.254", "9.9.9.9", "192.0.2.77", 3, 1, 0, false},  // we had sent in the name of 9.9.9.9
      {"2001:db8:1::fe", "2001:db8:1::1", "2001:4860::8", 2, 0, 1280, true},
      {"2001:db8:1::fe", "2001:db8:1::1", "2001:4860::8", 1, 4, 0, true},
      {"fe80::1", "2001:db8:1::1", "2001:4860::8", 3, 0, 0, true},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(std::string(row.router) + " " + std::to_string(row.type));
    Bytes quoted = test::tcp_packet(addr(row.from), addr(row.to), "a long payload, most of it cut off");
    quoted.resize(wire::ip_header_size(addr(row.from)) + 8);
    const Received r = receive(error_frame(row.router, row.from, row.type, row.code, row.rest, quoted));
    ASSERT_EQ(r.kind, Received::Kind::kIcmpError);
    EXPECT_EQ(r.for_us, row.for_us);
    EXPECT_EQ(r.icmp.type, row.type);
    EXPECT_EQ(r.icmp.code, row.code);
    EXPECT_EQ(r.icmp.rest, row.rest);
    EXPECT_EQ(r.quoted.source, addr(row.from));
    EXPECT_EQ(r.quoted.destination, addr(row.to));
    EXPECT_EQ(r.quoted.source_port, 1000);
    EXPECT_EQ(r.quoted.destination_port, 80);
    EXPECT_EQ(r.quoted.seq, 0x01020304u);
  }
}

TEST_F(Receive, OtherIcmpIsDropped) {
  const Bytes segment = test::tcp_packet(addr("192.0.2.1"), addr("8.8.8.8"));
  Bytes cut = segment;
  cut.resize(27);
  const Bytes datagram =
      test::ip_packet(test::ip_header(addr("192.0.2.1"), addr("8.8.8.8"), wire::ip_protocol::kUdp), Bytes(8));
  struct {
    const char* what;
    Bytes frame;
    const char* reason;
  } const table[] = {
      {"quote too short", error_frame("192.0.2.254", "192.0.2.1", 3, 1, 0, cut), "DropMalformed"},
      {"quotes somebody else's segment", error_frame("192.0.2.254", "198.51.100.1", 3, 1, 0, segment), "DropMalformed"},
      {"quotes UDP", error_frame("192.0.2.254", "192.0.2.1", 3, 1, 0, datagram), "DropProtocol"},
      {"echo reply", error_frame("192.0.2.254", "192.0.2.1", 0, 0, 0, Bytes(8)), "DropProtocol"},
      {"redirect", error_frame("192.0.2.254", "192.0.2.1", 5, 1, 0, segment), "DropProtocol"},
      {"router advertisement", error_frame("fe80::1", "2001:db8:1::1", 134, 0, 0, Bytes(8)), "DropProtocol"},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(drop_reason(row.frame), row.reason);
  }
}

TEST_F(Receive, PacketsLeaveWithTheTagOfTheirInterface) {
  const auto hop = layer_->find_route(addr("203.0.113.9"), now_).value();
  const Bytes packet = test::tcp_packet(addr("203.0.113.1"), addr("203.0.113.9"), "data");
  send(packet, hop);
  const auto question = sent(kServerPort);
  ASSERT_EQ(question.size(), 1u);
  EXPECT_EQ(question[0].ethernet.vlan_id(), kVlan);
  receive(test::arp_frame({kPeerMac, kServerMac, kVlan}, {.operation = wire::Arp::Operation::kReply,
                                                          .sender_mac = kPeerMac,
                                                          .sender_ip = addr("203.0.113.9"),
                                                          .target_mac = kServerMac,
                                                          .target_ip = addr("203.0.113.1")}),
          kServerPort);
  auto& pending = frames_.pending(kServerPort);
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(test::bytes_of(pending[0]),
            test::ethernet_frame({kServerMac, kPeerMac, kVlan}, wire::ether_type::kIpv4, packet));
}

TEST_F(Receive, APacketWithoutHeadroomIsCountedNotSent) {
  const auto hop = layer_->find_route(addr("192.0.2.9"), now_).value();
  Packet packet = test::make_frame(*pools_, test::tcp_packet(addr("192.0.2.1"), addr("192.0.2.9")));
  rte_pktmbuf_prepend(packet.get(), rte_pktmbuf_headroom(packet.get()));
  layer_->send(std::move(packet), hop, now_);
  receive(test::arp_frame({kPeerMac, kAccessMac}, {.operation = wire::Arp::Operation::kReply,
                                                   .sender_mac = kPeerMac,
                                                   .sender_ip = addr("192.0.2.9"),
                                                   .target_mac = kAccessMac,
                                                   .target_ip = addr("192.0.2.1")}));
  sent(kAccessPort);
  EXPECT_EQ(counters_.drop_malformed, 1u);
}

}  // namespace
}  // namespace tributary
