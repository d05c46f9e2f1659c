// What follows from keys: tokens, IDSNs, HMACs, against known values (RFC 8684 §3.1, §3.2, §3.4.1).
#include "stack/mptcp/crypto.h"

#include <gtest/gtest.h>

#include "stack/mptcp/key_source.h"
#include "stack/wire/byte_order.h"
#include "tests/support/seeded_random.h"
#include "tests/wire/hex.h"

namespace tributary::mptcp {
namespace {

using test::from_hex;

constexpr Key kA{0x1122334455667788}, kB{0x99aabbccddeeff00};
constexpr uint32_t kNonceA = 0x01020304, kNonceB = 0x0a0b0c0d;

std::vector<uint8_t> to_vector(const std::array<uint8_t, 32>& digest) {
  return {digest.begin(), digest.end()};
}

TEST(MptcpCrypto, TokenAndIdsnAreTheEndsOfTheHash) {
  EXPECT_EQ(digest_key(kA).token, Token{0x1dce6604});
  EXPECT_EQ(digest_key(kA).idsn.raw(), 0x62815714b76ae9a5u);
  EXPECT_EQ(digest_key(kB).token, Token{0x7b981f5b});
  EXPECT_EQ(digest_key(kB).idsn.raw(), 0xf9fb2ac1ea2ce0d2u);
}

TEST(MptcpCrypto, JoinHmacPutsTheSendersKeyAndNonceFirst) {
  EXPECT_EQ(to_vector(join_hmac(kA, kB, kNonceA, kNonceB)),
            from_hex("db39496290c75eb2b36632da8f712e4200dfd5071a3b21e9cd27230f037a82cb"));
  EXPECT_EQ(to_vector(join_hmac(kB, kA, kNonceB, kNonceA)),
            from_hex("a5ab1e543f3554d62a163a85ef7ffe8b6e835ac8888b47d477bb688dbaef5158"));
}

// The vectors of the Linux kernel's own unit test: key and message are these characters themselves.
TEST(MptcpCrypto, HmacOfTheLinuxVectors) {
  const struct {
    const char *key, *message, *digest;
  } cases[] = {
      {"0b0b0b0b0b0b0b0b", "48692054", "8385e24fb4235ac37556b6b886db106284a1da671699f46db1f235ec622dcafa"},
      {"aaaaaaaaaaaaaaaa", "dddddddd", "2c5e219164ff1dca1c4a92318d847bb6b9d44492984e1eb71aff9022f71046e9"},
      {"0102030405060708", "cdcdcdcd", "e73b9ba9969969cefb04aa0d6df18ec2fcc075b6f23b4d8c4da736a5dbbc6e7d"},
  };
  for (const auto& c : cases) {
    const auto* key = reinterpret_cast<const uint8_t*>(c.key);
    const auto* message = reinterpret_cast<const uint8_t*>(c.message);
    EXPECT_EQ(to_vector(hmac(Key{wire::load64(key)}, Key{wire::load64(key + 8)}, {message, 8})), from_hex(c.digest));
  }
}

// RFC 8684 §3.4.1: the rightmost 64 bits; a port that is not announced counts as zero.
TEST(MptcpCrypto, AddAddrHmac) {
  const IpAddress v4 = IpAddress::parse("198.51.100.7").value(), v6 = IpAddress::parse("2001:db8::7").value();
  EXPECT_EQ(add_addr_hmac(kA, kB, AddressId{3}, v4, 0), 0xdd8aa85c0f90694cu);
  EXPECT_EQ(add_addr_hmac(kA, kB, AddressId{3}, v4, 8443), 0x5d273a195f721359u);
  EXPECT_EQ(add_addr_hmac(kA, kB, AddressId{4}, v6, 0), 0x5e51a025608e39a2u);
  EXPECT_EQ(add_addr_hmac(kA, kB, AddressId{4}, v6, 8443), 0x9b4312325b5d473eu);
}

TEST(MptcpCrypto, ComparisonLooksAtEveryByte) {
  const auto a = from_hex("00112233");
  for (size_t i = 0; i < a.size(); ++i) {
    auto b = a;
    b[i] ^= 0x80;
    EXPECT_FALSE(equal_constant_time(a, b));
  }
  EXPECT_TRUE(equal_constant_time(a, from_hex("00112233")));
  EXPECT_FALSE(equal_constant_time(a, from_hex("001122")));
}

TEST(MptcpKeySource, KeysComeWithWhatFollowsFromThem) {
  test::SeededRandom random(3);
  KeySource source(random, WorkerId{0}, 1);
  for (int i = 0; i < 200; ++i) {
    if (i % 50 == 25) source.refill();
    const KeyTriple triple = source.draw();
    EXPECT_EQ(triple.token, digest_key(triple.key).token);
    EXPECT_EQ(triple.idsn, digest_key(triple.key).idsn);
  }
}

// Design D4: the token says who owns the connection.
TEST(MptcpKeySource, TokensNameTheirWorker) {
  for (uint16_t worker = 0; worker < 3; ++worker) {
    test::SeededRandom random(worker);
    KeySource source(random, WorkerId{worker}, 3);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(source.draw().token.value % 3, worker);
  }
}

TEST(MptcpKeySource, KeysDiffer) {
  test::SeededRandom random(3);
  KeySource source(random, WorkerId{0}, 1);
  const KeyTriple one = source.draw(), two = source.draw();
  EXPECT_NE(one.key, two.key);
  EXPECT_NE(one.token, two.token);
}

}  // namespace
}  // namespace tributary::mptcp
