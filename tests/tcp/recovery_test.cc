// Loss recovery: RACK and SACK, duplicate ACKs where there is no SACK, tail loss probes (RFC 8985, RFC 2018,
// RFC 6582).
#include "tests/tcp/recovery_script.h"

namespace tributary::test {
namespace {

class TcpRecovery : public RecoveryScript {
 protected:
  void expect_segment(unsigned i, std::source_location where = std::source_location::current()) {
    peer.expect_data(at(i), 1, pattern(kMss, i * kMss), where);
  }
  /// An ACK of everything before segment `una`, with segments [from, to) SACKed.
  void sack(unsigned una, unsigned from, unsigned to) { peer.send(ack(1, at(una)).sack(at(from), at(to))); }
};

// RFC 8985 §6.2: three segments SACKed leave no doubt, without reordering seen.
TEST_F(TcpRecovery, ThreeSackedSegmentsMakeTheHoleLost) {
  open_and_send(10);
  sack(0, 1, 2);
  sack(0, 1, 3);
  peer.expect_nothing();
  sack(0, 1, 4);
  expect_segment(0);
  peer.expect_nothing();
  EXPECT_EQ(counters.tcp_sack_recoveries, 1u);
}

TEST_F(TcpRecovery, ThreeSackedSegmentsAreEnoughWithTimestampsToo) {
  open_and_send(4, {.timestamps = true});
  peer.send(ack(1, 1).sack(end(1), end(4)));
  EXPECT_EQ(peer.next().seq, 1u);
  peer.ignore_all();
}

// A delayed ACK is sent at once when something is missing: it acknowledges what is below the hole and SACKs what is
// above it.
TEST_F(TcpRecovery, AnAckOfWhatIsBelowAHoleAndASackOfWhatIsAboveIsNoReordering) {
  open_and_send(10);
  sack(1, 2, 3);
  sack(1, 2, 4);
  peer.expect_nothing();
  sack(1, 2, 5);
  expect_segment(1);  // at once: three SACKed, and no reordering seen
  peer.ignore_all();
}

// RFC 5681 §3.1: FlightSize is what was sent, not what a batch of ACKs has left of it.
TEST_F(TcpRecovery, ABatchOfAcksDoesNotMakeTheReductionDeeper) {
  open_and_send(30);
  peer.send(ack(1, at(10)));
  peer.ignore_all();
  wait_ms(100);
  const uint32_t cwnd = info().cwnd;
  ASSERT_EQ(cwnd, 20u * kMss);
  std::vector<Seg> batch;
  for (const unsigned end : {12, 13, 20, 24}) batch.push_back(ack(1, at(10)).sack(at(11), at(end)));
  peer.send(batch);
  EXPECT_EQ(info().ssthresh, cwnd * 7 / 10);
  peer.ignore_all();
}

// RFC 8985 §6.2 step 5: fewer wait for the reordering window, a quarter of the smallest round trip.
TEST_F(TcpRecovery, FewerSackedSegmentsWaitForTheReorderingWindow) {
  open_and_send(10);
  sack(0, 1, 2);
  peer.expect_nothing();
  EXPECT_NEAR(peer.wait_for_segment(), 25, 1);
  expect_segment(0);
  peer.ignore_all();
}

// RFC 3708, RFC 9438 §4.9.2: nothing was lost, a packet had only been overtaken.
TEST_F(TcpRecovery, ADsackOfAllThatWasSentAgainTakesTheReductionBack) {
  open_and_send(10);
  const uint32_t before = info().cwnd;
  sack(0, 1, 4);
  expect_segment(0);
  EXPECT_LT(info().ssthresh, congestion::kNoThreshold);
  wait_ms(20);
  peer.send(ack(1, at(4)));                     // the first transmission,
  peer.send(ack(1, at(4)).sack(at(0), at(1)));  // and the second
  EXPECT_GE(info().cwnd, before);
  EXPECT_EQ(info().ssthresh, congestion::kNoThreshold);
  sack(4, 5, 8);
  peer.expect_nothing();  // it may be overtaken: three SACKed segments are no proof any more
}

// RFC 2883 §4: a duplicate of something out of order is reported in front of the block it lies in. It was not sent
// again.
TEST_F(TcpRecovery, ADsackWithinTheSecondBlockLeavesTheReduction) {
  open_and_send(10);
  sack(0, 1, 4);
  expect_segment(0);
  wait_ms(20);
  peer.send(ack(1, at(0)).sack(at(2), at(3)).sack(at(1), at(4)));
  EXPECT_LT(info().ssthresh, congestion::kNoThreshold);
  EXPECT_EQ(counters.tcp_undone, 0u);
  EXPECT_EQ(counters.tcp_dsack_ofo_received, 1u);
  EXPECT_EQ(counters.tcp_dsack_received, 0u);
}

TEST_F(TcpRecovery, ADsackOfSomeOfItLeavesTheReduction) {
  open_and_send(10);
  peer.send(ack(1, at(0)).sack(at(1), at(2)).sack(at(3), at(7)));
  peer.ignore_all();
  wait_ms(20);
  peer.send(ack(1, at(2)).sack(at(3), at(7)));
  peer.send(ack(1, at(2)).sack(at(0), at(1)).sack(at(3), at(7)));
  peer.ignore_all();
  EXPECT_LT(info().ssthresh, congestion::kNoThreshold);
}

TEST_F(TcpRecovery, AllHolesAreRepairedInOneRoundTrip) {
  open_and_send(10);
  sack(0, 9, 10);
  sack(0, 7, 10);
  sack(0, 5, 10);
  peer.ignore_all();
  sack(0, 5, 10);
  wait_ms(90);
  peer.ignore_all();
  peer.send(ack(1, at(10)));
  EXPECT_EQ(log().acked, 10u * kMss);
  EXPECT_LE(counters.tcp_retransmitted, 5u) << "only the holes";
  EXPECT_EQ(counters.tcp_timeouts, 0u);
}

TEST_F(TcpRecovery, SackedSegmentsAreNotSentAgain) {
  open_and_send(10);
  sack(0, 1, 10);
  expect_segment(0);
  wait_ms(90);
  peer.expect_nothing();
  peer.send(ack(1, at(10)));
}

// RFC 2018 §8: what is SACKed is kept until it is acknowledged; a time-out clears the marks of a peer that
// reneged.
TEST_F(TcpRecovery, APeerThatRenegesGetsEverythingAgain) {
  open_and_send(3);
  sack(0, 0, 3);
  wait(Micros::seconds(5));
  EXPECT_EQ(counters.tcp_sack_reneging, 1u);
  EXPECT_GE(peer.waiting(), 1u);
  peer.ignore_all();
  for (unsigned i = 1; i <= 3; ++i) {
    peer.send(ack(1, at(i)));
    wait(Micros::seconds(2));
    peer.ignore_all();
  }
  EXPECT_EQ(log().acked, 3u * kMss);
}

TEST_F(TcpRecovery, SackOfWhatWasNeverSentIsIgnored) {
  open_and_send(2);
  peer.send(ack(1, 1).sack(at(5), at(9)));
  peer.send(ack(1, 1).sack(static_cast<uint32_t>(-5000), static_cast<uint32_t>(-100)));
  peer.send(ack(1, 1).sack(at(2), at(1)));
  EXPECT_EQ(info().in_flight, 2u * kMss);
  peer.send(ack(1, at(2)));
}

TEST_F(TcpRecovery, WindowIsHalvedOnceForOneWindowOfLosses) {
  listen();
  peer.open({.rtt = Micros::milliseconds(100)});
  ASSERT_EQ(info().cwnd, 10u * kMss);
  write(pattern(10 * kMss));
  peer.ignore_all();
  wait_ms(100);
  sack(0, 1, 4);
  sack(0, 1, 4);
  peer.send(ack(1, at(4)).sack(at(5), at(10)));
  peer.ignore_all();
  EXPECT_GE(info().ssthresh, 5u * kMss);
  EXPECT_LE(info().ssthresh, 8u * kMss);
  EXPECT_EQ(counters.tcp_sack_recoveries, 1u);
  peer.send(ack(1, at(10)));
  EXPECT_LE(info().cwnd, info().ssthresh + kMss);
}

// RFC 5681 §3.2.
TEST_F(TcpRecovery, ThreeDuplicateAcksWithoutSackResendTheFirst) {
  open_and_send(10, {.sack = false});
  peer.send(ack(1, 1));
  peer.send(ack(1, 1));
  peer.expect_nothing();
  peer.send(ack(1, 1));
  expect_segment(0);
}

// RFC 6582 §3.2 step 3: a partial acknowledgement repairs the next hole at once.
TEST_F(TcpRecovery, PartialAckWithoutSackResendsTheNextHole) {
  open_and_send(10, {.sack = false});
  for (int i = 0; i < 3; ++i) peer.send(ack(1, 1));
  expect_segment(0);
  peer.send(ack(1, at(4)));
  expect_segment(4);
  peer.send(ack(1, at(7)));
  expect_segment(7);
  peer.send(ack(1, at(10)));
  EXPECT_EQ(log().acked, 10u * kMss);
  EXPECT_EQ(counters.tcp_sack_recoveries, 1u);
}

// RFC 5681 §2: what makes an ACK a duplicate.
TEST_F(TcpRecovery, WindowUpdatesAndDataAreNoDuplicateAcks) {
  open_and_send(10, {.sack = false});
  for (uint16_t i = 0; i < 5; ++i) peer.send(ack(1, 1).win(static_cast<uint16_t>(50'000 + i)));
  peer.expect_nothing();
  for (uint32_t i = 0; i < 5; ++i) peer.send(data(1 + i, 1, "x").win(50'004));
  while (peer.waiting() != 0) EXPECT_EQ(peer.next().payload, "");
  peer.send(ack(6, at(10)));
}

// RFC 8985 §7.2: PTO = 2 SRTT, with the peer's ACK delay when one segment is in flight.
TEST_F(TcpRecovery, TailLossProbeAfterTwoRoundTrips) {
  listen();
  peer.open({.rtt = Micros::milliseconds(50)});
  write(pattern(3 * kMss));
  for (unsigned i = 0; i < 3; ++i) expect_segment(i);
  EXPECT_NEAR(peer.wait_for_segment(), 100, 1);
  expect_segment(2);
  EXPECT_EQ(counters.tcp_loss_probes, 1u);
  EXPECT_EQ(counters.tcp_timeouts, 0u);
  sack(0, 2, 3);
  wait_ms(20);
  peer.ignore_all();
  peer.send(ack(1, at(3)));
}

TEST_F(TcpRecovery, TailLossProbePrefersNewData) {
  listen();
  peer.open({.wscale = -1, .rtt = Micros::milliseconds(50)}, 2 * kMss);
  write(pattern(3 * kMss));
  expect_segment(0);
  expect_segment(1);
  peer.send(ack(1, 1).win(3 * kMss));
  while (peer.waiting() != 0) peer.next();
  wait_ms(150);
  EXPECT_EQ(peer.waiting() > 0 || info().in_flight == 3u * kMss, true);
  peer.ignore_all();
  peer.send(ack(1, at(3)));
}

// RFC 8985 §7.3: one probe; after it the retransmission timer.
TEST_F(TcpRecovery, OneProbeThenTheRetransmissionTimer) {
  listen();
  peer.open({.rtt = Micros::milliseconds(50)});
  write(pattern(2 * kMss));
  peer.ignore_all();
  peer.wait_for_segment();
  expect_segment(1);
  EXPECT_NEAR(peer.wait_for_segment(), 250, 1);
  expect_segment(0);
  EXPECT_EQ(counters.tcp_loss_probes, 1u);
  EXPECT_EQ(counters.tcp_timeouts, 1u);
  peer.ignore_all();
  peer.send(ack(1, at(2)));
}

TEST_F(TcpRecovery, NoProbeWithoutSack) {
  listen();
  peer.open({.sack = false, .rtt = Micros::milliseconds(50)});
  write("x");
  peer.ignore_all();
  EXPECT_NEAR(peer.wait_for_segment(), 250, 1);
  peer.ignore_all();
  EXPECT_EQ(counters.tcp_loss_probes, 0u);
}

// A retransmission lost again is found by RACK without waiting for the timer.
TEST_F(TcpRecovery, ALostRetransmissionIsSentAgain) {
  open_and_send(30);
  sack(0, 1, 4);
  expect_segment(0);
  peer.ignore_all();
  wait_ms(110);
  // The ten of the second flight arrive, the retransmission does not.
  sack(0, 1, 10);
  peer.ignore_all();
  wait_ms(110);
  sack(0, 1, 12);
  wait_ms(60);
  bool again = false;
  while (peer.waiting() != 0) again |= peer.next().seq == 1;
  EXPECT_TRUE(again);
  EXPECT_EQ(counters.tcp_timeouts, 0u);
  EXPECT_EQ(counters.tcp_lost_retransmissions, 1u);
  EXPECT_EQ(counters.tcp_fast_retransmits, 2u);
  EXPECT_EQ(counters.tcp_slow_start_retransmits, 0u);
}

// RFC 6298 §5: every acknowledgement of new data restarts the timer.
TEST_F(TcpRecovery, ProgressKeepsTheTimerAway) {
  listen();
  peer.open({.sack = false, .rtt = Micros::milliseconds(100)});
  write(pattern(10 * kMss));
  peer.ignore_all();
  for (unsigned i = 1; i <= 10; ++i) {
    wait_ms(200);
    peer.send(ack(1, at(i)));
    peer.expect_nothing();
  }
  EXPECT_EQ(counters.tcp_timeouts, 0u);
}

}  // namespace
}  // namespace tributary::test
