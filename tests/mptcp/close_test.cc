// Closing at the data level: DATA_FINs, the subflows' FINs behind them, fast close, subflows that leave (RFC
// 8684 §3.3.3, §3.5).
#include "tests/mptcp/mptcp_script.h"

namespace tributary::test {
namespace {

class MptcpClose : public MptcpTest {
 protected:
  size_t subflows() { return stack().info(stream())->subflows.size(); }
  /// The next segment of the stack that carries a DATA_FIN; what comes before it is dropped.
  Seg next_data_fin(Peer& peer, Where where = Where::current()) {
    while (peer.waiting() != 0) {
      Seg s = peer.next(where);
      if (s.dss().has_mapping && s.dss().data_fin) return s;
    }
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "no DATA_FIN";
    return {};
  }
};

// DF-2.
TEST_F(MptcpClose, BareDataFinHasSubflowSequenceZeroAndLengthOne) {
  open();
  close();
  const Seg s = next_data_fin(first);
  EXPECT_FALSE(s.has(kFin)) << "no FIN of the subflow yet";
  EXPECT_EQ(s.payload, "");
  EXPECT_EQ(s.dss().dsn, 1u);
  EXPECT_EQ(s.dss().subflow_seq, 0u);
  EXPECT_EQ(s.dss().data_length, 1);
}

// DF-1: the DATA_FIN's octet follows the data; whether it rides or comes alone.
TEST_F(MptcpClose, DataFinFollowsTheData) {
  open();
  write("hello");
  close();
  uint64_t fin_at = 0;
  std::string text;
  while (first.waiting() != 0) {
    const Seg s = first.next();
    text += s.payload;
    if (s.dss().has_mapping && s.dss().data_fin) fin_at = s.dss().dsn + s.dss().data_length - 1;
  }
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(fin_at, 6u);
  first.send(ack(1, 6).data_ack(7));
}

// The last thing missing arrives on a subflow that had been given up: it ends within its own segment.
TEST_F(MptcpClose, DataFinOnAStaleSubflowEndsIt) {
  open();
  join(second);
  write("hello");
  wait_ms(1000);
  ASSERT_TRUE(stack().info(stream())->subflows[0].stale);
  close();
  first.ignore_all();
  second.ignore_all();
  second.send(ack(1, 6).data_ack(7));
  first.send(ack(1, 6).data_ack(7).data_fin(1));
  bool reset = false;
  while (first.waiting() != 0) reset |= first.next().has(kRst);
  EXPECT_TRUE(reset);
  EXPECT_TRUE(log().has(kStreamClosed));
  wait_ms(5000);
  first.ignore_all();
  second.ignore_all();
}

TEST_F(MptcpClose, PeerClosesFirst) {
  open();
  first.send(ack(1, 1).data_ack(1).data_fin(1));
  expect_data_ack(first, 2);
  EXPECT_TRUE(log().has(kStreamEnd));
  EXPECT_TRUE(stack().at_end(stream()));
  close();
  EXPECT_EQ(next_data_fin(first).dss().dsn, 1u);
  first.send(ack(1, 1).data_ack(2));
  first.expect(kFin | kAck, 1, 1);
  first.send(fin(1, 2).data_ack(2));
  first.expect(kAck, 2, 2);
  EXPECT_TRUE(log().has(kStreamClosed));
  EXPECT_EQ(stack().context().time_wait.size(), 1u);
}

TEST_F(MptcpClose, StackClosesFirst) {
  open();
  close();
  next_data_fin(first);
  first.send(ack(1, 1).data_ack(2));
  first.expect_nothing();
  EXPECT_FALSE(log().gone) << "the peer may go on";
  first.send(ack(1, 1).data_ack(2).data_fin(1));
  expect_data_ack(first, 2);
  first.send(fin(1, 2).data_ack(2));
  first.ignore_all();
  EXPECT_TRUE(log().has(kStreamClosed));
}

// RFC 8684 figure 17 (appendix D): both at once.
TEST_F(MptcpClose, BothCloseAtOnce) {
  open();
  close();
  next_data_fin(first);
  first.send(ack(1, 1).data_ack(1).data_fin(1));
  expect_data_ack(first, 2);
  first.send(ack(1, 1).data_ack(2));
  first.expect(kFin | kAck, 1, 1);
  first.send(fin(1, 2).data_ack(2));
  first.expect(kAck, 2, 2);
  EXPECT_TRUE(log().has(kStreamClosed));
}

// LX-9: the FIN rides with the last DATA_ACK.
TEST_F(MptcpClose, FinOfThePeerWithItsLastDataAck) {
  open();
  first.send(ack(1, 1).data_ack(1).data_fin(1));
  expect_data_ack(first, 2);
  close();
  next_data_fin(first);
  first.send(fin(1, 1).data_ack(2));
  first.ignore_all();
  first.send(ack(2, 2).data_ack(2));
  EXPECT_TRUE(log().has(kStreamClosed));
}

TEST_F(MptcpClose, AllSubflowsAreClosedByFin) {
  open();
  join(second);
  close();
  next_data_fin(first);
  next_data_fin(second);
  first.send(ack(1, 1).data_ack(2).data_fin(1));
  for (Peer* peer : {&first, &second}) {
    bool fin_seen = false;
    while (peer->waiting() != 0) fin_seen |= peer->next().has(kFin);
    EXPECT_TRUE(fin_seen);
  }
  EXPECT_TRUE(log().has(kStreamClosed)) << "the data level is done";
  first.send(fin(1, 2).data_ack(2));
  first.ignore_all();
  second.send(fin(1, 2).data_ack(2));
  second.ignore_all();
  EXPECT_EQ(stack().context().connections.size(), 0u);
  EXPECT_EQ(stack().context().tokens.size(), 0u);
}

TEST_F(MptcpClose, DataFinRidingOnData) {
  open();
  first.send(data(1, 1, "bye").data_ack(1).map(1, 1, 4).data_fin());
  expect_data_ack(first, 5);
  EXPECT_EQ(log().received, "bye");
  EXPECT_TRUE(log().has(kStreamEnd));
}

TEST_F(MptcpClose, DataFinRidingOnDataWithChecksum) {
  side.checksum = true;
  open();
  first.send(data(1, 1, "bye").data_ack(1).map(1, 1, 4).data_fin().dss_checksum(checksum(1, 1, 4, "bye")));
  expect_data_ack(first, 5);
  EXPECT_TRUE(log().has(kStreamEnd));
}

// DF-3: it waits for the data before it, on whatever subflow that comes.
TEST_F(MptcpClose, DataFinWaitsForAllData) {
  open();
  join(second);
  second.send(ack(1, 1).data_ack(1).data_fin(6));
  second.ignore_all();
  EXPECT_FALSE(log().has(kStreamEnd));
  first.send(mapped(1, 1, "hello"));
  first.ignore_all();
  second.ignore_all();
  EXPECT_TRUE(log().has(kStreamEnd));
  EXPECT_EQ(log().received, "hello");
  write("x");
  EXPECT_EQ((first.waiting() != 0 ? first : second).next().dss().data_ack, 7u);
}

TEST_F(MptcpClose, RepeatedDataFinIsAcknowledgedAgain) {
  open();
  for (int i = 0; i < 3; ++i) {
    first.send(ack(1, 1).data_ack(1).data_fin(1));
    expect_data_ack(first, 2);
  }
}

TEST_F(MptcpClose, LostDataFinIsSentAgain) {
  open();
  close();
  next_data_fin(first);
  for (int i = 0; i < 3; ++i) {
    first.wait_for_segment();
    const Seg s = next_data_fin(first);
    EXPECT_EQ(s.dss().dsn, 1u);
  }
  first.send(ack(1, 1).data_ack(2));
}

TEST_F(MptcpClose, PeerMaySendAfterOurDataFin) {
  open();
  close();
  next_data_fin(first);
  first.send(ack(1, 1).data_ack(2));
  first.send(mapped(1, 1, "still here").data_ack(2));
  expect_data_ack(first, 11);
  EXPECT_EQ(log().received, "still here");
}

TEST_F(MptcpClose, WeMaySendAfterThePeersDataFin) {
  open();
  first.send(ack(1, 1).data_ack(1).data_fin(1));
  expect_data_ack(first, 2);
  write("still here");
  expect_mapped(first, 1, 1, "still here");
  first.send(ack(1, 11).data_ack(11));
  EXPECT_EQ(log().acked, 10u);
}

// §3.3.3: a FIN closes its subflow only.
TEST_F(MptcpClose, FinOfASubflowIsNotTheEnd) {
  open();
  join(second);
  second.send(fin(1, 1));
  second.expect(kFin | kAck, 1, 2);  // neither do we need it any more
  EXPECT_FALSE(log().has(kStreamEnd));
  second.send(ack(2, 2));
  EXPECT_EQ(subflows(), 1u);
  first.send(mapped(1, 1, "goes on"));
  expect_data_ack(first, 8);
  EXPECT_EQ(log().received, "goes on");
}

TEST_F(MptcpClose, ResetOfASubflowIsNotTheEnd) {
  open();
  join(second);
  second.send(rst(1));
  EXPECT_EQ(subflows(), 1u);
  EXPECT_FALSE(log().gone);
  first.send(mapped(1, 1, "goes on"));
  expect_data_ack(first, 8);
}

TEST_F(MptcpClose, ConnectionWhosePeerVanishedEnds) {
  settings.close_timeout = Micros::seconds(10);
  open();
  first.send(ack(1, 1).data_ack(1).data_fin(1));
  first.ignore_all();
  close();
  first.send(ack(1, 1).data_ack(2));
  wait(Micros::seconds(11));
  first.ignore_all();
  EXPECT_TRUE(log().gone);
}

/// The peer closes the only subflow, and has not acknowledged our FIN there.
class MptcpSubflowClosedByPeer : public MptcpClose {
 protected:
  MptcpSubflowClosedByPeer() { settings.close_timeout = Micros::seconds(10); }
  void open_and_let_the_peer_close_it() {
    open();
    first.send(ack(1, 1).data_ack(1));
    first.send(fin(1, 1).data_ack(1));
    first.expect(kFin | kAck, 1, 2);
  }
};

// DF-5: a peer may have closed all it can be sent on and never acknowledge our FIN there (a FIN may be forged).
TEST_F(MptcpSubflowClosedByPeer, ConnectionWaitsForAJoinOnly) {
  open_and_let_the_peer_close_it();
  write("nobody can be sent this");
  wait(Micros::seconds(9));
  EXPECT_FALSE(log().gone);
  wait(Micros::seconds(2));
  first.ignore_all();
  EXPECT_TRUE(log().gone);
  EXPECT_EQ(stack().context().tcbs.size(), 0u);
}

TEST_F(MptcpSubflowClosedByPeer, AJoinSavesTheConnection) {
  open_and_let_the_peer_close_it();
  write("for another");
  wait(Micros::seconds(5));
  first.ignore_all();
  join(second);  // its fourth packet carries the data
  second.send(ack(1, 12).data_ack(12));
  EXPECT_EQ(log().acked, 11u);
  wait(Micros::seconds(20));
  first.ignore_all();
  EXPECT_FALSE(log().gone);
}

TEST_F(MptcpClose, SubflowClosedByThePeerMayDeliverWhatItHasForAsLongAsThatTakes) {
  settings.close_timeout = Micros::seconds(1);
  open({}, 2 * kFull);
  first.send(ack(1, 1).data_ack(1));
  write(pattern(10 * kFull));
  wait_ms(1);
  first.send(fin(1, 1).data_ack(1));
  first.ignore_all();
  for (uint32_t received = 2; received <= 10; received += 2) {
    wait_ms(400);
    first.ignore_all();
    first.send(ack(2, 1 + received * kFull).win(2 * kFull).data_ack(1 + received * kFull));
    EXPECT_FALSE(log().gone) << received;
  }
  EXPECT_EQ(log().acked, 10u * kFull);
}

// FC-2: on an ACK, all subflows are reset.
TEST_F(MptcpClose, FastcloseOnAnAckEndsTheConnection) {
  open();
  join(second);
  first.send(ack(1, 1).fastclose(side.stack_key));
  EXPECT_TRUE(log().has(kStreamReset));
  EXPECT_TRUE(first.next().has(kRst));
  EXPECT_TRUE(second.next().has(kRst));
  EXPECT_EQ(counters.mptcp_fastclose_rx, 1u);
}

TEST_F(MptcpClose, FastcloseOnAResetEndsTheConnection) {
  open();
  join(second);
  first.send(rst(1).fastclose(side.stack_key));
  EXPECT_TRUE(log().has(kStreamReset));
  first.expect_nothing();  // a reset is not answered with one
  EXPECT_TRUE(second.next().has(kRst));
}

TEST_F(MptcpClose, FastcloseWithAnotherKeyIsIgnored) {
  open();
  first.send(ack(1, 1).fastclose(Key{1}));
  first.expect_nothing();
  EXPECT_FALSE(log().gone);
  EXPECT_EQ(counters.mptcp_fastclose_rx, 0u);
}

// RST-2.
TEST_F(MptcpClose, FastcloseWithAnotherKeyOnAResetKillsTheSubflowOnly) {
  open();
  join(second);
  first.send(rst(1).fastclose(Key{1}));
  EXPECT_EQ(subflows(), 1u);
  EXPECT_FALSE(log().gone);
}

// FC-1, option R.
TEST_F(MptcpClose, AbortSendsFastclose) {
  open();
  join(second);
  abort();
  for (Peer* peer : {&first, &second}) {
    const Seg s = peer->next();
    EXPECT_TRUE(s.has(kRst));
    ASSERT_TRUE(s.has_mp(MptcpOptions::kFastclose));
    EXPECT_EQ(s.mp().fastclose.receiver_key, side.key);
  }
  EXPECT_EQ(stack().context().connections.size(), 0u);
  EXPECT_EQ(stack().context().tokens.size(), 0u);
}

TEST_F(MptcpClose, AbortAfterFallingBackIsAPlainReset) {
  listen(true);
  first.send(syn().mss(1460).capable());
  first.expect(kSyn | kAck, 0, 1);
  first.send(ack(1, 1));
  abort();
  EXPECT_EQ(first.expect(kRst | kAck, 1, 1).mp().present, 0);
}

TEST_F(MptcpClose, AbortWithDataOnTwoSubflowsFreesEverything) {
  open();
  join(second);
  write(pattern(40 * kFull));
  wait_ms(1000);
  first.send(mapped(1, 500, "hole"));
  abort();
  first.ignore_all();
  second.ignore_all();
  pass();
  EXPECT_EQ(stack().context().tcbs.size(), 0u);
}

TEST_F(MptcpClose, FallbackClosesLikeTcp) {
  listen(true);
  first.send(syn().mss(1460).capable());
  first.expect(kSyn | kAck, 0, 1);
  first.send(ack(1, 1));
  first.send(fin(1, 1, "bye"));
  first.expect(kAck, 1, 5);
  EXPECT_EQ(log().received, "bye");
  EXPECT_TRUE(log().has(kStreamEnd));
  close();
  first.expect(kFin | kAck, 1, 5);
  first.send(ack(5, 2));
  EXPECT_TRUE(log().has(kStreamClosed));
}

TEST_F(MptcpClose, TimeWaitOfASubflowAcknowledgesARepeatedFin) {
  open();
  close();
  next_data_fin(first);
  first.send(ack(1, 1).data_ack(2).data_fin(1));
  first.ignore_all();
  first.send(fin(1, 2).data_ack(2));
  first.ignore_all();
  EXPECT_TRUE(log().gone);
  first.send(fin(1, 2).data_ack(2));
  first.expect(kAck, 2, 2);
}

// A peer that never says its end does not keep the connection of a user who has left.
TEST_F(MptcpClose, TheWaitForTheDataFinEndsWhenTheUserHasLeft) {
  settings.fin_wait2 = Micros::seconds(5);
  open();
  leave();
  next_data_fin(first);
  first.send(ack(1, 1).data_ack(2));
  first.send(data(1, 1, "into the void").data_ack(2).map(1, 1, 13));
  first.ignore_all();
  wait_ms(4500);
  EXPECT_EQ(stack().context().connections.size(), 1u);
  wait_ms(1000);
  EXPECT_EQ(stack().context().connections.size(), 0u);
  first.ignore_all();
}

}  // namespace
}  // namespace tributary::test
