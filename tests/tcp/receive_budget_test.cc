// How much a stream may hold and invite: right-sizing by rate, and equal parts of the pool.
#include <algorithm>

#include "stack/right_sizing.h"
#include "stack/tcp/window.h"
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

constexpr BudgetRange kRange{64'000, 8'000'000};

/// A reader that takes `rate` bytes a second, in pieces a millisecond apart, of a stream that always has `held` more.
struct Reader {
  Micros round_trip;
  uint32_t budget = kRange.least;
  RightSizing state{};
  Micros now = Micros::seconds(5);

  void take(uint64_t rate, int milliseconds, uint32_t held = 0) {
    for (int i = 0; i < milliseconds; ++i) {
      now += Micros::milliseconds(1);
      budget = right_size(state, now, round_trip, static_cast<uint32_t>(rate / 1000), held, budget, kRange);
    }
  }
};

TEST(RightSizing, BudgetFollowsRateTimesRoundTrip) {
  const struct {
    uint64_t rate;
    int64_t rtt_ms;
    uint32_t least, most;
  } cases[] = {
      {10'000, 20, 64'000, 64'000},        // 80 kbit/s: never more than at the start
      {125'000, 100, 64'000, 64'000},      // 1 Mbit/s
      {1'250'000, 100, 250'000, 510'000},  // 10 Mbit/s
      {12'500'000, 100, 2'500'000, 5'100'000},
      {12'500'000, 10, 250'000, 560'000},
      {125'000'000, 200, 8'000'000, 8'000'000},  // bounded
      {125'000'000, 0, 250'000, 1'000'000},      // from next door
  };
  for (const auto& c : cases) {
    Reader reader{.round_trip = Micros::milliseconds(c.rtt_ms)};
    reader.take(c.rate, 2000);
    EXPECT_GE(reader.budget, c.least) << c.rate << " " << c.rtt_ms;
    EXPECT_LE(reader.budget, c.most) << c.rate << " " << c.rtt_ms;
  }
}

// A peer in slow start sends twice as much each round trip, and the budget has to be there before it does.
TEST(RightSizing, BudgetStaysAheadOfSlowStart) {
  for (const int64_t rtt : {5, 50, 300}) {
    Reader reader{.round_trip = Micros::milliseconds(rtt)};
    uint64_t window = 20'000;
    for (; window < kRange.most / 4; window *= 2) {
      EXPECT_GE(10 * uint64_t{reader.budget}, 9 * window) << rtt;
      reader.take(window * 1000 / static_cast<uint64_t>(rtt), static_cast<int>(rtt));
    }
    EXPECT_GE(10 * uint64_t{reader.budget}, 9 * window) << rtt;
  }
}

TEST(RightSizing, WhatWaitsBehindASlowReaderGoesDownToWhatItTakes) {
  Reader reader{.round_trip = Micros::milliseconds(50)};
  reader.take(50'000'000, 500);
  EXPECT_GE(reader.budget, 5'000'000u);
  const uint32_t fast = reader.budget;
  reader.take(2'000'000, 45, fast);
  EXPECT_GE(reader.budget, fast / 2) << "by halves";
  reader.take(2'000'000, 1000, 1'000'000);
  EXPECT_LE(reader.budget, 420'000u);
  EXPECT_GE(reader.budget, 200'000u) << "twice a round is its own";
  reader.take(1'000, 5000, 100'000);
  EXPECT_EQ(reader.budget, kRange.least);
}

TEST(RightSizing, APauseCostsNothing) {
  Reader reader{.round_trip = Micros::milliseconds(50)};
  reader.take(20'000'000, 500);
  const uint32_t before = reader.budget;
  reader.now += Micros::seconds(1000);
  reader.take(10'000, 200);
  EXPECT_EQ(reader.budget, before) << "nothing waits, nothing is gained by taking it away";
}

TEST(RightSizing, ManySmallPiecesAreNoFastStream) {
  Reader reader{.round_trip = Micros::milliseconds(10)};
  reader.take(50'000, 3'600'000 / 10);  // 18 MB, in six minutes
  EXPECT_EQ(reader.budget, kRange.least);
}

// The pool of these tests has 4096 buffers.
class ReceiveShare : public ScriptTest {
 protected:
  ReceiveShare() { settings.receive_budget = 32 << 20; }

  struct Sender {
    std::unique_ptr<Peer> peer;
    uint32_t seq = 1;
    uint32_t edge = 0;  ///< right edge of the window it has been told
  };
  Sender open() {
    Peer::Address address;
    address.remote_port = static_cast<uint16_t>(20'000 + stream_count());
    Sender sender{.peer = std::make_unique<Peer>(*this, address)};
    sender.peer->open();
    sender.peer->ignore_all();
    log().read = false;
    return sender;
  }
  /// As much as a full segment, if it is invited. Returns whether it was.
  bool send(Sender& sender) {
    wait(Micros(100));  // the pool is looked at now and then
    if (sender.edge != 0 && sender.edge < sender.seq + 1000) return false;
    sender.peer->send(data(sender.seq, 1, pattern(1000)));
    sender.seq += 1000;
    wait_ms(50);
    take_acks(sender);
    return true;
  }
  void take_acks(Sender& sender) {
    while (sender.peer->waiting() != 0) {
      const Seg s = sender.peer->next();
      const uint32_t edge = s.ack + (uint32_t{s.window} << 7);
      EXPECT_GT(edge + 128, sender.edge) << "the right edge moves left";
      sender.edge = std::max(sender.edge, edge);
    }
  }
  uint32_t invited(const Sender& sender) const { return sender.edge - 1; }
};

TEST_F(ReceiveShare, OneStreamGetsNoMoreThanHalfOfAnEmptyPool) {
  listen();
  Sender sender = open();
  ASSERT_TRUE(send(sender));
  EXPECT_GT(invited(sender), 2'000'000u);
  EXPECT_LT(invited(sender), 4096u * 1400 / 2);
}

TEST_F(ReceiveShare, StreamsNobodyReadsHaveEqualPartsAndLeaveSome) {
  settings.receive_budget = 400'000;
  listen();
  std::vector<Sender> senders;
  // Each comes when those before have sent what they may.
  for (int i = 0; i < 12; ++i) {
    senders.push_back(open());
    while (send(senders.back())) {
    }
  }
  const uint32_t used = stack().context().pools.data_in_use();
  EXPECT_LE(used, 4096u * 15 / 16) << "or payload would be refused";
  EXPECT_EQ(counters.tcp_receive_queue_drop, 0u);
  EXPECT_GE(invited(senders.back()), tcp::kLeastShare - 128);
  EXPECT_LT(invited(senders.back()), invited(senders.front()) / 2) << "the later the less";

  // Whoever reads goes on.
  Sender& last = senders.back();
  for (int i = 0; i < 50; ++i) {
    const std::string some = read();
    release(static_cast<uint32_t>(some.size()));
    take_acks(last);
    EXPECT_TRUE(send(last)) << i;
  }
}

}  // namespace
}  // namespace tributary::test
