// The path's MTU: what routers say (RFC 1191, RFC 8201, with the checks of RFC 5927), and black holes (RFC 4821).
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

constexpr uint16_t kMss = 1460;

class TcpPathMtu : public ScriptTest {
 protected:
  /// Without chains of buffers a port would have to be given copies.
  TcpPathMtu() : ScriptTest({.transmit_multi_segment = true}) {}
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

TEST_F(TcpPathMtu, CuttingCopiesNoPayload) {
  open(peer);
  write(pattern(2 * kMss));
  peer.ignore_all();
  peer.send_raw(too_big(peer, 1, 1400));
  EXPECT_EQ(sizes(peer).size(), 4u);
  peer.send_raw(too_big(peer, 1, 600));
  EXPECT_EQ(sizes(peer).size(), 6u) << "pieces are cut again";
  peer.send(ack(1, 1 + 2 * kMss));
  write(pattern(kMss, 2 * kMss));
  EXPECT_EQ(sizes(peer).size(), 3u);
  EXPECT_EQ(counters.payload_copies, 0u);
  peer.send(ack(1, 1 + 3 * kMss));
}

struct Family {
  const char* name;
  Peer::Address address;
  uint16_t mss;
  std::vector<size_t> sizes;  ///< of the head at each time-out
};
class TcpBlackHole : public TcpPathMtu, public testing::WithParamInterface<Family> {};

TEST_P(TcpBlackHole, EachFurtherTimeOutTriesLess) {
  Peer other(*this, GetParam().address);
  open(other, {.mss = GetParam().mss});
  write(pattern(GetParam().mss));
  other.ignore_all();
  std::vector<size_t> sent;
  for (int guard = 0; guard < 20 && sent.size() < GetParam().sizes.size(); ++guard) {
    other.wait_for_segment();
    const size_t size = sizes(other).at(0);
    if (counters.tcp_timeouts != 0) sent.push_back(size);  // before: a probe of the tail
  }
  EXPECT_EQ(sent, GetParam().sizes);
  other.ignore_all();
  other.send(ack(1, 1u + GetParam().mss));
}

const Family kFamilies[] = {
    {"V4", {.remote_port = 40001}, 1460, {1460, 1460, 1240, 1240, 512, 512}},
    {"V6", {.remote = "2001:db8::2", .remote_port = 40001, .local = "2001:db8::1"}, 1440, {1440, 1440, 1220, 1220}}};
INSTANTIATE_TEST_SUITE_P(Families, TcpBlackHole, testing::ValuesIn(kFamilies),
                         [](const auto& family) { return family.param.name; });

TEST_F(TcpPathMtu, SmallSegmentsThatAreLostSayNothingOfTheMtu) {
  open(peer);
  write("hello");
  wait_ms(30'000);
  EXPECT_GT(counters.tcp_timeouts, 3u);
  EXPECT_EQ(counters.tcp_mtu_reduced, 0u);
  peer.ignore_all();
  peer.send(ack(1, 6));
}

/// A path that took 1280 bytes when nothing larger got through.
class TcpMtuSearch : public TcpPathMtu {
 protected:
  static constexpr uint32_t kSmall = 1240;

  /// Leaves `at` behind what is acknowledged.
  void fall_into_black_hole() {
    open(peer);
    write(pattern(kMss));
    lose_until_suspected();
    acknowledge(kMss);
    wait_ms(1000);
  }
  void lose_until_suspected() {
    for (int guard = 0; guard < 20 && counters.tcp_mtu_reduced == 0; ++guard) {
      peer.ignore_all();
      peer.wait_for_segment();
    }
  }
  void acknowledge(uint32_t bytes) {
    at += bytes;
    peer.ignore_all();
    peer.send(ack(1, at));
  }
  /// Writes a full packet. Returns the size of the first segment, which is lost if it is larger than the path takes.
  size_t send_over(size_t mtu) {
    write(pattern(kMss, at - 1));
    const size_t first = sizes(peer).at(0);
    if (first + 40 > mtu) {
      if (first < kMss) peer.send(ack(1, at).sack(at + static_cast<uint32_t>(first), at + kMss));
      if (peer.waiting() == 0) peer.wait_for_segment();
      for (const size_t size : sizes(peer)) EXPECT_LE(size + 40, mtu) << "again in pieces";
    }
    acknowledge(kMss);
    return first;
  }
  uint32_t at = 1;
};

TEST_F(TcpMtuSearch, AfterAnOutageTheFirstLargeSegmentIsBelieved) {
  fall_into_black_hole();
  EXPECT_EQ(send_over(1500), 1460u);
  EXPECT_EQ(counters.tcp_mtu_probes_delivered, 1u);
  EXPECT_EQ(send_over(1500), 1460u);
  EXPECT_EQ(counters.tcp_mtu_probes_delivered, 1u) << "that was none";
}

TEST_F(TcpMtuSearch, ThePathIsMeasuredInStepsWithoutCongestion) {
  fall_into_black_hole();
  const uint32_t before = cwnd();
  std::vector<size_t> firsts;
  for (int i = 0; i < 6; ++i) firsts.push_back(send_over(1430));
  EXPECT_EQ(firsts, (std::vector<size_t>{1460, 1360, 1380, 1420, 1380, 1380})) << "1420 waits for its second chance";
  EXPECT_GE(cwnd(), before);
  EXPECT_EQ(counters.tcp_sack_recoveries, 0u);
  EXPECT_EQ(counters.tcp_mtu_probes_lost, 2u);
  wait_ms(20'000);
  EXPECT_EQ(send_over(1430), 1420u);
  wait_ms(590'000);
  EXPECT_EQ(send_over(1430), 1380u);
  wait_ms(30'000);
  EXPECT_EQ(send_over(1430), 1420u) << "and after ten minutes";
  EXPECT_EQ(counters.tcp_timeouts, 3u);
}

TEST_F(TcpMtuSearch, AProbeWithNothingBehindItIsRepairedWithoutATimeOut) {
  fall_into_black_hole();
  write(pattern(kMss, at - 1));
  EXPECT_EQ(sizes(peer), (std::vector<size_t>{kMss}));
  peer.wait_for_segment();
  EXPECT_EQ(sizes(peer), (std::vector<size_t>{kSmall, kMss - kSmall}));
  const uint32_t before = cwnd();
  acknowledge(kMss);
  EXPECT_GE(cwnd(), before);
  EXPECT_EQ(counters.tcp_timeouts, 3u);
  EXPECT_EQ(counters.tcp_mtu_probes_lost, 1u);
}

TEST_F(TcpMtuSearch, ARouterThatAnswersAProbeIsHeardAtOnce) {
  fall_into_black_hole();
  write(pattern(kMss, at - 1));
  peer.ignore_all();
  peer.send_raw(too_big(peer, at, 1280));
  EXPECT_EQ(sizes(peer), (std::vector<size_t>{kSmall, kMss - kSmall}));
  acknowledge(kMss);
  EXPECT_EQ(send_over(1500), kSmall) << "and believed for ten minutes";
}

TEST_F(TcpMtuSearch, WhatARouterSaidIsDoubtedAfterTenMinutes) {
  open(peer);
  write(pattern(kMss));
  peer.ignore_all();
  peer.send_raw(too_big(peer, 1, 1400));
  acknowledge(kMss);
  wait_ms(590'000);
  EXPECT_EQ(send_over(1500), 1360u);
  wait_ms(30'000);
  std::vector<size_t> firsts;
  for (int i = 0; i < 6; ++i) firsts.push_back(send_over(1500));
  EXPECT_EQ(firsts, (std::vector<size_t>{1380, 1420, 1440, 1452, 1460, 1460}));
}

TEST_F(TcpMtuSearch, OneSegmentOfManyIsRiskedAndItsLossIsNoCongestion) {
  open(peer);
  write(pattern(kMss));
  peer.ignore_all();
  peer.send_raw(too_big(peer, 1, 1400));
  acknowledge(kMss);
  wait_ms(620'000);
  const uint32_t before = cwnd();
  write(pattern(3 * kMss, at - 1));
  EXPECT_EQ(sizes(peer), (std::vector<size_t>{1380, 80, 1360, 100, 1360, 100}));
  wait_ms(100);
  peer.send(ack(1, at).sack(at + 1380, at + 3 * kMss));
  wait_ms(50);  // RACK
  EXPECT_EQ(sizes(peer), (std::vector<size_t>{1360, 20}));
  EXPECT_EQ(counters.tcp_sack_recoveries, 0u);
  EXPECT_EQ(counters.tcp_mtu_probes_lost, 1u);
  acknowledge(3 * kMss);
  EXPECT_GE(cwnd(), before);
}

TEST_F(TcpMtuSearch, NewConnectionsKnowOfTheBlackHole) {
  fall_into_black_hole();
  for (int i = 0; i < 4; ++i) send_over(1430);
  Peer other(*this, {.remote_port = 40001});
  other.open();
  write(pattern(kMss));
  EXPECT_EQ(sizes(other), (std::vector<size_t>{1380, 80}));
  other.send(ack(1, 1 + kMss));
}

TEST_F(TcpMtuSearch, NothingLargerThanThePeerTakesIsTried) {
  open(peer, {.mss = 1300});
  write(pattern(1300));
  lose_until_suspected();
  acknowledge(1300);
  wait_ms(1000);
  EXPECT_EQ(send_over(1500), 1300u);
  wait_ms(700'000);
  EXPECT_EQ(send_over(1500), 1300u);
}

TEST_F(TcpMtuSearch, APeerWithoutSackIsNotProbed) {
  open(peer, {.sack = false});
  write(pattern(kMss));
  lose_until_suspected();
  acknowledge(kMss);
  wait_ms(1000);
  write(pattern(kMss, at - 1));
  EXPECT_EQ(sizes(peer), (std::vector<size_t>{kSmall, kMss - kSmall}));
  acknowledge(kMss);
}

}  // namespace
}  // namespace tributary::test
