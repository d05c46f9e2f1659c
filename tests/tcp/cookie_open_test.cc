// Opening by SYN cookie: no state until the third ACK (RFC 4987 §3.6). That it is a connection as any other after it is
// said in handshake_test.cc, TcpPassiveOpen.
#include "tests/tcp/script.h"
#include "tests/wire/hex.h"

namespace tributary::test {
namespace {

class TcpCookie : public ScriptTest {
 protected:
  TcpCookie() { settings.syn_cookies_from = 0; }
  void expect_no_state() {
    const Context& context = stack().context();
    EXPECT_TRUE(stack().idle());
    EXPECT_EQ(context.wheel.next_deadline(), Micros::never());
    EXPECT_TRUE(incoming.empty());
  }
};

TEST_F(TcpCookie, NothingIsKeptUntilTheThirdAck) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  expect_no_state();
  EXPECT_EQ(counters.tcp_syncookies_sent, 1u);
  wait(Micros::seconds(30));
  peer.expect_nothing();  // nobody is left to send the SYN-ACK again
  peer.send(ack(1, 1));
  ASSERT_EQ(incoming.size(), 1u);
  EXPECT_TRUE(log().has(kStreamEstablished));
  EXPECT_EQ(counters.tcp_syncookies_received, 1u);
  EXPECT_EQ(counters.tcp_passive_opens, 1u);
  EXPECT_EQ(stack().context().half_open, 0u);
}

TEST_F(TcpCookie, DataThatOvertookTheThirdAckIsNotReset) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  peer.send(data(6, 1, " world"));
  peer.expect_nothing();
  peer.send(data(1, 1, "hello"));
  peer.expect(kAck, 1, 6);
  EXPECT_EQ(log().received, "hello");
}

TEST_F(TcpCookie, TimestampsOfTheConnectionGoOnFromTheCookies) {
  listen();
  Peer peer(*this);
  peer.send(peer.make_syn({.timestamps = true}));
  const uint32_t first = peer.expect(kSyn | kAck, 0, 1).options.ts_value;
  EXPECT_EQ(first & 0x3f, 0x17u) << "SACK and a scale of seven";
  wait_ms(100);
  peer.send(data(1, 1, "x"));
  const uint32_t then = peer.expect(kAck, 1, 2).options.ts_value;
  EXPECT_GE(then - first, 100u);
  EXPECT_LT(then - first, 164u);
}

TEST_F(TcpCookie, WithoutTimestampsOnlyTheMssIsKept) {
  listen();
  Peer peer(*this);
  peer.send(peer.make_syn({.sack = true, .wscale = 7}));
  EXPECT_EQ(peer.expect(kSyn | kAck, 0, 1).option_bytes, from_hex("020405b4"));
  peer.send(ack(1, 1).win(1000));
  EXPECT_EQ(stack().info(stream())->subflows[0].send_window, 1000u);
  peer.send(data(11, 1, "later"));
  EXPECT_EQ(peer.expect(kAck, 1, 1).options.sack_count, 0);
}

TEST_F(TcpCookie, SegmentsFitThePeersMss) {
  listen();
  Peer peer(*this);
  peer.open({.mss = 1380, .timestamps = true});
  EXPECT_EQ(incoming.back().peer_mss, 1360);
  write(pattern(5000));
  EXPECT_EQ(peer.next().payload.size(), 1348u);
  peer.ignore_all();
}

TEST_F(TcpCookie, EcnIsKept) {
  listen();
  Peer peer(*this);
  peer.send(peer.make_syn({.timestamps = true}).with(kEce | kCwr));
  peer.expect(kSyn | kAck | kEce, 0, 1);
  peer.send(ack(1, 1));
  peer.send(data(1, 1, "marked").tos(3));
  peer.expect(kAck | kEce, 1, 7);
}

TEST_F(TcpCookie, AnOldCookieIsReset) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  wait(Micros::seconds(128));
  Peer other(*this, {.remote_port = 2});  // so that cookies are in use
  other.send(syn().mss(1460));
  other.expect(kSyn | kAck, 0, 1);
  peer.send(ack(1, 1));
  peer.expect(kRst, 1, 0);
  EXPECT_EQ(counters.tcp_syncookies_failed, 1u);
  expect_no_state();
}

TEST_F(TcpCookie, AForgedAckIsReset) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  peer.send(ack(1, 2));
  peer.expect(kRst, 2, 0);
  peer.send(ack(2, 1));
  peer.expect(kRst, 1, 0);
  EXPECT_EQ(counters.tcp_syncookies_failed, 2u);
  expect_no_state();
  peer.send(ack(1, 1));
  EXPECT_TRUE(log().has(kStreamEstablished));
}

TEST_F(TcpCookie, AnAckOfNoConnectionIsResetAsEver) {
  listen();
  Peer peer(*this);
  peer.send(ack(1, 1));
  peer.expect(kRst, 1, 0);
  EXPECT_EQ(counters.tcp_syncookies_failed, 0u) << "none was ever given out";
}

TEST_F(TcpCookie, CookiesBeginAtTheMarkAndEndBelowIt) {
  settings.syn_cookies_from = 2;
  listen();
  Peer first(*this, {.remote_port = 1}), second(*this, {.remote_port = 2}), third(*this, {.remote_port = 3});
  for (Peer* peer : {&first, &second, &third}) {
    peer->send(syn().mss(1460));
    peer->expect(kSyn | kAck, 0, 1);
  }
  EXPECT_EQ(stack().context().half_open, 2u);
  EXPECT_EQ(counters.tcp_syncookies_sent, 1u);
  first.send(ack(1, 1));
  Peer fourth(*this, {.remote_port = 4});
  fourth.send(syn().mss(1460));
  fourth.expect(kSyn | kAck, 0, 1);
  EXPECT_EQ(counters.tcp_syncookies_sent, 1u) << "there is room again";
  EXPECT_EQ(stack().context().half_open, 2u);
  third.send(ack(1, 1));
  EXPECT_EQ(counters.tcp_syncookies_received, 1u);
  second.send(ack(1, 1));
  fourth.send(ack(1, 1));
  EXPECT_EQ(incoming.size(), 4u);
}

TEST_F(TcpCookie, WhatWasSentBeforeTheAcceptorDecidesIsKept) {
  defer = true;
  listen();
  Peer peer(*this);
  peer.open();
  peer.send(data(1, 1, "early"));
  peer.expect(kAck, 1, 6);
  accept();
  peer.expect_nothing();
  write("answer");
  peer.expect_data(1, 6, "answer");
  peer.send(ack(6, 7));
  EXPECT_EQ(log().received, "early");
}

TEST_F(TcpCookie, RefusingAfterTheThirdAckResets) {
  defer = true;
  listen();
  Peer peer(*this);
  peer.open();
  stack().refuse(stream());
  log().gone = true;
  pass();
  peer.expect(kRst | kAck, 1, 1);
  EXPECT_TRUE(stack().idle());
}

// A client whose Convert message is not acknowledged takes us for unreachable (RFC 8803 §8).
TEST_F(TcpCookie, ASynWhosePayloadIsWantedIsKept) {
  listen(false, true);
  Peer peer(*this);
  Seg first = syn().mss(1460);
  first.payload = "request";
  peer.send(first);
  peer.expect(kSyn | kAck, 0, 8);
  EXPECT_EQ(syn_payload, "request");
  EXPECT_EQ(counters.tcp_syncookies_sent, 0u);
  Peer other(*this, {.remote_port = 2});
  other.send(syn().mss(1460));
  other.expect(kSyn | kAck, 0, 1);
  EXPECT_EQ(counters.tcp_syncookies_sent, 1u);
}

}  // namespace
}  // namespace tributary::test
