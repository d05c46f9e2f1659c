// MP_JOIN from either side: tokens, HMACs, limits, the fourth packet, address identifiers (RFC 8684 §3.2).
#include "tests/mptcp/mptcp_script.h"
#include "tests/wire/hex.h"

namespace tributary::test {
namespace {

class MptcpJoin : public MptcpTest {
 protected:
  Seg join_syn(uint8_t id = 1, bool backup = false) {
    return second.make_syn({}).join_syn(side.stack_token(), kNonce, id, backup);
  }
  size_t subflows() { return stack().info(stream())->subflows.size(); }
  SubflowInfo subflow(size_t i) { return stack().info(stream())->subflows.at(i); }
  void expect_reset(Peer& peer, const Seg& s, uint8_t reason) {
    EXPECT_TRUE(s.has(kRst));
    ASSERT_TRUE(s.has_mp(MptcpOptions::kTcprst));
    EXPECT_EQ(s.mp().tcprst.reason, reason);
    peer.expect_nothing();
  }
  /// The stack opens a subflow to the second path; its peer answers with `hmac`.
  Seg syn_ack_for(const Seg& first_syn, uint8_t id = 4, bool backup = false) {
    Seg s = syn_ack().mss(1460).sack_ok().wscale(7);
    wire::MpJoin& join = s.options.mptcp.join;
    join = {wire::JoinForm::kSynAck, backup, AddressId{id}, {}, kServerNonce, {}};
    const auto digest = mptcp::join_hmac(side.key, side.stack_key, kServerNonce, first_syn.mp().join.nonce);
    std::copy_n(digest.begin(), 8, join.hmac.begin());
    return s.set_mp(MptcpOptions::kJoin);
  }
  bool open_second(bool backup = false) {
    const bool done = stack().open_subflow(stream(), addr("198.51.100.1"), addr("198.51.100.2"), 80, 1, backup);
    if (done) second.key() = subflow(1).key;
    pass();
    return done;
  }
};

TEST_F(MptcpJoin, GoodJoinAddsASubflow) {
  open();
  join(second);
  EXPECT_EQ(subflows(), 2u);
  EXPECT_EQ(counters.mptcp_join_ack_rx, 1u);
  EXPECT_EQ(stream_count(), 1u) << "a join is no connection";
}

TEST_F(MptcpJoin, SynAckProvesThatWeKnowTheKeys) {
  open();
  second.send(join_syn());
  const wire::MpJoin answer = second.expect(kSyn | kAck, 0, 1).mp().join;
  EXPECT_EQ(answer.form, wire::JoinForm::kSynAck);
  const auto digest = mptcp::join_hmac(side.stack_key, side.key, answer.nonce, kNonce);
  EXPECT_TRUE(std::equal(digest.begin(), digest.begin() + 8, answer.hmac.begin()));
}

// MJ-2, MJ-4; LX-7: B in the SYN-ACK is our own.
TEST_F(MptcpJoin, SynAckHasOurAddressIdentifierAndOurFlags) {
  open();
  second.send(join_syn(9, true));
  const Seg answer = second.expect(kSyn | kAck, 0, 1);
  EXPECT_NE(answer.mp().join.address_id.value, 0) << "another address than the first subflow's";
  EXPECT_FALSE(answer.mp().join.backup);
  EXPECT_EQ(answer.option_bytes.at(12 + 2), 0x10) << "reserved bits are zero";
}

TEST_F(MptcpJoin, JoinToTheFirstAddressHasIdentifierZero) {
  open();
  Peer other(*this, {.remote_port = 40001});
  other.mptcp = &side;
  other.send(other.make_syn({}).join_syn(side.stack_token(), kNonce));
  EXPECT_EQ(other.expect(kSyn | kAck, 0, 1).mp().join.address_id.value, 0);
}

TEST_F(MptcpJoin, EveryAddressHasItsIdentifier) {
  open();
  join(second, {.id = 5});
  EXPECT_EQ(subflow(1).remote_id, 5);
  EXPECT_EQ(subflow(0).local_id, 0);
  EXPECT_EQ(subflow(0).remote_id, 0);
}

// MJ-7: data goes only after the fourth packet; the responder's own may stand for it.
TEST_F(MptcpJoin, FourthPacketAnswersTheThird) {
  open();
  second.send(join_syn());
  const Seg answer = second.expect(kSyn | kAck, 0, 1);
  second.send(join_ack(answer.mp().join.nonce));
  second.expect(kAck, 1, 1);
}

TEST_F(MptcpJoin, LostFourthPacketIsSentAgain) {
  open();
  second.send(join_syn());
  const Seg answer = second.expect(kSyn | kAck, 0, 1);
  for (int i = 0; i < 3; ++i) {
    second.send(join_ack(answer.mp().join.nonce));
    second.expect(kAck, 1, 1);
  }
  EXPECT_EQ(subflows(), 2u);
}

// RFC 8684 §3.2, LX-6.
TEST_F(MptcpJoin, UnknownTokenIsReset) {
  open();
  second.send(second.make_syn({}).join_syn(Token{side.stack_token().value + 1}, kNonce));
  expect_reset(second, second.next(), 1);
  EXPECT_EQ(counters.mptcp_join_no_token, 1u);
}

TEST_F(MptcpJoin, TokenOfAnEndedConnectionIsUnknown) {
  open();
  abort();
  first.ignore_all();
  second.send(join_syn());
  expect_reset(second, second.next(), 1);
}

TEST_F(MptcpJoin, WrongHmacIsReset) {
  open();
  second.send(join_syn());
  const Seg answer = second.expect(kSyn | kAck, 0, 1);
  Seg wrong = join_ack(answer.mp().join.nonce);
  wrong.options.mptcp.join.hmac[19] ^= 1;
  second.send(wrong);
  expect_reset(second, second.next(), 1);
  EXPECT_EQ(subflows(), 1u);
  EXPECT_EQ(counters.mptcp_join_bad_hmac, 1u);
}

// MJ-6.
TEST_F(MptcpJoin, ThirdAckWithoutTheOptionIsReset) {
  open();
  second.send(join_syn());
  second.expect(kSyn | kAck, 0, 1);
  second.send(ack(1, 1));
  expect_reset(second, second.next(), 1);
  EXPECT_EQ(subflows(), 1u);
}

TEST_F(MptcpJoin, TooManySubflowsAreReset) {
  settings.max_subflows_per_connection = 2;
  open();
  join(second);
  third.send(third.make_syn({}).join_syn(side.stack_token(), kNonce, 2));
  const Seg answer = third.next();
  EXPECT_TRUE(answer.has(kRst));
  EXPECT_TRUE(answer.has_mp(MptcpOptions::kTcprst));
  EXPECT_EQ(subflows(), 2u);
}

TEST_F(MptcpJoin, JoinOfAConnectionThatFellBackIsReset) {
  listen(true);
  first.send(syn().mss(1460).capable());
  first.expect(kSyn | kAck, 0, 1);
  first.send(ack(1, 1));
  second.send(join_syn());
  EXPECT_TRUE(second.next().has(kRst));
}

TEST_F(MptcpJoin, HalfOpenJoinIsGivenUp) {
  settings.join_timeout = Micros::seconds(5);
  open();
  second.send(join_syn());
  wait(Micros::seconds(6));
  second.ignore_all();
  EXPECT_EQ(subflows(), 1u);
  EXPECT_EQ(stack().context().half_open, 0u);
  EXPECT_FALSE(log().gone);
}

// MJ-1: by token, not by destination port.
TEST_F(MptcpJoin, JoinNeedsNoListenerOnItsPort) {
  open();
  Peer other(*this, {.remote = "198.51.100.2", .remote_port = 5, .local = "198.51.100.1", .local_port = 9999});
  other.mptcp = &side;
  join(other);
  EXPECT_EQ(subflows(), 2u);
}

// MJ-10.
TEST_F(MptcpJoin, DataOnAJoinedSubflowStartsAtOne) {
  open();
  join(second);
  second.send(mapped(1, 1, "over the second"));
  expect_data_ack(second, 16);
  EXPECT_EQ(log().received, "over the second");
}

TEST_F(MptcpJoin, BackupFlagOfTheSynIsHonoured) {
  open();
  join(second, {.backup = true});
  EXPECT_TRUE(subflow(1).backup);
  EXPECT_FALSE(subflow(0).backup);
}

TEST_F(MptcpJoin, ResetOfAHalfOpenJoinLeavesTheConnection) {
  open();
  second.send(join_syn());
  second.expect(kSyn | kAck, 0, 1);
  second.send(rst(1));
  EXPECT_EQ(subflows(), 1u);
  EXPECT_FALSE(log().gone);
}

// The stack as initiator.

// MC-9.
TEST_F(MptcpJoin, InitiatorWaitsForThePeersFirstDss) {
  open_actively(false);
  EXPECT_FALSE(stack().open_subflow(stream(), addr("198.51.100.1"), addr("198.51.100.2"), 80, 1, false));
  first.send(ack(1, 1).data_ack(1));
  EXPECT_TRUE(open_second());
  second.ignore_all();
}

TEST_F(MptcpJoin, InitiatorJoinsInFourPackets) {
  open_actively();
  ASSERT_TRUE(open_second());
  const Seg s = second.expect(kSyn, 0, 0);
  EXPECT_EQ(s.mp().join.receiver_token, side.token());
  EXPECT_NE(s.mp().join.address_id.value, 0);
  second.send(syn_ack_for(s));
  const Seg proof = second.expect(kAck, 1, 1);
  const auto digest = mptcp::join_hmac(side.stack_key, side.key, s.mp().join.nonce, kServerNonce);
  EXPECT_EQ(proof.mp().join.form, wire::JoinForm::kAck);
  EXPECT_TRUE(std::equal(digest.begin(), digest.begin() + 20, proof.mp().join.hmac.begin()));
  second.send(ack(1, 1).data_ack(1));
  EXPECT_EQ(subflow(1).remote_id, 4);
}

// MJ-7.
TEST_F(MptcpJoin, InitiatorSendsNoDataBeforeTheFourthPacket) {
  open_actively();
  first.send(ack(1, 1).data_ack(1).win(0));
  ASSERT_TRUE(open_second());
  second.send(syn_ack_for(second.next()));
  second.next();
  first.send(rst(1));
  write("must wait");
  second.expect_nothing();
  second.send(ack(1, 1).data_ack(1));
  expect_mapped(second, 1, 1, "must wait");
}

TEST_F(MptcpJoin, InitiatorRepeatsItsThirdAckUntilItIsAnswered) {
  open_actively();
  ASSERT_TRUE(open_second());
  second.send(syn_ack_for(second.next()));
  second.expect(kAck, 1, 1);
  EXPECT_LE(second.wait_for_segment(10'000), 3000);
  EXPECT_EQ(second.expect(kAck, 1, 1).mp().join.form, wire::JoinForm::kAck);
  second.send(ack(1, 1).data_ack(1));
  wait(Micros::seconds(10));
  second.expect_nothing();
}

TEST_F(MptcpJoin, InitiatorResetsASynAckWithAWrongHmac) {
  open_actively();
  ASSERT_TRUE(open_second());
  Seg answer = syn_ack_for(second.next());
  answer.options.mptcp.join.hmac[7] ^= 1;
  second.send(answer);
  expect_reset(second, second.next(), 1);
  EXPECT_EQ(subflows(), 1u);
}

TEST_F(MptcpJoin, InitiatorResetsASynAckWithoutTheOption) {
  open_actively();
  ASSERT_TRUE(open_second());
  second.next();
  second.send(syn_ack().mss(1460));
  expect_reset(second, second.next(), 1);
  EXPECT_FALSE(log().gone);
}

TEST_F(MptcpJoin, InitiatorSaysBackup) {
  open_actively();
  ASSERT_TRUE(open_second(true));
  EXPECT_TRUE(second.next().mp().join.backup);
}

TEST_F(MptcpJoin, RefusedJoinLeavesTheConnection) {
  open_actively();
  ASSERT_TRUE(open_second());
  second.next();
  Seg refusal = rst(0);
  refusal.flags |= kAck;
  refusal.ack = 1;
  second.send(refusal);
  EXPECT_EQ(subflows(), 1u);
  EXPECT_FALSE(log().gone);
}

// MC-4: C in MP_CAPABLE: no more subflows to the address and port it came from; others are free.
TEST_F(MptcpJoin, InitiatorHonoursNoJoinToTheFirstAddress) {
  first.key() = {addr("192.0.2.1"), addr("192.0.2.2"), 4000, 80};
  connect(true);
  first.expect(kSyn, 0, 0);
  Seg answer = syn_ack().mss(1460).capable(1, side.key);
  answer.options.mptcp.capable.no_join_to_source = true;
  first.send(answer);
  first.expect(kAck, 1, 1);
  first.send(ack(1, 1).data_ack(1));
  EXPECT_FALSE(stack().open_subflow(stream(), addr("198.51.100.1"), addr("192.0.2.2"), 80, 0, false));
  EXPECT_TRUE(open_second());
  second.ignore_all();
}

// DF-5: break before make.
TEST_F(MptcpJoin, ConnectionWithoutSubflowsIsTakenUpByAJoin) {
  open();
  write("hello");
  expect_mapped(first, 1, 1, "hello");
  first.send(rst(1));
  EXPECT_FALSE(log().gone);
  wait(Micros::seconds(20));
  second.send(join_syn());
  second.send(join_ack(second.next().mp().join.nonce));
  wait_ms(10);
  std::string sent;
  while (second.waiting() != 0) sent += second.next().payload;
  EXPECT_EQ(sent, "hello");
  second.send(ack(1, 6).data_ack(6));
  wait(Micros::seconds(120));
  EXPECT_FALSE(log().gone) << "the time-out of a connection without subflows is over";
  second.send(mapped(1, 1, "still here", 6));
  expect_data_ack(second, 11);
}

TEST_F(MptcpJoin, NewSubflowsHaveTheConnectionsCodePoint) {
  dscp = 46;
  open();
  first.send(rst(1));  // nothing is left to take it from
  second.send(join_syn());
  const Seg answer = second.next();
  EXPECT_EQ(answer.traffic_class, 46 << 2);
  second.send(join_ack(answer.mp().join.nonce));
  EXPECT_EQ(second.next().traffic_class, 46 << 2);
}

TEST_F(MptcpJoin, ConnectionWithoutSubflowsIsGivenUp) {
  settings.close_timeout = Micros::seconds(30);
  open();
  first.send(rst(1));
  wait(Micros::seconds(29));
  EXPECT_FALSE(log().gone);
  wait(Micros::seconds(2));
  EXPECT_TRUE(log().has(kStreamReset));
  EXPECT_EQ(stack().context().tokens.size(), 0u);
}

}  // namespace
}  // namespace tributary::test
