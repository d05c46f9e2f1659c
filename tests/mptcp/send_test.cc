// Sending at the data level: mappings, the shared window, choice of subflow, reinjection, retransmission (RFC
// 8684 §3.3.2, §3.3.5, §3.3.6, §3.3.8).
#include "tests/mptcp/mptcp_script.h"

namespace tributary::test {
namespace {

class MptcpSend : public MptcpTest {
 protected:
  /// Two subflows, the first the faster one.
  void open_both(uint16_t window = 60000) {
    open({.rtt = Micros::milliseconds(10)}, window);
    join(second, {.rtt = Micros::milliseconds(50)});
  }
  SubflowInfo subflow(size_t i) { return stack().info(stream())->subflows.at(i); }
  size_t subflows() { return stack().info(stream())->subflows.size(); }
  /// Everything the peer has got, in one string by DSN; empty where nothing came.
  std::string collect(std::initializer_list<Peer*> peers) {
    std::string all;
    for (Peer* peer : peers) {
      while (peer->waiting() != 0) {
        const Seg s = peer->next();
        if (!s.dss().has_mapping || s.payload.empty()) continue;
        const size_t from = s.dss().dsn - 1;
        if (all.size() < from + s.payload.size()) all.resize(from + s.payload.size(), '?');
        all.replace(from, s.payload.size(), s.payload);
      }
    }
    return all;
  }
};

TEST_F(MptcpSend, EverySegmentCarriesItsMapping) {
  open();
  const std::string text = pattern(3 * kFull);
  write(text);
  for (uint32_t at : {0u, 1u * kFull, 2u * kFull}) {
    const Seg s = expect_mapped(first, 1 + at, 1 + at, text.substr(at, kFull));
    EXPECT_TRUE(s.dss().dsn_64) << "DS-4";
  }
  first.send(ack(1, 1 + 3 * kFull).data_ack(1 + 3 * kFull));
  EXPECT_EQ(log().acked, text.size());
}

TEST_F(MptcpSend, SegmentsWithTimestampsAndDssFitThePath) {
  open({.timestamps = true});
  write(pattern(5000));
  while (first.waiting() != 0) {
    const Seg s = first.next();
    EXPECT_LE(s.payload.size() + s.option_bytes.size() + 40, 1500u);
    EXPECT_LE(s.option_bytes.size(), 40u);
  }
}

// DA-7, DA-4.
TEST_F(MptcpSend, OnlyTheDataAckFreesData) {
  open();
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  first.send(ack(1, 6).data_ack(1));
  EXPECT_EQ(log().acked, 0u);
  first.send(ack(1, 6).data_ack(6));
  EXPECT_EQ(log().acked, 5u);
}

// DA-5: peers that DATA_ACK in either length, and only when it advances, are understood.
TEST_F(MptcpSend, ShortDataAckIsUnderstood) {
  open();
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  first.send(ack(1, 6).data_ack(6, false));
  EXPECT_EQ(log().acked, 5u);
}

TEST_F(MptcpSend, PartialDataAckIsCounted) {
  open();
  write(pattern(2 * kFull));
  first.ignore_all();
  first.send(ack(1, 1 + 2 * kFull).data_ack(1 + kFull));
  EXPECT_EQ(log().acked, kFull);
  first.send(ack(1, 1 + 2 * kFull).data_ack(1 + 2 * kFull));
  EXPECT_EQ(log().acked, 2u * kFull);
}

TEST_F(MptcpSend, DataAckOnTheOtherSubflowCounts) {
  open();
  join(second);
  write("hello");
  const bool on_first = first.waiting() != 0;
  (on_first ? first : second).next();
  (on_first ? second : first).send(ack(1, 1).data_ack(6));
  EXPECT_EQ(log().acked, 5u);
  (on_first ? first : second).send(ack(1, 6).data_ack(6));
}

// Scheduler: lowest round-trip time first, the other when its window is full.
TEST_F(MptcpSend, FasterSubflowIsFilledFirst) {
  open_both();
  write("one");
  expect_mapped(first, 1, 1, "one");
  second.expect_nothing();
  write(pattern(20 * kFull));
  EXPECT_GT(first.waiting(), 0u);
  EXPECT_GT(second.waiting(), 0u);
  EXPECT_EQ(collect({&first, &second}).substr(3), pattern(20 * kFull));
}

// DA-3 (1), LX-10: never beyond DATA_ACK + window, whatever the subflows' own windows say.
TEST_F(MptcpSend, DataWindowIsNeverExceeded) {
  open_both(100);  // 12,800 bytes
  const uint64_t edge = 1 + 12'800;
  write(pattern(40'000));
  wait_ms(5000);
  for (Peer* peer : {&first, &second}) {
    while (peer->waiting() != 0) {
      const Seg s = peer->next();
      EXPECT_LE(s.dss().has_mapping ? s.dss().dsn + s.dss().data_length : 0, edge);
    }
  }
}

TEST_F(MptcpSend, WindowOfASegmentWithoutDataAckDoesNotCount) {
  open({.wscale = -1}, 2000);
  write(pattern(20'000));
  first.ignore_all();
  first.send(ack(1, 1).win(20'000));  // no DSS: only the subflow's window
  while (first.waiting() != 0) {
    const Seg s = first.next();
    EXPECT_LE(s.dss().dsn + s.dss().data_length, 2001u);
  }
}

// DA-2: what was promised stays promised.
TEST_F(MptcpSend, WindowEdgeNeverMovesLeft) {
  open({.wscale = -1}, 10'000);
  first.send(ack(1, 1).data_ack(1).win(2 * kFull));
  write(pattern(8 * kFull));
  EXPECT_EQ(collect({&first}).size(), 6u * kFull);
  first.send(ack(1, 1 + 6 * kFull).data_ack(1 + 6 * kFull).win(0));
  EXPECT_EQ(collect({&first}).size(), 10'000u) << "to the edge";
  first.send(ack(1, 10'001).data_ack(10'001).win(0));
  EXPECT_EQ(collect({&first}), "");
  first.send(ack(1, 10'001).data_ack(10'001).win(4 * kFull));
  EXPECT_EQ(collect({&first}).size(), 8u * kFull);
}

// LX-13: a window smaller than a segment is used, not waited for.
TEST_F(MptcpSend, DataWindowSmallerThanASegmentIsUsed) {
  open({.wscale = -1}, 500);
  const std::string text = pattern(1400);
  write(text);
  std::string got;
  uint32_t guard = 0;
  while (got.size() < text.size() && guard++ < 20) {
    wait_ms(2000);
    while (first.waiting() != 0) {
      const Seg s = first.next();
      ASSERT_LE(s.dss().dsn + s.payload.size(), got.size() + 501 + s.payload.size());
      if (!s.payload.empty() && s.dss().dsn == got.size() + 1) got += s.payload;
    }
    first.send(ack(1, 1 + static_cast<uint32_t>(got.size())).data_ack(1 + got.size()).win(500));
  }
  EXPECT_EQ(got, text);
}

// The data level's zero window: asked about for as long as the peer answers, and used when it opens.
TEST_F(MptcpSend, ShutDataWindowIsProbedForAsLongAsItTakes) {
  open({.wscale = -1}, 0);
  write("hello");
  int probes = 0;
  for (int i = 0; i < 60; ++i) {
    wait(Micros::seconds(120));
    for (; first.waiting() != 0; ++probes) EXPECT_LE(first.next().payload.size(), 1u);
    first.send(ack(1, 1).data_ack(1).win(0));
    ASSERT_FALSE(log().gone) << "after " << 2 * i << " minutes";
  }
  EXPECT_GE(probes, 30);
  first.send(ack(1, 1).data_ack(1).win(1000));
  expect_mapped(first, 1, 1, "hello");
  first.send(ack(1, 6).data_ack(6));
}

TEST_F(MptcpSend, WindowUpdateOnOneSubflowServesTheOther) {
  open({.wscale = -1}, 0);
  join(second, {.window = 0});
  write("hello");
  second.send(ack(1, 1).data_ack(1).win(100));
  wait_ms(3000);
  EXPECT_EQ(collect({&first, &second}), "hello");
}

// §3.3.8, MP-1.
TEST_F(MptcpSend, BackupCarriesNothingWhileTheOtherWorks) {
  open({.rtt = Micros::milliseconds(100)});
  join(second, {.backup = true, .rtt = Micros::milliseconds(1)});
  write(pattern(20 * kFull));
  EXPECT_EQ(first.waiting(), 10u);
  second.expect_nothing();
  first.ignore_all();
}

TEST_F(MptcpSend, BackupTakesOverWhenTheOtherIsReset) {
  open();
  join(second, {.backup = true});
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  first.send(rst(1));
  expect_mapped(second, 1, 1, "hello");
  second.send(ack(1, 6).data_ack(6));
  EXPECT_EQ(log().acked, 5u);
}

TEST_F(MptcpSend, PrioMovesTheTraffic) {
  open_both();
  first.send(ack(1, 1).data_ack(1).prio(true));
  first.ignore_all();
  write("now");
  first.expect_nothing();
  expect_mapped(second, 1, 1, "now");
  first.send(ack(1, 1).data_ack(1).prio(false));
  write("back");
  expect_mapped(first, 1, 4, "back");
  EXPECT_EQ(counters.mptcp_prio_rx, 2u);
}

TEST_F(MptcpSend, OurOwnPrioIsSaid) {
  open_both();
  stack().set_backup(stream(), 1, true);
  pass();
  const Seg s = second.next();
  ASSERT_TRUE(s.has_mp(MptcpOptions::kPrio));
  EXPECT_TRUE(s.mp().prio.backup);
}

// §3.3.6: what a dead subflow had goes out on another one, with the same mapping in the data.
TEST_F(MptcpSend, ResetSubflowsDataGoesOutOnTheOther) {
  open_both();
  const std::string text = pattern(3 * kFull);
  write(text);
  EXPECT_EQ(first.waiting(), 3u);
  first.ignore_all();
  first.send(rst(1));
  EXPECT_EQ(subflows(), 1u);
  wait_ms(20);
  EXPECT_EQ(collect({&second}), text);
  EXPECT_FALSE(log().gone);
  second.send(ack(1, 1 + 3 * kFull).data_ack(1 + 3 * kFull));
  EXPECT_EQ(log().acked, text.size());
}

TEST_F(MptcpSend, TimeOutOnOneSubflowReinjectsOnTheOther) {
  open_both();
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  wait_ms(1000);
  EXPECT_EQ(collect({&second}), "hello");
  EXPECT_GE(counters.mptcp_retransmitted, 1u);
  second.send(ack(1, 6).data_ack(6));
  EXPECT_EQ(log().acked, 5u);
  first.ignore_all();
}

// RX-1: the subflow that lost it still has to deliver its own bytes.
TEST_F(MptcpSend, OriginalSubflowStillRetransmits) {
  open_both();
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  wait_ms(1000);
  second.ignore_all();
  first.ignore_all();
  second.send(ack(1, 6).data_ack(6));
  first.wait_for_segment();
  expect_mapped(first, 1, 1, "hello");
  first.send(ack(1, 6).data_ack(6));
}

TEST_F(MptcpSend, StaleSubflowIsAvoidedAndComesBack) {
  open_both();
  write("hello");
  first.next();
  wait_ms(1000);
  EXPECT_TRUE(subflow(0).stale);
  collect({&first, &second});
  second.send(ack(1, 6).data_ack(6));
  write("new");
  first.ignore_all();
  expect_mapped(second, 6, 6, "new");
  wait_ms(50);
  first.send(ack(1, 6).data_ack(9));
  EXPECT_FALSE(subflow(0).stale);
  second.send(ack(1, 9).data_ack(9));
  write("again");
  expect_mapped(first, 6, 9, "again");
}

// RX-1: delivered by the subflow, never DATA_ACKed: a middlebox acknowledged it, or the peer had no room.
TEST_F(MptcpSend, DataAcknowledgedByTheSubflowAloneIsSentAgain) {
  open();
  join(second);
  write("hello");
  Peer& used = first.waiting() != 0 ? first : second;
  used.next();
  used.send(ack(1, 6).data_ack(1));
  wait_ms(2000);
  EXPECT_EQ(collect({&first, &second}), "hello");
  EXPECT_EQ(log().acked, 0u);
  first.send(ack(1, 1).data_ack(6));
  EXPECT_EQ(log().acked, 5u);
}

// DA-4 seen from the subflow: a reinjected copy whose data is DATA_ACKed meanwhile does no harm.
TEST_F(MptcpSend, DataAckWhileCopiesAreInFlight) {
  open_both();
  const std::string text = pattern(8 * kFull);
  write(text);
  wait_ms(1000);
  first.ignore_all();
  second.ignore_all();
  second.send(ack(1, 1).data_ack(1 + 8 * kFull));
  EXPECT_EQ(log().acked, text.size());
  wait_ms(5000);
  first.send(rst(1));
  first.ignore_all();
  second.ignore_all();
  EXPECT_FALSE(log().gone);
}

// DA-6.
TEST_F(MptcpSend, AcksWithSignalsAreNoDuplicateAcks) {
  open({.sack = false});
  write(pattern(5 * kFull));
  first.ignore_all();
  for (int i = 0; i < 5; ++i) first.send(ack(1, 1).data_ack(1).prio(i % 2));
  first.expect_nothing();
  EXPECT_EQ(counters.tcp_fast_retransmits, 0u);
}

// A segment cut for retransmission keeps mappings that are true.
TEST_F(MptcpSend, PartiallyAcknowledgedSegmentKeepsItsMapping) {
  open();
  write("hello world");
  expect_mapped(first, 1, 1, "hello world");
  first.send(ack(1, 7).data_ack(7));
  first.wait_for_segment();
  expect_mapped(first, 7, 7, "world");
  first.send(ack(1, 12).data_ack(12));
  EXPECT_EQ(log().acked, 11u);
}

TEST_F(MptcpSend, RetransmissionCarriesTheSameMapping) {
  open();
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  first.wait_for_segment();
  expect_mapped(first, 1, 1, "hello");
  first.send(ack(1, 6).data_ack(6));
}

TEST_F(MptcpSend, ChecksumsFollowThePiecesASegmentIsCutInto) {
  side.checksum = true;
  open();
  const std::string text = pattern(1401);
  write(text);
  const Seg whole = first.next();
  EXPECT_EQ(whole.dss().checksum, stack_checksum(1, 1, 1401, text));
  first.send(ack(1, 702).data_ack(702));
  first.wait_for_segment();
  const Seg rest = expect_mapped(first, 702, 702, text.substr(701));
  EXPECT_EQ(rest.dss().checksum, stack_checksum(702, 702, 700, text.substr(701)));
  first.send(ack(1, 1402).data_ack(1402));
}

}  // namespace
}  // namespace tributary::test
