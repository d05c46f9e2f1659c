// Pacing of the algorithms of the window: what leaves at once, and how fast the rest follows.
#include "stack/tcp/model_events.h"
#include "stack/tcp/pace.h"
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

constexpr uint16_t kMss = 1460;
constexpr unsigned kAtOnce =
    4;  // after a pause: a quantum, which is two segments here, made good and one ahead of its time
constexpr uint32_t at(unsigned segment) {
  return 1 + segment * kMss;
}

class TcpPacing : public ScriptTest {
 protected:
  TcpPacing() { settings.pacing = true; }

  /// Opens with a round trip of `ms` and has the initial window of a long write acknowledged at once.
  void open_and_send(int64_t ms) {
    listen();
    peer.open({.rtt = Micros::milliseconds(ms)}, 65535);
    write(pattern(160 * kMss));
    ASSERT_EQ(count_sent(), 10u) << "the initial window is not paced";
    wait_ms(ms);
    peer.send(ack(1, at(10)).win(65535));
  }
  unsigned count_sent() {
    unsigned n = 0;
    for (; peer.waiting() != 0; ++n) {
      const Seg s = peer.next();
      sent_ = s.seq + static_cast<uint32_t>(s.payload.size());
    }
    return n;
  }
  uint32_t sent_ = 1;  ///< byte after the last one seen
  Peer peer{*this};
};

TEST_F(TcpPacing, AWindowOpenedByOneAckIsSpreadOverHalfARoundTripInSlowStart) {
  open_and_send(100);
  EXPECT_EQ(count_sent(), kAtOnce);
  wait_ms(20);
  EXPECT_NEAR(count_sent(), 7, 1) << "one each 2.5 ms";
  wait_ms(30);
  EXPECT_NEAR(count_sent(), 9, 1);
  wait_ms(20);
  EXPECT_EQ(count_sent(), 0u) << "the window is full";
}

TEST_F(TcpPacing, AfterSlowStartAWindowTakesFourFifthsOfARoundTrip) {
  open_and_send(100);
  wait_ms(100);
  EXPECT_EQ(count_sent(), 20u);
  peer.send(ack(1, at(30)).win(65535));
  wait_ms(100);
  EXPECT_EQ(count_sent(), 40u);
  // A loss ends slow start.
  peer.send(ack(1, at(30)).sack(at(31), at(34)).win(65535));
  wait_ms(100);
  count_sent();
  peer.send(ack(1, sent_).win(65535));
  const SubflowInfo info = stack().info(stream())->subflows[0];
  ASSERT_GT(info.cwnd, 15u * kMss);
  const Micros half = Micros(int64_t{info.srtt_us} * 2 / 5);
  wait(half);
  EXPECT_NEAR(count_sent(), info.cwnd / kMss / 2 + kAtOnce, 2);
  wait(half);
  EXPECT_NEAR(count_sent(), info.cwnd / kMss / 2 - kAtOnce, 2);
}

TEST_F(TcpPacing, LateWakingIsMadeGoodByAQuantumBesideTheOneAhead) {
  open_and_send(100);
  EXPECT_EQ(count_sent(), kAtOnce);
  oversleep(Micros::milliseconds(20));
  EXPECT_EQ(count_sent(), kAtOnce) << "eight were due";
}

TEST_F(TcpPacing, ShortRoundTripsAreNotPaced) {
  listen();
  peer.open({}, 65535);
  write(pattern(40 * kMss));
  ASSERT_EQ(count_sent(), 10u);
  peer.send(ack(1, at(10)).win(65535));
  EXPECT_EQ(count_sent(), 20u);
}

TEST_F(TcpPacing, OffAWindowLeavesAtOnce) {
  settings.pacing = false;
  open_and_send(100);
  EXPECT_EQ(count_sent(), 20u);
}

TEST_F(TcpPacing, AModelOfAlmostNoBandwidthStillSendsASegmentASecond) {
  settings.algorithm = congestion::Algorithm::kBbr;
  listen();
  peer.open({.rtt = Micros::milliseconds(100)}, 65535);
  Context& context = stack().context();
  tcp::Tcb& tcb = context.tcbs.at(stream().index);
  write(pattern(8 * kMss));
  count_sent();
  tcp::model_of(context, tcb)->bbr.pacing_rate = 5;
  tcp::model_of(context, tcb)->bbr.send_quantum = 2 * kMss;
  tcp::update_pacing(context, tcb);
  tcb.flight->pacing.next_send_ns = context.now.count() * 1000;
  unsigned sent = 0;
  for (int second = 0; second < 6; ++second) {
    tcb.cc.cwnd = 40 * kMss;
    write(pattern(kMss));
    wait_ms(1000);
    sent += count_sent();
  }
  EXPECT_GE(sent, 6u);
}

TEST_F(TcpPacing, AConnectionThatEndsWhileItWaitsLeavesTheWheel) {
  open_and_send(100);
  EXPECT_EQ(count_sent(), kAtOnce);
  abort();
  EXPECT_TRUE(peer.next().has(kRst));
  wait_ms(100);
  peer.expect_nothing();
}

}  // namespace
}  // namespace tributary::test
