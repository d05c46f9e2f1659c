// The path's MTU: what routers say (RFC 1191, RFC 8201, with the checks of RFC 5927), and black holes (RFC 4821).
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

constexpr uint16_t kMss = 1460;

class TcpPathMtu : public ScriptTest {
 protected:
  void open(Peer& to, const Peer::Options& options = {.rtt = Micros::milliseconds(100)}) {
    listen();
    to.open(options);
    window = cwnd();
  }
  uint32_t cwnd() { return stack().info(stream())->subflows[0].cwnd; }

  /// A router's word about the segment at `seq`: IPv4 fragmentation needed, IPv6 packet too big.
  Bytes too_big(const Peer& of, uint32_t seq, uint32_t mtu) {
    FlowKey key = const_cast<Peer&>(of).key();
    const bool v4 = key.local.is_v4();
    wire::TcpHeader tcp;
    tcp.source_port = key.local_port;
    tcp.destination_port = key.remote_port;
    tcp.seq = of.stack_isn + seq;
    Bytes quoted(wire::kTcpHeaderSize);
    wire::emit_tcp(tcp, quoted);
    const Bytes packet = ip_packet(ip_header(key.local, key.remote, wire::ip_protocol::kTcp), quoted);
    const Link link{{{2, 0, 0, 0, 1, 1}}, {{2, 0, 0, 0, 0, 1}}};
    const IpAddress router = addr(v4 ? "192.0.2.99" : "2001:db8::99");
    return v4 ? icmp_frame(link, ip_header(router, key.local, 0), wire::icmp_type::kUnreachable,
                           wire::icmp_code::kFragmentationNeeded, mtu, packet)
              : icmp_frame(link, ip_header(router, key.local, 0), wire::icmpv6_type::kPacketTooBig, 0, mtu, packet);
  }
  /// Sizes of the payloads the stack has sent since.
  std::vector<size_t> sizes(Peer& at) {
    std::vector<size_t> out;
    while (at.waiting() != 0) out.push_back(at.next().payload.size());
    return out;
  }

  Peer peer{*this};
  uint32_t window = 0;
};

TEST_F(TcpPathMtu, WhatIsTooBigIsSentAgainInPiecesAtOnce) {
  open(peer);
  write(pattern(2 * kMss));
  peer.ignore_all();
  peer.send_raw(too_big(peer, 1, 1400));
  EXPECT_EQ(sizes(peer), (std::vector<size_t>{1360, 100, 1360, 100}));
  EXPECT_EQ(cwnd(), window) << "not congestion";
  EXPECT_EQ(counters.tcp_mtu_reduced, 1u);
  peer.send(ack(1, 1 + 2 * kMss));
  write(pattern(kMss, 2 * kMss));
  EXPECT_EQ(sizes(peer), (std::vector<size_t>{1360, 100})) << "and what follows is small from the start";
  peer.send(ack(1, 1 + 3 * kMss));
}

TEST_F(TcpPathMtu, PayloadSurvivesTheCut) {
  open(peer);
  const std::string text = pattern(kMss);
  write(text);
  peer.ignore_all();
  peer.send_raw(too_big(peer, 1, 600));
  std::string got;
  while (peer.waiting() != 0) {
    const Seg s = peer.next();
    EXPECT_EQ(s.seq, 1 + got.size());
    EXPECT_LE(s.payload.size(), 560u);
    got += s.payload;
  }
  EXPECT_EQ(got, text);
  peer.send(ack(1, 1 + kMss));
}

struct Claim {
  uint32_t mtu;
  size_t largest;  ///< payload sent afterwards
};
class TcpPathMtuClaim : public TcpPathMtu, public testing::WithParamInterface<Claim> {};

TEST_P(TcpPathMtuClaim, OnlyPlausibleSizesAreBelieved) {
  open(peer);
  write(pattern(kMss));
  peer.ignore_all();
  peer.send_raw(too_big(peer, 1, GetParam().mtu));
  peer.ignore_all();
  peer.send(ack(1, 1 + kMss));
  write(pattern(kMss, kMss));
  EXPECT_EQ(sizes(peer).at(0), GetParam().largest);
  peer.send(ack(1, 1 + 2 * kMss));
}

INSTANTIATE_TEST_SUITE_P(All, TcpPathMtuClaim,
                         testing::Values(Claim{1280, 1240}, Claim{68, 512},  // less than 552 is not believed
                                         Claim{0, 1452},  // a router that does not say: the next plateau
                                         Claim{1500, 1460}, Claim{9000, 1460}));

TEST_F(TcpPathMtu, ErrorsAboutWhatIsNotInFlightAreIgnored) {
  open(peer);
  write(pattern(kMss));
  peer.ignore_all();
  peer.send_raw(too_big(peer, 900'000, 600));
  EXPECT_EQ(counters.tcp_mtu_reduced, 0u);
  peer.expect_nothing();
  peer.send(ack(1, 1 + kMss));
}

TEST_F(TcpPathMtu, PacketTooBigOfIpv6) {
  Peer six(*this, {.remote = "2001:db8::2", .remote_port = 40001, .local = "2001:db8::1"});
  open(six, {.mss = 1440});
  write(pattern(1440));
  six.ignore_all();
  six.send_raw(too_big(six, 1, 600));
  for (const size_t size : sizes(six)) EXPECT_LE(size, 1220u) << "1280 is the least there is";
  six.send(ack(1, 1441));
}

TEST_F(TcpPathMtu, NewConnectionsKnowWhatOldOnesLearnt) {
  open(peer);
  write(pattern(kMss));
  peer.ignore_all();
  peer.send_raw(too_big(peer, 1, 1300));
  peer.ignore_all();
  peer.send(ack(1, 1 + kMss));
  Peer other(*this, {.remote_port = 40001});
  other.open();
  write(pattern(1260));
  EXPECT_EQ(sizes(other), (std::vector<size_t>{1260}));
  other.send(ack(1, 1261));
  write(pattern(1261));
  EXPECT_EQ(sizes(other), (std::vector<size_t>{1260, 1}));
  other.send(ack(1, 2522));
}

TEST_F(TcpPathMtu, ABlackHoleIsFoundAfterThreeTimeOuts) {
  open(peer);
  write(pattern(kMss));
  std::vector<size_t> sent;
  for (int guard = 0; guard < 20 && (sent.empty() || sent.back() == kMss); ++guard) {
    peer.wait_for_segment();
    for (const size_t size : sizes(peer)) sent.push_back(size);
  }
  EXPECT_EQ(counters.tcp_timeouts, 3u);
  EXPECT_LT(sent.back(), kMss);
  peer.send(ack(1, 1 + static_cast<uint32_t>(sent.back())));
  peer.ignore_all();
  peer.send(ack(1, 1 + kMss));
}

TEST_F(TcpPathMtu, SmallSegmentsThatAreLostSayNothingOfTheMtu) {
  open(peer);
  write("hello");
  wait_ms(30'000);
  EXPECT_GT(counters.tcp_timeouts, 3u);
  EXPECT_EQ(counters.tcp_mtu_reduced, 0u);
  peer.ignore_all();
  peer.send(ack(1, 6));
}

}  // namespace
}  // namespace tributary::test
