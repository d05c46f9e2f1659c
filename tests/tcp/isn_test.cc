// Initial sequence numbers and timestamp offsets: what one connection shows tells nothing of another's (RFC 6528 §3).
#include "stack/tcp/isn.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/seeded_random.h"

namespace tributary::test {
namespace {

using tcp::IsnGenerator;

constexpr Micros kNow = Micros::seconds(1000);
using Secret = std::array<uint8_t, 16>;
constexpr Secret kReferenceKey = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Hands out one key.
class FixedRandom : public RandomSource {
 public:
  explicit FixedRandom(const Secret& bytes) : bytes_(bytes) {}
  void fill(std::span<uint8_t> out) override {
    for (uint8_t& byte : out) byte = bytes_[at_++ % bytes_.size()];
  }

 private:
  Secret bytes_;
  size_t at_ = 0;
};

IsnGenerator generator(const Secret& secret = kReferenceKey) {
  FixedRandom random(secret);
  return IsnGenerator(random);
}

FlowKey flow(std::string_view local, std::string_view remote, uint16_t local_port, uint16_t remote_port) {
  return {*IpAddress::parse(local), *IpAddress::parse(remote), local_port, remote_port};
}

// The digests are those of another implementation of SipHash-2-4, of both addresses as 16 bytes and both ports.
TEST(Isn, KnownAnswers) {
  const struct {
    FlowKey key;
    uint64_t digest;
  } cases[] = {{flow("192.0.2.1", "192.0.2.2", 80, 40000), 0x38c644ba9cd3f0f5},
               {flow("192.0.2.1", "192.0.2.2", 80, 40001), 0xb6222515c64796b2},
               {flow("2001:db8::1", "2001:db8::2", 443, 50000), 0x20ab2bcd9c5acb50}};
  for (const auto& [key, digest] : cases) {
    EXPECT_EQ(generator().initial_sequence(key, Micros(0)), SeqNum(static_cast<uint32_t>(digest)));
    EXPECT_EQ(generator().timestamp_offset(key), digest >> 32);
  }
}

TEST(Isn, OneStepEveryFourMicrosecondsForEachFlow) {
  const IsnGenerator isn = generator();
  for (uint16_t port = 1; port < 100; ++port) {
    const FlowKey key = flow("192.0.2.1", "192.0.2.2", 80, port);
    const SeqNum start = isn.initial_sequence(key, kNow);
    for (const int64_t later : {int64_t{0}, int64_t{4}, int64_t{1000}, int64_t{3'600'000'000}})
      EXPECT_EQ(isn.initial_sequence(key, kNow + Micros(later)) - start, static_cast<int32_t>(later / 4)) << later;
    EXPECT_EQ(isn.timestamp_offset(key), isn.timestamp_offset(key));
  }
}

void flip(IpAddress& address, size_t bit) {
  auto bytes = address.bytes();
  bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1 << bit % 8);
  address = IpAddress(bytes);
}

// Bit 0 to 127 of the secret, then those of both addresses and both ports.
void flip(Secret& secret, FlowKey& key, size_t bit) {
  if (bit < 128) return void(secret[bit / 8] = static_cast<uint8_t>(secret[bit / 8] ^ 1 << bit % 8));
  if (bit < 384) return flip(bit < 256 ? key.local : key.remote, bit % 128);
  uint16_t& port = bit < 400 ? key.local_port : key.remote_port;
  port = static_cast<uint16_t>(port ^ 1 << bit % 16);
}

// A linear function would flip an output bit always or never.
TEST(Isn, EveryBitOfSecretAddressesAndPortsFlipsEveryOutputBitHalfTheTime) {
  constexpr int kTrials = 1000;
  SeededRandom random(6528);
  for (size_t bit = 0; bit < 128 + 36 * 8; ++bit) {
    std::array<int, 64> flips{};
    for (int trial = 0; trial < kTrials; ++trial) {
      Secret secret;
      random.fill(secret);
      FlowKey key = flow("2001:db8::1", "2001:db8::2", static_cast<uint16_t>(trial), static_cast<uint16_t>(7 * trial));
      const auto both = [&] {
        const IsnGenerator isn = generator(secret);
        return uint64_t{isn.initial_sequence(key, kNow).raw()} << 32 | isn.timestamp_offset(key);
      };
      const uint64_t before = both();
      flip(secret, key, bit);
      const uint64_t difference = before ^ both();
      for (size_t i = 0; i < 64; ++i) flips[i] += difference >> i & 1;
    }
    for (const int count : flips) ASSERT_NEAR(count, kTrials / 2, 100) << "input bit " << bit;  // six deviations
  }
}

// Who opens connections of their own sees numbers of neighbouring ports: the steps between them must not come again.
TEST(Isn, NeighbouringPortsAreNotAStepApart) {
  const IsnGenerator isn = generator();
  std::set<uint32_t> steps, offsets;
  constexpr unsigned kPorts = 10'000;
  for (uint16_t port = 0; port < kPorts; ++port) {
    const FlowKey key = flow("192.0.2.1", "192.0.2.2", 80, port), next = flow("192.0.2.1", "192.0.2.2", 80, port + 1);
    steps.insert(isn.initial_sequence(next, kNow).raw() - isn.initial_sequence(key, kNow).raw());
    offsets.insert(isn.timestamp_offset(next) - isn.timestamp_offset(key));
  }
  EXPECT_GT(steps.size(), kPorts - 5);
  EXPECT_GT(offsets.size(), kPorts - 5);
}

}  // namespace
}  // namespace tributary::test
