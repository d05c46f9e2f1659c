// What Linux 6.18 does on the wire, played to the stack as responder; each fact has its number (LX-n) in the
// project's notes. Others of them are with their subject: LX-1 capable_test and handshake_test, LX-8
// signal_test, LX-13 send_test.
#include "tests/mptcp/mptcp_script.h"

namespace tributary::test {
namespace {

class MptcpLinux : public MptcpTest {
 protected:
  static constexpr uint32_t kSynData = 24;

  /// LX-2: MP_CAPABLE and payload in the SYN, no fast open option; the stack has answered.
  Seg open_with_syn_data() {
    listen(true, true);
    Seg s = first.make_syn({}).capable();
    s.payload = pattern(kSynData);
    first.send(s);
    return first.expect(kSyn | kAck, 0, 1 + kSynData);
  }
};

// LX-4: a SYN-ACK of the SYN alone would end MPTCP for good.
TEST_F(MptcpLinux, SynPayloadIsAcknowledgedInTheSynAck) {
  const Seg answer = open_with_syn_data();
  EXPECT_TRUE(answer.has_mp(MptcpOptions::kCapable));
  EXPECT_EQ(syn_payload, pattern(kSynData));
}

// LX-3: SYN data is outside of both numberings: the first byte behind it has SSN 1 and DSN IDSN+1.
TEST_F(MptcpLinux, SynPayloadIsOutsideTheDataSequence) {
  open_with_syn_data();
  first.send(ack(1 + kSynData, 1).keys(side));
  expect_data_ack(first, 1);
  first.send(data(1 + kSynData, 1, "first").data_ack(1).map(1, 1, 5));
  expect_data_ack(first, 6);
  EXPECT_EQ(log().received, "first");
  first.send(data(6 + kSynData, 1, " second").data_ack(1).map(6, 6, 7));
  expect_data_ack(first, 13);
  EXPECT_EQ(log().received, "first second");
}

TEST_F(MptcpLinux, SynPayloadThenDataWithTheKeys) {
  open_with_syn_data();
  first.send(data(1 + kSynData, 1, "first").keys(side, 5));
  expect_data_ack(first, 6);
  EXPECT_EQ(log().received, "first");
}

TEST_F(MptcpLinux, AnswerToAnEarlySynCountsFromOne) {
  open_with_syn_data();
  first.send(ack(1 + kSynData, 1).keys(side));
  expect_data_ack(first, 1);
  write("answer");
  expect_mapped(first, 1, 1, "answer");
  first.send(ack(1 + kSynData, 7).data_ack(7));
  EXPECT_EQ(log().acked, 6u);
}

// LX-5: until the first DATA_ACK the kernel does not join; it is sent at once, without waiting for data.
TEST_F(MptcpLinux, FirstDataAckDoesNotWait) {
  listen(true);
  first.send(first.make_syn({}).capable());
  first.expect(kSyn | kAck, 0, 1);
  const Micros before = now();
  first.send(ack(1, 1).keys(side));
  EXPECT_TRUE(first.next().dss().has_data_ack);
  EXPECT_EQ(now(), before);
}

// LX-7: B in the SYN-ACK of a join is the sender's own.
TEST_F(MptcpLinux, BackupFlagIsNotMirrored) {
  open();
  second.send(second.make_syn({}).join_syn(side.stack_token(), kNonce, 1, true));
  EXPECT_FALSE(second.expect(kSyn | kAck, 0, 1).mp().join.backup);
}

// LX-9: DSS goes on in TIME-WAIT; the answer may be a plain ACK.
TEST_F(MptcpLinux, FinRidesWithTheLastDataAck) {
  open();
  join(second);
  first.send(data(1, 1, "last").data_ack(1).map(1, 1, 5).data_fin());
  first.ignore_all();
  second.ignore_all();
  close();
  first.ignore_all();
  second.ignore_all();
  first.send(fin(5, 1).data_ack(2));
  second.send(fin(1, 1).data_ack(2));
  first.ignore_all();
  second.ignore_all();
  first.send(ack(6, 2).data_ack(2));
  second.send(ack(2, 2).data_ack(2));
  EXPECT_TRUE(log().has(kStreamClosed));
  first.ignore_all();
  second.ignore_all();
}

// LX-10: a sender that overruns the data-level window on two subflows. As much again as the window is kept, what does
// not fit is dropped and acknowledged again, and its data-level retransmissions arrive.
TEST_F(MptcpLinux, AnOverrunWindowIsSurvived) {
  settings.receive_budget = 20'000;
  open();
  join(second);
  log().read = false;
  const std::string text = pattern(60'000);
  uint32_t on_first = 0, on_second = 0;
  for (uint32_t at = 0; at < 60'000; at += 1000) {
    const bool one = at / 1000 % 2 == 0;
    uint32_t& seq = one ? on_first : on_second;
    Peer& peer = one ? first : second;
    peer.send(mapped(1 + seq, 1 + at, text.substr(at, 1000)));
    peer.ignore_all();
    seq += 1000;
  }
  EXPECT_EQ(stack().readable(stream()), 40'000u);
  // The reader wakes; the peer repeats from the DATA_ACK on, a chunk at a time. The subflows have taken
  // everything.
  std::string got = read();
  ASSERT_EQ(got, text.substr(0, got.size()));
  release(static_cast<uint32_t>(got.size()));
  log().read = true;
  first.ignore_all();
  second.ignore_all();
  for (int guard = 0; got.size() + log().received.size() < text.size() && guard < 100; ++guard) {
    const uint64_t next = got.size() + log().received.size();
    const std::string chunk = text.substr(next, 1000);
    second.send(mapped(1 + on_second, 1 + next, chunk));
    wait_ms(50);
    Seg answer;
    while (second.waiting() != 0) answer = second.next();
    on_second = answer.ack - 1;
    first.ignore_all();
  }
  EXPECT_EQ(got + log().received, text);
  EXPECT_FALSE(log().gone);
}

// The kernel repeats its SYN without data when the answer takes long; the third ACK may then lack the keys,
// and it falls back.
TEST_F(MptcpLinux, ARepeatedSynWithoutDataGetsTheSameAnswer) {
  const Seg answer = open_with_syn_data();
  Seg again = first.make_syn({}).capable();
  const Key key = answer.mp().capable.sender_key;
  first.send(again);
  const Seg repeated = first.next();
  EXPECT_TRUE(repeated.has(kSyn));
  EXPECT_EQ(repeated.mp().capable.sender_key, key);
}

}  // namespace
}  // namespace tributary::test
