// The code point of a leg (RFC 2474): on everything that is sent of it, beside the ECN bits, which stay their own.
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

constexpr uint8_t kEf = 46;
constexpr uint8_t kClass = kEf << 2, kEct0 = 2;

struct Case {
  const char* name;
  bool v6;
  bool ecn;
};
class TcpDscp : public ScriptTest, public testing::WithParamInterface<Case> {
 protected:
  TcpDscp() { dscp = kEf; }
  static Peer::Address client() {
    return GetParam().v6 ? Peer::Address{.remote = "2001:db8::2", .local = "2001:db8::1"} : Peer::Address{};
  }
  static Peer::Address server() { return Peer::server(GetParam().v6 ? "2001:db8::2" : "192.0.2.2"); }
  /// Traffic class of data sent for the first time.
  static uint8_t of_data() { return GetParam().ecn ? kClass | kEct0 : kClass; }

  /// Data, its repetition, a bare ACK and the end of an established connection.
  void expect_all(Peer& peer) {
    write("hello");
    EXPECT_EQ(peer.expect_data(1, 1, "hello").traffic_class, of_data());
    peer.wait_for_segment();
    EXPECT_EQ(peer.expect_data(1, 1, "hello").traffic_class, kClass) << "what is sent again is not capable";
    peer.send(ack(1, 6));
    peer.send(data(1, 6, "x"));
    EXPECT_EQ(peer.expect(kAck, 6, 2).traffic_class, kClass);
    abort();
    EXPECT_EQ(peer.next().traffic_class, kClass) << "a reset";
  }
};

TEST_P(TcpDscp, WhatAListenersClientsAreSent) {
  Peer peer(*this, client());
  listen();
  peer.send(peer.make_syn({}).with(GetParam().ecn ? kEce | kCwr : 0));
  EXPECT_EQ(peer.next().traffic_class, kClass) << "a SYN-ACK";
  wait_ms(100);
  peer.send(ack(1, 1));
  expect_all(peer);
}

TEST_P(TcpDscp, WhatAServerIsSent) {
  if (GetParam().ecn) settings.ecn = Settings::Ecn::kAsk;
  Peer peer(*this, server());
  connect(false, GetParam().v6 ? "2001:db8::2" : "192.0.2.2");
  EXPECT_EQ(peer.next().traffic_class, kClass) << "a SYN";
  wait_ms(100);
  peer.send(syn_ack().mss(1440).sack_ok().with(GetParam().ecn ? kEce : 0));
  EXPECT_EQ(peer.expect(kAck, 1, 1).traffic_class, kClass);
  expect_all(peer);
}

TEST_P(TcpDscp, SynCookiesAndTheirConnections) {
  settings.syn_cookies_from = 0;
  Peer peer(*this, client());
  listen();
  peer.send(peer.make_syn({}));
  EXPECT_EQ(peer.next().traffic_class, kClass);
  peer.send(ack(1, 1));
  write("hello");
  EXPECT_EQ(peer.expect_data(1, 1, "hello").traffic_class, kClass);
  peer.send(ack(1, 6));
}

TEST_P(TcpDscp, TheEndAndTimeWait) {
  Peer peer(*this, client());
  listen();
  peer.send(peer.make_syn({}));
  peer.ignore_all();
  peer.send(ack(1, 1));
  close();
  EXPECT_EQ(peer.expect(kFin | kAck, 1, 1).traffic_class, kClass);
  for (int i = 0; i < 2; ++i) {  // the second is answered without a control block
    peer.send(fin(1, 2));
    EXPECT_EQ(peer.expect(kAck, 2, 2).traffic_class, kClass);
    wait_ms(500);
  }
}

INSTANTIATE_TEST_SUITE_P(All, TcpDscp,
                         testing::Values(Case{"V4", false, false}, Case{"V6", true, false}, Case{"V4Ecn", false, true},
                                         Case{"V6Ecn", true, true}),
                         [](const auto& all) { return all.param.name; });

}  // namespace
}  // namespace tributary::test
