// Gathering small pieces: Nagle's algorithm (RFC 9293 §3.7.4), corks, and writes that say more follows. Off unless
// asked for.
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

constexpr uint16_t kMss = 1000;

class TcpGathering : public ScriptTest {
 protected:
  TcpGathering() { piece = kMss; }
  void open(Gathering gathering) {
    listen();
    peer.open({.mss = kMss});
    stack().set_gathering(stream(), gathering);
  }
  /// Writes the bytes of the stream that follow those written so far.
  void put(size_t size, bool more_follows = false) {
    write(pattern(size, written_), more_follows);
    written_ += size;
  }
  Seg expect_next(size_t size, Peer::Where where = Peer::Where::current()) {
    const Seg s = peer.expect_data(1 + expected_, 1, pattern(size, expected_), where);
    expected_ += static_cast<uint32_t>(size);
    return s;
  }
  void acknowledge() { peer.send(ack(1, 1 + expected_)); }
  void expect_all_acked() {
    acknowledge();
    EXPECT_EQ(log().acked, written_);
    EXPECT_EQ(expected_, written_);
  }
  Peer peer{*this};

 private:
  size_t written_ = 0;
  uint32_t expected_ = 0;
};

TEST_F(TcpGathering, IsOffToBeginWith) {
  listen();
  peer.open({.mss = kMss});
  for (int i = 0; i < 3; ++i) {
    put(500);
    expect_next(500);
  }
  expect_all_acked();
}

TEST_F(TcpGathering, NagleHoldsASmallPieceWhileAnotherIsUnacknowledged) {
  open(Gathering::kNagle);
  put(501);
  expect_next(501);
  put(11);
  put(13);
  peer.expect_nothing();
  acknowledge();
  EXPECT_TRUE(expect_next(24).has(kPsh));
  acknowledge();
  put(1);
  expect_next(1);
  expect_all_acked();
}

// Pieces of every parity, so that the sum of what is gathered is put together from all of them.
TEST_F(TcpGathering, PiecesFillSegmentsWhateverTheirSize) {
  for (const size_t size : {1u, 7u, 359u, 361u, 500u, 999u, 1000u, 1001u, 1460u}) {
    SCOPED_TRACE(size);
    Peer other(*this, {.remote_port = static_cast<uint16_t>(41000 + size)});
    if (stream_count() == 0) listen();
    other.open({.mss = kMss}, 60000);
    stack().set_gathering(stream(), Gathering::kNagle);
    write(pattern(1));
    other.expect_data(1, 1, pattern(1));
    size_t total = 1;
    for (; total < 5000; total += size) write(pattern(size, total));
    size_t at = 1;
    for (; at + kMss <= total; at += kMss) other.expect_data(static_cast<uint32_t>(1 + at), 1, pattern(kMss, at));
    other.expect_nothing();
    other.send(ack(1, static_cast<uint32_t>(1 + at)));
    if (at != total) other.expect_data(static_cast<uint32_t>(1 + at), 1, pattern(total - at, at));
    other.send(ack(1, static_cast<uint32_t>(1 + total)));
    EXPECT_EQ(log().acked, total);
    abort();
    other.ignore_all();
  }
}

// Minshall's form: only a segment that was not full holds the next one back.
TEST_F(TcpGathering, NagleDoesNotHoldTheEndOfALargeWrite) {
  open(Gathering::kNagle);
  put(2 * kMss + 300);
  expect_next(kMss);
  expect_next(kMss);
  expect_next(300);
  put(40);
  peer.send(ack(1, 1 + 2 * kMss));
  peer.expect_nothing();
  acknowledge();
  expect_next(40);
  expect_all_acked();
}

TEST_F(TcpGathering, NagleWaitsForASelectiveAcknowledgementToo) {
  open(Gathering::kNagle);
  put(kMss + 10);
  expect_next(kMss);
  expect_next(10);
  put(20);
  peer.expect_nothing();
  peer.send(ack(1, 1).sack(1 + kMss, 1 + kMss + 10));
  expect_next(20);
  expect_all_acked();
}

TEST_F(TcpGathering, SwitchedOffWhatWaitsLeavesAtOnce) {
  open(Gathering::kNagle);
  put(100);
  expect_next(100);
  put(50);
  peer.expect_nothing();
  stack().set_gathering(stream(), Gathering::kNone);
  pass();
  expect_next(50);
  put(10);
  expect_next(10);
  expect_all_acked();
}

TEST_F(TcpGathering, NothingWaitsBeforeAFin) {
  open(Gathering::kNagle);
  put(100);
  expect_next(100);
  put(50);
  close();
  EXPECT_TRUE(peer.expect(kFin | kAck, 101, 1).payload == pattern(50, 100));
  peer.send(ack(1, 152));
}

// RFC 8985 §7.3: a probe is new data, if there is any.
TEST_F(TcpGathering, WhatWaitsForALostPieceIsTheTailLossProbe) {
  open(Gathering::kNagle);
  put(100);
  expect_next(100);
  put(50);
  EXPECT_GT(peer.wait_for_segment(), 1.0);
  expect_next(50);
  EXPECT_GT(peer.wait_for_segment(), 1.0);
  peer.expect_data(1, 1, pattern(100));
  peer.ignore_all();
  acknowledge();
  expect_all_acked();
}

TEST_F(TcpGathering, ACorkHoldsUntilASegmentIsFullOrItIsPulled) {
  open(Gathering::kCork);
  put(700);
  peer.expect_nothing();
  put(700);
  expect_next(kMss);
  acknowledge();
  peer.expect_nothing();
  stack().set_gathering(stream(), Gathering::kNagle);
  pass();
  expect_next(400);
  expect_all_acked();
}

TEST_F(TcpGathering, ACorkHoldsNoLongerThanATimeOutWithNothingUnderWay) {
  open(Gathering::kCork);
  put(10);
  EXPECT_NEAR(peer.wait_for_segment(), 200, 101);
  expect_next(10);
  acknowledge();
  put(20);
  peer.expect_nothing();
  EXPECT_NEAR(peer.wait_for_segment(), 200, 101);
  expect_next(20);
  expect_all_acked();
}

// The window, not the cork: that is probed for.
TEST_F(TcpGathering, ACorkDoesNotPushIntoAShutWindow) {
  open(Gathering::kCork);
  put(10);
  peer.send(ack(1, 1).win(0));
  for (int i = 0; i < 3; ++i) {
    peer.wait_for_segment();
    EXPECT_TRUE(peer.next().payload.empty());
  }
  peer.send(ack(1, 1));
  peer.wait_for_segment();
  expect_next(10);
  expect_all_acked();
}

TEST_F(TcpGathering, WhereMoreFollowsTheRestWaitsForIt) {
  open(Gathering::kNone);
  put(100, true);
  peer.expect_nothing();
  put(200, true);
  peer.expect_nothing();
  put(50);
  EXPECT_TRUE(expect_next(350).has(kPsh));
  put(kMss + 100, true);
  EXPECT_FALSE(expect_next(kMss).has(kPsh));
  peer.expect_nothing();
  acknowledge();
  EXPECT_FALSE(expect_next(100).has(kPsh)) << "more was to follow";
  expect_all_acked();
}

TEST_F(TcpGathering, WhereMoreWasToFollowAndDidNotItLeavesAfterATimeOut) {
  open(Gathering::kNone);
  put(100, true);
  EXPECT_NEAR(peer.wait_for_segment(), 200, 101);
  EXPECT_TRUE(expect_next(100).has(kPsh));
  expect_all_acked();
}

}  // namespace
}  // namespace tributary::test
