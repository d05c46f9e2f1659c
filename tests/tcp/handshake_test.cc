// Opening: passive and active, options, initial sequence numbers, simultaneous open (RFC 9293 §3.5, RFC 7323,
// RFC 6528).
#include <set>

#include "tests/tcp/script.h"
#include "tests/wire/hex.h"

namespace tributary::test {
namespace {

class TcpHandshake : public ScriptTest {};

/// What a peer that connects to us sees is the same whether we keep state or answer with a SYN cookie.
class TcpPassiveOpen : public ScriptTest, public testing::WithParamInterface<bool> {
 protected:
  TcpPassiveOpen() {
    if (GetParam()) settings.syn_cookies_from = 0;
  }
  void answer_syn(const Seg& request = syn().mss(1460)) {
    if (peer.stack_isn == SeqNum{}) listen();
    peer.send(request);
    peer.expect(kSyn | kAck, 0, 1);
  }
  bool is_established() { return stream_count() != 0 && log().has(kStreamEstablished); }
  Peer peer{*this};
};
INSTANTIATE_TEST_SUITE_P(All, TcpPassiveOpen, testing::Bool(),
                         [](const auto& test) { return test.param ? "ByCookie" : "WithState"; });

TEST_P(TcpPassiveOpen, IsEstablishedByTheThirdAck) {
  answer_syn();
  EXPECT_FALSE(is_established());
  peer.send(ack(1, 1));
  EXPECT_TRUE(is_established());
}

TEST_P(TcpPassiveOpen, DataFlowsBothWaysAndTheConnectionCloses) {
  listen();
  for (const auto& [remote, local] : {std::pair{"192.0.2.2", "192.0.2.1"}, std::pair{"2001:db8::2", "2001:db8::1"}}) {
    Peer other(*this, {.remote = remote, .remote_port = 1, .local = local});
    other.open({.timestamps = true});
    other.send(data(1, 1, "hello"));
    other.expect(kAck, 1, 6);
    EXPECT_EQ(log().received, "hello");
    write("world");
    other.expect_data(1, 6, "world");
    other.send(ack(6, 6));
    close();
    other.expect(kFin | kAck, 6, 6);
    other.send(fin(6, 7));
    other.expect(kAck, 7, 7);
    EXPECT_TRUE(log().gone);
  }
}

// Nobody sees from the options whether it is a cookie.
TEST_P(TcpPassiveOpen, SynAckHasLinuxOptionOrderAndPadding) {
  listen();
  peer.timestamps = true;
  peer.ts_value = 0x01020304;
  peer.send(peer.make_syn({.timestamps = true}));
  const Seg second = peer.expect(kSyn | kAck, 0, 1);
  Bytes expected = from_hex("020405b4 0402080a 00000000 01020304 01030307");
  wire::store32(&expected[8], second.options.ts_value);
  EXPECT_EQ(second.option_bytes, expected);
  EXPECT_EQ(second.window, 65535);
}

TEST_P(TcpPassiveOpen, WithTimestampsScaleAndSackAreKept) {
  listen();
  peer.open({.timestamps = true, .wscale = 9}, 100);
  EXPECT_EQ(stack().info(stream())->subflows[0].send_window, 100u << 9);
  peer.send(data(11, 1, "later"));
  EXPECT_EQ(peer.expect(kAck, 1, 1).options.sack_count, 1);
  write(pattern(5000));
  EXPECT_EQ(peer.next().payload.size(), 1448u);
  peer.ignore_all();
}

TEST_P(TcpPassiveOpen, ARepeatedSynIsAnsweredAlike) {
  answer_syn();
  const SeqNum first = peer.stack_isn;
  wait_ms(500);
  answer_syn();
  EXPECT_EQ(peer.stack_isn, first);
  peer.send({ack(1, 1), ack(1, 1)});
  EXPECT_EQ(incoming.size(), 1u);
  EXPECT_TRUE(is_established());
}

TEST_P(TcpPassiveOpen, ThirdAckOfSomethingElseIsReset) {
  answer_syn();
  peer.send(ack(1, 7));
  peer.expect(kRst, 7, 0);
  EXPECT_FALSE(is_established());
  peer.send(ack(1, 1));
  EXPECT_TRUE(is_established());
}

TEST_P(TcpPassiveOpen, AResetInsteadOfTheThirdAckEndsIt) {
  answer_syn();
  peer.send(rst(1));
  peer.expect_nothing();
  EXPECT_TRUE(stream_count() == 0 || log().gone);
  EXPECT_TRUE(stack().idle());
}

TEST_P(TcpPassiveOpen, DataWithTheThirdAckIsTaken) {
  answer_syn();
  peer.send(data(1, 1, "at once"));
  peer.expect(kAck, 1, 8);
  EXPECT_EQ(log().received, "at once");
}

TEST_P(TcpPassiveOpen, FinWithTheThirdAckIsTaken) {
  answer_syn();
  peer.send(fin(1, 1, "bye"));
  peer.expect(kAck, 1, 5);
  EXPECT_EQ(log().received, "bye");
  EXPECT_TRUE(log().has(kStreamEnd));
}

TEST_P(TcpPassiveOpen, PayloadOfASynThatNobodyWantsIsSentAgain) {
  Seg request = syn().mss(1460);
  request.payload = "request";
  answer_syn(request);
  peer.send(data(1, 1, "request"));
  peer.expect(kAck, 1, 8);
  EXPECT_EQ(log().received, "request");
}

TEST_F(TcpHandshake, ActiveOpenIsEstablishedByTheSynAck) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  EXPECT_FALSE(log().has(kStreamEstablished));
  peer.send(syn_ack().mss(1460));
  peer.expect(kAck, 1, 1);
  EXPECT_TRUE(log().has(kStreamEstablished));
}

TEST_F(TcpHandshake, ActiveOpenByIpv6) {
  Peer server(*this, Peer::server("2001:db8::2"));
  connect(false, "2001:db8::2");
  server.answer({});
  EXPECT_TRUE(log().has(kStreamEstablished));
}

// LX-1: mss, sackOK, TS, nop, wscale.
TEST_F(TcpHandshake, SynHasLinuxOptionOrderAndPadding) {
  Peer peer(*this, Peer::server());
  connect();
  const Seg first = peer.expect(kSyn, 0, 0);
  Bytes expected = from_hex("020405b4 0402080a 00000000 00000000 01030307");
  wire::store32(&expected[8], first.options.ts_value);
  EXPECT_EQ(first.option_bytes, expected);
  EXPECT_EQ(first.window, 65535);
}

struct Offer {
  const char* name;
  Peer::Options options;
  const char* answer;  ///< without timestamps' values
};
void PrintTo(const Offer& offer, std::ostream* out) {
  *out << offer.name;
}
class TcpOffer : public TcpHandshake, public testing::WithParamInterface<Offer> {};

// RFC 7323 §2.2, §3.2, RFC 2018 §2: only what was offered is answered.
TEST_P(TcpOffer, OnlyOfferedOptionsAreAnswered) {
  listen();
  Peer peer(*this);
  peer.send(peer.make_syn(GetParam().options));
  EXPECT_EQ(peer.expect(kSyn | kAck, 0, 1).option_bytes, from_hex(GetParam().answer));
}
INSTANTIATE_TEST_SUITE_P(All, TcpOffer,
                         testing::Values(Offer{"Nothing", {.mss = 0, .sack = false, .wscale = -1}, "020405b4"},
                                         Offer{"Mss", {.mss = 1400, .sack = false, .wscale = -1}, "020405b4"},
                                         Offer{"Sack", {.sack = true, .wscale = -1}, "020405b4 01010402"},
                                         Offer{"Scale", {.sack = false, .wscale = 3}, "020405b4 01030307"}),
                         [](const auto& test) { return test.param.name; });

TEST_F(TcpHandshake, AnUnansweredOptionOfOursIsNotUsed) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  peer.send(syn_ack().mss(1460));
  EXPECT_TRUE(peer.expect(kAck, 1, 1).option_bytes.empty());
  peer.send(data(11, 1, "later"));
  EXPECT_TRUE(peer.expect(kAck, 1, 1).option_bytes.empty()) << "no SACK without SACK-permitted";
}

TEST_F(TcpHandshake, WindowScaleAboveFourteenMeansFourteen) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460).wscale(15));
  peer.expect(kSyn | kAck, 0, 1);
  peer.send(ack(1, 1).win(3));
  EXPECT_EQ(stack().info(stream())->subflows[0].send_window, 3u << 14);
}

TEST_F(TcpHandshake, WindowOfASynIsNotScaled) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  peer.send(syn_ack().mss(1460).wscale(7).win(1000));
  peer.expect(kAck, 1, 1);
  EXPECT_EQ(stack().info(stream())->subflows[0].send_window, 1000u);
}

// RFC 9293 §3.7.1, MUST-15.
TEST_F(TcpHandshake, WithoutMssOptionSegmentsAreSmall) {
  for (const auto& [remote, local, size] :
       {std::tuple{"192.0.2.2", "192.0.2.1", 536u}, std::tuple{"2001:db8::2", "2001:db8::1", 1220u}}) {
    if (stream_count() == 0) listen();
    Peer peer(*this, {.remote = remote, .local = local});
    peer.open({.mss = 0});
    EXPECT_EQ(incoming.back().peer_mss, size);
    write(pattern(3000));
    EXPECT_EQ(peer.next().payload.size(), size);
    peer.ignore_all();
  }
}

TEST_F(TcpHandshake, SegmentsFitThePeersMss) {
  listen();
  Peer peer(*this);
  peer.open({.mss = 1000, .timestamps = true});
  write(pattern(2000));
  EXPECT_EQ(peer.next().payload.size(), 988u) << "the options of the segment count";
  peer.ignore_all();
}

// RFC 6528 §3: M + F(tuple); MUST-8: four microseconds a step.
TEST_F(TcpHandshake, InitialSequenceNumberFollowsTheClock) {
  settings.time_wait = Micros::milliseconds(1);
  listen();
  uint32_t isn[2];
  for (uint32_t& value : isn) {
    Peer peer(*this);
    peer.send(syn().mss(1460));
    peer.expect(kSyn | kAck, 0, 1);
    value = peer.stack_isn.raw();
    peer.send(rst(1));
    wait(Micros(4000));
  }
  EXPECT_EQ(isn[1] - isn[0], 1000u);
}

TEST_F(TcpHandshake, InitialSequenceNumbersOfTuplesAreUnrelated) {
  listen();
  std::set<uint32_t> differences;
  uint32_t before = 0;
  for (uint16_t port = 1; port <= 20; ++port) {
    Peer peer(*this, {.remote_port = port});
    peer.send(syn().mss(1460));
    peer.expect(kSyn | kAck, 0, 1);
    differences.insert(peer.stack_isn.raw() - before);
    before = peer.stack_isn.raw();
  }
  EXPECT_EQ(differences.size(), 20u);
}

TEST_F(TcpHandshake, TimestampOffsetsOfTuplesAreUnrelated) {
  listen();
  std::set<uint32_t> values;
  for (uint16_t port = 1; port <= 10; ++port) {
    Peer peer(*this, {.remote_port = port});
    peer.send(peer.make_syn({.timestamps = true}));
    values.insert(peer.expect(kSyn | kAck, 0, 1).options.ts_value);
  }
  EXPECT_EQ(values.size(), 10u);
}

TEST_F(TcpHandshake, LostSynAckIsSentAgainWithBackoff) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  for (double seconds : {1, 2, 4}) {
    EXPECT_NEAR(peer.wait_for_segment(), seconds * 1000, 1);
    peer.expect(kSyn | kAck, 0, 1);
  }
  peer.send(ack(1, 1));
  EXPECT_TRUE(log().has(kStreamEstablished));
}

TEST_F(TcpHandshake, HalfOpenConnectionIsGivenUp) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460));
  wait(Micros::seconds(200));
  EXPECT_EQ(peer.waiting(), 1u + settings.syn_ack_retries);
  peer.ignore_all();
  EXPECT_TRUE(log().gone);
  EXPECT_EQ(log().error, StreamError::kTimeout);
  EXPECT_EQ(stack().context().half_open, 0u);
}

TEST_F(TcpHandshake, UnansweredSynIsGivenUp) {
  Peer peer(*this, Peer::server());
  connect();
  wait(Micros::seconds(300));
  EXPECT_EQ(peer.waiting(), 1u + settings.syn_retries);
  peer.ignore_all();
  EXPECT_EQ(log().error, StreamError::kTimeout);
}

TEST_F(TcpHandshake, ResetRefusesAnOpen) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  Seg refusal = rst(0);
  refusal.flags |= kAck;
  refusal.ack = 1;
  peer.send(refusal);
  EXPECT_TRUE(log().gone);
  EXPECT_EQ(log().error, StreamError::kRefused);
}

TEST_F(TcpHandshake, ResetOfAnotherSynIsIgnored) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  Seg refusal = rst(0);
  refusal.flags |= kAck;
  refusal.ack = 77;
  peer.send(refusal);
  EXPECT_FALSE(log().gone);
  peer.send(rst(0));  // without ACK it proves nothing
  EXPECT_FALSE(log().gone);
}

// RFC 9293 §3.10.7.3: an unacceptable ACK in SYN-SENT is reset with its own number.
TEST_F(TcpHandshake, SynAckOfAnOldSynIsReset) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  Seg old = syn_ack().mss(1460);
  old.ack = 0x5000;
  peer.send(old);
  peer.expect(kRst, 0x5000, 0);
  peer.send(syn_ack().mss(1460));
  peer.expect(kAck, 1, 1);
}

TEST_F(TcpHandshake, DataOvertakingTheThirdAckEstablishes) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  peer.send({data(6, 1, "world"), data(1, 1, "hello")});
  peer.expect(kAck, 1, 11);
  EXPECT_EQ(log().received, "helloworld");
}

// RFC 9293 figure 7, MUST-10.
TEST_F(TcpHandshake, SimultaneousOpen) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  EXPECT_FALSE(log().has(kStreamEstablished));
  peer.send(syn_ack().mss(1460));
  while (peer.waiting() != 0) peer.expect(kAck, 1, 1);
  peer.send(data(1, 1, "x"));
  EXPECT_TRUE(log().has(kStreamEstablished));
  peer.expect(kAck, 1, 2);
  EXPECT_EQ(log().received, "x");
}

// RFC 6298 §5.7: after a lost SYN the first data is given three seconds.
TEST_F(TcpHandshake, AfterALostSynTheRetransmissionTimeOutIsThreeSeconds) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  EXPECT_NEAR(peer.wait_for_segment(), 1000, 1);
  peer.answer({.sack = false});
  write("x");
  peer.expect_data(1, 1, "x");
  EXPECT_NEAR(peer.wait_for_segment(), 3000, 1);
  peer.expect_data(1, 1, "x");
}

// RFC 6928 §2.
TEST_F(TcpHandshake, InitialWindowIsTenSegments) {
  listen();
  Peer peer(*this);
  peer.open();
  write(pattern(30 * 1460));
  EXPECT_EQ(peer.waiting(), 10u);
  peer.ignore_all();
}

TEST_F(TcpHandshake, InitialWindowAfterALostSynIsOneSegment) {
  Peer peer(*this, Peer::server());
  connect();
  peer.expect(kSyn, 0, 0);
  peer.wait_for_segment();
  peer.answer({});
  write(pattern(30 * 1460));
  EXPECT_EQ(peer.waiting(), 1u);
  peer.ignore_all();
}

TEST_F(TcpHandshake, FullTablesDropTheSyn) {
  settings.max_half_open = 2;
  listen();
  for (uint16_t port : {1, 2}) {
    Peer peer(*this, {.remote_port = port});
    peer.send(syn().mss(1460));
    peer.expect(kSyn | kAck, 0, 1);
  }
  Peer peer(*this);
  peer.send(syn().mss(1460));
  peer.expect_nothing();
  EXPECT_EQ(counters.tcp_listen_drops, 1u);
}

}  // namespace
}  // namespace tributary::test
