#include "stack/flow/flow_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "stack/flow/token_table.h"

namespace tributary {
namespace {

using Rng = std::mt19937;

uint32_t find_value(const FlowTable& table, uint32_t hash, uint32_t value) {
  return table.find(hash, [value](uint32_t v) { return v == value; });
}

TEST(FlowTable, FindsWhatWasInsertedAndNothingElse) {
  FlowTable table(100);
  EXPECT_TRUE(table.insert(0x12345678, 7));
  EXPECT_EQ(find_value(table, 0x12345678, 7), 7u);
  EXPECT_EQ(find_value(table, 0x12345678, 8), FlowTable::kNotFound);
  EXPECT_EQ(table.find(0x12345679, [](uint32_t) { return true; }), FlowTable::kNotFound);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_TRUE(table.erase(0x12345678, 7));
  EXPECT_FALSE(table.erase(0x12345678, 7));
  EXPECT_EQ(find_value(table, 0x12345678, 7), FlowTable::kNotFound);
  EXPECT_EQ(table.size(), 0u);
}

TEST(FlowTable, HashAndValueZeroAreOrdinary) {
  FlowTable table(4);
  EXPECT_EQ(table.find(0, [](uint32_t) { return true; }), FlowTable::kNotFound);
  EXPECT_TRUE(table.insert(0, 0));
  EXPECT_EQ(find_value(table, 0, 0), 0u);
  EXPECT_FALSE(table.insert(1, FlowTable::kNotFound));
}

TEST(FlowTable, MatchSeesOnlyValuesOfTheSameHash) {
  FlowTable table(1000);
  for (uint32_t i = 0; i < 1000; ++i) ASSERT_TRUE(table.insert(i * 0x9e3779b9u, i));
  std::vector<uint32_t> asked;
  EXPECT_EQ(table.find(5 * 0x9e3779b9u,
                       [&](uint32_t v) {
                         asked.push_back(v);
                         return false;
                       }),
            FlowTable::kNotFound);
  EXPECT_EQ(asked, std::vector<uint32_t>{5});
}

TEST(FlowTable, FlowsOfOneHashAreToldApartUpToTheBound) {
  FlowTable table(1000);
  uint32_t inserted = 0;
  while (inserted < 100 && table.insert(0xabcdef01, inserted)) ++inserted;
  EXPECT_EQ(inserted, 16u);
  for (uint32_t i = 0; i < inserted; ++i) EXPECT_EQ(find_value(table, 0xabcdef01, i), i);
  EXPECT_TRUE(table.erase(0xabcdef01, 3));
  EXPECT_TRUE(table.insert(0xabcdef01, 99));
  EXPECT_EQ(find_value(table, 0xabcdef01, 99), 99u);
}

TEST(FlowTable, ReplaceKeepsTheFlow) {
  FlowTable table(10);
  table.insert(42, 1);
  table.insert(42, 2);
  table.replace(42, 1, 77);
  table.replace(42, 5, 78);  // not there
  EXPECT_EQ(find_value(table, 42, 77), 77u);
  EXPECT_EQ(find_value(table, 42, 1), FlowTable::kNotFound);
  EXPECT_EQ(find_value(table, 42, 2), 2u);
  EXPECT_EQ(table.size(), 2u);
}

TEST(FlowTable, ImpossibleCapacityThrows) {
  EXPECT_THROW(FlowTable(0), std::invalid_argument);
  EXPECT_THROW(FlowTable(UINT32_MAX), std::invalid_argument);
}

TEST(FlowTable, FullTableRefuses) {
  FlowTable table(3);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(table.insert(i << 28, i));
  EXPECT_FALSE(table.insert(5u << 28, 5));
  table.erase(0, 0);
  EXPECT_TRUE(table.insert(5u << 28, 5));
}

class Capacity : public testing::TestWithParam<uint32_t> {};

TEST_P(Capacity, EveryInsertUpToTheCapacitySucceedsAtALoadOf85Percent) {
  const uint32_t capacity = GetParam();
  const int rounds = capacity < 10'000 ? 200 : 1;
  for (int round = 0; round < rounds; ++round) {
    Rng rng(capacity + static_cast<unsigned>(round));
    FlowTable table(capacity);
    if (capacity > 10'000) {
      EXPECT_GE(static_cast<double>(capacity) * 8, 0.85 * static_cast<double>(table.reserved_bytes()));
    }
    std::vector<uint32_t> hashes(capacity);
    for (uint32_t i = 0; i < capacity; ++i) {
      hashes[i] = rng();
      ASSERT_TRUE(table.insert(hashes[i], i)) << i << " of " << capacity;
    }
    EXPECT_FALSE(table.insert(1, 1));
    for (uint32_t i = 0; i < capacity; ++i) ASSERT_EQ(find_value(table, hashes[i], i), i);
  }
}

INSTANTIATE_TEST_SUITE_P(FlowTable, Capacity,
                         testing::Values(1, 2, 7, 8, 9, 15, 16, 17, 24, 40, 64, 100, 1000, 4096, 100'000, 4'000'000));

// A table kept at its capacity while every flow is replaced many times must not rot.
TEST(FlowTable, ChurnAtFullLoadNeverFails) {
  constexpr uint32_t kCapacity = 20'000;
  Rng rng(5);
  FlowTable table(kCapacity);
  std::vector<uint32_t> hashes(kCapacity);
  for (uint32_t i = 0; i < kCapacity; ++i) ASSERT_TRUE(table.insert(hashes[i] = rng(), i));
  for (int operation = 0; operation < 2'000'000; ++operation) {
    const uint32_t i = rng() % kCapacity;
    ASSERT_TRUE(table.erase(hashes[i], i));
    ASSERT_EQ(find_value(table, hashes[i], i), FlowTable::kNotFound);
    ASSERT_TRUE(table.insert(hashes[i] = rng(), i)) << "operation " << operation;
  }
  EXPECT_EQ(table.size(), kCapacity);
  for (uint32_t i = 0; i < kCapacity; ++i) ASSERT_EQ(find_value(table, hashes[i], i), i);
}

// Against std::unordered_multimap: few distinct hashes, so that buckets overflow and equal hashes abound.
TEST(FlowTable, RandomOperationsAgreeWithAModel) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    FlowTable table(400);
    std::unordered_map<uint32_t, uint32_t> model;  // value -> hash
    for (int operation = 0; operation < 20'000; ++operation) {
      const uint32_t hash = (rng() % 150) * 0x01c71c71u;
      const uint32_t value = rng() % 600;
      const auto known = model.find(value);
      if (known == model.end()) {
        if (table.insert(hash, value)) model.emplace(value, hash);
      } else if (rng() % 3 == 0) {
        const uint32_t fresh = 1000 + rng() % 1'000'000;
        if (model.contains(fresh)) continue;
        const uint32_t old_hash = known->second;
        table.replace(old_hash, value, fresh);
        model.erase(known);
        model.emplace(fresh, old_hash);
      } else {
        ASSERT_TRUE(table.erase(known->second, value));
        model.erase(known);
      }
      if (model.size() > 350) {
        const auto any = model.begin();
        ASSERT_TRUE(table.erase(any->second, any->first));
        model.erase(any);
      }
      ASSERT_EQ(table.size(), model.size());
    }
    for (const auto& [value, hash] : model) ASSERT_EQ(find_value(table, hash, value), value) << "seed " << seed;
  }
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST(FlowTable, EmptyTableTakesNoMemory) {
  const size_t before = resident_bytes();
  FlowTable table(256'000'000);
  EXPECT_GT(table.reserved_bytes(), size_t{2} << 30);
  EXPECT_LT(resident_bytes() - before, size_t{1} << 20);
  table.prefetch(12345);
  ASSERT_TRUE(table.insert(12345, 1));
  EXPECT_EQ(find_value(table, 12345, 1), 1u);
}

TEST(TokenTable, TokensAreUnique) {
  TokenTable table(100);
  EXPECT_EQ(table.find(Token{0}), TokenTable::kNotFound);
  EXPECT_TRUE(table.insert(Token{0}, 5));
  EXPECT_FALSE(table.insert(Token{0}, 6));
  EXPECT_EQ(table.find(Token{0}), 5u);
  EXPECT_TRUE(table.erase(Token{0}));
  EXPECT_FALSE(table.erase(Token{0}));
  EXPECT_EQ(table.find(Token{0}), TokenTable::kNotFound);
}

// Tokens are drawn so that `token % workers` names the worker (design D4): a lattice, not all of the 32 bits.
TEST(TokenTable, HoldsItsCapacityOfTokensOfOneWorker) {
  constexpr uint32_t kCapacity = 50'000;
  TokenTable table(kCapacity);
  Rng rng(1);
  std::vector<Token> tokens;
  while (tokens.size() < kCapacity) {
    const Token token{static_cast<uint32_t>(rng()) & ~uint32_t{7}};
    table.prefetch(token);
    if (table.find(token) != TokenTable::kNotFound) continue;
    ASSERT_TRUE(table.insert(token, static_cast<uint32_t>(tokens.size())));
    tokens.push_back(token);
  }
  for (uint32_t i = 0; i < kCapacity; ++i) ASSERT_EQ(table.find(tokens[i]), i);
}

}  // namespace
}  // namespace tributary
