// Falling back in the middle of a connection: failed checksums, MP_FAIL and the infinite mapping (RFC 8684 §3.7).
#include "tests/mptcp/mptcp_script.h"

namespace tributary::test {
namespace {

class MptcpFallback : public MptcpTest {
 protected:
  MptcpFallback() { side.checksum = true; }
  /// `text` with the checksum of `original`: what a middlebox makes that rewrites payload.
  Seg rewritten(uint32_t seq, uint64_t dsn, const std::string& text, const std::string& original) {
    return mapped(seq, dsn, text).dss_checksum(checksum(dsn, seq, static_cast<uint16_t>(text.size()), original));
  }
  Seg intact(uint32_t seq, uint64_t dsn, const std::string& text) { return rewritten(seq, dsn, text, text); }
  bool fell_back() { return stack().info(stream())->fallback; }
};

TEST_F(MptcpFallback, WrongChecksumOnTheOnlySubflowAsksForTheInfiniteMapping) {
  open();
  first.send(intact(1, 1, "hello"));
  first.ignore_all();
  first.send(rewritten(6, 6, "wxrld", "world"));
  const Seg answer = first.expect(kAck, 1, 11);
  ASSERT_TRUE(answer.has_mp(MptcpOptions::kFail));
  EXPECT_EQ(answer.mp().fail.dsn.raw() - side.idsn(), 6u);
  EXPECT_EQ(log().received, "hellowxrld") << "what TCP would have had";
  EXPECT_FALSE(fell_back()) << "not before the peer agrees";
}

TEST_F(MptcpFallback, MpFailIsRepeatedUntilThePeerFallsBack) {
  open();
  first.send(rewritten(1, 1, "hallo", "hello"));
  first.ignore_all();  // lost
  first.send(rewritten(6, 6, "wxrld", "world"));
  EXPECT_TRUE(first.expect(kAck, 1, 11).has_mp(MptcpOptions::kFail));
  first.send(data(11, 1, "plain").data_ack(1).map(11, 11, 0));
  EXPECT_EQ(first.expect(kAck, 1, 16).mp().present, 0) << "no options of MPTCP any more";
  EXPECT_TRUE(fell_back());
  first.send(data(16, 1, "!"));
  first.ignore_all();
  EXPECT_EQ(log().received, "hallowxrldplain!");
}

TEST_F(MptcpFallback, DataSentAgainBeforeThePeerFallsBackIsTakenOnce) {
  open();
  first.send(rewritten(1, 1, "hallo", "hello"));
  first.send(rewritten(6, 1, "hallo", "hello"));  // at the data level again: no DATA_ACK had come
  first.ignore_all();
  EXPECT_EQ(log().received, "hallo");
}

TEST_F(MptcpFallback, MpFailIsAnsweredAndDataFollowsUnderTheInfiniteMapping) {
  open();
  write("hello");
  first.next();
  first.send(ack(1, 6).data_ack(1).fail(side.stack_idsn() + 1));
  const Seg answer = first.expect(kAck, 6, 1);
  EXPECT_TRUE(answer.has_mp(MptcpOptions::kFail));
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(log().acked, 5u) << "only the subflow's acknowledgements count (FB-2)";
  write("world");
  const Seg s = first.expect_data(6, 1, "world");
  ASSERT_TRUE(s.dss().has_mapping);
  EXPECT_EQ(s.dss().data_length, 0) << "infinite";
  EXPECT_EQ(s.dss().dsn, 6u);
  first.send(ack(1, 11));
  write("!");
  EXPECT_EQ(first.expect_data(11, 1, "!").mp().present, 0) << "it has arrived: no options from here on";
  first.send(ack(1, 12));
}

// 40 bytes of options do not hold timestamps, MP_FAIL and a mapping of the DATA_FIN.
TEST_F(MptcpFallback, AnswerToMpFailLeavesAnOutstandingDataFinOut) {
  open({.timestamps = true});
  close();
  first.ignore_all();
  first.send(ack(1, 1).data_ack(1).fail(1));
  const Seg answer = first.next();
  EXPECT_TRUE(answer.has_mp(MptcpOptions::kFail));
  EXPECT_FALSE(answer.dss().has_mapping);
  EXPECT_TRUE(fell_back());
  first.ignore_all();
}

TEST_F(MptcpFallback, AnAckWithoutDssBehindAHoleShowsThatThePeerFellBack) {
  open();
  write("hello");
  first.next();
  first.send(ack(7, 6));  // its first bytes are lost
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(log().acked, 5u);
  first.ignore_all();
}

TEST_F(MptcpFallback, WhatWasAcknowledgedBeforeFallingBackCounts) {
  open();
  write("hello");
  first.next();
  first.send(ack(1, 6).data_ack(1));  // delivered, not yet DATA_ACKed
  EXPECT_EQ(log().acked, 0u);
  first.send(ack(1, 6).data_ack(1).fail(side.stack_idsn() + 1));
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(log().acked, 5u);
  first.ignore_all();
}

// With checksums what a mapping has brought waits for its rest; then there is none.
TEST_F(MptcpFallback, WhatWaitedForTheRestOfItsMappingIsDelivered) {
  open();
  first.send(data(1, 1, "hel").data_ack(1).map(1, 1, 5).dss_checksum(checksum(1, 1, 5, "hello")));
  first.ignore_all();
  EXPECT_EQ(log().received, "");
  first.send(ack(4, 1).data_ack(1).fail(side.stack_idsn() + 1));
  first.ignore_all();
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(log().received, "hel");
  first.send(data(4, 1, "lo"));
  first.ignore_all();
  EXPECT_EQ(log().received, "hello");
}

TEST_F(MptcpFallback, AJoinedSubflowCannotGoInfinite) {
  open();
  join(second);
  first.send(rst(1));
  second.send(rewritten(1, 1, "hallo", "hello"));
  EXPECT_TRUE(second.next().has_mp(MptcpOptions::kFail));
  EXPECT_EQ(log().received, "");
}

// It has fallen back where we saw nothing yet of it: its DATA_FIN was from before.
TEST_F(MptcpFallback, AFinWithoutDssWhileNothingWasDataAckedLeavesOurDirectionOpen) {
  side.checksum = false;
  open();
  const std::string all = pattern(40'000);
  first.send(ack(1, 1).data_ack(1).data_fin(1));
  write(all);
  close();
  first.send(fin(1, 1));
  EXPECT_TRUE(fell_back());
  EXPECT_TRUE(log().has(kStreamEnd));
  uint32_t acked = 1;
  bool ended = false;
  for (int i = 0; i < 100 && !ended; ++i) {
    while (first.waiting() != 0) {
      const Seg s = first.next();
      if (s.seq == acked) acked += static_cast<uint32_t>(s.payload.size());
      ended |= s.has(kFin) && acked == all.size() + 1;
    }
    first.send(ack(2, acked));
    wait_ms(50);
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(acked, all.size() + 1);
}

// For who speaks MPTCP our FIN was the subflow's end, for TCP it is the data's.
TEST_F(MptcpFallback, ASubflowWeHaveClosedCannotCarryTheRest) {
  side.checksum = false;
  open();
  first.send(ack(1, 1).data_ack(1));
  write(pattern(40'000));
  close();
  first.ignore_all();
  first.send(fin(1, 1).data_ack(1));
  first.ignore_all();
  first.send(ack(2, 1).map(1, 1, 0));
  EXPECT_FALSE(log().has(kStreamClosed));
  first.ignore_all();
  wait(Micros::seconds(100));
  first.ignore_all();
  EXPECT_TRUE(log().gone);
  EXPECT_NE(log().error, StreamError::kNone) << "the user must know";
}

// A peer that still believes in mappings ends a subflow with it, not the stream.
TEST_F(MptcpFallback, AFinWithADssThatIsNoDataFinEndsNoStream) {
  open_actively(false);
  write("x");
  first.ignore_all();
  first.send(ack(1, 2));
  EXPECT_TRUE(fell_back());
  first.send(mapped(1, 1, "he", 2));
  first.ignore_all();
  first.send(fin(3, 2).data_ack(2));
  first.ignore_all();
  EXPECT_TRUE(log().gone);
  EXPECT_FALSE(log().has(kStreamEnd)) << "two bytes were not all";
}

// The peer has not noticed that we fell back and repeats at the data level what TCP has delivered.
TEST_F(MptcpFallback, AMappingToElsewhereIsNotTakenForWhatComesNext) {
  open_actively(false);
  write("x");
  first.ignore_all();
  first.send(ack(1, 2));
  ASSERT_TRUE(fell_back());
  first.send(mapped(1, 1, "hello", 2));
  first.ignore_all();
  EXPECT_EQ(log().received, "hello") << "where it belongs";
  first.send(data(6, 2, "hello").data_ack(1).map(1, 6, 5));
  EXPECT_TRUE(first.next().has(kRst));
  EXPECT_EQ(log().received, "hello");
  EXPECT_TRUE(log().gone);
}

// Its payload says nothing while it lies behind a hole; without a DATA_ACK our data is not sent again, though, for who
// has fallen back would deliver it a second time.
TEST_F(MptcpFallback, DataAcknowledgedWithoutEverADataAckIsNotSentAgain) {
  side.checksum = false;
  open_actively(false);
  write("hello");
  first.ignore_all();
  first.send(data(10, 6, "behind a hole"));
  EXPECT_FALSE(fell_back());
  first.ignore_all();
  wait_ms(10'000);
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(counters.mptcp_retransmitted, 0u);
  EXPECT_EQ(log().acked, 5u);
  first.send(data(1, 6, "before it"));
  first.ignore_all();
  EXPECT_EQ(log().received, "before itbehind a hole");
}

// The peer's first data had passed with its DSS before it saw that ours has none: that way back the options are
// stripped.
TEST_F(MptcpFallback, ADataAckOfNothingDoesNotShowThatThePeerGetsMappings) {
  side.checksum = false;
  open();
  first.send(mapped(1, 1, "request"));
  first.ignore_all();
  write("answer");
  first.ignore_all();
  first.send(ack(8, 7));
  EXPECT_FALSE(fell_back()) << "one ACK may have lost its options";
  for (int i = 0; i < 3; ++i) {
    first.wait_for_segment();
    first.expect(kAck, 6, 8);
    first.send(ack(8, 7));
  }
  wait_ms(10'000);
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(counters.mptcp_retransmitted, 0u);
  EXPECT_EQ(log().acked, 6u);
  first.ignore_all();
  first.send(fin(8, 7));
  first.ignore_all();
  EXPECT_TRUE(log().has(kStreamEnd));
}

TEST_F(MptcpFallback, AProbedPeerThatSaysItsDataAckGoesOnWithMptcp) {
  side.checksum = false;
  open();
  first.send(ack(1, 1).data_ack(1));
  write("answer");
  first.ignore_all();
  first.send(ack(1, 7));  // its option was lost on the way
  first.wait_for_segment();
  first.expect(kAck, 6, 1);
  first.send(ack(1, 7).data_ack(7));
  wait_ms(10'000);
  first.expect_nothing();
  EXPECT_FALSE(fell_back());
  EXPECT_EQ(log().acked, 6u);
}

// It was to be sent again at the data level, but the window was full; in fallback TCP has delivered it.
TEST_F(MptcpFallback, WhatWaitsToBeSentAgainIsNotSentAfterFallingBack) {
  side.checksum = false;
  open();
  write("x");
  first.ignore_all();
  first.send(ack(1, 2).data_ack(2));
  write(pattern(10 * kFull));
  first.ignore_all();
  first.send(ack(1, 2 + kFull).data_ack(2));
  wait_ms(2000);
  first.ignore_all();
  ASSERT_EQ(counters.mptcp_retransmitted, 0u);
  first.send(ack(1, 2 + 10 * kFull).data_ack(2).fail(side.stack_idsn() + 2));
  EXPECT_TRUE(fell_back());
  first.ignore_all();
  wait_ms(2000);
  first.expect_nothing();
  EXPECT_EQ(counters.mptcp_retransmitted, 0u);
  EXPECT_EQ(log().acked, 1u + 10 * kFull);
}

// With data sent twice the subflow's order is not the stream's: there is nothing to fall back to.
TEST_F(MptcpFallback, ASilentPeerOfAConnectionThatDroppedDataIsReset) {
  side.checksum = false;
  open();
  first.send(mapped(1, 50'000'000, "far outside the window"));
  first.ignore_all();
  write("hello");
  first.ignore_all();
  first.send(data(100, 6, "behind a hole"));
  first.ignore_all();
  wait_ms(10'000);
  EXPECT_FALSE(fell_back());
  EXPECT_EQ(counters.mptcp_retransmitted, 0u);
  bool reset = false;
  while (first.waiting() != 0) reset |= first.next().has(kRst);
  EXPECT_TRUE(reset);
}

TEST_F(MptcpFallback, FirstDataAtAnotherPlaceIsNotTakenForWhatComesNext) {
  side.checksum = false;
  listen(true);
  first.send(first.make_syn({}).capable());
  first.expect(kSyn | kAck, 0, 1);
  first.send(data(1, 1, "hello"));  // its option was lost on the way
  first.ignore_all();
  ASSERT_TRUE(fell_back());
  first.send(data(1, 1, "hello").keys(side, 5));
  first.ignore_all();
  EXPECT_EQ(log().received, "hello") << "where it belongs";
  EXPECT_FALSE(log().gone);
  first.send(data(6, 1, "hello").keys(side, 5));
  EXPECT_TRUE(first.next().has(kRst));
  EXPECT_EQ(log().received, "hello");
}

TEST_F(MptcpFallback, MpFailInAnswerToOursEndsMptcp) {
  open();
  first.send(rewritten(1, 1, "hallo", "hello"));
  first.ignore_all();
  first.send(ack(6, 1).data_ack(1).fail(1));
  first.expect_nothing();
  EXPECT_TRUE(fell_back());
}

TEST_F(MptcpFallback, AfterASecondSubflowThereIsNoInfiniteMapping) {
  open();
  join(second);
  second.send(rst(1));
  first.ignore_all();
  first.send(rewritten(1, 1, "hallo", "hello"));
  const Seg answer = first.next();
  EXPECT_TRUE(answer.has(kRst));
  EXPECT_TRUE(answer.has_mp(MptcpOptions::kFail));
  EXPECT_EQ(log().received, "");
}

TEST_F(MptcpFallback, AHoleBeforeTheFailedMappingForbidsTheInfiniteMapping) {
  open();
  first.send(intact(1, 6, "world"));  // "hello" is still to come
  first.ignore_all();
  first.send(rewritten(6, 1, "hallo", "hello"));
  const Seg answer = first.next();
  EXPECT_TRUE(answer.has(kRst));
  EXPECT_TRUE(answer.has_mp(MptcpOptions::kFail));
  EXPECT_EQ(log().received, "");
}

TEST_F(MptcpFallback, MpFailWithASecondSubflowResetsTheBrokenOne) {
  open();
  join(second);
  second.send(ack(1, 1).data_ack(1).fail(1));
  EXPECT_TRUE(second.next().has(kRst));
  write("still here");
  first.expect_data(1, 1, "still here");
  first.send(ack(1, 11).data_ack(11));
}

}  // namespace
}  // namespace tributary::test
