// Receiving: acknowledgements, reassembly, SACK and DSACK blocks, the window, PAWS (RFC 9293 §3.8.6,
// §3.10.7.4, RFC 2018, RFC 2883, RFC 7323).
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

using Blocks = std::vector<std::pair<uint32_t, uint32_t>>;

Blocks blocks_of(const Seg& s) {
  Blocks blocks;
  if (!s.options.has(wire::TcpOptions::kSack)) return blocks;
  for (unsigned i = 0; i < s.options.sack_count; ++i)
    blocks.emplace_back(s.options.sack[i].left.raw(), s.options.sack[i].right.raw());
  return blocks;
}

class TcpReceive : public ScriptTest {
 protected:
  void open(const Peer::Options& options = {}, uint32_t budget = 0) {
    if (budget != 0) settings.receive_budget = budget;
    listen();
    peer.open(options);
  }
  /// Receives so much that slow start's quick acknowledgements are over. Returns the next sequence number.
  uint32_t pass_quick_acks() {
    uint32_t seq = 1;
    for (; seq < 60'000; seq += 1000) peer.send(data(seq, 1, pattern(1000)));
    wait_ms(500);
    peer.ignore_all();
    return seq;
  }
  Peer peer{*this};
};

TEST_F(TcpReceive, DataArrivesInOrderAndIsAcknowledged) {
  open();
  peer.send(data(1, 1, "hello "));
  peer.expect(kAck, 1, 7);
  peer.send(data(7, 1, "world"));
  peer.expect(kAck, 1, 12);
  EXPECT_EQ(log().received, "hello world");
}

// RFC 9293 §3.8.6.3, MUST-58, SHLD-19.
TEST_F(TcpReceive, EverySecondFullSegmentIsAcknowledgedAtOnce) {
  open();
  const uint32_t seq = pass_quick_acks();
  peer.send(data(seq, 1, pattern(1460)));
  peer.expect_nothing();
  peer.send(data(seq + 1460, 1, pattern(1460)));
  peer.expect(kAck, 1, seq + 2920);
}

TEST_F(TcpReceive, ASingleSegmentIsAcknowledgedAfterTheDelay) {
  open();
  const uint32_t seq = pass_quick_acks();
  peer.send(data(seq, 1, "x"));
  peer.expect_nothing();
  EXPECT_NEAR(peer.wait_for_segment(), 40, 1);
  peer.expect(kAck, 1, seq + 1);
}

TEST_F(TcpReceive, DelayedAckRidesOnData) {
  open();
  const uint32_t seq = pass_quick_acks();
  peer.send(data(seq, 1, "x"));
  write("y");
  peer.expect_data(1, seq + 1, "y");
  peer.send(ack(seq + 1, 2));
  wait_ms(500);
  peer.expect_nothing();
}

// MUST-59: what is queued is processed before an ACK is sent.
TEST_F(TcpReceive, ABurstIsAcknowledgedOnce) {
  open();
  peer.send({data(1, 1, pattern(1000)), data(1001, 1, pattern(1000)), data(2001, 1, pattern(1000))});
  peer.expect(kAck, 1, 3001);
}

// RFC 5681 §4.2.
TEST_F(TcpReceive, SegmentsBehindAHoleAreAcknowledgedAtOnceAndKept) {
  open();
  peer.send(data(11, 1, "second"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), (Blocks{{11, 17}}));
  peer.send(data(1, 1, "the first "));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 17)), Blocks{});
  EXPECT_EQ(log().received, "the first second");
}

// RFC 2018 §4: the block of the segment that triggered the ACK first, then the most recent ones.
TEST_F(TcpReceive, SackBlocksStartWithTheLatest) {
  open();
  peer.send(data(11, 1, "a"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), (Blocks{{11, 12}}));
  peer.send(data(21, 1, "b"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), (Blocks{{21, 22}, {11, 12}}));
  peer.send(data(31, 1, "c"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1))[0], std::pair(31u, 32u));
  peer.send(data(12, 1, "d"));
  const Blocks blocks = blocks_of(peer.expect(kAck, 1, 1));
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(blocks[0], std::pair(11u, 13u)) << "neighbours are one block";
}

TEST_F(TcpReceive, FourSackBlocksFitWithoutTimestampsAndThreeWithThem) {
  open();
  for (uint32_t i = 1; i <= 5; ++i) peer.send(data(i * 10 + 1, 1, "x"));
  for (size_t expected : {1, 2, 3, 4, 4}) EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)).size(), expected);
  Peer other(*this, {.remote_port = 2});
  other.open({.timestamps = true});
  for (uint32_t i = 1; i <= 5; ++i) other.send(data(i * 10 + 1, 1, "x"));
  for (size_t expected : {1, 2, 3, 3, 3}) EXPECT_EQ(blocks_of(other.expect(kAck, 1, 1)).size(), expected);
}

TEST_F(TcpReceive, NoSackWhereItWasNotNegotiated) {
  open({.sack = false});
  peer.send(data(11, 1, "x"));
  EXPECT_TRUE(peer.expect(kAck, 1, 1).option_bytes.empty());
}

TEST_F(TcpReceive, SackRidesOnDataToo) {
  open();
  peer.send(data(11, 1, "x"));
  peer.ignore_all();
  write("y");
  EXPECT_EQ(blocks_of(peer.expect_data(1, 1, "y")), (Blocks{{11, 12}}));
  peer.send(ack(1, 2));
}

// Payload is cut to what the path takes without SACK blocks.
TEST_F(TcpReceive, SackDoesNotMakeAFullSegmentTooLarge) {
  open();
  peer.send(data(11, 1, "x"));
  peer.ignore_all();
  // Both in one pass: news of the receiver, and full segments to send.
  log().read = false;
  write(pattern(2 * 1460));
  EXPECT_TRUE(peer.expect_data(1, 1, pattern(1460)).option_bytes.empty());
  EXPECT_TRUE(peer.expect_data(1461, 1, pattern(1460, 1460)).option_bytes.empty());
  peer.expect_nothing();
  write(pattern(8 * 1460, 2920));  // held back by the window
  peer.ignore_all();
  write(pattern(1460 * 3, 14'600));
  peer.send(data(21, 1461, "y"));  // an ACK that makes room, and a segment behind a hole
  Seg last;
  while (peer.waiting() != 0) {
    last = peer.next();
    EXPECT_LE(last.payload.size() + last.option_bytes.size(), 1460u);
  }
  EXPECT_EQ(last.payload, "");
  EXPECT_EQ(blocks_of(last), (Blocks{{21, 22}, {11, 12}})) << "on an ACK of its own";
}

// RFC 2883 §4.
TEST_F(TcpReceive, ADuplicateIsReportedByDsack) {
  open();
  peer.send(data(1, 1, "hello"));
  peer.expect(kAck, 1, 6);
  peer.send(data(1, 1, "hello"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 6)), (Blocks{{1, 6}}));
  EXPECT_EQ(log().received, "hello");
  peer.send(data(6, 1, "!"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 7)), Blocks{}) << "a DSACK is said once";
  EXPECT_EQ(counters.tcp_dsack_old_sent, 1u);
  EXPECT_EQ(counters.tcp_dsack_ofo_sent, 0u);
}

TEST_F(TcpReceive, ADuplicateBehindAHoleIsReportedBeforeItsBlock) {
  open();
  peer.send(data(11, 1, "hello"));
  peer.ignore_all();
  peer.send(data(11, 1, "hel"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), (Blocks{{11, 14}, {11, 16}}));
  EXPECT_EQ(counters.tcp_dsack_old_sent, 0u);
  EXPECT_EQ(counters.tcp_dsack_ofo_sent, 1u);
}

TEST_F(TcpReceive, TheOldPartOfASegmentIsDroppedAndReported) {
  open();
  peer.send(data(1, 1, "hello"));
  peer.expect(kAck, 1, 6);
  peer.send(data(3, 1, "llo world"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 12)), (Blocks{{3, 6}}));
  EXPECT_EQ(log().received, "hello world");
}

TEST_F(TcpReceive, OverlappingPiecesBehindAHoleFitTogether) {
  open();
  const std::string text = pattern(40);
  for (auto [from, to] : {std::pair{20, 30}, {10, 25}, {5, 35}, {28, 40}}) {
    peer.send(data(1 + static_cast<uint32_t>(from), 1, text.substr(from, to - from)));
    peer.expect(kAck, 1, 1);
  }
  peer.send(data(1, 1, text.substr(0, 8)));
  peer.expect(kAck, 1, 41);
  EXPECT_EQ(log().received, text);
}

// RFC 2018 §4: the blocks behind the first repeat what earlier ACKs reported first.
TEST_F(TcpReceive, SackBlocksAreThoseReportedLast) {
  open();
  for (uint32_t i : {5, 1, 3, 9, 7}) peer.send(data(i * 10 + 1, 1, "x"));
  for (int i = 0; i < 4; ++i) peer.next();
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), (Blocks{{71, 72}, {91, 92}, {31, 32}, {11, 12}}));
  peer.send(data(52, 1, "x"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), (Blocks{{51, 53}, {71, 72}, {91, 92}, {31, 32}}));
  // A duplicate is news of its block, too (RFC 2883 §4).
  peer.send(data(31, 1, "x"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), (Blocks{{31, 32}, {31, 32}, {51, 53}, {71, 72}}));
  peer.send(data(32, 1, pattern(39)));  // joins three
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), (Blocks{{31, 72}, {91, 92}, {11, 12}}));
}

// Whatever the pieces are, the blocks name what has arrived, and the bytes come out once and in order.
TEST_F(TcpReceive, RandomPiecesFitTogether) {
  constexpr uint32_t kSize = 3000;
  const std::string text = pattern(kSize);
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Peer other(*this, {.remote_port = static_cast<uint16_t>(1000 + seed)});
    if (seed == 1) listen();
    other.open();
    SeededRandom random(seed);
    std::vector<bool> has(kSize + 2);
    const auto send = [&](uint32_t from, uint32_t size) {
      const uint32_t end = std::min(from + size, kSize);
      std::fill(has.begin() + from, has.begin() + end, true);
      other.send(end == kSize && seed % 2 == 0 ? fin(1 + from, 1, text.substr(from, end - from))
                                               : data(1 + from, 1, text.substr(from, end - from)));
      const auto una = static_cast<uint32_t>(std::find(has.begin(), has.end(), false) - has.begin());
      while (other.waiting() > 1) other.next();
      if (other.waiting() == 0) return;
      const Seg answer = other.next();
      ASSERT_EQ(std::min(answer.ack, 1 + kSize), 1 + una) << "seed " << seed;
      for (auto [left, right] : blocks_of(answer)) {
        ASSERT_LT(left, right);
        for (uint32_t i = left - 1; i < right - 1; ++i) ASSERT_TRUE(has[i]) << "seed " << seed << " byte " << i;
      }
    };
    for (int i = 0; i < 200; ++i)
      send(1 + static_cast<uint32_t>(random.u64() % (kSize - 1)), 1 + static_cast<uint32_t>(random.u64() % 90));
    for (uint32_t from = 0; from < kSize; from += 60) send(from, 80);
    wait_ms(50);
    other.ignore_all();
    EXPECT_EQ(log().received, text) << "seed " << seed;
    EXPECT_EQ(log().has(kStreamEnd), seed % 2 == 0);
    other.send(rst(1 + kSize + (seed % 2 == 0 ? 1 : 0)));
    other.ignore_all();
  }
}

TEST_F(TcpReceive, OutOfOrderQueueIsBounded) {
  settings.max_out_of_order = 10;
  open();
  for (uint32_t i = 1; i <= 20; ++i) peer.send(data(i * 10 + 1, 1, "x"));
  peer.ignore_all();
  EXPECT_EQ(counters.tcp_ofo_queued, 10u);
  EXPECT_EQ(counters.tcp_ofo_dropped, 10u);
}

TEST_F(TcpReceive, FinBehindAHoleWaitsForIt) {
  open();
  peer.send(fin(6, 1, "!"));
  peer.expect(kAck, 1, 1);
  EXPECT_FALSE(log().has(kStreamEnd));
  peer.send(data(1, 1, "hello"));
  peer.expect(kAck, 1, 8);
  EXPECT_TRUE(log().has(kStreamEnd));
  EXPECT_EQ(log().received, "hello!");
}

TEST_F(TcpReceive, WrongChecksumIsDropped) {
  open();
  Seg broken = data(1, 1, "hello");
  broken.bad_checksum = true;
  peer.send(broken);
  peer.expect_nothing();
  EXPECT_EQ(counters.tcp_checksum_errors, 1u);
  EXPECT_EQ(log().received, "");
}

// Case four of RFC 9293 §3.10.7.4, first.
TEST_F(TcpReceive, DataBeyondTheWindowIsTrimmed) {
  open({.wscale = -1}, 1000);
  log().read = false;
  const std::string text = pattern(1400);
  peer.send(data(1, 1, text));
  EXPECT_EQ(peer.expect(kAck, 1, 1001).window, 0);
  EXPECT_EQ(read(), text.substr(0, 1000));
}

TEST_F(TcpReceive, SegmentsOutsideTheWindowAreAcknowledgedAndDropped) {
  open({.wscale = -1}, 1000);
  peer.send(data(1001, 1, "beyond"));
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 1)), Blocks{});
  peer.send(data(0xffff'fff0, 1, "before"));
  peer.expect(kAck, 1, 1);
  EXPECT_EQ(log().received, "");
}

TEST_F(TcpReceive, FinBeyondTheWindowIsNotTaken) {
  open({.wscale = -1}, 5);
  log().read = false;
  peer.send(fin(1, 1, "hello!"));
  peer.expect(kAck, 1, 6);
  EXPECT_FALSE(log().has(kStreamEnd));
}

TEST_F(TcpReceive, WindowFollowsTheReader) {
  open({.wscale = -1}, 6000);
  log().read = false;
  for (uint32_t i = 0; i < 6; ++i) {
    peer.send(data(1 + i * 1000, 1, pattern(1000, i * 1000)));
    EXPECT_EQ(peer.expect(kAck, 1, 1001 + i * 1000).window, 5000 - i * 1000);
  }
  EXPECT_EQ(read(), pattern(6000));
  peer.expect_nothing();  // read but not released: still charged
  release(6000);
  EXPECT_EQ(peer.expect(kAck, 1, 6001).window, 6000);
}

// RFC 9293 §3.8.6.2.2, MUST-39: the window opens in steps worth a segment.
TEST_F(TcpReceive, SmallReleasesDoNotOpenTheWindow) {
  open({.wscale = -1}, 6000);
  log().read = false;
  for (uint32_t i = 0; i < 6; ++i) peer.send(data(1 + i * 1000, 1, pattern(1000)));
  peer.ignore_all();
  read();
  release(100);
  peer.expect_nothing();
  peer.send(data(6001, 1, "?"));  // the window probe of a peer
  EXPECT_EQ(peer.expect(kAck, 1, 6001).window, 0) << "an invitation to a tiny segment";
  release(100);
  peer.expect_nothing();
  release(4000);
  EXPECT_EQ(peer.expect(kAck, 1, 6001).window, 4200);
}

// MUST-34, SHLD-14: the right edge stays where it was. Rounding to units of the scale may hide less than one
// of them (RFC 7323 §2.4).
TEST_F(TcpReceive, WindowNeverShrinks) {
  open({.wscale = 7}, 100'000);
  peer.send(data(1, 1, "x"));
  const uint32_t edge = 2 + (uint32_t{peer.expect(kAck, 1, 2).window} << 7);
  stack().set_receive_budget(stream(), 10'000);
  log().read = false;
  uint32_t seq = 2;
  for (; seq < 40'000; seq += 1000) {
    peer.send(data(seq, 1, pattern(1000)));
    const Seg answer = peer.expect(kAck, 1, seq + 1000);
    ASSERT_GT(answer.ack + (uint32_t{answer.window} << 7), edge - 128);
    ASSERT_LE(answer.ack + (uint32_t{answer.window} << 7), edge + 127) << "the smaller budget does not count";
  }
}

TEST_F(TcpReceive, PromisedBytesHiddenByRoundingAreStillTaken) {
  open({.wscale = 7}, 1280);
  log().read = false;
  peer.send(data(1, 1, pattern(100)));
  EXPECT_EQ(peer.expect(kAck, 1, 101).window, 1180 / 128);
  peer.send(data(101, 1, pattern(1180)));
  EXPECT_EQ(peer.expect(kAck, 1, 1281).window, 0);
}

TEST_F(TcpReceive, WindowClosesForSmallSegmentsToo) {
  open({.wscale = 7}, 10'000);
  log().read = false;
  uint32_t seq = 1, window = 1;
  for (; seq < 30'000 && window != 0; seq += 100) {
    peer.send(data(seq, 1, pattern(100)));
    window = peer.expect(kAck, 1, seq + 100).window;
  }
  EXPECT_LE(stack().readable(stream()), 10'000u);
}

TEST_F(TcpReceive, AcksAndResetsCountWithAZeroWindow) {
  open({.wscale = -1}, 1000);
  log().read = false;
  peer.send(data(1, 1, pattern(1000)));
  peer.expect(kAck, 1, 1001);
  write("out");
  peer.expect_data(1, 1001, "out");
  peer.send(ack(1001, 4));
  EXPECT_EQ(log().acked, 3u);
  peer.send(rst(1001));
  EXPECT_TRUE(log().gone);
}

TEST_F(TcpReceive, ALargeBudgetWithoutScalingIsNotAnnouncedOverAndOver) {
  open({.wscale = -1}, 4 << 20);
  for (uint32_t i = 0; i < 10; ++i) {
    peer.send(data(1 + i, 1, "x"));
    EXPECT_EQ(peer.expect(kAck, 1, 2 + i).window, 65535);
    peer.expect_nothing();
  }
}

// RFC 7323 §5.3.
TEST_F(TcpReceive, OldTimestampIsAcknowledgedAndDropped) {
  open({.timestamps = true});
  peer.ts_value = 2'000'000;
  peer.send(data(1, 1, "new"));
  peer.expect(kAck, 1, 4);
  peer.ts_value = 1'999'000;
  peer.send(data(4, 1, "old"));
  peer.expect(kAck, 1, 4);
  EXPECT_EQ(log().received, "new");
  EXPECT_EQ(counters.tcp_paws_rejected, 1u);
}

// A retransmission has filled the hole before it: it is no duplicate from another age, and dropping it would be a loss.
TEST_F(TcpReceive, ASegmentOvertakenByARetransmissionIsTaken) {
  peer.ts_value = 5000;
  open({.timestamps = true});
  peer.send(data(4, 1, "def"));
  peer.ts_value = 5100;
  peer.send(data(1, 1, "abc"));
  peer.ts_value = 5050;
  peer.send(data(7, 1, "ghi"));
  peer.ts_value = 5090;
  peer.send(data(10, 1, "j"));
  peer.ignore_all();
  EXPECT_EQ(log().received, "abcdefghij");
  peer.ts_value = 4000;
  peer.send(data(11, 1, "old"));
  EXPECT_EQ(peer.next().options.ts_echo, 5100u) << "TS.Recent does not go back";
  EXPECT_EQ(log().received, "abcdefghij");
  EXPECT_EQ(counters.tcp_paws_rejected, 1u);
}

TEST_F(TcpReceive, TimestampsWrapAround) {
  open({.timestamps = true});
  for (uint32_t ts : {1'000'001u, 2'000'000'000u, 0xf000'0000u, 0xffff'ffffu, 5u}) {
    peer.ts_value = ts;
    const auto next = static_cast<uint32_t>(log().received.size());
    peer.send(data(1 + next, 1, "x"));
    EXPECT_EQ(peer.expect(kAck, 1, 2 + next).options.ts_echo, ts);
  }
}

// RFC 7323 §5.5.
TEST_F(TcpReceive, AfterFourWeeksOfSilenceTheTimestampIsVoid) {
  settings.keepalive = Micros(0);
  open({.timestamps = true});
  peer.ts_value = 3'000'000'000;
  wait(Micros::seconds(25 * 24 * 3600));
  peer.ts_value = 1;
  peer.send(data(1, 1, "x"));
  peer.expect(kAck, 1, 2);
}

TEST_F(TcpReceive, ResetIsNotSubjectToPaws) {
  open({.timestamps = true});
  Seg old = rst(1);
  old.ts(1, 0);
  peer.send(old);
  EXPECT_TRUE(log().gone);
}

// RFC 7323 §3.2 says it should be dropped; as with Linux it is taken, and says nothing of time.
TEST_F(TcpReceive, ASegmentWithoutTimestampsIsTakenAllTheSame) {
  open({.timestamps = true});
  wait_ms(10);
  peer.send(data(1, 1, "x"));
  const uint32_t echo = peer.expect(kAck, 1, 2).options.ts_echo;
  wait_ms(10);
  Seg bare = data(2, 1, "y");
  bare.no_timestamps = true;
  peer.send(bare);
  EXPECT_EQ(peer.expect(kAck, 1, 3).options.ts_echo, echo);
  Seg old = data(1, 1, "x");  // what the sequence number says still counts
  old.no_timestamps = true;
  peer.send(old);
  EXPECT_EQ(blocks_of(peer.expect(kAck, 1, 3)), (Blocks{{1, 2}}));
  EXPECT_EQ(log().received, "xy");
}

// RFC 7323 §5.2: resets need none.
TEST_F(TcpReceive, AResetWithoutTimestampsIsTaken) {
  open({.timestamps = true});
  peer.send(data(1, 1, "x"));
  peer.ignore_all();
  Seg bare = rst(2);
  bare.no_timestamps = true;
  peer.send(bare);
  EXPECT_EQ(log().error, StreamError::kReset);
  EXPECT_TRUE(log().gone);
}

// RFC 6093 §6: the pointer is not looked at, wherever it points; the bytes it calls urgent stay in line.
TEST_F(TcpReceive, UrgentDataStaysInLine) {
  open();
  const std::string text = pattern(60);
  uint32_t seq = 0;
  for (uint16_t pointer : {0, 1, 5, 10, 11, 65535}) {
    peer.send(data(1 + seq, 1, text.substr(seq, 10)).urg(pointer));
    seq += 10;
    peer.expect(kAck, 1, 1 + seq);
  }
  EXPECT_EQ(log().received, text);
  peer.send(ack(61, 1).urg(100));  // urgent data announced that has not come yet
  peer.expect_nothing();
  peer.send(data(71, 1, "later").urg(3));
  peer.ignore_all();
  peer.send(data(61, 1, "the hole, ").urg(1));
  peer.expect(kAck, 1, 76);
  EXPECT_EQ(log().received, text + "the hole, later");
  peer.send(fin(76, 1).urg(9));
  peer.expect(kAck, 1, 77);
  EXPECT_TRUE(log().has(kStreamEnd));
}

// An urgent pointer alone, at a window that is shut, is answered like any probe.
TEST_F(TcpReceive, UrgentDataAtAShutWindowIsAnswered) {
  open({.wscale = -1}, 1000);
  log().read = false;
  peer.send(data(1, 1, pattern(1000)));
  EXPECT_EQ(peer.expect(kAck, 1, 1001).window, 0);
  peer.send(data(1001, 1, "!").urg(1));
  EXPECT_EQ(peer.expect(kAck, 1, 1001).window, 0);
  EXPECT_EQ(read(), pattern(1000));
}

// RFC 7323 §4.3: only segments at or before Last.ACK.sent update TS.Recent.
TEST_F(TcpReceive, EchoedTimestampIsThatOfTheSegmentInOrder) {
  open({.timestamps = true});
  peer.ts_value = 2'000'000;
  peer.send(data(1, 1, "a"));
  EXPECT_EQ(peer.expect(kAck, 1, 2).options.ts_echo, 2'000'000u);
  peer.ts_value = 2'000'010;
  peer.send(data(3, 1, "c"));
  EXPECT_EQ(peer.expect(kAck, 1, 2).options.ts_echo, 2'000'000u);
  peer.ts_value = 2'000'020;
  peer.send(data(2, 1, "b"));
  EXPECT_EQ(peer.expect(kAck, 1, 4).options.ts_echo, 2'000'020u);
}

TEST_F(TcpReceive, TimestampClockTicksInMilliseconds) {
  open({.timestamps = true});
  peer.send(data(1, 1, "a"));
  const uint32_t first = peer.expect(kAck, 1, 2).options.ts_value;
  wait_ms(1234);
  peer.send(data(2, 1, "b"));
  EXPECT_EQ(peer.expect(kAck, 1, 3).options.ts_value - first, 1234u);
}

// MUST-5, MUST-6, MUST-7: whatever stands in the options, the segment is processed.
TEST_F(TcpReceive, UnknownAndBrokenOptionsDoNotHurt) {
  open();
  uint32_t seq = 1;
  for (const wire::TcpOptions::Bit bit : {wire::TcpOptions::kUserTimeout, wire::TcpOptions::kFastOpen,
                                          wire::TcpOptions::kAccEcn, wire::TcpOptions::kMss}) {
    Seg s = data(seq, 1, "x");
    s.set(bit);
    peer.send(s);
    peer.expect(kAck, 1, ++seq);
  }
}

// RFC 9293 §3.10.7.4, eighth: payload behind a FIN is ignored.
TEST_F(TcpReceive, NothingComesAfterTheFin) {
  open();
  peer.send(fin(1, 1, "end"));
  peer.expect(kAck, 1, 5);
  peer.send(data(5, 1, "more"));
  EXPECT_EQ(log().received, "end");
  peer.ignore_all();
}

}  // namespace
}  // namespace tributary::test
