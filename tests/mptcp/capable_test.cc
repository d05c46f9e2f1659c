// MP_CAPABLE from either side: key delivery, versions, flags, and what falls back to TCP (RFC 8684 §3.1,
// §3.7).
#include "tests/mptcp/mptcp_script.h"
#include "tests/wire/hex.h"

namespace tributary::test {
namespace {

class MptcpCapable : public MptcpTest {
 protected:
  /// Sends a SYN with this MP_CAPABLE and returns the answer.
  Seg answer_to(const wire::MpCapable& capable) {
    listen(true);
    Seg s = syn().mss(1460).capable();
    s.options.mptcp.capable = capable;
    first.send(s);
    return first.expect(kSyn | kAck, 0, 1);
  }
  /// Past a SYN-ACK: the third ACK, whatever it is, ends in plain TCP in both directions.
  void expect_tcp_after(const Seg& third_ack) {
    first.send(third_ack);
    first.ignore_all();
    first.send(data(1, 1, "plain"));
    EXPECT_EQ(first.expect(kAck, 1, 6).mp().present, 0);
    EXPECT_EQ(log().received, "plain");
    write("too");
    EXPECT_EQ(first.expect_data(1, 6, "too").mp().present, 0);
    first.send(ack(6, 4));
    EXPECT_EQ(log().acked, 3u);
  }
  bool fell_back() { return stack().info(stream())->fallback; }
};

TEST_F(MptcpCapable, SynAckCarriesOurKeyAndOneAlgorithm) {
  const Seg answer = answer_to({});
  const wire::MpCapable& capable = answer.mp().capable;
  ASSERT_TRUE(answer.has_mp(MptcpOptions::kCapable));
  EXPECT_EQ(capable.version, 1);
  EXPECT_EQ(capable.keys, 1);
  EXPECT_EQ(capable.algorithms, 0x01);
  EXPECT_FALSE(capable.checksum_required || capable.extensibility);
  EXPECT_TRUE(incoming[0].mptcp);
}

// LX-1.
TEST_F(MptcpCapable, SynAckHasLinuxOptionOrder) {
  listen(true);
  first.ts_value = 0x01020304;
  first.send(first.make_syn({.timestamps = true}).capable());
  const Seg answer = first.expect(kSyn | kAck, 0, 1);
  Bytes expected = from_hex("020405b4 0402080a 00000000 01020304 01030307 1e0c0101 00000000 00000000");
  wire::store32(&expected[8], answer.options.ts_value);
  wire::store64(&expected[24], side.stack_key.value);
  EXPECT_EQ(answer.option_bytes, expected);
}

TEST_F(MptcpCapable, ThirdAckWithBothKeysEstablishes) {
  open();
  EXPECT_TRUE(log().has(kStreamEstablished));
  const StreamInfo info = *stack().info(stream());
  EXPECT_TRUE(info.mptcp);
  EXPECT_FALSE(info.fallback);
  EXPECT_EQ(info.token, side.stack_token().value);
  EXPECT_EQ(counters.mptcp_capable_ack_rx, 1u);
}

// LX-5: the peer waits for a DATA_ACK before it joins, so the third ACK is answered with one.
TEST_F(MptcpCapable, ThirdAckIsAnsweredWithADataAck) {
  answer_to({});
  first.send(ack(1, 1).keys(side));
  expect_data_ack(first, 1);
}

// RFC 8684 §3.1 (MC-7): the first data repeats the keys and has its length.
TEST_F(MptcpCapable, ThirdAckWithDataEstablishesAndDelivers) {
  answer_to({});
  first.send(data(1, 1, "hello").keys(side, 5));
  expect_data_ack(first, 6);
  EXPECT_EQ(log().received, "hello");
}

TEST_F(MptcpCapable, LostThirdAckIsMadeUpForByDataWithTheKeys) {
  answer_to({});
  first.send(data(1, 1, "hello").keys(side, 5));
  first.ignore_all();
  first.send(mapped(6, 6, " world"));
  expect_data_ack(first, 12);
  EXPECT_EQ(log().received, "hello world");
  EXPECT_FALSE(fell_back());
}

TEST_F(MptcpCapable, DataWithTheKeysAfterTheThirdAckIsTaken) {
  open();
  first.send(data(1, 1, "hello").keys(side, 5));
  expect_data_ack(first, 6);
  EXPECT_EQ(log().received, "hello");
}

TEST_F(MptcpCapable, ThirdAckAndDataInOneBurstAreBothTaken) {
  answer_to({});
  first.send({ack(1, 1).keys(side), data(1, 1, "hello").keys(side, 5)});
  expect_data_ack(first, 6);
  EXPECT_EQ(log().received, "hello");
}

// MC-8: segmentation offload copies the option to every piece.
TEST_F(MptcpCapable, KeysRepeatedOnEveryPieceOfTheFirstMapping) {
  open();
  first.send({data(1, 1, "hello").keys(side, 11), data(6, 1, " world").keys(side, 11)});
  expect_data_ack(first, 12);
  EXPECT_EQ(log().received, "hello world");
}

TEST_F(MptcpCapable, KeysWithDataAfterOurOwnDataAreTaken) {
  open();
  write("server first");
  expect_mapped(first, 1, 1, "server first");
  first.send(data(1, 13, "hello").keys(side, 5));
  expect_data_ack(first, 6);
  EXPECT_EQ(log().received, "hello");
}

TEST_F(MptcpCapable, RepeatedThirdAckIsAnsweredAgain) {
  open();
  first.send(ack(1, 1).keys(side));
  expect_data_ack(first, 1);
}

TEST_F(MptcpCapable, SynWithoutTheOptionIsAnsweredWithoutIt) {
  listen(true);
  first.send(syn().mss(1460));
  EXPECT_EQ(first.expect(kSyn | kAck, 0, 1).mp().present, 0);
  EXPECT_FALSE(incoming[0].mptcp);
}

TEST_F(MptcpCapable, ListenerWithoutMptcpAnswersWithoutIt) {
  listen(false);
  first.send(syn().mss(1460).capable());
  EXPECT_EQ(first.expect(kSyn | kAck, 0, 1).mp().present, 0);
  first.send(ack(1, 1));
  EXPECT_FALSE(stack().info(stream())->mptcp);
}

struct Ignored {
  const char* name;
  wire::MpCapable capable;
};
void PrintTo(const Ignored& ignored, std::ostream* out) {
  *out << ignored.name;
}
class MptcpIgnored : public MptcpCapable, public testing::WithParamInterface<Ignored> {};

// MC-3, MC-5, MC-12.
TEST_P(MptcpIgnored, CapableNotUnderstoodIsTcp) {
  const Seg answer = answer_to(GetParam().capable);
  EXPECT_EQ(answer.mp().present, 0);
  first.send(ack(1, 1));
  EXPECT_FALSE(stack().info(stream())->mptcp);
}
INSTANTIATE_TEST_SUITE_P(All, MptcpIgnored,
                         testing::Values(Ignored{"Version0", {.version = 0, .keys = 1, .sender_key = Key{5}}},
                                         Ignored{"Extensibility", {.extensibility = true}},
                                         Ignored{"NoAlgorithm", {.algorithms = 0}},
                                         Ignored{"OtherAlgorithm", {.algorithms = 0x02}}),
                         [](const auto& test) { return test.param.name; });

TEST_F(MptcpCapable, OneOfSeveralAlgorithmsIsChosen) {
  EXPECT_EQ(answer_to({.algorithms = 0x1f}).mp().capable.algorithms, 0x01);
}

// MC-1: the answer's version is not above the offered, and is one we have.
TEST_F(MptcpCapable, LaterVersionIsAnsweredWithOurs) {
  const Seg answer = answer_to({.version = 2});
  ASSERT_TRUE(answer.has_mp(MptcpOptions::kCapable));
  EXPECT_EQ(answer.mp().capable.version, 1);
}

TEST_F(MptcpCapable, WhatIsWrittenBeforeTheHandshakeIsSentAfterIt) {
  first.key() = {addr("192.0.2.1"), addr("192.0.2.2"), 4000, 80};
  connect(true, "192.0.2.2", ConnectOptions::FastOpen::kCookie, "early");
  const Seg asked = first.expect(kSyn, 0, 0);
  EXPECT_TRUE(asked.payload.empty()) << "Fast Open is for plain TCP";
  EXPECT_FALSE(asked.options.has(wire::TcpOptions::kFastOpen));
  first.send(syn_ack().mss(1460).sack_ok().wscale(7).capable(1, side.key));
  const Seg confirming = first.next();
  EXPECT_EQ(confirming.mp().capable.keys, 2);
  const Seg data = confirming.payload.empty() ? first.next() : confirming;
  EXPECT_EQ(data.payload, "early");
  first.send(ack(1, 6).data_ack(6));
  EXPECT_EQ(log().acked, 5u);
}

TEST_F(MptcpCapable, ThirdAckWithoutKeysIsTcp) {
  answer_to({});
  expect_tcp_after(ack(1, 1));
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(counters.mptcp_fallback_ack, 1u);
}

// MC-10.
TEST_F(MptcpCapable, ThirdAckWithWrongKeyIsTcp) {
  answer_to({});
  expect_tcp_after(ack(1, 1).capable(2, side.key, Key{12345}));
  EXPECT_TRUE(fell_back());
}

TEST_F(MptcpCapable, DataWithoutOptionsInTheThirdAckIsTcp) {
  answer_to({});
  first.send(data(1, 1, "plain"));
  EXPECT_EQ(first.expect(kAck, 1, 6).mp().present, 0);
  EXPECT_EQ(log().received, "plain");
  EXPECT_TRUE(fell_back());
}

// RFC 8684 §3.7: options vanish on everything behind the handshake.
TEST_F(MptcpCapable, DataWithoutMappingBeforeAnyDssIsTcp) {
  open();
  first.send(data(1, 1, "plain"));
  first.expect(kAck, 1, 6);
  EXPECT_EQ(log().received, "plain");
  EXPECT_TRUE(fell_back());
}

TEST_F(MptcpCapable, AcknowledgementWithoutDssBeforeAnyDssIsTcp) {
  open();
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  first.send(ack(1, 6));
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(log().acked, 5u);
}

// MC-2: either side's A bit turns checksums on for both.
TEST_F(MptcpCapable, ChecksumAskedForByThePeerIsUsed) {
  side.checksum = true;
  open();
  write("hello");
  const Seg s = expect_mapped(first, 1, 1, "hello");
  EXPECT_TRUE(s.dss().has_checksum);
  EXPECT_EQ(s.dss().checksum, stack_checksum(1, 1, 5, "hello"));
  first.send(ack(1, 6).data_ack(6));
}

TEST_F(MptcpCapable, ChecksumAskedForByUsIsAnnounced) {
  settings.mptcp_checksum = true;
  EXPECT_TRUE(answer_to({}).mp().capable.checksum_required);
  Seg third_ack = data(1, 1, "hello").keys(side, 5);
  third_ack.options.mptcp.capable.checksum_required = third_ack.options.mptcp.capable.has_checksum = true;
  third_ack.options.mptcp.capable.checksum = checksum(1, 1, 5, "hello");
  first.send(third_ack);
  expect_data_ack(first, 6);
}

// Vector of the checksum itself: DSN 62815714b76ae9a6, SSN 1, "hello" is 6180.
TEST_F(MptcpCapable, ChecksumVector) {
  EXPECT_EQ(checksum(1, 1, 5, "hello"), 0x6180);
}

TEST_F(MptcpCapable, TokensAndTablesAreGivenBackWhenTheHandshakeFails) {
  answer_to({});
  first.send(rst(1));
  EXPECT_TRUE(log().gone);
  EXPECT_EQ(stack().context().connections.size(), 0u);
  EXPECT_EQ(stack().context().tokens.size(), 0u);
}

TEST_F(MptcpCapable, FullConnectionTableMeansTcp) {
  settings.max_connections = 1;
  open();
  Peer other(*this, {.remote_port = 2});
  other.send(syn().mss(1460).capable());
  EXPECT_EQ(other.expect(kSyn | kAck, 0, 1).mp().present, 0);
}

// The stack as initiator.

TEST_F(MptcpCapable, InitiatorSendsKeysInTheThirdAck) {
  open_actively(false);
  EXPECT_TRUE(log().has(kStreamEstablished));
}

TEST_F(MptcpCapable, InitiatorSynHasLinuxLayout) {
  first.key() = {addr("192.0.2.1"), addr("192.0.2.2"), 4000, 80};
  connect(true);
  const Seg s = first.expect(kSyn, 0, 0);
  Bytes expected = from_hex("020405b4 0402080a 00000000 00000000 01030307 1e040101");
  wire::store32(&expected[8], s.options.ts_value);
  EXPECT_EQ(s.option_bytes, expected);
}

TEST_F(MptcpCapable, InitiatorRepeatsKeysOnItsFirstData) {
  open_actively(false);
  write("hello");
  const Seg s = first.expect_data(1, 1, "hello");
  ASSERT_TRUE(s.has_mp(MptcpOptions::kCapable));
  EXPECT_EQ(s.mp().capable.keys, 2);
  EXPECT_EQ(s.mp().capable.sender_key, side.stack_key);
  EXPECT_EQ(s.mp().capable.receiver_key, side.key);
  EXPECT_EQ(s.mp().capable.data_length, 5);
  first.send(ack(1, 6).data_ack(6));
  EXPECT_EQ(log().acked, 5u);
  write("!");
  expect_mapped(first, 6, 6, "!");
  first.send(ack(1, 7).data_ack(7));
}

TEST_F(MptcpCapable, InitiatorMapsWithDssOnceThePeerHasSpoken) {
  open_actively();
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  first.send(ack(1, 6).data_ack(6));
}

TEST_F(MptcpCapable, InitiatorFallsBackWithoutTheOptionInTheSynAck) {
  first.key() = {addr("192.0.2.1"), addr("192.0.2.2"), 4000, 80};
  connect(true);
  first.expect(kSyn, 0, 0);
  first.send(syn_ack().mss(1460));
  EXPECT_EQ(first.expect(kAck, 1, 1).mp().present, 0);
  write("plain");
  EXPECT_EQ(first.expect_data(1, 1, "plain").mp().present, 0);
  first.send(data(1, 6, "too"));
  first.expect(kAck, 6, 4);
  EXPECT_EQ(log().received, "too");
  EXPECT_EQ(log().acked, 5u);
  EXPECT_TRUE(fell_back());
}

TEST_F(MptcpCapable, InitiatorFallsBackWhenItsKeyedDataIsAnsweredWithoutDss) {
  open_actively(false);
  write("hello");
  first.expect_data(1, 1, "hello");
  first.send(ack(1, 6));
  EXPECT_TRUE(fell_back());
  EXPECT_EQ(log().acked, 5u);
}

TEST_F(MptcpCapable, InitiatorTakesDataThatComesBeforeItsOwn) {
  open_actively(false);
  first.send(mapped(1, 1, "banner"));
  expect_data_ack(first, 7);
  EXPECT_EQ(log().received, "banner");
}

}  // namespace
}  // namespace tributary::test
