// Receiving at the data level: DSS in all its lengths, mappings, duplicates, reassembly across subflows, the
// shared window, checksums (RFC 8684 §3.3, §3.7).
#include "tests/mptcp/mptcp_script.h"

namespace tributary::test {
namespace {

class MptcpReceive : public MptcpTest {
 protected:
  size_t subflows() { return stack().info(stream())->subflows.size(); }
};

struct Form {
  bool has_ack, ack_64, dsn_64, checksum;
};
void PrintTo(const Form& f, std::ostream* out) {
  *out << (f.has_ack ? f.ack_64 ? "Ack64" : "Ack32" : "NoAck") << (f.dsn_64 ? "Dsn64" : "Dsn32")
       << (f.checksum ? "Checksum" : "");
}
class MptcpDss : public MptcpReceive, public testing::WithParamInterface<Form> {
 protected:
  Seg dss(uint32_t seq, uint64_t dsn, std::string_view payload, uint64_t data_ack, uint32_t tcp_ack) {
    Seg s = data(seq, tcp_ack, payload);
    const auto length = static_cast<uint16_t>(payload.size());
    s.map(dsn, seq, length, GetParam().dsn_64);
    if (GetParam().has_ack) s.data_ack(data_ack, GetParam().ack_64);
    if (GetParam().checksum) s.dss_checksum(checksum(dsn, seq, length, payload));
    return s;
  }
};

// Lengths 14 to 28: every combination of A, a, m and checksum.
TEST_P(MptcpDss, EveryFormDeliversAndAcknowledges) {
  side.checksum = GetParam().checksum;
  open();
  write("down");
  first.next();
  first.send(dss(1, 1, "hello ", 1, 5));
  expect_data_ack(first, 7);
  first.send(dss(7, 7, "world", 5, 5));
  const Seg answer = expect_data_ack(first, 12);
  EXPECT_EQ(log().received, "hello world");
  EXPECT_EQ(log().acked, GetParam().has_ack ? 4u : 0u) << "only a DATA_ACK acknowledges (DA-7)";
  EXPECT_TRUE(answer.dss().data_ack_64 || !GetParam().dsn_64) << "DS-5";
  first.send(ack(12, 5).data_ack(5));
}
INSTANTIATE_TEST_SUITE_P(All, MptcpDss,
                         testing::Values(Form{false, false, false, false}, Form{false, false, true, false},
                                         Form{true, false, false, false}, Form{true, true, false, false},
                                         Form{true, false, true, false}, Form{true, true, true, false},
                                         Form{false, false, false, true}, Form{false, false, true, true},
                                         Form{true, false, false, true}, Form{true, true, false, true},
                                         Form{true, false, true, true}, Form{true, true, true, true}),
                         [](const auto& test) { return testing::PrintToString(test.param); });

// DS-4.
TEST_F(MptcpReceive, ShortSequenceNumbersWrapAround) {
  side.key = Key{0};
  // A key whose IDSN is close below a multiple of 2^32, so that the low half wraps early.
  while ((side.idsn() & 0xffffffff) < 0xffffff00 && side.key.value < 40'000'000) ++side.key.value;
  ASSERT_GE(side.idsn() & 0xffffffff, 0xffffff00u);
  open();
  const std::string text = pattern(600);
  for (uint32_t at = 0; at < 600; at += 100)
    first.send(data(1 + at, 1, text.substr(at, 100)).map(1 + at, 1 + at, 100, false));
  first.ignore_all();
  EXPECT_EQ(log().received, text);
}

// DS-3.
TEST_F(MptcpReceive, OneMappingCoversSeveralSegments) {
  open();
  first.send(data(1, 1, "one ").data_ack(1).map(1, 1, 13));
  first.send(data(5, 1, "two "));
  first.send(data(9, 1, "three"));
  for (uint64_t data_ack : {5, 9, 14}) expect_data_ack(first, data_ack);
  EXPECT_EQ(log().received, "one two three");
}

TEST_F(MptcpReceive, MappingThatComesWithALaterSegmentOfItsRangeCounts) {
  open();
  first.send(mapped(1, 1, "start "));
  first.ignore_all();
  // In order of sequence the mapping of [7, 13) comes first, though its second half arrives before.
  first.send({data(10, 1, "two").data_ack(1).map(7, 7, 6), data(7, 1, "one").data_ack(1).map(7, 7, 6)});
  first.ignore_all();
  EXPECT_EQ(log().received, "start onetwo");
}

TEST_F(MptcpReceive, SegmentMayEndOneMappingAndBeginTheNext) {
  open();
  first.send(data(1, 1, "one ").data_ack(1).map(1, 1, 8));
  first.send(data(5, 1, "two three").data_ack(1).map(9, 9, 5));
  first.ignore_all();
  EXPECT_EQ(log().received, "one two three");
}

// A middlebox joined two segments and kept one of the options: the rest is left to the data level's
// retransmission.
TEST_F(MptcpReceive, BytesBehindTheMappingAreNotDelivered) {
  open();
  first.send(data(1, 1, "mapped+unmapped").data_ack(1).map(1, 1, 6));
  first.ignore_all();
  EXPECT_EQ(log().received, "mapped");
  first.send(data(16, 1, "+unmapped").data_ack(1).map(7, 16, 9));
  first.ignore_all();
  EXPECT_EQ(log().received, "mapped+unmapped");
}

// DS-2: the first arrival counts, on whatever subflow.
TEST_F(MptcpReceive, DuplicateOnTheOtherSubflowIsIgnored) {
  open();
  join(second);
  first.send(mapped(1, 1, "hello"));
  expect_data_ack(first, 6);
  second.send(mapped(1, 1, "HELLO world"));
  expect_data_ack(second, 12);
  EXPECT_EQ(log().received, "hello world");
  second.send(mapped(12, 1, "hello"));
  expect_data_ack(second, 12);
  EXPECT_EQ(log().received, "hello world");
  EXPECT_GE(counters.mptcp_duplicate_data, 1u);
}

TEST_F(MptcpReceive, DataIsPutInOrderAcrossSubflows) {
  open();
  join(second);
  const std::string text = pattern(50);
  second.send(mapped(1, 11, text.substr(10, 10)));
  expect_data_ack(second, 1);
  second.send(mapped(11, 31, text.substr(30, 20)));
  expect_data_ack(second, 1);
  first.send(mapped(1, 1, text.substr(0, 10)));
  expect_data_ack(first, 21);
  first.send(mapped(11, 21, text.substr(20, 10)));
  expect_data_ack(first, 51);
  EXPECT_EQ(log().received, text);
}

TEST_F(MptcpReceive, OverlapsAcrossSubflowsFitTogether) {
  open();
  join(second);
  const std::string text = pattern(60);
  second.send(mapped(1, 21, text.substr(20, 20)));
  first.send(mapped(1, 41, text.substr(40, 20)));
  second.send(mapped(21, 11, text.substr(10, 40)));
  first.send(mapped(21, 1, text.substr(0, 15)));
  first.ignore_all();
  second.ignore_all();
  EXPECT_EQ(log().received, text);
}

TEST_F(MptcpReceive, DataOrderQueueIsBounded) {
  settings.max_out_of_order = 5;
  open();
  for (uint32_t i = 0; i < 10; ++i) first.send(mapped(1 + i, 100 + 2 * i, "x"));
  first.ignore_all();
  EXPECT_EQ(counters.mptcp_ofo_queued, 5u);
}

// A hole of the subflow: TCP's business, mappings wait with their payload.
TEST_F(MptcpReceive, HoleInASubflowIsSackedAndFilled) {
  open();
  first.send(mapped(6, 6, "world"));
  const Seg answer = expect_data_ack(first, 1);
  EXPECT_EQ(answer.options.sack_count, 1);
  first.send(mapped(1, 1, "hello"));
  expect_data_ack(first, 11);
  EXPECT_EQ(log().received, "helloworld");
}

// RFC 8684 §3.3.4: one window for all, relative to the DATA_ACK.
TEST_F(MptcpReceive, WindowIsSharedByTheSubflows) {
  settings.receive_budget = 64'000;
  open();
  join(second);
  log().read = false;
  first.send(mapped(1, 1, pattern(1280)));
  const int one = 1280 + (expect_data_ack(first, 1281).window << 7);
  second.send(mapped(1, 1281, pattern(1280)));
  const int two = 2560 + (expect_data_ack(second, 2561).window << 7);
  EXPECT_NEAR(one, 64'000 - 1460, 1460) << "opens by whole segments";
  EXPECT_NEAR(two, one, 127);
}

// DA-2.
TEST_F(MptcpReceive, WindowNeverShrinks) {
  settings.receive_budget = 100'000;
  open();
  first.send(mapped(1, 1, "x"));
  const uint32_t edge = 2 + (uint32_t{expect_data_ack(first, 2).window} << 7);
  stack().set_receive_budget(stream(), 10'000);
  log().read = false;
  for (uint32_t seq = 2; seq < 40'000; seq += 1000) {
    first.send(mapped(seq, seq, pattern(1000)));
    const Seg answer = expect_data_ack(first, seq + 1000);
    ASSERT_GT(seq + 1000 + (uint32_t{answer.window} << 7), edge - 128);
    ASSERT_LE(seq + 1000 + (uint32_t{answer.window} << 7), edge + 127);
  }
}

TEST_F(MptcpReceive, WindowReopensOnEverySubflow) {
  settings.receive_budget = 12'800;
  open();
  join(second);
  log().read = false;
  for (uint32_t i = 0; i < 10; ++i) first.send(mapped(1 + i * 1280, 1 + i * 1280, pattern(1280)));
  while (first.waiting() > 1) first.next();
  EXPECT_EQ(expect_data_ack(first, 12'801).window, 0);
  read();
  release(12'800);
  for (Peer* peer : {&first, &second}) {
    const int window = expect_data_ack(*peer, 12'801).window << 7;
    EXPECT_GE(window, 12'800 * 3 / 4 - 1460) << "opens by whole segments";
    EXPECT_LE(window, 12'800);
  }
}

// DS-9, LX-10: a peer that overruns the window: keep what fits, acknowledge again, stay bounded.
TEST_F(MptcpReceive, DataBeyondTheDataWindowIsDroppedAndRecovered) {
  settings.receive_budget = 12'800;
  open({.wscale = -1});
  join(second);
  first.ignore_all();
  const uint32_t data_buffers = counters.mptcp_ofo_queued;
  // The subflow's own window would take it; the data level's edge does not.
  second.send(mapped(1, 1'000'001, pattern(1000)));
  expect_data_ack(second, 1);
  EXPECT_EQ(counters.mptcp_ofo_queued, data_buffers);
  EXPECT_EQ(counters.mptcp_outside_window, 1u);
  second.send(mapped(1001, 1, "hello"));
  expect_data_ack(second, 6);
  EXPECT_EQ(log().received, "hello");
}

TEST_F(MptcpReceive, DataAcrossTheEdgeOfTheWindowIsTrimmed) {
  settings.receive_budget = 2000;
  open({.wscale = -1});
  log().read = false;
  join(second);
  first.send(mapped(1, 1, pattern(1400)));
  expect_data_ack(first, 1401);
  first.send(mapped(1401, 1401, pattern(1400, 1400)));  // beyond what was promised, and taken: LX-10
  expect_data_ack(first, 2801);
  second.send(mapped(1, 2801, pattern(1400, 2800)));
  expect_data_ack(second, 4001);
  EXPECT_EQ(read(), pattern(4000));
}

TEST_F(MptcpReceive, MemoryStaysBoundedWhateverThePeerSends) {
  settings.receive_budget = 50'000;
  open();
  log().read = false;
  join(second);
  for (uint32_t i = 0; i < 400; ++i) {
    Peer& peer = i % 2 ? second : first;
    peer.send(mapped(1 + i / 2 * 1000, 1 + i * 1000, pattern(1000)));
    peer.ignore_all();
  }
  EXPECT_LE(stack().readable(stream()), 101'000u);
}

// DS-7, §3.7: on a connection that has seen DSS.
TEST_F(MptcpReceive, PayloadWithoutMappingResetsTheJoinedSubflow) {
  open();
  join(second);
  first.send(mapped(1, 1, "x"));
  expect_data_ack(first, 2);
  second.send(data(1, 1, "no mapping").data_ack(1));
  wait_ms(100);
  while (second.waiting() > 1) second.next();
  const Seg answer = second.next();
  EXPECT_TRUE(answer.has(kRst));
  EXPECT_EQ(answer.mp().tcprst.reason, 6);
  EXPECT_FALSE(log().gone);
  EXPECT_EQ(log().received, "x");
}

// DS-6.
TEST_F(MptcpReceive, ChecksumThatWasNotNegotiatedResetsTheSubflow) {
  open();
  join(second);
  second.send(mapped(1, 1, "hello").dss_checksum(checksum(1, 1, 5, "hello")));
  const Seg answer = second.next();
  EXPECT_TRUE(answer.has(kRst));
  EXPECT_EQ(answer.mp().tcprst.reason, 1);
  EXPECT_EQ(log().received, "");
  EXPECT_EQ(subflows(), 1u);
}

TEST_F(MptcpReceive, MissingChecksumResetsTheSubflow) {
  side.checksum = true;
  open();
  join(second);
  second.send(mapped(1, 1, "hello"));
  EXPECT_TRUE(second.next().has(kRst));
  EXPECT_EQ(log().received, "");
}

TEST_F(MptcpReceive, ChecksumOfAMappingOverSeveralSegments) {
  side.checksum = true;
  open();
  const std::string text = pattern(301);
  first.send(data(1, 1, text.substr(0, 101)).data_ack(1).map(1, 1, 301).dss_checksum(checksum(1, 1, 301, text)));
  first.send(data(102, 1, text.substr(101, 99)));
  EXPECT_EQ(log().received, "") << "nothing before the whole mapping is verified";
  first.send(data(201, 1, text.substr(200)));
  first.ignore_all();
  EXPECT_EQ(log().received, text);
}

TEST_F(MptcpReceive, MappingRepeatedOnEveryPieceWithItsChecksum) {
  side.checksum = true;
  open();
  const std::string text = pattern(300);
  const uint16_t sum = checksum(1, 1, 300, text);
  for (uint32_t at = 0; at < 300; at += 100)
    first.send(data(1 + at, 1, text.substr(at, 100)).data_ack(1).map(1, 1, 300).dss_checksum(sum));
  first.ignore_all();
  EXPECT_EQ(log().received, text);
}

// §3.7: with another subflow the broken one is reset, with MP_FAIL naming the start of the mapping.
TEST_F(MptcpReceive, WrongChecksumResetsTheSubflowWithMpFail) {
  side.checksum = true;
  open();
  join(second);
  const std::string good = "hello";
  second.send(mapped(1, 1, good).dss_checksum(checksum(1, 1, 5, good)));
  expect_data_ack(second, 6);
  second.send(mapped(6, 6, "wxrld").dss_checksum(checksum(6, 6, 5, "world")));
  const Seg answer = second.next();
  EXPECT_TRUE(answer.has(kRst));
  ASSERT_TRUE(answer.has_mp(MptcpOptions::kFail));
  EXPECT_EQ(answer.mp().fail.dsn.raw() - side.idsn(), 6u);
  EXPECT_EQ(log().received, "hello") << "what failed is not delivered";
  first.send(mapped(1, 6, "world").dss_checksum(checksum(6, 1, 5, "world")));
  expect_data_ack(first, 11);
  EXPECT_EQ(log().received, "helloworld");
}

// §3.7, FB-2: Data-Level Length zero is the infinite mapping.
TEST_F(MptcpReceive, InfiniteMappingIsTcpFromThere) {
  open();
  first.send(mapped(1, 1, "mapped "));
  first.ignore_all();
  first.send(data(8, 1, "and ").data_ack(1).map(8, 8, 0));
  first.send(data(12, 1, "plain"));
  first.ignore_all();
  EXPECT_EQ(log().received, "mapped and plain");
  EXPECT_TRUE(stack().info(stream())->fallback);
}

// AA-6: options count only after TCP's own checks.
TEST_F(MptcpReceive, OptionsOfUnacceptableSegmentsAreNotHeard) {
  open();
  write("hello");
  first.next();
  first.send(ack(1, 9000).data_ack(6));
  first.expect(kAck, 6, 1);
  EXPECT_EQ(log().acked, 0u);
  first.send(ack(1, 6).data_ack(6));
}

TEST_F(MptcpReceive, DataAckOfUnsentDataIsIgnored) {
  open();
  write("hello");
  first.next();
  first.send(ack(1, 6).data_ack(500));
  EXPECT_EQ(log().acked, 0u);
  first.send(ack(1, 6).data_ack(6));
  EXPECT_EQ(log().acked, 5u);
}

}  // namespace
}  // namespace tributary::test
