// Peers that have gone without a word: keepalive (RFC 9293 §3.8.4) and user timeout (RFC 5482).
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

class TcpIdle : public ScriptTest {
 protected:
  TcpIdle() {
    settings.keepalive = Micros::seconds(100);
    settings.keepalive_interval = Micros::seconds(10);
    settings.keepalive_probes = 3;
  }
  void open() {
    listen();
    peer.open();
  }
  Peer peer{*this};
};

TEST_F(TcpIdle, ASilentPeerIsAskedAndThenGivenUp) {
  open();
  wait_ms(99'990);
  peer.expect_nothing();
  for (int probe = 0; probe < 3; ++probe) {
    EXPECT_LE(peer.wait_for_segment(), 10'010);
    peer.expect(kAck, 0, 1);
  }
  EXPECT_FALSE(log().gone);
  wait_ms(10'010);
  EXPECT_TRUE(log().gone);
  EXPECT_EQ(log().error, StreamError::kTimeout);
  EXPECT_EQ(counters.tcp_keepalives, 3u);
}

TEST_F(TcpIdle, AnAnswerStartsTheSilenceAnew) {
  open();
  peer.wait_for_segment();
  peer.expect(kAck, 0, 1);
  peer.send(ack(1, 1));
  wait_ms(99'000);
  peer.expect_nothing();
  EXPECT_LE(peer.wait_for_segment(), 1010);
  peer.expect(kAck, 0, 1);
}

TEST_F(TcpIdle, TrafficIsNoSilence) {
  open();
  uint32_t seq = 1;
  for (int i = 0; i < 5; ++i) {
    wait_ms(60'000);
    peer.send(data(seq, 1, "x"));
    peer.expect(kAck, 1, ++seq);
  }
  EXPECT_EQ(counters.tcp_keepalives, 0u);
}

TEST_F(TcpIdle, ZeroAsksNobody) {
  settings.keepalive = Micros(0);
  open();
  wait(Micros::seconds(100'000));
  peer.expect_nothing();
  EXPECT_FALSE(log().gone);
}

TEST_F(TcpIdle, DataUnacknowledgedForTooLongEndsTheConnection) {
  settings.user_timeout = Micros::seconds(5);
  open();
  write("hello");
  wait_ms(4900);
  EXPECT_FALSE(log().gone);
  wait_ms(10'000);
  EXPECT_TRUE(log().gone) << "with the first time-out behind the limit";
  EXPECT_EQ(log().error, StreamError::kTimeout);
  peer.ignore_all();
}

TEST_F(TcpIdle, WithoutAUserTimeoutItTakesAllRetries) {
  open();
  write("hello");
  wait_ms(60'000);
  EXPECT_FALSE(log().gone);
  peer.ignore_all();
}

}  // namespace
}  // namespace tributary::test
