// Fast Open (RFC 7413), both roles: cookies, payload in the SYN, and everything that may become of it.
#include <algorithm>
#include <set>

#include "tests/tcp/script.h"
#include "tests/wire/hex.h"

namespace tributary::test {
namespace {

using tcp::FastOpenCache;
using tcp::FastOpenKeys;

FlowKey flow(std::string_view local, std::string_view remote) {
  return {addr(local), addr(remote), 80, 40000};
}

TEST(SipKeys, AreReadInLinuxsForm) {
  const SipKey expected{0x0000000200000001, 0x0000000400000003};
  EXPECT_EQ(parse_sip_key("00000001-00000002-00000003-00000004"), expected);
  EXPECT_EQ(parse_sip_key("00000001000000020000000300000004"), expected);
  EXPECT_EQ(parse_sip_key("ABCDEF01-abcdef01-00000000-00000000")->low, 0xabcdef01abcdef01u);
  for (const char* wrong :
       {"", "1", "00000001-00000002-00000003-0000000", "00000001-00000002-00000003-000000045", "-0000000100000002",
        "0000-0001000000020000000300000004", "0000000g-00000002-00000003-00000004"})
    EXPECT_FALSE(parse_sip_key(wrong)) << wrong;
}

// What a Linux server with this key gives out.
TEST(FastOpenCookies, AreThoseOfLinux) {
  SeededRandom random;
  FastOpenKeys keys({*parse_sip_key("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4")}, random);
  const auto cookie = keys.make(flow("192.168.0.1", "192.0.2.1"));
  EXPECT_EQ(Bytes(cookie.begin(), cookie.end()), from_hex("3021b9d889017eeb"));
  keys.replace({SipKey{}});
  const auto other = keys.make(flow("192.168.0.1", "192.0.2.1"));
  EXPECT_EQ(Bytes(other.begin(), other.end()), from_hex("b7c12350a90dc8f5"));
}

TEST(FastOpenCookies, BelongToAPairOfAddressesAndAKey) {
  SeededRandom random;
  const SipKey first{1, 2}, second{3, 4}, third{5, 6};
  using Verdict = FastOpenKeys::Verdict;
  for (const auto& [local, remote, other] :
       {std::tuple{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, std::tuple{"2001:db8::1", "2001:db8::2", "2001:db8::3"}}) {
    FastOpenKeys keys({first}, random);
    const FlowKey key = flow(local, remote);
    auto cookie = keys.make(key);
    EXPECT_EQ(keys.check(key, cookie), Verdict::kGood);
    EXPECT_EQ(keys.check(key, std::span(cookie).first(6)), Verdict::kGood);
    EXPECT_EQ(keys.check(key, std::span(cookie).first(4)), Verdict::kBad) << "too short to be safe";
    EXPECT_EQ(keys.check(flow(local, other), cookie), Verdict::kBad);
    keys.replace({second, first});
    EXPECT_EQ(keys.check(key, cookie), Verdict::kOld);
    EXPECT_NE(keys.make(key), cookie);
    keys.replace({third, second});
    EXPECT_EQ(keys.check(key, cookie), Verdict::kBad);
    keys.replace({first});
    for (size_t bit = 0; bit < 64; ++bit) {
      cookie[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      EXPECT_EQ(keys.check(key, cookie), Verdict::kBad) << bit;
      cookie[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    }
  }
}

TEST(FastOpenCookies, WithoutAKeyOneIsDrawn) {
  SeededRandom random;
  FastOpenKeys keys({}, random);
  const FlowKey key = flow("192.0.2.1", "192.0.2.2");
  EXPECT_EQ(keys.check(key, keys.make(key)), FastOpenKeys::Verdict::kGood);
  EXPECT_NE(keys.make(key), FastOpenKeys({SipKey{}}, random).make(key));
}

TEST(FastOpenCache, IsBoundedAndKeepsWhatIsUsed) {
  FastOpenCache cache(64, Micros::seconds(3600), 7);
  const Bytes cookie = from_hex("0102030405060708");
  const auto server = [](uint32_t i) { return FlowKey{addr("192.0.2.1"), IpAddress::v4(0x0a000000 + i), 0, 0}; };
  for (uint32_t i = 0; i < 10'000; ++i) {
    cache.learn(server(i), cookie, false, 1460, Micros(i + 1));
    ASSERT_NE(cache.find(server(i)), nullptr);
    cache.learn(server(0), cookie, false, 1460, Micros(i + 1));
  }
  EXPECT_LE(cache.size(), 64u);
  EXPECT_NE(cache.find(server(0)), nullptr) << "used all the time";
  EXPECT_EQ(cache.find(server(5000)), nullptr);
}

TEST(FastOpenCache, WithoutRoomKeepsNothing) {
  FastOpenCache cache(0, Micros::seconds(3600), 7);
  const FlowKey key = flow("192.0.2.1", "192.0.2.2");
  cache.learn(key, from_hex("01020304"), false, 1460, Micros(1));
  cache.note_timeout(key, Micros(1));
  EXPECT_EQ(cache.find(key), nullptr);
}

TEST(FastOpenCache, ABlackHoleIsLeftAloneTwiceAsLongEachTime) {
  FastOpenCache cache(64, Micros::seconds(3600), 7);
  const FlowKey key = flow("192.0.2.1", "192.0.2.2");
  Micros now = Micros::seconds(10);
  for (int64_t hours : {1, 2, 4, 8, 16, 32, 64, 64, 64}) {
    cache.note_timeout(key, now);
    EXPECT_EQ(cache.find(key)->shut_until - now, Micros::seconds(3600) * hours);
    now = cache.find(key)->shut_until;
  }
  cache.note_timeout(key, now);
  cache.note_success(key, now);
  EXPECT_LE(cache.find(key)->shut_until, now);
  cache.note_timeout(key, now);
  EXPECT_EQ(cache.find(key)->shut_until - now, Micros::seconds(3600));
}

class FastOpenServer : public ScriptTest {
 protected:
  FastOpenServer() { fast_open = FastOpen::kCookie; }
  static Seg syn_with(std::span<const uint8_t> cookie, std::string_view payload) {
    Seg s = syn().mss(1460).fast_open(cookie);
    s.payload = payload;
    return s;
  }
  /// What a client at `peer`'s address is given.
  Bytes cookie_for(Peer& peer) {
    const auto cookie = stack().context().fast_open_keys.make(peer.key());
    return Bytes(cookie.begin(), cookie.end());
  }
  uint32_t pending() { return stack().context().fast_open_pending; }
};

TEST_F(FastOpenServer, ARequestIsAnsweredWithACookie) {
  listen();
  Peer peer(*this);
  peer.send(syn_with({}, ""));
  const Seg answer = peer.expect(kSyn | kAck, 0, 1);
  EXPECT_EQ(answer.cookie(), cookie_for(peer));
  EXPECT_EQ(counters.tcp_fast_open_cookie_requests, 1u);
  peer.send(ack(1, 1));
  EXPECT_TRUE(log().has(kStreamEstablished));
}

TEST_F(FastOpenServer, PayloadWithARequestIsLeftToBeSentAgain) {
  listen();
  Peer peer(*this);
  peer.send(syn_with({}, "request"));
  EXPECT_EQ(peer.expect(kSyn | kAck, 0, 1).cookie().size(), 8u);
  peer.send(data(1, 1, "request"));
  peer.expect(kAck, 1, 8);
  EXPECT_EQ(log().received, "request");
}

TEST_F(FastOpenServer, PayloadWithACookieIsTakenAndAnsweredAtOnce) {
  listen();
  for (const auto& [remote, local] : {std::pair{"192.0.2.2", "192.0.2.1"}, std::pair{"2001:db8::2", "2001:db8::1"}}) {
    Peer peer(*this, {.remote = remote, .local = local});
    peer.send(syn_with(cookie_for(peer), "request"));
    const Seg answer = peer.expect(kSyn | kAck, 0, 8);
    EXPECT_FALSE(answer.options.has(wire::TcpOptions::kFastOpen)) << "it has a good one";
    EXPECT_EQ(syn_payload, "request");
    EXPECT_EQ(pending(), 1u);
    write("answer");
    peer.expect_data(1, 8, "answer");
    EXPECT_FALSE(log().has(kStreamEstablished));
    peer.send(ack(8, 7));
    EXPECT_TRUE(log().has(kStreamEstablished));
    EXPECT_EQ(pending(), 0u);
    peer.send(data(8, 7, " more"));
    peer.expect(kAck, 7, 13);
    EXPECT_EQ(log().received, " more");
  }
  EXPECT_EQ(counters.tcp_fast_open_passive, 2u);
}

// RFC 7413 appendix A: the option's older form, from clients that know no other.
TEST_F(FastOpenServer, TheExperimentalFormIsAnsweredInKind) {
  listen();
  Peer peer(*this);
  const Bytes cookie = cookie_for(peer);
  peer.send(syn().mss(1460).fast_open_experimental());
  const Seg answer = peer.expect(kSyn | kAck, 0, 1);
  EXPECT_TRUE(answer.options.fast_open_experimental);
  EXPECT_EQ(answer.cookie(), cookie);
  EXPECT_EQ(counters.tcp_fast_open_cookie_requests, 1u);

  Peer second(*this, {.remote_port = 40001});
  Seg s = syn().mss(1460).fast_open_experimental(cookie);
  s.payload = "request";
  second.send(s);
  EXPECT_FALSE(second.expect(kSyn | kAck, 0, 8).options.has(wire::TcpOptions::kFastOpen)) << "it has a good one";
  EXPECT_EQ(syn_payload, "request");

  Peer third(*this, {.remote_port = 40002});
  Bytes wrong = cookie;
  wrong[0] ^= 1;
  s.fast_open_experimental(wrong);
  third.send(s);
  const Seg replaced = third.expect(kSyn | kAck, 0, 1);
  EXPECT_TRUE(replaced.options.fast_open_experimental);
  EXPECT_EQ(replaced.cookie(), cookie);
}

TEST_F(FastOpenServer, ARepeatedSynIsAnsweredAlikeAndDeliveredOnce) {
  listen();
  Peer peer(*this);
  const Bytes cookie = cookie_for(peer);
  peer.send(syn_with(cookie, "request"));
  peer.expect(kSyn | kAck, 0, 8);
  peer.send(syn_with(cookie, "request"));
  peer.expect(kSyn | kAck, 0, 8);
  EXPECT_EQ(incoming.size(), 1u);
}

TEST_F(FastOpenServer, AWrongCookieIsReplacedAndThePayloadLeft) {
  listen();
  Peer peer(*this);
  Bytes wrong = cookie_for(peer);
  wrong[3] ^= 1;
  peer.send(syn_with(wrong, "request"));
  EXPECT_EQ(peer.expect(kSyn | kAck, 0, 1).cookie(), cookie_for(peer));
  EXPECT_TRUE(syn_payload.empty());
  EXPECT_EQ(counters.tcp_fast_open_passive_fail, 1u);
}

TEST_F(FastOpenServer, ACookieOfAnotherAddressIsWrong) {
  listen();
  Peer peer(*this), other(*this, {.remote = "192.0.2.3"});
  peer.send(syn_with(cookie_for(other), "request"));
  peer.expect(kSyn | kAck, 0, 1);
}

// Rotation: nodes take each other's cookies while their keys differ.
TEST_F(FastOpenServer, ACookieOfTheKeyBeforeIsTakenAndReplaced) {
  const SipKey now{1, 2}, before{3, 4};
  settings.fast_open_keys = {now, before};
  listen();
  Peer peer(*this);
  const auto old = FastOpenKeys({before}, stack().context().random).make(peer.key());
  peer.send(syn_with(old, "request"));
  EXPECT_EQ(peer.expect(kSyn | kAck, 0, 8).cookie(), cookie_for(peer));
  EXPECT_EQ(syn_payload, "request");
}

TEST_F(FastOpenServer, KeysMayChangeWhileItRuns) {
  const SipKey before{3, 4}, now{1, 2};
  settings.fast_open_keys = {before};
  listen();
  Peer early(*this, {.remote_port = 1}), late(*this, {.remote_port = 2});
  const Bytes old = cookie_for(early);
  stack().context().fast_open_keys.replace({now, before});
  early.send(syn_with(old, "request"));
  EXPECT_EQ(early.expect(kSyn | kAck, 0, 8).cookie(), cookie_for(early)) << "the other one in its place";
  EXPECT_NE(cookie_for(early), old);
  stack().context().fast_open_keys.replace({now});
  late.send(syn_with(old, "request"));
  late.expect(kSyn | kAck, 0, 1);
  EXPECT_EQ(counters.tcp_fast_open_passive_fail, 1u);
}

// RFC 7413 §5.1.
TEST_F(FastOpenServer, OnlySoManyMayBePending) {
  settings.max_fast_open = 2;
  listen();
  Peer a(*this, {.remote_port = 1}), b(*this, {.remote_port = 2}), c(*this, {.remote_port = 3}),
      d(*this, {.remote_port = 4});
  for (Peer* peer : {&a, &b}) {
    peer->send(syn_with(cookie_for(*peer), "request"));
    peer->expect(kSyn | kAck, 0, 8);
  }
  c.send(syn_with(cookie_for(c), "request"));
  c.expect(kSyn | kAck, 0, 1);
  EXPECT_EQ(counters.tcp_fast_open_overflow, 1u);
  a.send(ack(8, 1));
  b.send(rst(8));
  EXPECT_EQ(pending(), 0u);
  d.send(syn_with(cookie_for(d), "request"));
  d.expect(kSyn | kAck, 0, 8);
}

TEST_F(FastOpenServer, AListenerWithoutItIgnoresTheOption) {
  fast_open = FastOpen::kOff;
  listen();
  Peer peer(*this);
  peer.send(syn_with(cookie_for(peer), "request"));
  EXPECT_FALSE(peer.expect(kSyn | kAck, 0, 1).options.has(wire::TcpOptions::kFastOpen));
}

TEST_F(FastOpenServer, AListenerMayTakePayloadWithoutACookieAndGiveOneAllTheSame) {
  for (const bool convert : {false, true}) {
    fast_open = convert ? FastOpen::kCookie : FastOpen::kNoCookie;
    stack().context().listeners.clear();
    listen(false, convert);
    const uint64_t before = counters.tcp_fast_open_passive;
    const auto port = static_cast<uint16_t>(convert ? 10 : 20);
    Peer peer(*this, {.remote_port = port}), other(*this, {.remote_port = static_cast<uint16_t>(port + 1)});
    peer.send(syn_with({}, "request"));
    EXPECT_EQ(peer.expect(kSyn | kAck, 0, 8).cookie(), cookie_for(peer));
    Seg bare = syn().mss(1460);
    bare.payload = "bare";
    other.send(bare);
    other.expect(kSyn | kAck, 0, 5);
    EXPECT_EQ(counters.tcp_fast_open_passive - before, 2u);
  }
}

TEST_F(FastOpenServer, WithoutCookiesOnlySoManyMayBePendingEither) {
  fast_open = FastOpen::kNoCookie;
  settings.max_fast_open = 1;
  listen();
  Peer first(*this, {.remote_port = 1}), second(*this, {.remote_port = 2});
  first.send(syn_with({}, "request"));
  first.expect(kSyn | kAck, 0, 8);
  second.send(syn_with({}, "request"));
  second.expect(kSyn | kAck, 0, 1);
  EXPECT_EQ(counters.tcp_fast_open_overflow, 1u);
}

TEST_F(FastOpenServer, ConvertIsNotHeldToTheirNumber) {
  settings.max_fast_open = 0;
  listen(false, true);
  Peer peer(*this);
  peer.send(syn_with({}, "request"));
  peer.expect(kSyn | kAck, 0, 8);
}

TEST_F(FastOpenServer, UnderAFloodThePayloadIsNotTaken) {
  settings.syn_cookies_from = 0;
  listen();
  Peer peer(*this);
  peer.send(syn_with(cookie_for(peer), "request"));
  EXPECT_FALSE(peer.expect(kSyn | kAck, 0, 1).options.has(wire::TcpOptions::kFastOpen));
  EXPECT_EQ(pending(), 0u);
}

// TF-3: MSS, SACK, timestamps, scale, MP_CAPABLE with a key, and a cookie: forty bytes.
TEST_F(FastOpenServer, BesideMpCapableTheCookieIsShort) {
  listen(true);
  Peer peer(*this);
  MptcpSide side;
  peer.mptcp = &side;
  peer.send(peer.make_syn({.timestamps = true}).capable().fast_open());
  const Seg answer = peer.expect(kSyn | kAck, 0, 1);
  EXPECT_EQ(answer.option_bytes.size(), 40u);
  EXPECT_TRUE(answer.has_mp(wire::MptcpOptions::kCapable));
  ASSERT_EQ(answer.cookie().size(), 6u);
  Peer again(*this, {.remote_port = 2});
  again.send(syn_with(answer.cookie(), "request"));
  again.expect(kSyn | kAck, 0, 8);
}

class FastOpenClient : public ScriptTest {
 protected:
  const Bytes kCookie = from_hex("a1b2c3d4e5f60718");
  Peer server{*this, Peer::server()};

  void open(std::string_view early, FastOpen how = FastOpen::kCookie) { connect(false, "192.0.2.2", how, early); }
  /// A first connection, to get a cookie.
  void learn(uint16_t mss = 1460) {
    open("");
    EXPECT_EQ(server.expect(kSyn, 0, 0).options.fast_open_size, 0);
    server.send(syn_ack().mss(mss).fast_open(kCookie));
    server.expect(kAck, 1, 1);
    leave();
  }
  void leave() {
    abort();
    server.ignore_all();
  }
  Seg syn_ack_of(uint32_t bytes) {
    Seg s = syn_ack().mss(1460);
    s.ack = 1 + bytes;
    return s;
  }
};

TEST_F(FastOpenClient, TheFirstConnectionAsksForACookieAndSendsItsDataAfterwards) {
  open("hello");
  const Seg first = server.expect(kSyn, 0, 0);
  EXPECT_TRUE(first.options.has(wire::TcpOptions::kFastOpen));
  EXPECT_EQ(first.options.fast_open_size, 0);
  EXPECT_TRUE(first.payload.empty());
  server.send(syn_ack().mss(1460).fast_open(kCookie));
  server.expect_data(1, 1, "hello");
  server.send(ack(1, 6));
  EXPECT_EQ(log().acked, 5u);
  EXPECT_EQ(stack().context().fast_open_cache.size(), 1u);
}

TEST_F(FastOpenClient, WithACookieTheDataIsInTheSyn) {
  learn();
  open("hello");
  const Seg first = server.expect(kSyn, 0, 0);
  EXPECT_EQ(first.cookie(), kCookie);
  EXPECT_EQ(first.payload, "hello");
  wait_ms(10);
  server.send(syn_ack_of(5));
  server.expect(kAck, 6, 1);
  EXPECT_TRUE(log().has(kStreamEstablished));
  EXPECT_EQ(log().acked, 5u);
  EXPECT_EQ(counters.tcp_fast_open_active, 1u);
  EXPECT_NEAR(stack().info(stream())->subflows[0].srtt_us, 10'000, 10);
  write("more");
  server.expect_data(6, 1, "more");
  server.send(ack(1, 10));
  EXPECT_EQ(log().acked, 9u);
}

TEST_F(FastOpenClient, WithNothingToSendTheSynBringsTheCookieAlone) {
  learn();
  open("");
  const Seg first = server.expect(kSyn, 0, 0);
  EXPECT_EQ(first.cookie(), kCookie);
  EXPECT_TRUE(first.payload.empty());
}

TEST_F(FastOpenClient, AServerWithoutACookieIsAskedInTheOtherFormOnce) {
  for (const bool experimental : {false, true, false, false}) {
    open("hello");
    const Seg first = server.expect(kSyn, 0, 0);
    EXPECT_TRUE(first.options.has(wire::TcpOptions::kFastOpen));
    EXPECT_EQ(first.options.fast_open_experimental, experimental);
    server.send(syn_ack().mss(1460));
    server.expect_data(1, 1, "hello");
    abort();
    server.ignore_all();
  }
}

TEST_F(FastOpenClient, ACookieGoesBackInTheFormItCame) {
  for (const bool experimental : {true, false, true}) {
    open("");
    server.expect(kSyn, 0, 0);
    Seg answer = syn_ack().mss(1460).fast_open(kCookie);
    answer.options.fast_open_experimental = experimental;
    server.send(answer);
    server.expect(kAck, 1, 1);
    abort();
    server.ignore_all();
    open("hello");
    const Seg second = server.expect(kSyn, 0, 0);
    EXPECT_EQ(second.options.fast_open_experimental, experimental);
    EXPECT_EQ(second.cookie(), kCookie);
    EXPECT_EQ(second.payload, "hello");
    abort();
    server.ignore_all();
  }
}

// RFC 7413 §4.1.3.2: it limits the next SYN's payload, cookie or not.
TEST_F(FastOpenClient, TheLatestMssGoesWithTheCookie) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  Seg answer = syn_ack_of(5);
  answer.mss(300);
  server.send(answer);
  server.expect(kAck, 6, 1);
  abort();
  server.ignore_all();
  open(pattern(1000));
  const Seg first = server.expect(kSyn, 0, 0);
  EXPECT_LE(first.payload.size(), 300u);
  EXPECT_GE(first.payload.size(), 260u);
}

TEST_F(FastOpenClient, DataThatWasNotTakenIsSentAgainAtOnce) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  server.send(syn_ack_of(0));
  server.expect_data(1, 1, "hello");
  server.send(ack(1, 6));
  EXPECT_EQ(log().acked, 5u);
  EXPECT_EQ(counters.tcp_fast_open_active_fail, 1u);
}

TEST_F(FastOpenClient, WhatWasNotTakenOfItIsSentAgain) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  server.send(syn_ack_of(2));
  server.expect_data(3, 1, "llo");
  server.send(ack(1, 6));
  EXPECT_EQ(log().acked, 5u);
}

TEST_F(FastOpenClient, AnAckBeyondTheDataIsReset) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  server.send(syn_ack_of(6));
  server.expect(kRst, 7, 0);
  server.send(syn_ack_of(5));
  server.expect(kAck, 6, 1);
}

TEST_F(FastOpenClient, ANewCookieReplacesTheOld) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  const Bytes fresh = from_hex("01020304");
  server.send(syn_ack_of(0).fast_open(fresh));
  server.expect_data(1, 1, "hello");
  leave();
  open("hello");
  EXPECT_EQ(server.expect(kSyn, 0, 0).cookie(), fresh);
}

// RFC 7413 §4.1.3.1.
TEST_F(FastOpenClient, TheSynFitsTheMssThatCameWithTheCookie) {
  learn(1000);
  open(pattern(1400));
  const Seg first = server.expect(kSyn, 0, 0);
  EXPECT_EQ(first.payload.size(), 1000 - first.option_bytes.size());
  EXPECT_EQ(first.payload, pattern(first.payload.size()));
  const auto size = static_cast<uint32_t>(first.payload.size());
  server.send(syn_ack_of(size));
  server.expect_data(1 + size, 1, pattern(1400 - size, size));
}

TEST_F(FastOpenClient, ASynThatIsNotAnsweredIsRepeatedWithoutAnything) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  EXPECT_NEAR(server.wait_for_segment(), 1000, 1);
  const Seg again = server.expect(kSyn, 0, 0);
  EXPECT_TRUE(again.payload.empty());
  EXPECT_FALSE(again.options.has(wire::TcpOptions::kFastOpen));
  server.send(syn_ack_of(0));
  server.expect_data(1, 1, "hello");
}

TEST_F(FastOpenClient, AnAnswerToTheFirstSynAfterTheSecondIsGood) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  server.wait_for_segment();
  server.expect(kSyn, 0, 0);
  server.send(syn_ack_of(5));
  server.expect(kAck, 6, 1);
  EXPECT_EQ(log().acked, 5u);
}

TEST_F(FastOpenClient, ABlackHoleIsLeftAloneForAnHour) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  server.wait_for_segment();
  leave();
  EXPECT_EQ(counters.tcp_fast_open_blackhole, 1u);
  open("hello");
  const Seg plain = server.expect(kSyn, 0, 0);
  EXPECT_TRUE(plain.payload.empty());
  EXPECT_FALSE(plain.options.has(wire::TcpOptions::kFastOpen));
  server.send(syn_ack_of(0));
  server.expect_data(1, 1, "hello");
  leave();
  wait(Micros::seconds(3600));
  open("hello");
  EXPECT_EQ(server.expect(kSyn, 0, 0).payload, "hello");
  server.wait_for_segment();
  leave();
  wait(Micros::seconds(2 * 3600 - 10));
  open("hello");
  EXPECT_TRUE(server.expect(kSyn, 0, 0).payload.empty()) << "two hours, the second time";
}

TEST_F(FastOpenClient, PayloadThatWasTakenAfterAllIsNoSignOfABlackHole) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  server.wait_for_segment();
  server.expect(kSyn, 0, 0);
  server.send(syn_ack_of(5));  // the first SYN has come, its answer was lost
  server.expect(kAck, 6, 1);
  leave();
  open("hello");
  EXPECT_EQ(server.expect(kSyn, 0, 0).payload, "hello");
}

// A relay repeats its SYN when its client does, which may be a duplicate of the network's (RFC 8803 §9.3).
TEST_F(FastOpenClient, ASynRepeatedBeforeItsTimeIsNoSignOfABlackHole) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  stack().retransmit_syn(stream());
  pass();
  EXPECT_TRUE(server.expect(kSyn, 0, 0).payload.empty());
  server.send(syn_ack_of(5));
  server.expect(kAck, 6, 1);
  EXPECT_EQ(counters.tcp_fast_open_blackhole, 0u);
}

// RFC 7413 §4.2.2: the server may answer at once.
TEST_F(FastOpenClient, PayloadOfTheSynAckIsTaken) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  Seg answer = syn_ack_of(5);
  answer.payload = "welcome";
  server.send(answer);
  server.expect(kAck, 6, 8);
  EXPECT_TRUE(log().has(kStreamEstablished));
  EXPECT_EQ(log().received, "welcome");
  server.send(data(8, 6, " back"));
  server.expect(kAck, 6, 13);
  EXPECT_EQ(log().received, "welcome back");
}

TEST_F(FastOpenClient, AnAnswerRightBehindTheSynAckIsTaken) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  server.send({syn_ack_of(5), data(1, 6, "welcome"), fin(8, 6)});
  server.expect(kAck, 6, 9);
  EXPECT_EQ(log().received, "welcome");
  EXPECT_TRUE(log().has(kStreamEnd));
}

TEST_F(FastOpenClient, ASynAckMayEndTheStreamToo) {
  open("", FastOpen::kOff);
  server.expect(kSyn, 0, 0);
  Seg answer = syn_ack_of(0).with(kFin);
  answer.payload = "all there is";
  server.send(answer);
  server.expect(kAck, 1, 14);
  EXPECT_EQ(log().received, "all there is");
  EXPECT_TRUE(log().has(kStreamEnd));
}

TEST_F(FastOpenClient, ARefusalOfTheDataIsARefusal) {
  learn();
  open("hello");
  server.expect(kSyn, 0, 0);
  Seg refusal = rst(0);
  refusal.flags |= kAck;
  refusal.ack = 6;  // RFC 9293 §3.10.7.1: the segment's length counts
  server.send(refusal);
  EXPECT_EQ(log().error, StreamError::kRefused);
}

TEST_F(FastOpenClient, WithoutACookieWhereTheServerIsKnownToNeedNone) {
  open("hello", FastOpen::kNoCookie);
  const Seg first = server.expect(kSyn, 0, 0);
  EXPECT_FALSE(first.options.has(wire::TcpOptions::kFastOpen));
  EXPECT_EQ(first.payload, "hello");
  server.send(syn_ack_of(5));
  server.expect(kAck, 6, 1);
}

TEST_F(FastOpenClient, EarlyDataWithoutFastOpenWaitsForTheHandshake) {
  open("hello", FastOpen::kOff);
  EXPECT_EQ(server.expect(kSyn, 0, 0).payload, "");
  server.send(syn_ack_of(0));
  server.expect_data(1, 1, "hello");
}

TEST_F(FastOpenClient, GivingUpFreesTheData) {
  learn();
  open("hello");
  wait(Micros::seconds(300));
  server.ignore_all();
  EXPECT_EQ(log().error, StreamError::kTimeout);
}

}  // namespace
}  // namespace tributary::test
