// What attackers, strays and routers send: RFC 5961, resets, ICMP errors; and SYNs that wait for their
// answer.
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

class TcpRules : public ScriptTest {
 protected:
  void open(const Peer::Options& options = {}) {
    listen();
    peer.open(options);
  }
  /// An ICMP error of a router about the segment at `seq` of the stack.
  Bytes icmp_error(uint8_t type, uint8_t code, uint32_t seq, std::string_view local = "192.0.2.1") {
    const bool v4 = addr(local).is_v4();
    wire::TcpHeader tcp;
    tcp.source_port = peer.key().local_port;
    tcp.destination_port = peer.key().remote_port;
    tcp.seq = peer.stack_isn + seq;
    Bytes quoted(wire::kTcpHeaderSize);
    wire::emit_tcp(tcp, quoted);
    const Bytes packet = ip_packet(ip_header(peer.key().local, peer.key().remote, wire::ip_protocol::kTcp), quoted);
    const Link link{{{2, 0, 0, 0, 1, 1}}, {{2, 0, 0, 0, 0, 1}}};
    return icmp_frame(link, ip_header(addr(v4 ? "192.0.2.99" : "2001:db8::99"), addr(local), 0), type, code, 0, packet);
  }
  Peer peer{*this};
};

// RFC 9293 §3.10.7.4: it is dropped, and its timestamp with it.
TEST_F(TcpRules, AnAckOfWhatWasNeverSentSaysNothingOfThePeersTime) {
  peer.timestamps = true;
  open({.timestamps = true});
  const uint32_t known = peer.ts_value = 5'000'000;
  peer.send(ack(1, 1));
  Seg late = data(1, 9999, "x");
  peer.ts_value = known + 1'000'000;
  peer.send(late);
  EXPECT_EQ(peer.expect(kAck, 1, 1).options.ts_echo, known);
  peer.ts_value = known + 1;
  peer.send(data(1, 1, "x"));
  EXPECT_EQ(peer.expect(kAck, 1, 2).options.ts_echo, known + 1);
  EXPECT_EQ(log().received, "x");
}

// RFC 7323 §3.2.
TEST_F(TcpRules, AResetCarriesATimestamp) {
  peer.timestamps = true;
  open({.timestamps = true});
  peer.send(data(1, 1, "x"));
  const uint32_t before = peer.expect(kAck, 1, 2).options.ts_value;
  wait_ms(50);
  abort();
  const Seg reset = peer.expect(kRst | kAck, 1, 2);
  ASSERT_TRUE(reset.options.has(wire::TcpOptions::kTimestamps));
  EXPECT_EQ(reset.options.ts_value, before + 50);
  EXPECT_NE(reset.options.ts_echo, 0u);
}

// RFC 5961 §3.2.
TEST_F(TcpRules, ExactResetEndsTheConnection) {
  open();
  peer.send(rst(1));
  peer.expect_nothing();
  EXPECT_TRUE(log().has(kStreamReset));
  EXPECT_EQ(log().error, StreamError::kReset);
}

TEST_F(TcpRules, ResetInTheWindowIsChallenged) {
  open();
  for (uint32_t seq : {2u, 1000u, 65'000u}) {
    peer.send(rst(seq));
    peer.expect(kAck, 1, 1);
    wait_ms(500);
  }
  EXPECT_FALSE(log().gone);
  EXPECT_EQ(counters.tcp_challenge_acks, 3u);
}

TEST_F(TcpRules, ResetOutsideTheWindowIsIgnored) {
  open({.wscale = -1});
  for (uint32_t seq : {0u, 70'000u, 0x8000'0000u}) {
    peer.send(rst(seq));
    peer.expect_nothing();
  }
  EXPECT_FALSE(log().gone);
}

// RFC 5961 §4.2: whatever its sequence number.
TEST_F(TcpRules, SynInAnEstablishedConnectionIsChallenged) {
  open();
  for (uint32_t seq : {0u, 1u, 500u, 0x8000'0000u}) {
    Seg again = syn().mss(1460);
    again.seq = seq;
    peer.send(again);
    peer.expect(kAck, 1, 1);
    wait_ms(500);
  }
  EXPECT_FALSE(log().gone);
}

// RFC 5961 §7.
TEST_F(TcpRules, AConnectionIsChallengedOnceInAWhile) {
  open();
  for (int i = 0; i < 10; ++i) peer.send(rst(5));
  EXPECT_EQ(peer.waiting(), 1u);
  EXPECT_EQ(counters.tcp_challenges_skipped, 9u);
  wait_ms(500);
  peer.send(rst(5));
  EXPECT_EQ(peer.waiting(), 2u);
  peer.ignore_all();
}

// Or whoever can open one learns from its own whether somebody else's challenge was used up.
TEST_F(TcpRules, ChallengesOfOneConnectionTakeNothingFromAnother) {
  open();
  Peer other(*this, {.remote_port = 41'000});
  other.open();
  for (int i = 0; i < 10; ++i) peer.send(rst(5));
  peer.ignore_all();
  other.send(rst(5));
  other.expect(kAck, 1, 1);
}

TEST_F(TcpRules, WithoutARateLimitEveryChallengeIsMade) {
  settings.invalid_ratelimit = Micros(0);
  open();
  for (int i = 0; i < 10; ++i) peer.send(rst(5));
  EXPECT_EQ(peer.waiting(), 10u);
  peer.ignore_all();
}

// A host that disagrees about the numbers answers our answers: that would never end.
TEST_F(TcpRules, AcksOutsideTheWindowAreAnsweredOnceInAWhile) {
  open();
  for (int i = 0; i < 10; ++i) peer.send(ack(200'000'000, 1));
  EXPECT_EQ(peer.waiting(), 1u);
  EXPECT_EQ(counters.tcp_answers_skipped, 9u);
  wait_ms(500);
  peer.send(ack(0, 1));  // a keepalive
  EXPECT_EQ(peer.waiting(), 2u);
  peer.ignore_all();
}

TEST_F(TcpRules, PayloadAndFinsThatComeAgainAreAlwaysAnswered) {
  open();
  peer.send(data(1, 1, "hello"));
  peer.expect(kAck, 1, 6);
  for (int i = 0; i < 3; ++i) {
    peer.send(data(1, 1, "hello"));
    peer.expect(kAck, 1, 6);
  }
  peer.send(fin(6, 1));
  for (int i = 0; i < 3; ++i) {
    peer.expect(kAck, 1, 7);
    peer.send(fin(6, 1));
  }
  peer.expect(kAck, 1, 7);
}

TEST_F(TcpRules, OldTimestampsWithoutPayloadAreAnsweredOnceInAWhile) {
  open({.timestamps = true});
  peer.ts_value = static_cast<uint32_t>(now().in_milliseconds()) - 100'000;
  for (int i = 0; i < 10; ++i) peer.send(ack(1, 1));
  EXPECT_EQ(peer.waiting(), 1u);
  EXPECT_EQ(counters.tcp_paws_rejected, 10u);
  EXPECT_EQ(counters.tcp_paws_skipped, 9u);
  peer.ignore_all();
}

// RFC 9293 §3.10.7.1.
TEST_F(TcpRules, StrayAckIsResetWithItsNumber) {
  listen();
  Seg stray = ack(500, 4711);
  stray.absolute = true;
  peer.send(stray);
  peer.expect(kRst, 4711, 0);
}

TEST_F(TcpRules, StraySegmentWithoutAckIsResetWithAnAcknowledgement) {
  stack();
  Seg stray = make_seg(kFin, 500, 0, "abc");
  stray.absolute = true;
  peer.isn = 500;
  peer.send(stray);
  peer.expect(kRst | kAck, 0, 4);
}

TEST_F(TcpRules, SynToAClosedPortIsRefused) {
  stack();
  peer.send(syn().mss(1460));
  peer.expect(kRst | kAck, 0, 1);
}

TEST_F(TcpRules, ResetIsNotAnsweredWithAReset) {
  listen();
  peer.send(rst(500));
  peer.expect_nothing();
  Seg with_ack = rst(500);
  with_ack.flags |= kAck;
  peer.send(with_ack);
  peer.expect_nothing();
}

TEST_F(TcpRules, SynAckToAListenerIsReset) {
  listen();
  peer.send(syn_ack().mss(1460));
  peer.expect(kRst, 1, 0);
  EXPECT_EQ(stream_count(), 0u);
}

// RFC 5461 §4.1: an open need not wait when a router says no.
TEST_F(TcpRules, UnreachableEndsAnOpen) {
  peer.key() = FlowKey{addr("192.0.2.1"), addr("192.0.2.2"), 4000, 80};
  for (uint8_t code : {0, 1, 3, 13}) {
    connect();
    peer.expect(kSyn, 0, 0);
    peer.send_raw(icmp_error(wire::icmp_type::kUnreachable, code, 0));
    EXPECT_TRUE(log().gone);
    EXPECT_EQ(log().error, StreamError::kUnreachable);
  }
}

// RFC 9293 §3.9.2.2, MUST-56; RFC 5927 §4.
TEST_F(TcpRules, UnreachableDoesNotEndAnEstablishedConnection) {
  open();
  write("x");
  peer.expect_data(1, 1, "x");
  for (uint8_t code : {0, 1, 2, 3, 5, 13}) peer.send_raw(icmp_error(wire::icmp_type::kUnreachable, code, 1));
  peer.send_raw(icmp_error(wire::icmp_type::kTimeExceeded, 0, 1));
  EXPECT_FALSE(log().gone);
  EXPECT_EQ(counters.icmp_errors_received, 7u);
}

// RFC 5927 §4.1.
TEST_F(TcpRules, UnreachableAboutAnotherSequenceNumberIsForged) {
  peer.key() = FlowKey{addr("192.0.2.1"), addr("192.0.2.2"), 4000, 80};
  connect();
  peer.expect(kSyn, 0, 0);
  peer.send_raw(icmp_error(wire::icmp_type::kUnreachable, 1, 5000));
  EXPECT_FALSE(log().gone);
}

class TcpDeferred : public TcpRules {
 protected:
  TcpDeferred() { defer = true; }
};

TEST_F(TcpDeferred, SynWaitsForItsAnswer) {
  listen();
  peer.send(syn().mss(1400));
  wait(Micros::seconds(5));
  peer.expect_nothing();
  ASSERT_EQ(incoming.size(), 1u);
  EXPECT_EQ(incoming[0].peer_mss, 1400);
  EXPECT_EQ(incoming[0].key.local_port, 80);
  accept();
  peer.expect(kSyn | kAck, 0, 1);
  peer.send(ack(1, 1));
  EXPECT_TRUE(log().has(kStreamEstablished));
}

TEST_F(TcpDeferred, RepeatedSynIsAnnouncedAndNotAnswered) {
  listen();
  peer.send(syn().mss(1460));
  peer.send(syn().mss(1460));
  peer.send(syn().mss(1460));
  EXPECT_EQ(incoming.size(), 1u);
  EXPECT_EQ(incoming_again, 2u);
  peer.expect_nothing();
}

TEST_F(TcpDeferred, ResetEndsTheWait) {
  listen();
  peer.send(syn().mss(1460));
  peer.send(rst(1));
  EXPECT_TRUE(log().has(kStreamReset)) << "whoever holds it has to know";
  EXPECT_EQ(stack().context().tcbs.size(), 0u);
  accept();
  peer.expect_nothing();
}

TEST_F(TcpDeferred, ResetBehindTheSynPayloadEndsTheWait) {
  listen(false, true);
  Seg with_payload = syn().mss(1460);
  with_payload.payload = "connect";
  peer.send(with_payload);
  peer.send(rst(8));
  EXPECT_TRUE(log().has(kStreamReset));
}

TEST_F(TcpDeferred, ForgedResetDoesNot) {
  listen();
  peer.send(syn().mss(1460));
  for (uint32_t seq : {500u, 0x8000'0000u}) peer.send(rst(seq));
  EXPECT_FALSE(log().gone);
}

TEST_F(TcpDeferred, RefusalIsAReset) {
  listen();
  peer.send(syn().mss(1460));
  stack().refuse(stream());
  log().gone = true;
  pass();
  peer.expect(kRst | kAck, 0, 1);
}

TEST_F(TcpDeferred, RefusalAcknowledgesTheSynPayload) {
  listen(false, true);
  Seg with_payload = syn().mss(1460);
  with_payload.payload = "connect";
  peer.send(with_payload);
  stack().refuse(stream());
  log().gone = true;
  pass();
  peer.expect(kRst | kAck, 0, 8);
}

TEST_F(TcpDeferred, IgnoringIsSilent) {
  listen();
  peer.send(syn().mss(1460));
  stack().ignore(stream());
  log().gone = true;
  pass();
  peer.expect_nothing();
  EXPECT_EQ(stack().context().tcbs.size(), 0u);
}

TEST_F(TcpDeferred, AForgottenSynDoesNotStayForEver) {
  listen();
  peer.send(syn().mss(1460));
  wait(Micros::seconds(200));
  EXPECT_EQ(stack().context().tcbs.size(), 0u);
  EXPECT_TRUE(log().gone);
}

// RFC 7413 §4.2.2 without the cookie: RFC 8803 §4.2.
TEST_F(TcpDeferred, SynPayloadIsTakenAndAcknowledged) {
  listen(false, true);
  Seg with_payload = syn().mss(1460);
  with_payload.payload = "connect";
  peer.send(with_payload);
  EXPECT_EQ(syn_payload, "connect");
  accept();
  peer.expect(kSyn | kAck, 0, 8);
  peer.send(data(8, 1, "data"));
  peer.expect(kAck, 1, 12);
  EXPECT_EQ(log().received, "data") << "the payload of the SYN is not part of the stream";
}

TEST_F(TcpDeferred, AnAnswerMayFollowAnAcceptedSynPayloadAtOnce) {
  listen(false, true);
  Seg with_payload = syn().mss(1460).sack_ok();
  with_payload.payload = "connect";
  peer.send(with_payload);
  accept();
  peer.expect(kSyn | kAck, 0, 8);
  write("hello");
  peer.expect_data(1, 8, "hello");
  peer.send(ack(8, 6));
  EXPECT_TRUE(log().has(kStreamEstablished));
  EXPECT_EQ(log().acked, 5u);
}

TEST_F(TcpDeferred, SynPayloadIsLeftToBeSentAgainWhereItIsNotWanted) {
  listen();
  Seg with_payload = syn().mss(1460);
  with_payload.payload = "hello";
  peer.send(with_payload);
  EXPECT_EQ(syn_payload, "");
  accept();
  peer.expect(kSyn | kAck, 0, 1);
  peer.send(data(1, 1, "hello"));
  peer.expect(kAck, 1, 6);
  EXPECT_EQ(log().received, "hello");
}

// RFC 9293 §3.7.5, MUST-46, MUST-57.
TEST_F(TcpRules, SegmentsToOrFromMulticastAreDropped) {
  listen();
  Peer odd(*this, {.remote = "224.0.0.5"});
  odd.send(syn().mss(1460));
  odd.expect_nothing();
  Peer broadcast(*this, {.local = "255.255.255.255"});
  broadcast.send(syn().mss(1460));
  broadcast.expect_nothing();
  EXPECT_EQ(stream_count(), 0u);
}

TEST_F(TcpRules, CallsOnAGoneStreamDoNothing) {
  open();
  const ByteStream gone = stream();
  peer.send(rst(1));
  PacketList list;
  stack().write(gone, std::move(list));
  stack().close(gone);
  stack().abort(gone);
  stack().release(gone, 10);
  stack().accept(gone, 0);
  stack().set_receive_budget(gone, 10);
  EXPECT_EQ(stack().readable(gone) + stack().unacked(gone) + stack().take_acked(gone), 0u);
  EXPECT_FALSE(stack().info(gone));
  pass();
  peer.expect_nothing();
}

}  // namespace
}  // namespace tributary::test
