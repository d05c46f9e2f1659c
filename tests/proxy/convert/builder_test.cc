#include "proxy/convert/builder.h"

#include <gtest/gtest.h>

#include "proxy/convert/reply.h"
#include "tests/proxy/convert/vectors.h"

namespace tributary::convert {
namespace {

using test::Bytes;
using test::from_hex;
using test::to_bytes;

TEST(ConvertBuilder, RequestsMatchTheVectors) {
  const IpAddress v4 = IpAddress::v4(0xc000020a);
  const IpAddress v6 = *IpAddress::parse("2001:db8::80");
  const Bytes cookie = from_hex("a1a2a3a4a5a6a7a8");
  EXPECT_EQ(to_bytes(build_connect(v4, 443)), from_hex(test::kC1));
  EXPECT_EQ(to_bytes(build_connect(v6, 80)), from_hex(test::kC2));
  EXPECT_EQ(to_bytes(build_connect(v4, 443, from_hex("1e022202"))), from_hex(test::kC3));
  EXPECT_EQ(to_bytes(build_connect(v4, 443, from_hex("220a0123456789abcdef"))), from_hex(test::kC4));
  EXPECT_EQ(to_bytes(build_connect(v4, 443, {}, cookie)), from_hex(test::kC5));
  EXPECT_EQ(to_bytes(build_info()), from_hex(test::kC6));
}

TEST(ConvertBuilder, RepliesMatchTheVectors) {
  EXPECT_EQ(to_bytes(build_supported_extensions()), from_hex(test::kS1));
  EXPECT_EQ(to_bytes(build_accept(from_hex("020405b4 0402080a 000003e8 000007d0 0103030a"))), from_hex(test::kS3));
  EXPECT_EQ(to_bytes(build_accept(from_hex("020405b4 04020103 03071e0c 01011122 33445566 77880000"))),
            from_hex(test::kS4));
  EXPECT_EQ(to_bytes(build_accept({})), from_hex("01022263 14010000"));
}

TEST(ConvertBuilder, ErrorsMatchTheVectors) {
  const uint8_t versions[] = {1, 2};
  const uint8_t kinds[] = {29, 19};
  EXPECT_EQ(to_bytes(build_error(ErrorCode::kUnsupportedVersion, std::span(versions).first(1))), from_hex(test::kE0));
  EXPECT_EQ(to_bytes(build_error(ErrorCode::kUnsupportedVersion, versions)), from_hex("01032263 1e020001 02000000"));
  EXPECT_EQ(to_bytes(build_missing_cookie(from_hex("a1a2a3a4a5a6a7a8"))), from_hex(test::kE3));
  EXPECT_EQ(to_bytes(build_error(ErrorCode::kNotAuthorized)), from_hex(test::kE32));
  EXPECT_EQ(to_bytes(build_error(ErrorCode::kUnsupportedTcpOption, std::span(kinds).first(1))),
            from_hex(test::kE33One));
  EXPECT_EQ(to_bytes(build_error(ErrorCode::kUnsupportedTcpOption, kinds)), from_hex(test::kE33Two));
  EXPECT_EQ(to_bytes(build_resource_exceeded(60)), from_hex(test::kE64));
  EXPECT_EQ(to_bytes(build_network_failure(0)), from_hex(test::kE65));
  EXPECT_EQ(to_bytes(build_error(ErrorCode::kConnectionReset)), from_hex(test::kE96));
  EXPECT_EQ(to_bytes(build_unreachable(1)), from_hex(test::kE97));
}

TEST(ConvertBuilder, DelayIsOneByte) {
  EXPECT_EQ(to_bytes(build_resource_exceeded(255)), from_hex("01022263 1e0140ff"));
  EXPECT_EQ(to_bytes(build_resource_exceeded(100'000)), from_hex("01022263 1e0140ff"));
}

TEST(ConvertBuilder, NothingGrowsBeyondAMessage) {
  const Bytes huge(5000, 0xee);
  for (const Message& m : {build_connect(IpAddress::v4(0x01020304), 1, huge, huge), build_missing_cookie(huge),
                           build_supported_extensions(huge)}) {
    EXPECT_EQ(m.size(), kMaxMessageSize);
    EXPECT_EQ(m.bytes()[1], 255);
  }
  EXPECT_EQ(build_accept(huge).size(), kHeaderSize + 4 + kMaxTcpOptionsSize);
}

TEST(ConvertReply, AcceptedWithTheServersOptions) {
  const Bytes plain = from_hex(test::kS3);
  Reply r = parse_reply(plain);
  ASSERT_EQ(r.outcome, Reply::Outcome::kAccepted);
  EXPECT_EQ(r.size, 28);
  EXPECT_TRUE(r.has_extended_header);
  EXPECT_EQ(to_bytes(r.server_options), from_hex("020405b4 0402080a 000003e8 000007d0 0103030a"));
  EXPECT_FALSE(r.server_speaks_mptcp);

  const Bytes mptcp = from_hex(test::kS4);
  r = parse_reply(mptcp);
  ASSERT_EQ(r.outcome, Reply::Outcome::kAccepted);
  EXPECT_TRUE(r.server_speaks_mptcp);
}

TEST(ConvertReply, HeaderOnlyAndSupportedExtensionsAreAccepted) {
  const Bytes header = from_hex(test::kS2);
  EXPECT_EQ(parse_reply(header).outcome, Reply::Outcome::kAccepted);
  const Bytes extensions = from_hex(test::kS1);
  const Reply r = parse_reply(extensions);
  EXPECT_EQ(r.outcome, Reply::Outcome::kAccepted);
  EXPECT_EQ(to_bytes(r.supported_kinds), from_hex("1e220408"));
}

TEST(ConvertReply, ErrorsCarryCodeAndValue) {
  const struct {
    std::string_view hex;
    uint8_t code;
    std::string_view value;
  } cases[] = {{test::kE0, 0, "01"},   {test::kE3, 3, "00 a1a2a3a4 a5a6a7a8"},
               {test::kE32, 32, "00"}, {test::kE33Two, 33, "1d13000000"},
               {test::kE64, 64, "3c"}, {test::kE65, 65, "00"},
               {test::kE96, 96, "00"}, {test::kE97, 97, "01"}};
  for (const auto& c : cases) {
    const Bytes bytes = from_hex(c.hex);
    const Reply r = parse_reply(bytes);
    ASSERT_EQ(r.outcome, Reply::Outcome::kError);
    EXPECT_EQ(r.error, c.code);
    EXPECT_EQ(to_bytes(r.error_value), from_hex(c.value));
  }
}

TEST(ConvertReply, WhatAConverterMayNotSendResets) {
  for (const std::string_view hex :
       {"01002263", "02012263", "01022263 00010000", "01022263 c8010000", "01022263 14000000", "01022263 14020000",
        "01032263 14010000 14010000", "01022263 01010000", "01022263 16010000",
        "01062263 0a0501bb 00000000 00000000 0000ffff c000020a"}) {
    const Bytes bytes = from_hex(hex);
    EXPECT_EQ(parse_reply(bytes).outcome, Reply::Outcome::kReset) << hex;
  }
}

TEST(ConvertReply, PrefixesNeedMoreAndOtherStreamsAreNotConvert) {
  const Bytes bytes = from_hex(test::kS4);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(parse_reply(std::span(bytes).first(size)).outcome, Reply::Outcome::kNeedMore) << size;
  const Bytes http = {'H', 'T', 'T', 'P'};
  EXPECT_EQ(parse_reply(http).outcome, Reply::Outcome::kNotConvert);
}

}  // namespace
}  // namespace tributary::convert
