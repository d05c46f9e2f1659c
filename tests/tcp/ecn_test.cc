// Explicit congestion notification (RFC 3168).
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

using Ecn = Settings::Ecn;

constexpr uint16_t kMss = 1460;
constexpr uint8_t kEct0 = 2, kCe = 3;

class TcpEcn : public ScriptTest {
 protected:
  void open() {
    listen();
    peer.send(peer.make_syn({}).with(kEce | kCwr));
    peer.expect(kSyn | kAck | kEce, 0, 1);
    wait_ms(100);
    peer.send(ack(1, 1));
  }
  uint32_t cwnd() { return stack().info(stream())->subflows[0].cwnd; }
  Peer peer{*this};
};

struct Offer {
  Ecn setting;
  uint16_t asked;
  uint16_t answered;
};
class TcpEcnOffer : public TcpEcn, public testing::WithParamInterface<Offer> {};

TEST_P(TcpEcnOffer, SynAckAgreesWhenAskedAndAllowed) {
  settings.ecn = GetParam().setting;
  listen();
  peer.send(peer.make_syn({}).with(GetParam().asked));
  const Seg answer = peer.expect(kSyn | kAck | GetParam().answered, 0, 1);
  EXPECT_EQ(answer.traffic_class, 0) << "a SYN-ACK is not capable (§6.1.1)";
  peer.send(ack(1, 1));
  write("hello");
  EXPECT_EQ(peer.expect_data(1, 1, "hello").traffic_class, GetParam().answered ? kEct0 : 0);
  peer.send(ack(1, 6));
}

INSTANTIATE_TEST_SUITE_P(All, TcpEcnOffer,
                         testing::Values(Offer{Ecn::kAccept, kEce | kCwr, kEce}, Offer{Ecn::kAsk, kEce | kCwr, kEce},
                                         Offer{Ecn::kOff, kEce | kCwr, 0}, Offer{Ecn::kAccept, 0, 0},
                                         Offer{Ecn::kAccept, kEce, 0}, Offer{Ecn::kAccept, kCwr, 0},
                                         // RFC 9768 §3.1.2: the accurate form is offered with AE on top, and we are a
                                         // host that knows only the classic one; AE in other company asks for nothing.
                                         Offer{Ecn::kAccept, kAe | kEce | kCwr, kEce},
                                         Offer{Ecn::kOff, kAe | kEce | kCwr, 0}, Offer{Ecn::kAccept, kAe, 0},
                                         Offer{Ecn::kAccept, kAe | kEce, 0}, Offer{Ecn::kAccept, kAe | kCwr, 0}));

TEST_F(TcpEcn, MarksAreEchoedUntilThePeerHasReduced) {
  open();
  peer.send(data(1, 1, "a").tos(kEct0));
  peer.expect(kAck, 1, 2);
  peer.send(data(2, 1, "b").tos(kCe));
  peer.expect(kAck | kEce, 1, 3);
  peer.send(data(3, 1, "c").tos(kEct0));
  peer.expect(kAck | kEce, 1, 4);
  write("x");
  peer.expect(kAck | kEce, 1, 4);  // data carries it as well
  peer.send(data(4, 2, "d").tos(kEct0).with(kCwr));
  peer.expect(kAck, 2, 5);
  peer.send(data(5, 2, "e").tos(kCe).with(kCwr));  // a new mark on the very segment
  peer.expect(kAck | kEce, 2, 6);
}

TEST_F(TcpEcn, AnEchoCostsTheWindowOnceARoundTrip) {
  open();
  const uint32_t window = cwnd();
  write(pattern(10 * kMss));
  peer.ignore_all();
  wait_ms(100);
  peer.send(ack(1, 1 + kMss).with(kEce));
  const uint32_t reduced = cwnd();
  EXPECT_LT(reduced, window * 3 / 4);
  peer.send(ack(1, 1 + 2 * kMss).with(kEce));
  peer.send(ack(1, 1 + 6 * kMss).with(kEce));
  EXPECT_GE(cwnd(), reduced) << "all of one round trip";
  write(pattern(10 * kMss, 10 * kMss));
  const Seg first = peer.next();
  EXPECT_TRUE(first.has(kCwr)) << "the first new data says that it was heard";
  EXPECT_EQ(first.seq, 1u + 10 * kMss);
  if (peer.waiting() != 0) {
    EXPECT_FALSE(peer.next().has(kCwr));
  }
  peer.ignore_all();
  EXPECT_EQ(counters.tcp_retransmitted, 0u);
  peer.send(ack(1, 1 + 11 * kMss).with(kEce));
  EXPECT_LT(cwnd(), reduced) << "the next round trip";
  peer.ignore_all();
}

TEST_F(TcpEcn, RetransmissionsAndBareAcksAreNotCapable) {
  open();
  write("hello");
  EXPECT_EQ(peer.next().traffic_class, kEct0);
  peer.wait_for_segment();
  EXPECT_EQ(peer.expect_data(1, 1, "hello").traffic_class, 0);
  peer.send(data(1, 6, "x"));
  EXPECT_EQ(peer.next().traffic_class, 0);
}

TEST_F(TcpEcn, OurSynAsksAndOneThatWasLostDoesNotAskAgain) {
  settings.ecn = Ecn::kAsk;
  Peer server(*this, Peer::server());
  connect();
  server.expect(kSyn | kEce | kCwr, 0, 0);
  server.wait_for_segment();
  server.expect(kSyn, 0, 0);
  server.send(syn_ack().mss(1460).with(kEce));
  server.expect(kAck, 1, 1);
  write("hello");
  EXPECT_EQ(server.expect_data(1, 1, "hello").traffic_class, 0) << "who did not ask has agreed to nothing";
  server.send(ack(1, 6));
}

TEST_F(TcpEcn, AServerThatAgreesGetsCapableSegments) {
  settings.ecn = Ecn::kAsk;
  Peer server(*this, Peer::server());
  connect();
  server.expect(kSyn | kEce | kCwr, 0, 0);
  server.send(syn_ack().mss(1460).with(kEce));
  server.expect(kAck, 1, 1);
  write("hello");
  EXPECT_EQ(server.expect_data(1, 1, "hello").traffic_class, kEct0);
  server.send(ack(1, 6));
}

// RFC 3168 §6.1.1.1, RFC 9768 table 2: what a SYN-ACK may say to our SYN, which asked in the classic form.
struct Answer {
  uint16_t flags;
  bool agrees;
};
class TcpEcnAnswer : public TcpEcn, public testing::WithParamInterface<Answer> {};
TEST_P(TcpEcnAnswer, OnlyEceAloneAgrees) {
  settings.ecn = Ecn::kAsk;
  Peer server(*this, Peer::server());
  connect();
  server.expect(kSyn | kEce | kCwr, 0, 0);
  server.send(syn_ack().mss(1460).with(GetParam().flags));
  server.expect(kAck, 1, 1);
  write("hello");
  EXPECT_EQ(server.expect_data(1, 1, "hello").traffic_class, GetParam().agrees ? kEct0 : 0);
  server.send(ack(1, 6));
}
INSTANTIATE_TEST_SUITE_P(All, TcpEcnAnswer,
                         testing::Values(Answer{0, false}, Answer{kEce, true}, Answer{kEce | kCwr, false},
                                         Answer{kCwr, false}, Answer{kAe | kEce, true},
                                         Answer{kAe | kEce | kCwr, false}, Answer{kAe, false}));

// A mark is no guess: what it has cost is not given back when a DSACK shows that a retransmission before it was
// needless.
TEST_F(TcpEcn, ADsackDoesNotTakeAReductionForAMarkBack) {
  open();
  write(pattern(10 * kMss));
  peer.ignore_all();
  wait_ms(100);
  peer.send(ack(1, 1).sack(1 + kMss, 1 + 4 * kMss));  // the first segment is late, and sent again
  ASSERT_EQ(counters.tcp_retransmitted, 1u);
  peer.send(ack(1, 1 + 10 * kMss));
  write(pattern(5 * kMss));
  peer.ignore_all();
  wait_ms(100);
  const uint32_t before = cwnd();
  peer.send(ack(1, 1 + 11 * kMss).with(kEce));
  const uint32_t reduced = cwnd();
  ASSERT_LT(reduced, before);
  peer.send(ack(1, 1 + 12 * kMss).sack(1, 1 + kMss));
  EXPECT_LT(cwnd(), before);
  EXPECT_LE(cwnd(), reduced + 2 * kMss);
  peer.send(ack(1, 1 + 15 * kMss));
  peer.ignore_all();
}

TEST_F(TcpEcn, ADsackDoesNotTakeARecoveryBackThatAMarkFellInto) {
  open();
  const uint32_t window = cwnd();
  write(pattern(10 * kMss));
  peer.ignore_all();
  wait_ms(100);
  peer.send(ack(1, 1).sack(1 + kMss, 1 + 4 * kMss));
  ASSERT_EQ(counters.tcp_retransmitted, 1u);
  peer.send(ack(1, 1).sack(1 + kMss, 1 + 5 * kMss).with(kEce));
  peer.send(ack(1, 1 + 5 * kMss));
  peer.send(ack(1, 1 + 5 * kMss).sack(1, 1 + kMss));
  EXPECT_LT(cwnd(), window);
  peer.send(ack(1, 1 + 10 * kMss));
  peer.ignore_all();
}

}  // namespace
}  // namespace tributary::test
