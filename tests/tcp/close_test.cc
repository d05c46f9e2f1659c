// Closing: FINs from either side, half-close, simultaneous close, TIME-WAIT, abort (RFC 9293 §3.6, RFC 6191,
// RFC 1337).
#include "stack/tcp/time_wait.h"
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

static_assert(sizeof(tcp::TimeWait) <= 64, "TIME-WAIT costs 64 bytes a connection");

class TcpClose : public ScriptTest {
 protected:
  void open(const Peer::Options& options = {}) {
    listen();
    peer.open(options);
  }
  /// The stack closes first; ends in TIME-WAIT on its side.
  void close_actively() {
    close();
    peer.expect(kFin | kAck, 1, 1);
    peer.send(fin(1, 2));
    peer.expect(kAck, 2, 2);
    EXPECT_TRUE(log().has(kStreamClosed));
    EXPECT_EQ(stack().context().time_wait.size(), 1u);
    EXPECT_EQ(stack().context().tcbs.size(), 0u);
  }
  Peer peer{*this};
};

TEST_F(TcpClose, PeerClosesFirst) {
  open();
  peer.send(fin(1, 1));
  peer.expect(kAck, 1, 2);
  EXPECT_TRUE(log().has(kStreamEnd));
  EXPECT_TRUE(stack().at_end(stream()));
  close();
  peer.expect(kFin | kAck, 1, 2);
  EXPECT_FALSE(log().gone);
  peer.send(ack(2, 2));
  EXPECT_TRUE(log().has(kStreamClosed));
  EXPECT_EQ(stack().context().time_wait.size(), 0u);
}

TEST_F(TcpClose, StackClosesFirst) {
  open();
  close_actively();
}

TEST_F(TcpClose, FinFollowsWhatIsQueued) {
  open();
  write("last words");
  close();
  peer.expect_data(1, 1, "last words");
  peer.expect(kFin | kAck, 11, 1);
  peer.send(fin(1, 12));
  peer.expect(kAck, 12, 2);
}

TEST_F(TcpClose, CloseBeforeEstablishedWaitsForTheHandshake) {
  listen();
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  close();
  peer.expect_nothing();
  peer.send(ack(1, 1));
  peer.expect(kFin | kAck, 1, 1);
}

// RFC 9293 §3.6: the other direction stays open for as long as it takes.
TEST_F(TcpClose, PeerMaySendAfterOurHalfClose) {
  open();
  close();
  peer.expect(kFin | kAck, 1, 1);
  peer.send(ack(1, 2));
  peer.send(data(1, 2, "still here"));
  peer.expect(kAck, 2, 11);
  EXPECT_EQ(log().received, "still here");
  peer.send(fin(11, 2));
  peer.expect(kAck, 2, 12);
  EXPECT_TRUE(log().has(kStreamClosed));
}

TEST_F(TcpClose, WeMaySendAfterThePeersHalfClose) {
  open();
  peer.send(fin(1, 1));
  peer.expect(kAck, 1, 2);
  write("still here");
  peer.expect_data(1, 2, "still here");
  peer.send(ack(2, 11));
  EXPECT_EQ(log().acked, 10u);
  close();
  peer.expect(kFin | kAck, 11, 2);
  peer.send(ack(2, 12));
  EXPECT_TRUE(log().has(kStreamClosed));
}

// RFC 9293 figure 12.
TEST_F(TcpClose, BothCloseAtOnce) {
  open();
  close();
  peer.expect(kFin | kAck, 1, 1);
  peer.send(fin(1, 1));
  peer.expect(kAck, 2, 2);
  EXPECT_FALSE(log().gone) << "CLOSING: our FIN is not acknowledged";
  peer.send(ack(2, 2));
  while (peer.waiting() != 0) peer.expect(kAck, 2, 2);
  EXPECT_TRUE(log().has(kStreamClosed));
  EXPECT_EQ(stack().context().time_wait.size(), 1u);
}

TEST_F(TcpClose, TheFinGoesWithTheLastData) {
  open({.rtt = Micros::milliseconds(100)});
  write(pattern(11 * 1460));
  close();
  for (uint32_t i = 0; i < 10; ++i) EXPECT_FALSE(peer.expect_data(1 + i * 1460, 1, pattern(1460, i * 1460)).has(kFin));
  peer.expect_nothing();
  peer.send(ack(1, 1 + 10 * 1460));
  const uint32_t last = 1 + 10 * 1460, end = 1 + 11 * 1460;
  EXPECT_EQ(peer.expect(kFin | kAck, last, 1).payload, pattern(1460, last - 1));
  peer.expect_nothing();
  peer.wait_for_segment();
  EXPECT_EQ(peer.expect(kFin | kAck, last, 1).payload, pattern(1460, last - 1)) << "and again with it";
  peer.send(ack(1, end));
  EXPECT_GT(peer.wait_for_segment(), 100.0);
  EXPECT_TRUE(peer.expect(kFin | kAck, end, 1).payload.empty()) << "the data alone is acknowledged";
  peer.send(ack(1, end + 1));
  EXPECT_EQ(log().acked, 11u * 1460);
  peer.send(fin(1, end + 1));
  peer.expect(kAck, end + 1, 2);
  EXPECT_TRUE(log().has(kStreamClosed));
}

// Somebody on the path has cut the segment, or the peer has taken half of it.
TEST_F(TcpClose, TheFinStaysWithTheLastByteOfASplitSegment) {
  listen();
  peer.open({.wscale = -1}, 0);
  write(pattern(1000));
  close();
  peer.expect_nothing();
  peer.send(ack(1, 1));
  EXPECT_EQ(peer.expect(kFin | kAck, 1, 1).payload, pattern(1000));
  peer.send(ack(1, 501));
  peer.wait_for_segment();
  EXPECT_EQ(peer.expect(kFin | kAck, 501, 1).payload, pattern(500, 500));
  peer.send(ack(1, 1002));
  EXPECT_EQ(log().acked, 1000u);
}

// RFC 8985 §7.3: alone it would not tell whether the data has arrived.
TEST_F(TcpClose, TheProbeOfATailBringsTheFinWithTheData) {
  open({.rtt = Micros::milliseconds(100)});
  write(pattern(2 * 1460));
  peer.expect_data(1, 1, pattern(1460));
  peer.expect_data(1461, 1, pattern(1460, 1460));
  close();
  peer.expect(kFin | kAck, 2921, 1);
  EXPECT_NEAR(peer.wait_for_segment(), 200, 2);
  EXPECT_EQ(peer.expect(kFin | kAck, 1461, 1).payload, pattern(1460, 1460));
  EXPECT_EQ(counters.tcp_loss_probes, 1u);
  wait_ms(100);
  peer.send(ack(1, 1).sack(1461, 2921));
  peer.expect_data(1, 1, pattern(1460));
  peer.send(ack(1, 2922));
  EXPECT_EQ(log().acked, 2u * 1460);
}

TEST_F(TcpClose, LostFinIsSentAgain) {
  open({.rtt = Micros::milliseconds(100)});
  close();
  peer.expect(kFin | kAck, 1, 1);
  double expected = 300;
  for (int i = 0; i < 3; ++i, expected *= 2) {
    EXPECT_NEAR(peer.wait_for_segment(), expected, 1);
    peer.expect(kFin | kAck, 1, 1);
  }
  peer.send(ack(1, 2));
}

TEST_F(TcpClose, LostDataBeforeTheFinIsSentAgainAndThenTheFin) {
  open({.sack = false});
  write("x");
  close();
  peer.expect_data(1, 1, "x");
  peer.expect(kFin | kAck, 2, 1);
  peer.wait_for_segment();
  peer.expect_data(1, 1, "x");
  peer.send(ack(1, 2));
  peer.wait_for_segment();
  peer.expect(kFin | kAck, 2, 1);
  peer.send(ack(1, 3));
  peer.expect_nothing();
}

TEST_F(TcpClose, RepeatedFinInCloseWaitIsAcknowledgedAgain) {
  open();
  peer.send(fin(1, 1));
  peer.expect(kAck, 1, 2);
  peer.send(fin(1, 1));
  peer.expect(kAck, 1, 2);
  EXPECT_FALSE(log().gone);
}

TEST_F(TcpClose, HalfCloseLastsAsLongAsThePeerSends) {
  open();
  close();
  peer.expect(kFin | kAck, 1, 1);
  peer.send(ack(1, 2));
  wait(Micros::seconds(600));
  peer.send(fin(1, 2, "at last"));
  peer.expect(kAck, 2, 9);
  EXPECT_EQ(log().received, "at last");
  EXPECT_TRUE(log().has(kStreamClosed));
}

TEST_F(TcpClose, TimeWaitAcknowledgesARepeatedFin) {
  open({.timestamps = true});
  close_actively();
  wait_ms(1000);
  peer.send(fin(1, 2));
  peer.expect(kAck, 2, 2);
}

TEST_F(TcpClose, TimeWaitLeavesAPlainAckAlone) {
  open();
  close_actively();
  peer.send(ack(2, 2));
  peer.expect_nothing();
}

TEST_F(TcpClose, TimeWaitAnswersAWrongAckOnceInAWhile) {
  open();
  close_actively();
  for (int i = 0; i < 10; ++i) peer.send(ack(500'000'000, 2));
  EXPECT_EQ(peer.waiting(), 1u);
  EXPECT_EQ(counters.tcp_time_wait_skipped, 9u);
  peer.ignore_all();
  peer.send(fin(1, 2));
  peer.expect(kAck, 2, 2);
}

// RFC 1337 §3.
TEST_F(TcpClose, TimeWaitSurvivesResets) {
  open();
  close_actively();
  peer.send(rst(2));
  peer.expect_nothing();
  EXPECT_EQ(stack().context().time_wait.size(), 1u);
  peer.send(fin(1, 2));
  peer.expect(kAck, 2, 2);
}

TEST_F(TcpClose, TimeWaitExpires) {
  settings.time_wait = Micros::seconds(30);
  open();
  close_actively();
  wait(Micros::seconds(29));
  EXPECT_EQ(stack().context().time_wait.size(), 1u);
  wait(Micros::seconds(2));
  EXPECT_EQ(stack().context().time_wait.size(), 0u);
  peer.send(fin(1, 2));
  peer.expect(kRst, 2, 0);
}

TEST_F(TcpClose, FullTimeWaitTableDropsItsOldest) {
  settings.max_time_wait = 2;
  listen();
  for (uint16_t port : {1, 2, 3}) {
    Peer other(*this, {.remote_port = port});
    other.open();
    close();
    other.ignore_all();
    other.send(fin(1, 2));
    other.expect(kAck, 2, 2);
  }
  EXPECT_EQ(stack().context().time_wait.size(), 2u);
  Peer first(*this, {.remote_port = 1});
  first.send(syn().mss(1460));
  first.expect(kSyn | kAck, 0, 1);
}

struct Reuse {
  const char* name;
  bool old_timestamps, new_timestamps;
  int32_t time;  ///< of the SYN, against the last timestamp of the old connection
  int32_t seq;   ///< of the SYN, against the last sequence number of the old connection
  bool accepted;
};
void PrintTo(const Reuse& reuse, std::ostream* out) {
  *out << reuse.name;
}
class TcpReuse : public TcpClose, public testing::WithParamInterface<Reuse> {};

// RFC 6191 §2.
TEST_P(TcpReuse, TimeWaitAndANewSyn) {
  const Reuse& reuse = GetParam();
  open({.timestamps = reuse.old_timestamps});
  peer.ts_value = 5'000'000;
  close_actively();
  wait_ms(100);
  const uint32_t stack_isn = peer.stack_isn.raw();
  Peer next(*this);
  peer.key() = FlowKey{};
  next.isn = peer.isn + 2 + static_cast<uint32_t>(reuse.seq);
  next.ts_value = 5'000'000 + static_cast<uint32_t>(reuse.time);
  next.send(next.make_syn({.timestamps = reuse.new_timestamps}));
  const Seg answer = next.next();
  if (reuse.accepted) {
    EXPECT_EQ(answer.flags, kSyn | kAck);
    EXPECT_GT(SeqNum(next.stack_isn.raw()), SeqNum(stack_isn)) << "above what the old connection used";
    EXPECT_EQ(stack().context().tcbs.size(), 1u);
  } else {
    EXPECT_EQ(answer.flags, kAck);
    EXPECT_EQ(stack().context().tcbs.size(), 0u);
  }
}
INSTANTIATE_TEST_SUITE_P(All, TcpReuse,
                         testing::Values(Reuse{"NewerTime", true, true, 1, -1000, true},
                                         Reuse{"SameTimeHigherSequence", true, true, 0, 1000, true},
                                         Reuse{"SameTimeLowerSequence", true, true, 0, -1000, false},
                                         Reuse{"OlderTimeHigherSequence", true, true, -1, 1000, false},
                                         Reuse{"NoTimeHigherSequence", false, false, 0, 1000, true},
                                         Reuse{"NoTimeLowerSequence", false, false, 0, -1000, false},
                                         Reuse{"TimeGoneHigherSequence", true, false, 0, 1000, true},
                                         Reuse{"TimeGoneLowerSequence", true, false, 0, -1000, false},
                                         Reuse{"TimeNewHigherSequence", false, true, 0, 1000, true}),
                         [](const auto& test) { return test.param.name; });

// RFC 9293 §3.10.5.
TEST_F(TcpClose, AbortResets) {
  open();
  write("never mind");
  peer.expect_data(1, 1, "never mind");
  abort();
  peer.expect(kRst | kAck, 11, 1);
  EXPECT_EQ(log().events & (kStreamReset | kStreamClosed), 0) << "the user knows";
  EXPECT_EQ(stack().context().tcbs.size(), 0u);
}

// As Linux tcp_fin_timeout: with nobody left to read, the peer's FIN is not waited for without end.
TEST_F(TcpClose, FinWait2EndsWhenTheUserHasLeft) {
  settings.fin_wait2 = Micros::seconds(5);
  open();
  leave();
  peer.expect(kFin | kAck, 1, 1);
  peer.send(ack(1, 2));
  wait_ms(4900);
  EXPECT_FALSE(stack().idle());
  wait_ms(200);
  EXPECT_TRUE(stack().idle());
  peer.send(fin(1, 2));
  peer.expect(kRst, 2, 0);
}

TEST_F(TcpClose, TheWaitBeginsWhenTheUserLeavesAHalfClosedStream) {
  settings.fin_wait2 = Micros::seconds(5);
  open();
  close();
  peer.expect(kFin | kAck, 1, 1);
  peer.send(ack(1, 2));
  wait_ms(60'000);
  EXPECT_FALSE(stack().idle()) << "half-closed: the peer may go on";
  leave();
  wait_ms(4900);
  EXPECT_FALSE(stack().idle());
  wait_ms(200);
  EXPECT_TRUE(stack().idle());
}

TEST_F(TcpClose, ALeftStreamStillDeliversAndEndsInTimeWait) {
  open();
  write("last words");
  leave();
  peer.expect_data(1, 1, "last words");
  peer.expect(kFin | kAck, 11, 1);
  peer.send(fin(1, 12));
  peer.expect(kAck, 12, 2);
  EXPECT_EQ(stack().context().time_wait.size(), 1u);
}

// RFC 9293 §3.6.1, RFC 2525 §2.17.
TEST_F(TcpClose, DataForAUserWhoHasLeftIsAnsweredWithAReset) {
  open();
  leave();
  peer.expect(kFin | kAck, 1, 1);
  peer.send(data(1, 2, "hello?"));
  peer.expect(kRst, 2, 0);
  EXPECT_TRUE(stack().idle());
  EXPECT_EQ(counters.tcp_abort_on_data, 1u);
}

TEST_F(TcpClose, LeavingUnreadDataResets) {
  open();
  log().read = false;
  peer.send(data(1, 1, "unread"));
  peer.expect(kAck, 1, 7);
  leave();
  peer.expect(kRst | kAck, 1, 7);
  EXPECT_TRUE(stack().idle());
}

TEST_F(TcpClose, AbortAfterOurFinResets) {
  open();
  close();
  peer.expect(kFin | kAck, 1, 1);
  abort();
  peer.expect(kRst | kAck, 2, 1);
}

TEST_F(TcpClose, AbortOfAnUnansweredSynIsSilent) {
  Peer server(*this, Peer::server());
  connect();
  server.expect(kSyn, 0, 0);
  abort();
  server.expect_nothing();
  server.send(syn_ack().mss(1460));
  server.expect(kRst, 1, 0);
}

TEST_F(TcpClose, UnreadDataIsStillThereAfterTheEnd) {
  open();
  log().read = false;
  peer.send(fin(1, 1, "unread"));
  peer.expect(kAck, 1, 8);
  EXPECT_FALSE(stack().at_end(stream())) << "not before it has been read";
  EXPECT_EQ(read(), "unread");
  EXPECT_TRUE(stack().at_end(stream()));
}

}  // namespace
}  // namespace tributary::test
