// Addresses and what else is said in options beside data: ADD_ADDR, REMOVE_ADDR, MP_TCPRST (RFC 8684 §3.4,
// §3.6).
#include "tests/mptcp/mptcp_script.h"

namespace tributary::test {
namespace {

class MptcpSignal : public MptcpTest {
 protected:
  /// An ADD_ADDR of the peer with a good HMAC.
  Seg add_addr(uint8_t id, std::string_view address, std::optional<uint16_t> port = {}) const {
    Seg s = ack(1, 1);
    wire::AddAddr& add = s.options.mptcp.add_addr;
    add.address_id = AddressId{id};
    add.address = addr(address);
    add.has_port = port.has_value();
    add.port = port.value_or(0);
    add.hmac = mptcp::add_addr_hmac(side.key, side.stack_key, add.address_id, add.address, add.port);
    return s.set_mp(MptcpOptions::kAddAddr);
  }
  Seg remove_addr(std::initializer_list<uint8_t> ids) const {
    Seg s = ack(1, 1).data_ack(1);
    for (uint8_t id : ids) s.options.mptcp.remove_addr.address_ids[s.options.mptcp.remove_addr.count++] = AddressId{id};
    return s.set_mp(MptcpOptions::kRemoveAddr);
  }
  void expect_echo(const Seg& announced) {
    const Seg echo = first.expect(kAck, 1, 1);
    ASSERT_TRUE(echo.has_mp(MptcpOptions::kAddAddr));
    wire::AddAddr expected = announced.mp().add_addr;
    expected.echo = true;
    expected.hmac = 0;
    EXPECT_EQ(echo.mp().add_addr, expected);
  }
  size_t subflows() { return stack().info(stream())->subflows.size(); }
};

// AA-2.
TEST_F(MptcpSignal, AddAddrIsEchoedWithoutHmac) {
  open();
  for (const Seg& s : {add_addr(3, "198.51.100.7"), add_addr(3, "198.51.100.7", 8443), add_addr(4, "2001:db8::7"),
                       add_addr(4, "2001:db8::7", 8443)}) {
    first.send(s);
    expect_echo(s);
  }
  EXPECT_EQ(counters.mptcp_add_addr, 4u);
}

// LX-8: repeated until echoed.
TEST_F(MptcpSignal, RepeatedAddAddrIsEchoedAgain) {
  open();
  const Seg s = add_addr(3, "198.51.100.7");
  for (int i = 0; i < 3; ++i) {
    first.send(s);
    expect_echo(s);
  }
}

TEST_F(MptcpSignal, AddAddrOfV6FitsBesideTimestamps) {
  open({.timestamps = true});
  Seg s = add_addr(4, "2001:db8::7");
  first.send(s);
  expect_echo(s);
}

// AA-1.
TEST_F(MptcpSignal, AddAddrWithABadHmacIsIgnored) {
  open();
  Seg s = add_addr(3, "198.51.100.7");
  s.options.mptcp.add_addr.hmac ^= 1;
  first.send(s);
  first.expect_nothing();
  EXPECT_EQ(counters.mptcp_add_addr_bad_hmac, 1u);
  EXPECT_EQ(counters.mptcp_echo_add, 0u);
}

TEST_F(MptcpSignal, EchoOfWhatWeNeverSaidIsIgnored) {
  open();
  Seg s = add_addr(3, "198.51.100.7");
  s.options.mptcp.add_addr.echo = true;
  first.send(s);
  first.expect_nothing();
}

// RA-1.
TEST_F(MptcpSignal, RemoveAddrTakesItsSubflowDown) {
  open();
  join(second, {.id = 5});
  join(third, {.id = 6});
  first.send(remove_addr({5}));
  first.ignore_all();
  wait_ms(2000);
  bool closed = false;
  while (second.waiting() != 0) closed |= second.next().has(kRst | kFin);
  EXPECT_TRUE(closed);
  EXPECT_EQ(subflows(), 2u);
  EXPECT_EQ(counters.mptcp_rm_addr, 1u);
}

TEST_F(MptcpSignal, RemoveAddrOfSeveralAddresses) {
  open();
  join(second, {.id = 5});
  join(third, {.id = 6});
  first.send(remove_addr({5, 6, 9}));
  wait_ms(2000);
  first.ignore_all();
  second.ignore_all();
  third.ignore_all();
  EXPECT_EQ(subflows(), 1u);
  EXPECT_FALSE(log().gone);
}

TEST_F(MptcpSignal, RemoveAddrOfAnUnknownAddressIsIgnored) {
  open();
  join(second, {.id = 5});
  first.send(remove_addr({77}));
  EXPECT_EQ(subflows(), 2u);
  first.ignore_all();
}

TEST_F(MptcpSignal, RemovedSubflowsDataGoesOutOnAnother) {
  open({.rtt = Micros::milliseconds(50)});
  join(second, {.id = 5, .rtt = Micros::milliseconds(5)});
  write("hello");
  expect_mapped(second, 1, 1, "hello");
  first.send(remove_addr({5}));
  wait_ms(2000);
  bool found = false;
  while (first.waiting() != 0) found |= first.next().payload == "hello";
  EXPECT_TRUE(found);
  second.ignore_all();
}

// RST-1, RST-2.
TEST_F(MptcpSignal, ResetWithAReasonKillsItsSubflow) {
  open();
  join(second);
  Seg s = rst(1);
  s.options.mptcp.tcprst = {.transient = true, .reason = 5};
  second.send(s.set_mp(MptcpOptions::kTcprst));
  EXPECT_EQ(subflows(), 1u);
  EXPECT_EQ(counters.mptcp_rst_rx, 1u);
}

TEST_F(MptcpSignal, SignalsOnTheOtherSubflowCount) {
  open();
  join(second);
  const Seg s = add_addr(3, "198.51.100.7");
  second.send(s);
  EXPECT_TRUE(second.next().has_mp(MptcpOptions::kAddAddr));
}

// §3.1: options that make no sense on this connection are left alone.
TEST_F(MptcpSignal, StrayOptionsAreIgnored) {
  open();
  first.send(ack(1, 1).data_ack(1).join_syn(side.stack_token(), 1));
  first.ignore_all();
  first.send(ack(1, 1).data_ack(1).capable());
  first.ignore_all();
  first.send(mapped(1, 1, "fine"));
  expect_data_ack(first, 5);
  EXPECT_EQ(log().received, "fine");
}

}  // namespace
}  // namespace tributary::test
