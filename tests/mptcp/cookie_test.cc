// MPTCP through SYN cookies: our key is found again when the third ACK brings it back (RFC 8684 §3.1: "a stateless
// server").
#include "tests/mptcp/mptcp_script.h"

namespace tributary::test {
namespace {

class MptcpCookie : public MptcpTest {
 protected:
  MptcpCookie() { settings.syn_cookies_from = 0; }
  /// SYN with MP_CAPABLE and its answer.
  Seg answer() {
    if (stack().context().listeners.empty()) listen(true);
    first.send(first.make_syn({.timestamps = true}).capable());
    return first.expect(kSyn | kAck, 0, 1);
  }
  void expect_plain(const Seg& third_ack) {
    first.send(third_ack);
    EXPECT_FALSE(stack().info(stream())->mptcp);
    first.send(data(1, 1, "plain"));
    EXPECT_EQ(first.expect(kAck, 1, 6).mp().present, 0);
    EXPECT_EQ(log().received, "plain");
  }
};

TEST_F(MptcpCookie, ThirdAckWithBothKeysEstablishes) {
  open({.timestamps = true});
  EXPECT_EQ(counters.tcp_syncookies_received, 1u);
  EXPECT_EQ(counters.mptcp_capable_ack_rx, 1u);
  EXPECT_TRUE(incoming.at(0).mptcp);
  const StreamInfo info = *stack().info(stream());
  EXPECT_TRUE(info.mptcp && !info.fallback);
  EXPECT_EQ(info.token, side.stack_token().value);
}

TEST_F(MptcpCookie, NothingIsKeptUntilThen) {
  EXPECT_TRUE(answer().has_mp(MptcpOptions::kCapable));
  EXPECT_TRUE(stack().idle());
  EXPECT_EQ(stack().context().tokens.size(), 0u);
}

TEST_F(MptcpCookie, DataFlowsAndASecondSubflowJoins) {
  open();
  first.send(mapped(1, 1, "hello"));
  expect_data_ack(first, 6);
  join(second);
  second.send(mapped(1, 6, " world"));
  expect_data_ack(second, 12);
  EXPECT_EQ(log().received, "hello world");
  write("back");
  expect_mapped(second, 1, 1, "back");  // the first has no round-trip time yet
}

TEST_F(MptcpCookie, FirstDataStandsForALostThirdAck) {
  answer();
  first.send(data(1, 1, "hello").keys(side, 5));
  expect_data_ack(first, 6);
  EXPECT_EQ(log().received, "hello");
}

TEST_F(MptcpCookie, ChecksumsAreAsTheThirdAckConfirmsThem) {
  listen(true);
  Seg wanted = first.make_syn({}).capable();
  wanted.options.mptcp.capable.checksum_required = true;
  first.send(wanted);
  EXPECT_TRUE(first.expect(kSyn | kAck, 0, 1).mp().capable.checksum_required);
  Seg third_ack = ack(1, 1).keys(side);
  third_ack.options.mptcp.capable.checksum_required = true;
  first.send(third_ack);
  expect_data_ack(first, 1);
  write("summed");
  EXPECT_TRUE(expect_mapped(first, 1, 1, "summed").dss().has_checksum);
}

TEST_F(MptcpCookie, ThirdAckWithoutKeysIsTcp) {
  answer();
  expect_plain(ack(1, 1));
}

TEST_F(MptcpCookie, ThirdAckWithAnotherKeyIsTcp) {
  answer();
  expect_plain(ack(1, 1).capable(2, side.key, Key{side.stack_key.value ^ 1}));
}

TEST_F(MptcpCookie, ATakenTokenIsNotOffered) {
  answer();
  ASSERT_TRUE(stack().context().tokens.insert(side.stack_token(), 0));
  EXPECT_FALSE(answer().has_mp(MptcpOptions::kCapable)) << "the same SYN would get the same key";
  stack().context().tokens.erase(side.stack_token());
}

TEST_F(MptcpCookie, ATokenTakenMeanwhileMakesItTcp) {
  answer();
  ASSERT_TRUE(stack().context().tokens.insert(side.stack_token(), 0));
  expect_plain(ack(1, 1).keys(side));
  stack().context().tokens.erase(side.stack_token());
}

TEST_F(MptcpCookie, TheTokenNamesThisWorker) {
  settings.workers = 8;
  settings.worker = WorkerId{5};
  for (uint16_t port = 1; port <= 10; ++port) {
    first.key().remote_port = port;
    EXPECT_TRUE(answer().has_mp(MptcpOptions::kCapable));
    EXPECT_EQ(side.stack_token().value % 8, 5u);
    first.send(ack(1, 1).keys(side));
    expect_data_ack(first, 1);
  }
}

// They need the nonces of both sides; how many there can be the connections say.
TEST_F(MptcpCookie, JoinsAreKeptButNoMoreThanTheConnectionTakes) {
  settings.max_subflows_per_connection = 2;
  open();
  const auto ask = [this](Peer& peer) {
    peer.send(peer.make_syn({}).join_syn(side.stack_token(), kNonce));
    return peer.next();
  };
  EXPECT_TRUE(ask(second).has_mp(MptcpOptions::kJoin));
  EXPECT_EQ(stack().context().half_open, 1u);
  const Seg refusal = ask(third);
  EXPECT_TRUE(refusal.has(kRst));
  EXPECT_EQ(stack().context().half_open, 1u);
  EXPECT_EQ(counters.tcp_syncookies_sent, 1u);
}

TEST_F(MptcpCookie, RefusingAfterTheThirdAckEndsTheConnection) {
  defer = true;
  open();
  stack().refuse(stream());
  log().gone = true;
  pass();
  EXPECT_TRUE(first.next().has(kRst));
  EXPECT_TRUE(stack().idle());
}

}  // namespace
}  // namespace tributary::test
