// Recoveries that were not needed, and how they are noticed (RFC 3522, RFC 5682, RFC 3708, RFC 8985 §7.4), limited
// transmit.
#include "tests/tcp/recovery_script.h"

namespace tributary::test {
namespace {

class TcpUndo : public RecoveryScript {};

TEST_F(TcpUndo, ATimeOutIsTakenBackWhenOriginalsArrive) {
  open_and_send(4);
  wait_ms(550);
  ASSERT_EQ(counters.tcp_timeouts, 1u);
  ASSERT_LT(info().cwnd, window);
  peer.ignore_all();
  peer.send(ack(1, at(2)));  // the second was sent once, and no SACK had told of it
  EXPECT_EQ(counters.tcp_undone, 1u);
  EXPECT_EQ(counters.tcp_spurious_timeouts, 1u);
  EXPECT_GE(info().cwnd, window);
  peer.expect_nothing();  // and nothing else is lost
  peer.send(ack(1, at(4)));
  EXPECT_EQ(log().acked, 4u * kMss);
}

TEST_F(TcpUndo, ATimeOutStandsWhenOnlyTheRetransmissionArrives) {
  open_and_send(4);
  wait_ms(550);
  peer.ignore_all();
  peer.send(ack(1, at(1)));
  EXPECT_EQ(counters.tcp_undone, 0u);
  EXPECT_EQ(peer.next().seq, at(1)) << "the rest follows in slow start";
  peer.ignore_all();
  peer.send(ack(1, at(4)));
  EXPECT_EQ(counters.tcp_spurious_timeouts, 0u);
  EXPECT_EQ(counters.tcp_slow_start_retransmits, counters.tcp_retransmitted - counters.tcp_loss_probes);
  EXPECT_EQ(counters.tcp_fast_retransmits, 0u);
}

// RFC 5682: with new data to send, originals that come one an ACK would each be taken for the answer to the copy sent
// at the ACK before.
class TcpUndoWithNewData : public TcpUndo {
 protected:
  void time_out_and_acknowledge_one() {
    open_and_send(16);
    wait_ms(550);
    ASSERT_EQ(peer.next().seq, at(10)) << "a tail loss probe";
    ASSERT_EQ(peer.next().seq, at(0));
    peer.send(ack(1, at(1)));
    EXPECT_EQ(peer.next().seq, at(11)) << "not the second one again";
    EXPECT_EQ(peer.next().seq, at(12));
    peer.expect_nothing();
  }
};

TEST_F(TcpUndoWithNewData, ATimeOutIsTakenBackByOneOriginal) {
  time_out_and_acknowledge_one();
  peer.send(ack(1, at(2)));
  EXPECT_EQ(counters.tcp_undone, 1u);
  EXPECT_GE(info().cwnd, window);
  peer.ignore_all();
}

TEST_F(TcpUndoWithNewData, ATimeOutStandsWhenOnlyTheNewDataArrives) {
  time_out_and_acknowledge_one();
  peer.send(ack(1, at(1)).sack(at(11), at(13)));
  EXPECT_EQ(counters.tcp_undone, 0u);
  EXPECT_EQ(peer.next().seq, at(1)) << "sent again, a round trip later";
  peer.ignore_all();
}

TEST_F(TcpUndo, WithoutSackATimeOutStands) {
  open_and_send(4, {.sack = false});
  wait_ms(550);
  peer.ignore_all();
  peer.send(ack(1, at(2)));  // may as well have been kept out of order
  EXPECT_EQ(counters.tcp_undone, 0u);
  peer.ignore_all();
  peer.send(ack(1, at(4)));
}

TEST_F(TcpUndo, AnEchoOfTheOriginalTakesARecoveryBack) {
  open_and_send(10, {.timestamps = true});
  const uint32_t original = peer.ts_received;
  peer.send(ack(1, 1).sack(end(1), end(4)));
  ASSERT_EQ(peer.next().seq, 1u);
  ASSERT_LT(info().cwnd, window);
  peer.ts_received = original;
  peer.send(ack(1, end(4)));
  EXPECT_EQ(counters.tcp_undone, 1u);
  EXPECT_EQ(counters.tcp_spurious_timeouts, 0u) << "no time-out began it";
  EXPECT_GE(info().cwnd, window);
  peer.send(ack(1, end(10)));
  peer.ignore_all();
}

TEST_F(TcpUndo, AnEchoOfTheRetransmissionDoesNot) {
  open_and_send(10, {.timestamps = true});
  peer.send(ack(1, 1).sack(end(1), end(4)));
  ASSERT_EQ(peer.next().seq, 1u);
  peer.send(ack(1, end(4)));
  EXPECT_EQ(counters.tcp_undone, 0u);
  peer.send(ack(1, end(10)));
  EXPECT_LT(info().cwnd, window);
  peer.ignore_all();
}

TEST_F(TcpUndo, ARecoveryOfDuplicatesOnlyIsTakenBack) {
  open_and_send(10);
  peer.send(ack(1, 1).sack(at(1), at(4)));
  ASSERT_EQ(peer.next().seq, 1u);
  peer.send(ack(1, at(10)).sack(at(0), at(1)));  // RFC 2883: the first segment arrived twice
  EXPECT_EQ(counters.tcp_undone, 1u);
  EXPECT_EQ(counters.tcp_dsack_received, 1u);
  EXPECT_GE(info().cwnd, window);
}

TEST_F(TcpUndo, ARecoveryWithOneRealLossStands) {
  open_and_send(10);
  peer.send(ack(1, 1).sack(at(2), at(6)));  // the first two
  peer.ignore_all();
  wait_ms(100);
  peer.ignore_all();
  peer.send(ack(1, at(10)).sack(at(0), at(1)));
  EXPECT_EQ(counters.tcp_undone, 0u);
}

// RFC 3042.
TEST_F(TcpUndo, WithoutSackTwoDuplicateAcksEachLetASegmentOut) {
  listen();
  peer.open({.sack = false, .rtt = Micros::milliseconds(100)});
  write(pattern(14 * kMss));
  for (unsigned i = 0; i < 10; ++i) EXPECT_EQ(peer.next().seq, at(i));
  peer.expect_nothing();
  peer.send(ack(1, 1));
  EXPECT_EQ(peer.next().seq, at(10));
  peer.send(ack(1, 1));
  EXPECT_EQ(peer.next().seq, at(11));
  peer.send(ack(1, 1));
  EXPECT_EQ(peer.next().seq, at(0)) << "the third is a loss";
  peer.ignore_all();
  peer.send(ack(1, at(12)));
  peer.ignore_all();
  peer.send(ack(1, at(14)));
}

// RFC 8985 §7.4.2.
TEST_F(TcpUndo, ALossRepairedByAProbeCostsTheWindow) {
  open_and_send(3);
  peer.wait_for_segment();
  EXPECT_EQ(peer.next().seq, at(2));
  ASSERT_EQ(counters.tcp_loss_probes, 1u);
  write(pattern(kMss, 3 * kMss));
  peer.ignore_all();
  peer.send(ack(1, at(4)));
  EXPECT_EQ(counters.tcp_probe_recoveries, 1u);
  EXPECT_LT(info().cwnd, window);
}

TEST_F(TcpUndo, AProbeThatWasADuplicateCostsNothing) {
  open_and_send(3);
  peer.wait_for_segment();
  peer.ignore_all();
  write(pattern(kMss, 3 * kMss));
  peer.ignore_all();
  peer.send(ack(1, at(3)).sack(at(2), at(3)));
  peer.send(ack(1, at(4)));
  EXPECT_EQ(counters.tcp_probe_recoveries, 0u);
  EXPECT_GE(info().cwnd, window);
}

}  // namespace
}  // namespace tributary::test
