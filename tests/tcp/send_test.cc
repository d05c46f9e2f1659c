// Sending: windows and probes, silly windows, partial acknowledgements, retransmission (RFC 9293 §3.8, RFC
// 6298, RFC 5681).
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

constexpr uint16_t kMss = 1460;

class TcpSend : public ScriptTest {
 protected:
  void open(const Peer::Options& options = {}, uint16_t window = 60000) {
    listen();
    peer.open(options, window);
  }
  /// Expects `n` full segments from `seq` on.
  void expect_segments(uint32_t seq, unsigned n, std::source_location where = std::source_location::current()) {
    for (unsigned i = 0; i < n; ++i, seq += kMss) peer.expect_data(seq, 1, pattern(kMss, seq - 1), where);
  }
  Peer peer{*this};
};

TEST_F(TcpSend, WrittenBytesLeaveAndTheirAcknowledgementIsReported) {
  open();
  write("hello");
  const Seg s = peer.expect_data(1, 1, "hello");
  EXPECT_TRUE(s.has(kPsh));
  EXPECT_EQ(stack().unacked(stream()), 5u);
  peer.send(ack(1, 6));
  EXPECT_EQ(log().acked, 5u);
  EXPECT_EQ(stack().unacked(stream()), 0u);
}

TEST_F(TcpSend, LargeWritesAreCutToSegments) {
  open({.mss = 500});
  write(pattern(1200));
  for (const auto& [seq, size] : {std::pair{1u, 500u}, {501u, 500u}, {1001u, 200u}})
    peer.expect_data(seq, 1, pattern(size, seq - 1));
  peer.send(ack(1, 1201));
  EXPECT_EQ(log().acked, 1200u);
}

// RFC 6928: ten segments, however small; an acknowledgement, cumulative or selective, lets one more leave.
TEST_F(TcpSend, SmallPiecesUnderWayAreFewAndOthersAreGathered) {
  open({.sack = true});
  const std::string bytes = pattern(300);
  for (char byte : bytes) write(std::string(1, byte));
  for (uint32_t seq = 1; seq <= 10; ++seq) peer.expect_data(seq, 1, pattern(1, seq - 1));
  peer.expect_nothing();
  peer.send(ack(1, 1).sack(3, 4));
  peer.expect_data(11, 1, pattern(290, 10));
  write("x");
  peer.expect_nothing();
  peer.send(ack(1, 6));
  peer.expect_data(301, 1, "x");
  peer.send(ack(1, 302));
  EXPECT_EQ(log().acked, 301u);
}

// RFC 5681 §4.1: nothing tells any more what the path takes.
TEST_F(TcpSend, AfterAPauseLongerThanTheTimeOutTheWindowStartsAgain) {
  open();
  write(pattern(11 * kMss));
  expect_segments(1, 10);
  peer.send(ack(1, 1 + 10 * kMss));
  expect_segments(1 + 10 * kMss, 1);
  peer.send(ack(1, 1 + 11 * kMss));
  wait_ms(100);
  write(pattern(20 * kMss, 11 * kMss));
  expect_segments(1 + 11 * kMss, 20);
  peer.send(ack(1, 1 + 31 * kMss));
  wait_ms(1000);
  write(pattern(20 * kMss, 31 * kMss));
  expect_segments(1 + 31 * kMss, 10);
  peer.expect_nothing();
  peer.send(ack(1, 1 + 41 * kMss));
  expect_segments(1 + 41 * kMss, 10);
  peer.send(ack(1, 1 + 51 * kMss));
}

TEST_F(TcpSend, NoSegmentLeavesTheWindow) {
  open({.wscale = -1}, 4000);
  write(pattern(6 * kMss));
  expect_segments(1, 2);
  peer.send(ack(1, 1 + 2 * kMss).win(2 * kMss));
  expect_segments(1 + 2 * kMss, 2);
  peer.send(ack(1, 1 + 4 * kMss).win(0));
  peer.expect_nothing();
  peer.send(ack(1, 1 + 4 * kMss).win(5000));
  expect_segments(1 + 4 * kMss, 2);
  peer.send(ack(1, 1 + 6 * kMss));
}

// RFC 9293 §3.8.6.1, MUST-36: the first after the RTO, then ever rarer; MUST-37: it may stay shut.
TEST_F(TcpSend, ZeroWindowIsProbedWithBackoffForAsLongAsItIsAnswered) {
  open({.wscale = -1}, 0);
  write("x");
  double expected = 200;
  for (int i = 0; i < 40; ++i, expected *= 2) {
    const double waited = peer.wait_for_segment();
    EXPECT_NEAR(waited, i < 8 ? expected : std::max(waited, 25'000.0), expected / 100 + 1);
    EXPECT_LE(peer.next().payload.size(), 1u);
    peer.send(ack(1, 1).win(0));
  }
  peer.send(ack(1, 1).win(100));
  peer.expect_data(1, 1, "x");
  peer.send(ack(1, 2));
  EXPECT_FALSE(log().gone);
}

TEST_F(TcpSend, UnansweredWindowProbesEndTheConnection) {
  settings.data_retries = 5;
  open({.wscale = -1}, 0);
  write("x");
  wait(Micros::seconds(60));
  EXPECT_EQ(peer.waiting(), 5u);
  peer.ignore_all();
  EXPECT_EQ(log().error, StreamError::kTimeout);
}

TEST_F(TcpSend, AnOpenedWindowIsUsedAtOnce) {
  open({.wscale = -1}, 0);
  write("x");
  wait_ms(3000);
  peer.ignore_all();
  peer.send(ack(1, 1).win(1));
  peer.expect_data(1, 1, "x");
  peer.send(ack(1, 2));
  EXPECT_EQ(log().acked, 1u);
}

// RFC 9293 §3.8.6.2.1: no small segments into a window that has only begun to open, until the override timer.
TEST_F(TcpSend, SillyWindowIsNotFilled) {
  open({.wscale = -1}, 6000);
  write(pattern(6 * kMss));
  expect_segments(1, 4);
  peer.send(ack(1, 1 + 4 * kMss).win(100));
  peer.expect_nothing();
  EXPECT_GE(peer.wait_for_segment(), 100);
  EXPECT_EQ(peer.next().payload, pattern(100, 4 * kMss));
  peer.send(ack(1, 1 + 4 * kMss + 100).win(20'000));
  peer.ignore_all();
}

TEST_F(TcpSend, APeerWithASmallBufferIsServedItsWindow) {
  open({.wscale = -1}, 500);
  write(pattern(1000));
  peer.expect_data(1, 1, pattern(500));
  peer.send(ack(1, 501).win(500));
  peer.expect_data(501, 1, pattern(500, 500));
  peer.send(ack(1, 1001).win(500));
}

// RFC 9293 §3.8.6, MUST-34: a shrinking window is survived.
TEST_F(TcpSend, AShrunkenWindowStopsNewDataOnly) {
  open({.wscale = -1}, 20 * kMss);
  write(pattern(12 * kMss));
  expect_segments(1, 10);
  peer.send(ack(1, 1 + kMss).win(kMss));
  peer.expect_nothing();
  peer.send(ack(1, 1 + 10 * kMss).win(20'000));
  expect_segments(1 + 10 * kMss, 2);
  peer.send(ack(1, 1 + 12 * kMss));
  EXPECT_EQ(log().acked, 12u * kMss);
}

// RFC 9293 §3.10.7.4: SND.WL1, SND.WL2.
TEST_F(TcpSend, AnOldSegmentDoesNotChangeTheWindow) {
  open({.wscale = -1}, 10'000);
  peer.send({data(11, 1, "x").win(9000), data(1, 1, "0123456789").win(10)});
  peer.ignore_all();
  EXPECT_EQ(stack().info(stream())->subflows[0].send_window, 9000u);
}

TEST_F(TcpSend, AnAckInTheMiddleOfASegmentFreesItsFront) {
  open();
  write("hello world");
  peer.expect_data(1, 1, "hello world");
  peer.send(ack(1, 7));
  EXPECT_EQ(log().acked, 6u);
  peer.wait_for_segment();
  peer.expect_data(7, 1, "world");
  peer.send(ack(1, 12));
  EXPECT_EQ(log().acked, 11u);
}

// RFC 9293 §3.10.7.4, fifth; RFC 5961 §5.
TEST_F(TcpSend, AnAckOfUnsentDataIsAnsweredAndIgnored) {
  open();
  write("hello");
  peer.expect_data(1, 1, "hello");
  peer.send(data(1, 100, "x"));
  peer.expect(kAck, 6, 1);
  EXPECT_EQ(log().received, "");
  EXPECT_EQ(log().acked, 0u);
  peer.send(ack(1, 6));
}

TEST_F(TcpSend, AVeryOldAckIsAnsweredAndItsDataIgnored) {
  open({.wscale = -1}, 1000);
  peer.send(data(1, static_cast<uint32_t>(-70'000), "x"));
  peer.expect(kAck, 1, 1);
  EXPECT_EQ(log().received, "");
}

// RFC 6298 §5.5, §5.6: retransmissions back off; a new acknowledgement ends that.
TEST_F(TcpSend, RetransmissionTimerBacksOff) {
  open({.sack = false, .rtt = Micros::milliseconds(100)});
  write("x");
  peer.expect_data(1, 1, "x");
  double expected = 300;  // SRTT and the smallest variance term
  for (int i = 0; i < 5; ++i, expected *= 2) {
    EXPECT_NEAR(peer.wait_for_segment(), expected, 1);
    peer.expect_data(1, 1, "x");
  }
  peer.send(ack(1, 2));
  write("y");
  peer.expect_data(2, 1, "y");
  EXPECT_NEAR(peer.wait_for_segment(), 300, 1);
  peer.ignore_all();
  peer.send(ack(1, 3));
}

// RFC 6298 §3: no samples of what was sent twice.
TEST_F(TcpSend, RetransmittedSegmentGivesNoRoundTripSample) {
  open({.sack = false, .rtt = Micros::milliseconds(100)});
  write("x");
  peer.expect_data(1, 1, "x");
  peer.wait_for_segment();
  peer.expect_data(1, 1, "x");
  wait_ms(250);
  peer.send(ack(1, 2));
  EXPECT_EQ(stack().info(stream())->subflows[0].srtt_us, 100'000u);
}

// RFC 6298 §2.3.
TEST_F(TcpSend, RoundTripTimeIsSmoothed) {
  open({.rtt = Micros::milliseconds(100)});
  write("x");
  peer.expect_data(1, 1, "x");
  wait_ms(180);
  peer.send(ack(1, 2));
  const SubflowInfo info = stack().info(stream())->subflows[0];
  EXPECT_EQ(info.srtt_us, 110'000u);
  EXPECT_EQ(info.rttvar_us, 50'000u * 3 / 4 + 80'000 / 4);
  EXPECT_EQ(info.rto_us, 110'000u + 4 * info.rttvar_us);
}

// RFC 9293 §3.8.3, MUST-20.
TEST_F(TcpSend, ASilentPeerIsGivenUp) {
  settings.data_retries = 5;
  open({.sack = false});
  write("x");
  wait(Micros::seconds(60));
  EXPECT_EQ(peer.waiting(), 6u);
  peer.ignore_all();
  EXPECT_EQ(log().error, StreamError::kTimeout);
}

TEST_F(TcpSend, AfterATimeOutSlowStartBeginsWithOneSegment) {
  open({.sack = false});
  write(pattern(20 * kMss));
  expect_segments(1, 10);
  peer.wait_for_segment();
  expect_segments(1, 1);
  peer.expect_nothing();
  peer.send(ack(1, 1 + kMss));
  expect_segments(1 + kMss, 2);
  peer.expect_nothing();
}

// RFC 5681 §3.1: slow start adds what is acknowledged.
TEST_F(TcpSend, SlowStartDoublesTheWindowEachRoundTrip) {
  open();
  write(pattern(60 * kMss));
  expect_segments(1, 10);
  peer.send(ack(1, 1 + 5 * kMss));
  expect_segments(1 + 10 * kMss, 10);
  peer.send(ack(1, 1 + 10 * kMss));
  expect_segments(1 + 20 * kMss, 10);
  peer.ignore_all();
}

TEST_F(TcpSend, EachAckOfABatchMakesTheWindowGrow) {
  open();
  write(pattern(30 * kMss));
  expect_segments(1, 10);
  std::vector<Seg> batch;
  for (unsigned n = 2; n <= 10; n += 2) batch.push_back(ack(1, 1 + n * kMss));
  peer.send(batch);
  expect_segments(1 + 10 * kMss, 20);
  peer.expect_nothing();
}

// RFC 9293 §3.8.3 with RFC 5681 §4.1: no burst after a pause.
TEST_F(TcpSend, SmallWritesThatWaitTravelTogether) {
  open({.wscale = -1}, 0);
  for (int i = 0; i < 100; ++i) write("x");
  peer.send(ack(1, 1).win(1000));
  EXPECT_EQ(peer.next().payload, std::string(100, 'x'));
  peer.send(ack(1, 101));
}

TEST_F(TcpSend, DataIsNotTakenAfterClose) {
  open();
  close();
  peer.expect(kFin | kAck, 1, 1);
  write("late");
  peer.expect_nothing();
}

}  // namespace
}  // namespace tributary::test
