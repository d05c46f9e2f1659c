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

struct Patience {
  int retries, rto_ms, user_timeout_s;
  double ends_after_s;
  size_t sent_again;
};

/// A peer that acknowledges nothing: neither data nor a FIN alone.
class TcpPatience : public TcpIdle, public testing::WithParamInterface<std::tuple<Patience, bool>> {};

// R2 (RFC 9293 §3.8.3) is a number and a time; a user timeout is kept to the millisecond.
TEST_P(TcpPatience, Ends) {
  const auto& [patience, fin] = GetParam();
  settings.keepalive = Micros(0);
  settings.data_retries = static_cast<uint8_t>(patience.retries);
  settings.min_rto = Micros::milliseconds(patience.rto_ms);
  settings.user_timeout = Micros::seconds(patience.user_timeout_s);
  listen();
  peer.open({.sack = false});
  if (fin)
    close();
  else
    write("hello");
  const auto expected = Micros::milliseconds(static_cast<int64_t>(patience.ends_after_s * 1000));
  wait(expected - Micros::milliseconds(1));
  EXPECT_FALSE(log().gone);
  wait(Micros::milliseconds(4));
  EXPECT_TRUE(log().gone);
  EXPECT_EQ(log().error, StreamError::kTimeout);
  EXPECT_EQ(peer.waiting(), 1 + patience.sent_again);
  peer.ignore_all();
}

const Patience kPatience[] = {
    {15, 200, 0, 924.6, 15}, {15, 1000, 0, 967, 13}, {15, 120'000, 0, 1080, 8}, {3, 200, 0, 3, 3},
    {3, 1000, 0, 7, 2},      {1, 5000, 0, 15, 1},    {15, 200, 5, 5, 4},        {15, 200, 2000, 2000, 24},
    {15, 5000, 1, 5, 1},     {15, 1000, 60, 60, 5},
};
std::string name(const testing::TestParamInfo<std::tuple<Patience, bool>>& test) {
  const Patience& p = std::get<0>(test.param);
  const std::string user = p.user_timeout_s != 0 ? "User" + std::to_string(p.user_timeout_s) + "S" : "";
  return std::to_string(p.retries) + "Retries" + std::to_string(p.rto_ms) + "Ms" + user +
         (std::get<1>(test.param) ? "Fin" : "Data");
}
INSTANTIATE_TEST_SUITE_P(Of, TcpPatience, testing::Combine(testing::ValuesIn(kPatience), testing::Bool()), name);

/// A peer whose window is shut, and data that waits for it.
class TcpIdleShut : public TcpIdle {
 protected:
  void shut() {
    settings.user_timeout = Micros::seconds(30);
    open();
    peer.send(ack(1, 1).win(0));
    write("hello");
  }
  /// Lets so many probes come and answers all or none.
  void probe(int probes, bool answer) {
    for (int i = 0; i < probes && !log().gone; ++i) {
      peer.wait_for_segment();
      peer.expect(kAck, 0, 1);
      if (answer) peer.send(ack(1, 1).win(0));
    }
  }
};

TEST_F(TcpIdleShut, AnsweredProbesKeepTheConnectionForEver) {
  shut();
  const Micros before = now();
  probe(100, true);
  EXPECT_GT(now() - before, Micros::seconds(500)) << "many times the user timeout";
  EXPECT_FALSE(log().gone);
  peer.send(ack(1, 1).win(60000));
  peer.expect_data(1, 1, "hello");
  peer.send(ack(1, 6));
}

TEST_F(TcpIdleShut, ASilentPeerIsGivenUpByTheUserTimeout) {
  shut();
  wait_ms(25'000);
  EXPECT_FALSE(log().gone);
  EXPECT_GE(peer.waiting(), 5u);
  wait_ms(15'000);
  EXPECT_TRUE(log().gone);
  EXPECT_EQ(log().error, StreamError::kTimeout);
  peer.ignore_all();
}

TEST_F(TcpIdleShut, ThePeerMayFallSilentLater) {
  shut();
  probe(20, true);
  wait_ms(25'000);
  EXPECT_FALSE(log().gone);
  wait_ms(15'000);
  EXPECT_TRUE(log().gone);
  peer.ignore_all();
}

TEST_F(TcpIdleShut, SilenceBeforeTheFirstProbeDoesNotCount) {
  settings.user_timeout = Micros::seconds(30);
  open();
  peer.send(ack(1, 1).win(0));
  wait_ms(90'000);
  write("hello");
  wait_ms(10'000);
  EXPECT_FALSE(log().gone);
  peer.ignore_all();
  peer.send(ack(1, 1).win(60000));
  peer.expect_data(1, 1, "hello");
  peer.send(ack(1, 6));
}

TEST_F(TcpIdle, AUserTimeoutOvertakesTheNumberOfKeepalives) {
  settings.user_timeout = Micros::seconds(150);
  open();
  wait_ms(149'000);
  EXPECT_FALSE(log().gone) << "after more than three probes";
  EXPECT_EQ(counters.tcp_keepalives, 5u);
  wait_ms(2'000);
  EXPECT_TRUE(log().gone);
  EXPECT_EQ(log().error, StreamError::kTimeout);
  peer.ignore_all();
}

TEST_F(TcpIdle, AShortUserTimeoutStillAsksOnce) {
  settings.user_timeout = Micros::seconds(5);
  open();
  wait_ms(101'000);
  peer.expect(kAck, 0, 1);
  EXPECT_FALSE(log().gone);
  wait_ms(10'000);
  EXPECT_TRUE(log().gone);
}

}  // namespace
}  // namespace tributary::test
