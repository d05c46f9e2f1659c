// The language: what is read, what is refused and in which words.
#include "src/script/parser.h"

#include <gtest/gtest.h>

#include "stack/wire/tcp.h"

namespace tributary::script {
namespace {

using namespace wire::tcp_flag;

Script parse(std::string_view text) {
  return parse_script("test.pkt", text);
}
template <typename T>
T only(std::string_view text) {
  return std::get<T>(parse(text).events.at(0).action);
}
TcpSpec tcp_of(std::string_view packet) {
  return std::get<TcpSpec>(only<PacketSpec>("+0 " + std::string(packet)).body);
}
template <typename Option>
Option option_of(std::string_view option) {
  const TcpSpec spec = tcp_of("< . 1:1(0) ack 1 <" + std::string(option) + ">");
  EXPECT_EQ(spec.options.size(), 1u) << option;
  return std::get<Option>(spec.options.at(0));
}

TEST(ScriptParser, TimesAreAbsoluteRelativeRangesOrAny) {
  using Kind = TimeSpec::Kind;
  const struct {
    std::string_view text;
    Kind kind;
    int64_t from, to;
  } cases[] = {
      {"0", Kind::kAbsolute, 0, 0},
      {"1.5", Kind::kAbsolute, 1'500'000, 1'500'000},
      {"+.25", Kind::kRelative, 250'000, 250'000},
      {"+0", Kind::kRelative, 0, 0},
      {"1~2", Kind::kAbsolute, 1'000'000, 2'000'000},
      {"+0.1~+0.2", Kind::kRelative, 100'000, 200'000},
      {"*", Kind::kAny, 0, 0},
  };
  for (const auto& c : cases) {
    const Event event = parse(std::string(c.text) + " close(3) = 0").events.at(0);
    EXPECT_EQ(event.time.kind, c.kind) << c.text;
    EXPECT_EQ(event.time.from, Micros(c.from)) << c.text;
    EXPECT_EQ(event.time.to, Micros(c.to)) << c.text;
  }
}

TEST(ScriptParser, FlagsAreLettersAndPoint) {
  const struct {
    std::string_view text;
    uint16_t flags;
  } cases[] = {{"S", kSyn},
               {"S.", kSyn | kAck},
               {".", kAck},
               {"P.", kPsh | kAck},
               {"FP.", kFin | kPsh | kAck},
               {"R", kRst},
               {"-", 0},
               {"SEW", kSyn | kEce | kCwr},
               {"SEWA", kSyn | kEce | kCwr | kAe},
               {"S.5", kSyn | kAck | kAe | kEce},
               {".2", kAck | kCwr}};
  for (const auto& c : cases) EXPECT_EQ(tcp_of("> " + std::string(c.text) + " 0:0(0)").flags, c.flags) << c.text;
}

TEST(ScriptParser, HeaderFieldsAreOptional) {
  const TcpSpec full = tcp_of("< PU. 1:1001(1000) ack 7 win 300 urg 5");
  EXPECT_EQ(full.seq, 1u);
  EXPECT_EQ(full.payload_size, 1000u);
  EXPECT_EQ(full.ack, 7u);
  EXPECT_EQ(full.window, 300);
  EXPECT_EQ(full.urgent, 5);
  const TcpSpec bare = tcp_of("< S 0:0(0)");
  EXPECT_FALSE(bare.ack || bare.window || bare.urgent);
}

TEST(ScriptParser, PayloadMayBeWrittenOut) {
  EXPECT_EQ(tcp_of("< P. 1:4(3) ack 1 win 1 \"a\\x00b\"").payload, std::string("a\0b", 3));
  EXPECT_THROW(tcp_of("< P. 1:4(3) ack 1 win 1 \"ab\""), ScriptError);
}

TEST(ScriptParser, IpFieldsStandInBrackets) {
  const IpSpec a = only<PacketSpec>("+0 < [ect0] . 1:1(0)").ip;
  EXPECT_EQ(a.ecn, 2);
  const IpSpec b = only<PacketSpec>("+0 < (tos 0x28, ttl 3, flowlabel 0x12345) . 1:1(0)").ip;
  EXPECT_EQ(b.tos, 0x28);
  EXPECT_EQ(b.ttl, 3);
  EXPECT_EQ(b.flow_label, 0x12345u);
}

TEST(ScriptParser, AddressesArePortsNumbersOrNames) {
  const PacketSpec ports = only<PacketSpec>("+0 < 1000 > 80 S 0:0(0)");
  EXPECT_EQ(ports.tuple->source.port, 1000);
  EXPECT_EQ(ports.tuple->destination.port, 80);
  const PacketSpec v4 = only<PacketSpec>("+0 < 192.0.2.9:1000 > 192.168.0.1:80 S 0:0(0)");
  EXPECT_EQ(v4.tuple->source.address, IpAddress::parse("192.0.2.9"));
  EXPECT_EQ(v4.tuple->source.port, 1000);
  const PacketSpec v6 = only<PacketSpec>("+0 < 2001:db8::9 > 2001:db8::1 S 0:0(0)");
  EXPECT_EQ(v6.tuple->source.address, IpAddress::parse("2001:db8::9"));
  const PacketSpec mapped = only<PacketSpec>("+0 < ::ffff:192.0.2.9 > 192.168.0.1 S 0:0(0)");
  EXPECT_EQ(mapped.tuple->source.address, IpAddress::parse("192.0.2.9"));
  const PacketSpec named = only<PacketSpec>("+0 > addr[a] > addr[b] . 1:1(0)");
  EXPECT_EQ(named.tuple->source.variable, "a");
  EXPECT_EQ(named.tuple->destination.variable, "b");
}

TEST(ScriptParser, TcpOptions) {
  EXPECT_EQ(option_of<MssOption>("mss 1460").value, 1460);
  EXPECT_EQ(option_of<WindowScaleOption>("wscale 7").value, 7);
  const auto ts = option_of<TimestampOption>("TS val 4294967295 ecr 3");
  EXPECT_EQ(ts.value, 4294967295u);
  EXPECT_EQ(ts.echo, 3u);
  const auto sack = option_of<SackOption>("sack 1001:2001 3001:4001");
  ASSERT_EQ(sack.blocks.size(), 2u);
  EXPECT_EQ(sack.blocks[1], std::pair(3001u, 4001u));
  EXPECT_EQ(option_of<FastOpenOption>("FO 0102abcd").cookie, (std::vector<uint8_t>{1, 2, 0xab, 0xcd}));
  EXPECT_TRUE(option_of<FastOpenOption>("FOEXP").experimental);
  EXPECT_EQ(option_of<AccEcnOption>("ECN e1b 1 ceb 2").second_order, true);
  EXPECT_EQ(option_of<RawOption>("raw 211 0102").kind, 211);
  EXPECT_TRUE(tcp_of("> . 1:1(0) ack 1 <...>").any_options);
}

TEST(ScriptParser, MptcpOptions) {
  const auto capable = option_of<CapableOption>("mpcapable v1 flags[flag_a, flag_h] key[ckey=2, skey] mpcdatalen 100");
  EXPECT_EQ(capable.flags, 0x81);
  ASSERT_EQ(capable.keys.size(), 2u);
  EXPECT_EQ(capable.keys[0].value, 2u);
  EXPECT_EQ(capable.keys[1].name, "skey");
  EXPECT_EQ(capable.data_length, 100);
  const auto syn = option_of<JoinSynOption>("mp_join_syn backup=1 address_id=3 token=sha256_32(skey) rand=9");
  EXPECT_TRUE(syn.backup);
  EXPECT_EQ(syn.address_id, 3);
  EXPECT_EQ(syn.token_key, "skey");
  EXPECT_EQ(syn.nonce, 9u);
  EXPECT_FALSE(option_of<JoinAckOption>("mp_join_ack sender_hmac=full_160_hmac(a b)").hmac.automatic);
  const auto dss = option_of<DssOption>("dss dack4=1 dsn8=5 ssn=1 dll=100 nocs fin");
  EXPECT_FALSE(dss.ack->wide);
  EXPECT_TRUE(dss.dsn->wide);
  EXPECT_EQ(dss.dsn->value, 5u);
  EXPECT_EQ(dss.subflow_seq, 1u);
  EXPECT_EQ(dss.length, 100);
  EXPECT_FALSE(dss.checksum);
  EXPECT_TRUE(dss.fin);
  const auto sum = option_of<DssOption>("dss dsn8=trunc_r64_hmac(skey)+7 ssn=1 dll=1 cksum=auto");
  EXPECT_EQ(sum.dsn->key, "skey");
  EXPECT_EQ(sum.dsn->value, 7u);
  EXPECT_TRUE(sum.checksum);
  const auto add =
      option_of<AddAddressOption>("add_address address_id=1 addr[x=inet_addr(\"192.0.2.7\")] port=80 hmac=auto");
  EXPECT_EQ(add.address.value, IpAddress::parse("192.0.2.7"));
  EXPECT_EQ(add.port, 80);
  EXPECT_EQ(option_of<RemoveAddressOption>("remove_address address_id=[1, 2]").ids, (std::vector<uint8_t>{1, 2}));
  EXPECT_TRUE(option_of<PriorityOption>("mp_prio backup=1").backup);
  EXPECT_EQ(option_of<FailOption>("mp_fail dsn8=3").dsn->value, 3u);
  EXPECT_EQ(option_of<FastcloseOption>("mp_fastclose ckey").key, "ckey");
  EXPECT_EQ(option_of<ResetOption>("mp_reset 6 flags[flag_t]").reason, 6);
}

TEST(ScriptParser, IcmpNamesTypeCodeAndQuotedSegment) {
  const auto packet = only<PacketSpec>("+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]");
  const auto& icmp = std::get<IcmpSpec>(packet.body);
  EXPECT_EQ(icmp.type, "unreachable");
  EXPECT_EQ(icmp.code, "frag_needed");
  EXPECT_EQ(icmp.mtu, 1200u);
  EXPECT_EQ(icmp.quoted_seq, 1u);
}

TEST(ScriptParser, CallsHaveArgumentsResultErrorAndEnd) {
  const auto call = only<CallSpec>("+0...0.2 read(4, ..., 100) = -1 EAGAIN (Resource temporarily unavailable)");
  EXPECT_EQ(call.name, "read");
  EXPECT_EQ(call.arguments.size(), 3u);
  EXPECT_EQ(call.end, Micros::milliseconds(200));
  EXPECT_EQ(call.error, "EAGAIN");
  const auto bind = only<CallSpec>("0 bind(3, {sa_family = AF_INET, sin_port = htons(80)}, ...) = 0");
  ASSERT_NE(bind.arguments[1].find("sin_port"), nullptr);
  EXPECT_EQ(bind.arguments[1].find("sin_port")->items.at(0).integer, 80);
}

TEST(ScriptParser, CommandsFrameTheEvents) {
  const Script script = parse("--mtu=1400 --define=N=5\n`sysctl -q a=1`\n+0 close(N) = 0\n`restore`");
  EXPECT_EQ(script.options.at(0), std::pair(std::string("mtu"), std::string("1400")));
  EXPECT_EQ(script.init.at(0).second, "sysctl -q a=1");
  EXPECT_EQ(std::get<CallSpec>(script.events.at(0).action).arguments.at(0).integer, 5);
  EXPECT_EQ(script.cleanup.size(), 1u);
}

TEST(ScriptParser, CommentsAreNoWords) {
  EXPECT_EQ(parse("// one\n/* two\n lines */ +0 close(3) = 0 // end").events.at(0).line, 3);
}

TEST(ScriptParser, WrongTextFailsWithItsLine) {
  const struct {
    std::string_view text, reason;
  } cases[] = {
      {"\n\n+0 < Q 0:0(0)", "is no TCP flag"},      {"\n\n+0 < S 0:5(0)", "are not 0 bytes"},
      {"\n\n+0 < S 0:0(0", "expected ')'"},         {"\n\n+0 < S 0:0(0) win 70000", "out of range"},
      {"\n\n+0 read(3 = 0", "expected ')'"},        {"\n\nhello", "a time and an event"},
      {"\n\n+0 write(3, \"abc", "without its end"}, {"\n\n+0.2~+0.1 close(3) = 0", "ends before it begins"},
  };
  for (const auto& c : cases) {
    try {
      parse(c.text);
      ADD_FAILURE() << c.text << " was taken";
    } catch (const ScriptError& error) {
      EXPECT_EQ(error.verdict(), Verdict::kFailed) << c.text;
      EXPECT_EQ(error.line(), 3) << c.text;
      EXPECT_NE(std::string(error.what()).find(c.reason), std::string::npos) << error.what();
    }
  }
}

TEST(ScriptParser, UnknownThingsAreUnsupportedByName) {
  const struct {
    std::string_view text, name;
  } cases[] = {
      {"+0 < udp (100)", "udp"},
      {"+0 < S 0:0(0) <quantum 5>", "quantum"},
      {"+0 < . 1:1(0) <mp_capable a>", "mp_capable"},
      {"+0 < S 0:0(0) <mp_join_syn token=sha1_32(k)>", "sha1_32"},
      {"+0 < [quiet] . 1:1(0)", "quiet"},
      {"+0 < S 0:0(0) <FO COOKIE>", "COOKIE"},
      {"+0 < S 0:0(0) <mss MSS>", "MSS"},
  };
  for (const auto& c : cases) {
    try {
      parse(c.text);
      ADD_FAILURE() << c.text << " was taken";
    } catch (const ScriptError& error) {
      EXPECT_EQ(error.verdict(), Verdict::kUnsupported) << error.what();
      EXPECT_NE(std::string(error.what()).find(c.name), std::string::npos) << error.what();
    }
  }
}

TEST(ScriptParser, CutAnywhereItNeverReadsPastTheEnd) {
  const std::string text =
      "--mtu=1400 `sysctl a=$((1*2))` +0 < [ect0] addr[a] > 192.0.2.1:8 SEW.5 1:11(10) ack 1 win 5 "
      "<mss 5, dss dack8=1 dsn8=trunc_r64_hmac(k)+1, sack 1:2> \"0123456789\" +0...1 poll([{fd=3, "
      "events=A|B}], 1, 0) = 1";
  for (size_t size = 0; size < text.size(); ++size) {
    try {
      parse(std::string_view(text).substr(0, size));
    } catch (const ScriptError&) {
    }
  }
}

}  // namespace
}  // namespace tributary::script
