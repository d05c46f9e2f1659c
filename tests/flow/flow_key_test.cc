#include "stack/flow/flow_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace tributary {
namespace {

FlowKey make_v4(uint32_t remote, uint16_t remote_port) {
  return {IpAddress::v4(0xc0000201), IpAddress::v4(remote), 443, remote_port};
}

IpAddress make_v6(uint64_t low) {
  std::array<uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
  for (int i = 0; i < 8; ++i) bytes[15 - i] = static_cast<uint8_t>(low >> (8 * i));
  return IpAddress(bytes);
}

TEST(HashFlow, SameKeyAndSecretGiveTheSameHash) {
  EXPECT_EQ(hash_flow(make_v4(0x0a000001, 1000), 7), hash_flow(make_v4(0x0a000001, 1000), 7));
}

TEST(HashFlow, SecretMovesMostFlows) {
  unsigned same_bucket = 0;
  for (uint16_t port = 0; port < 10'000; ++port)
    same_bucket += hash_flow(make_v4(0x0a000001, port), 1) >> 20 == hash_flow(make_v4(0x0a000001, port), 2) >> 20;
  EXPECT_LT(same_bucket, 20u);  // expected: 10,000 / 4096
}

TEST(HashFlow, DirectionMatters) {
  const FlowKey key = make_v4(0x0a000001, 1000);
  const FlowKey reversed{key.remote, key.local, key.remote_port, key.local_port};
  EXPECT_NE(hash_flow(key, 7), hash_flow(reversed, 7));
}

// Each input bit flips each output bit about half the time.
TEST(HashFlow, EveryInputBitReachesEveryOutputBit) {
  constexpr int kTrials = 2000;
  for (int bit = 0; bit < 36 * 8; ++bit) {
    std::array<int, 32> flips{};
    for (int trial = 0; trial < kTrials; ++trial) {
      FlowKey key{make_v6(static_cast<uint64_t>(trial) * 0x9e3779b97f4a7c15), make_v6(static_cast<uint64_t>(trial)),
                  static_cast<uint16_t>(trial), 443};
      const uint32_t before = hash_flow(key, 99);
      const int byte = bit / 8;
      const uint8_t mask = static_cast<uint8_t>(1 << bit % 8);
      if (byte < 32) {
        IpAddress& address = byte < 16 ? key.local : key.remote;
        std::array<uint8_t, 16> bytes = address.bytes();
        bytes[static_cast<size_t>(byte % 16)] ^= mask;
        address = IpAddress(bytes);
      } else {
        uint16_t& port = byte < 34 ? key.local_port : key.remote_port;
        port = static_cast<uint16_t>(port ^ mask << (byte % 2 * 8));
      }
      const uint32_t difference = before ^ hash_flow(key, 99);
      for (size_t i = 0; i < 32; ++i) flips[i] += difference >> i & 1;
    }
    for (const int count : flips) {
      ASSERT_GT(count, kTrials * 4 / 10) << "input bit " << bit;
      ASSERT_LT(count, kTrials * 6 / 10) << "input bit " << bit;
    }
  }
}

// What a concentrator sees: neighbouring addresses, neighbouring ports. Collisions must be those of a random
// function.
TEST(HashFlow, RegularKeysSpreadLikeRandomOnes) {
  for (const uint64_t secret : {uint64_t{0}, uint64_t{1}, uint64_t{0xdeadbeefcafebabe}}) {
    std::vector<uint32_t> hashes;
    for (uint32_t host = 0; host < 1024; ++host)
      for (uint16_t port = 0; port < 1024; ++port)
        hashes.push_back(hash_flow(make_v4(0x0a000000 + host, static_cast<uint16_t>(32768 + port)), secret));
    std::vector<uint32_t> load(hashes.size() / 8);
    for (const uint32_t h : hashes) ++load[uint64_t{h} * load.size() >> 32];
    EXPECT_LT(*std::max_element(load.begin(), load.end()),
              40u);  // Poisson of mean 8: beyond 36 is one in 1e12
    std::sort(hashes.begin(), hashes.end());
    const auto distinct = std::unique(hashes.begin(), hashes.end()) - hashes.begin();
    EXPECT_GT(distinct, (1 << 20) - 256);  // 128 pairs expected among 2^20
    EXPECT_LT(distinct, 1 << 20);
  }
}

}  // namespace
}  // namespace tributary
