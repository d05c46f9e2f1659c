#include "proxy/convert/request.h"

#include <gtest/gtest.h>

#include "tests/proxy/convert/vectors.h"

namespace tributary::convert {
namespace {

using test::Bytes;
using test::from_hex;
using Outcome = Request::Outcome;

constexpr IpAddress kServer = IpAddress::v4(0xc000020a);

// A Connect TLV alone, with what follows its port and address.
Bytes make_connect(std::string_view address_hex, std::string_view options_hex = "") {
  Bytes bytes = from_hex("01002263 0a0001bb" + std::string(address_hex) + std::string(options_hex));
  bytes[1] = static_cast<uint8_t>(bytes.size() / 4);
  bytes[5] = static_cast<uint8_t>(bytes[1] - 1);
  return bytes;
}
constexpr std::string_view kServerHex = "00000000 00000000 0000ffff c000020a";

TEST(ConvertRequest, BaseConnect) {
  const Bytes v4 = from_hex(test::kC1);
  Request r = parse_request(v4);
  ASSERT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_EQ(r.size, 24);
  EXPECT_EQ(r.address, kServer);
  EXPECT_EQ(r.port, 443);
  EXPECT_TRUE(r.raw_options.empty());
  EXPECT_FALSE(r.has_cookie);
  EXPECT_FALSE(r.wants_info);
  EXPECT_FALSE(r.options.mptcp || r.options.fast_open || r.options.timestamps || r.options.sack_permitted);

  const Bytes v6 = from_hex(test::kC2);
  r = parse_request(v6);
  ASSERT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_EQ(r.address, IpAddress::parse("2001:db8::80"));
  EXPECT_EQ(r.port, 80);
}

TEST(ConvertRequest, ExtendedConnectNamesOptions) {
  const Bytes requested = from_hex(test::kC3);
  Request r = parse_request(requested);
  ASSERT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_EQ(r.size, 28);
  EXPECT_TRUE(r.options.mptcp);
  EXPECT_TRUE(r.options.fast_open);
  EXPECT_EQ(r.options.fast_open_cookie_size, 0);
  EXPECT_EQ(test::to_bytes(r.raw_options), from_hex("1e022202"));

  const Bytes with_cookie = from_hex(test::kC4);
  r = parse_request(with_cookie);
  ASSERT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_FALSE(r.options.mptcp);
  EXPECT_TRUE(r.options.fast_open);
  EXPECT_EQ(
      Bytes(r.options.fast_open_cookie.begin(), r.options.fast_open_cookie.begin() + r.options.fast_open_cookie_size),
      from_hex("0123456789abcdef"));
}

TEST(ConvertRequest, CookieIsHandedOut) {
  const Bytes bytes = from_hex(test::kC5);
  const Request r = parse_request(bytes);
  ASSERT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_TRUE(r.has_cookie);
  EXPECT_EQ(test::to_bytes(r.cookie), from_hex("a1a2a3a4a5a6a7a8"));
}

TEST(ConvertRequest, InfoAloneAndBesideConnect) {
  const Bytes alone = from_hex(test::kC6);
  EXPECT_EQ(parse_request(alone).outcome, Outcome::kInfo);
  const Bytes both = from_hex("01072263 01010000 0a0501bb 00000000 00000000 0000ffff c000020a");
  const Request r = parse_request(both);
  EXPECT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_TRUE(r.wants_info);
}

TEST(ConvertRequest, BytesBehindTheMessageAreUserData) {
  Bytes bytes = from_hex(test::kC1);
  for (const char c : std::string_view("GET / HTTP/1.1\r\n")) bytes.push_back(static_cast<uint8_t>(c));
  const Request r = parse_request(bytes);
  ASSERT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_EQ(r.size, 24);
}

TEST(ConvertRequest, EveryProperPrefixNeedsMore) {
  for (const std::string_view hex : {test::kC1, test::kC2, test::kC3, test::kC4, test::kC5, test::kC6}) {
    const Bytes bytes = from_hex(hex);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const Bytes prefix(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(parse_request(prefix).outcome, Outcome::kNeedMore) << size;
    }
  }
}

TEST(ConvertRequest, OtherProtocolsAreToldApartByTheThirdByte) {
  const Bytes magic = from_hex("01062264 0a0501bb 00000000 00000000 0000ffff c000020a");
  EXPECT_EQ(parse_request(magic).outcome, Outcome::kNotConvert);
  const Bytes get = {'G', 'E', 'T'};
  EXPECT_EQ(parse_request(get).outcome, Outcome::kNotConvert);
  const Bytes tls = from_hex("160301");
  EXPECT_EQ(parse_request(tls).outcome, Outcome::kNotConvert);
}

TEST(ConvertRequest, ZeroTotalLengthResets) {
  const Bytes bytes = from_hex("01002263 0a0501bb 00000000");
  EXPECT_EQ(parse_request(bytes).outcome, Outcome::kReset);
}

TEST(ConvertRequest, ErrorFromAClientResets) {
  const Bytes bytes = from_hex(test::kE96);
  EXPECT_EQ(parse_request(bytes).outcome, Outcome::kReset);
}

struct Refusal {
  const char* name;
  Bytes request;
  ErrorCode error;
};

std::string refusal_name(const testing::TestParamInfo<Refusal>& test) {
  return test.param.name;
}
class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, GetsItsError) {
  const Request r = parse_request(GetParam().request);
  ASSERT_EQ(r.outcome, Outcome::kError);
  EXPECT_EQ(static_cast<int>(r.error), static_cast<int>(GetParam().error));
  if (r.error == ErrorCode::kMalformedMessage || r.error == ErrorCode::kUnsupportedMessage) {
    EXPECT_EQ(test::to_bytes(r.offending), GetParam().request);
  }
}

constexpr ErrorCode kMalformed = ErrorCode::kMalformedMessage;
INSTANTIATE_TEST_SUITE_P(
    ConvertRequest, Refused,
    testing::Values(
        Refusal{"VersionZero", from_hex("00062263 0a0501bb 00000000 00000000 0000ffff c000020a"),
                ErrorCode::kUnsupportedVersion},
        Refusal{"VersionTwoHeaderOnly", from_hex("02062263"), ErrorCode::kUnsupportedVersion},
        Refusal{"HeaderOnly", from_hex("01012263"), kMalformed},
        Refusal{"CookieOnly", from_hex("01022263 16010000"), kMalformed},
        Refusal{"TlvLengthZero", from_hex("01062263 0a0001bb 00000000 00000000 0000ffff c000020a"), kMalformed},
        Refusal{"TlvBeyondTheMessage", from_hex("01062263 0a0601bb 00000000 00000000 0000ffff c000020a"), kMalformed},
        Refusal{"SecondTlvBeyondTheMessage", from_hex("01032263 01010000 16020000"), kMalformed},
        Refusal{"ConnectOfFourWords", from_hex("01052263 0a0401bb 00000000 00000000 0000ffff"), kMalformed},
        Refusal{"TwoConnects",
                from_hex("010b2263 0a0501bb 00000000 00000000 0000ffff c000020a 0a0501bb 00000000 00000000 0000ffff "
                         "c000020a"),
                kMalformed},
        Refusal{"TwoInfos", from_hex("01032263 01010000 01010000"), kMalformed},
        Refusal{"LongInfo", from_hex("01032263 01020000 00000000"), kMalformed},
        Refusal{"TwoCookies", from_hex("01082263 0a0501bb 00000000 00000000 0000ffff c000020a 16010000 16010000"),
                kMalformed},
        Refusal{"TypeZero", from_hex("01022263 00010000"), ErrorCode::kUnsupportedMessage},
        Refusal{"UnknownType", from_hex(test::kE2Request), ErrorCode::kUnsupportedMessage},
        Refusal{"ConverterTlvFromAClient", from_hex(test::kS1), ErrorCode::kUnsupportedMessage},
        Refusal{"Loopback", from_hex(test::kE1Request), kMalformed},
        Refusal{"Loopback6", make_connect("00000000 00000000 00000000 00000001"), kMalformed},
        Refusal{"Multicast", make_connect("00000000 00000000 0000ffff e0000001"), kMalformed},
        Refusal{"Multicast6", make_connect("ff020000 00000000 00000000 00000001"), kMalformed},
        Refusal{"Broadcast", make_connect("00000000 00000000 0000ffff ffffffff"), kMalformed},
        Refusal{"Unspecified", make_connect("00000000 00000000 0000ffff 00000000"), kMalformed},
        Refusal{"Unspecified6", make_connect("00000000 00000000 00000000 00000000"), kMalformed},
        Refusal{"PortZero", from_hex("01062263 0a050000 00000000 00000000 0000ffff c000020a"), kMalformed},
        Refusal{"OptionLengthOne", make_connect(kServerHex, "1e010000"), kMalformed},
        Refusal{"OptionLengthZero", make_connect(kServerHex, "08000000"), kMalformed},
        Refusal{"OptionBeyondTheTlv", make_connect(kServerHex, "1e052202"), kMalformed},
        Refusal{"OptionWithoutLength", make_connect(kServerHex, "1e02011e"), kMalformed},
        Refusal{"IgnoredOptionBeyondTheTlv", make_connect(kServerHex, "02090000"), kMalformed},
        Refusal{"FastOpenCookieOfThree", make_connect(kServerHex, "22050102 03000000"), kMalformed},
        Refusal{"FastOpenCookieOfEighteen", make_connect(kServerHex, "22140102 03040506 0708090a 0b0c0d0e 0f101112"),
                kMalformed},
        Refusal{"TcpAo", make_connect(kServerHex, "1d041122"), ErrorCode::kUnsupportedTcpOption},
        Refusal{"UnknownOption", make_connect(kServerHex, "1e021302"), ErrorCode::kUnsupportedTcpOption}),
    refusal_name);

TEST(ConvertRequest, OptionsTheConverterChoosesItselfAreIgnored) {
  // NOP, MSS, window scale, SACK blocks, then MPTCP, end of list and rubbish behind it.
  const Bytes bytes = make_connect(kServerHex, "01020405 b4010303 0a050a00 00000100 0000021e 02000808");
  const Request r = parse_request(bytes);
  ASSERT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_TRUE(r.options.mptcp);
  EXPECT_FALSE(r.options.timestamps);
}

TEST(ConvertRequest, AllSupportedOptionsTogether) {
  const Bytes bytes = make_connect(kServerHex, "04020802 1e022202");
  const Request r = parse_request(bytes);
  ASSERT_EQ(r.outcome, Outcome::kConnect);
  EXPECT_TRUE(r.options.sack_permitted && r.options.timestamps && r.options.mptcp && r.options.fast_open);
}

TEST(ConvertRequest, UnsupportedOptionsAreListedOnceInOrder) {
  const Bytes bytes = make_connect(kServerHex, "1d021e02 13021d02");
  const Request r = parse_request(bytes);
  ASSERT_EQ(r.error, ErrorCode::kUnsupportedTcpOption);
  ASSERT_EQ(r.unsupported_option_count, 2);
  EXPECT_EQ(r.unsupported_options[0], 29);
  EXPECT_EQ(r.unsupported_options[1], 19);
  EXPECT_EQ(test::to_bytes(build_error(r)), from_hex(test::kE33Two));
}

TEST(ConvertRequest, CallerDecidesWhichOptionsAreSupported) {
  const Bytes bytes = from_hex(test::kC3);
  const uint8_t only_mptcp[] = {30};
  Request r = parse_request(bytes, only_mptcp);
  EXPECT_EQ(r.error, ErrorCode::kUnsupportedTcpOption);
  EXPECT_EQ(r.unsupported_option_count, 1);
  const uint8_t vendor[] = {30, 34, 253, 29};
  const Bytes private_option = make_connect(kServerHex, "fd041234");
  EXPECT_EQ(parse_request(private_option, vendor).outcome, Outcome::kConnect);
  const Bytes ao = make_connect(kServerHex, "1d041122");
  EXPECT_EQ(parse_request(ao, vendor).error, ErrorCode::kUnsupportedTcpOption);
}

TEST(ConvertRequest, EveryKindMayBeUnsupported) {
  Bytes bytes = {1, 0, 0x22, 0x63, 10, 0, 0x01, 0xbb};
  for (const uint8_t b : from_hex(kServerHex)) bytes.push_back(b);
  for (unsigned k = 2; k < 256; ++k) {
    bytes.push_back(static_cast<uint8_t>(k));
    bytes.push_back(2);
  }
  bytes[1] = static_cast<uint8_t>(bytes.size() / 4);
  bytes[5] = static_cast<uint8_t>(bytes[1] - 1);
  const Request r = parse_request(bytes, {});
  ASSERT_EQ(r.error, ErrorCode::kUnsupportedTcpOption);
  EXPECT_EQ(r.unsupported_option_count, 251);  // all but 2, 3 and 5
  EXPECT_EQ(build_error(r).size(), 4u + 256u);
}

TEST(ConvertRequest, ErrorsAreAnsweredAsOnPaper) {
  const struct {
    std::string_view request, reply;
  } cases[] = {{test::kE1Request, test::kE1}, {test::kE2Request, test::kE2}, {"02012263", test::kE0}};
  for (const auto& c : cases) {
    const Bytes bytes = from_hex(c.request);
    const Request r = parse_request(bytes);
    ASSERT_EQ(r.outcome, Outcome::kError);
    EXPECT_EQ(test::to_bytes(build_error(r)), from_hex(c.reply));
  }
  const Bytes ao = make_connect(kServerHex, "1d021e02");
  EXPECT_EQ(test::to_bytes(build_error(parse_request(ao))), from_hex(test::kE33One));
}

TEST(ConvertRequest, EchoOfALongMessageIsCut) {
  Bytes bytes(kMaxMessageSize);
  const Bytes head = from_hex("01ff2263 00010000");
  std::copy(head.begin(), head.end(), bytes.begin());
  const Request r = parse_request(bytes);
  ASSERT_EQ(r.error, ErrorCode::kUnsupportedMessage);
  const Bytes reply = test::to_bytes(build_error(r));
  ASSERT_EQ(reply.size(), kMaxMessageSize);
  EXPECT_EQ(reply[1], 255);
  EXPECT_EQ(reply[5], 254);
  EXPECT_TRUE(std::equal(reply.begin() + 8, reply.end(), bytes.begin()));
}

}  // namespace
}  // namespace tributary::convert
