// Bounds of the neighbour table: no scan fills it, no flood outgrows its queues.
#include <gtest/gtest.h>

#include "stack/ip/neighbor_table.h"
#include "tests/support/pools.h"

namespace tributary::ip {
namespace {

constexpr Micros kNow = Micros::seconds(5000);
constexpr uint64_t kSecret = 0x1234567890abcdef;

IpAddress host(uint32_t i) {
  return IpAddress::v4(0x0a000000 + i);
}

class NeighborTableTest : public testing::Test {
 protected:
  static Limits small() {
    Limits limits;
    limits.neighbors = 16;
    limits.queued_per_neighbor = 4;
    return limits;
  }
  Neighbor* create(uint32_t i, Micros now = kNow) { return table_.create(0, host(i), now, dropped_); }
  Neighbor* create_resolved(uint32_t i, Micros now) {
    Neighbor* n = create(i, now);
    if (n == nullptr) return nullptr;
    on_advertisement(*n, {.link_address = MacAddress{{2}}, .solicited = true}, now, limits_);
    table_.update(*n);
    return n;
  }

  Limits limits_ = small();
  std::unique_ptr<PacketPools> pools_ = test::make_pools();
  test::PoolGuard guard_{*pools_};
  NeighborTable table_{limits_, kSecret};
  uint64_t dropped_ = 0;
};

TEST_F(NeighborTableTest, EntriesAreFoundByInterfaceAndAddress) {
  Neighbor* a = create_resolved(1, kNow);
  Neighbor* b = table_.create(1, host(1), kNow, dropped_);
  EXPECT_NE(a, b);
  EXPECT_EQ(table_.find(0, host(1)), a);
  EXPECT_EQ(table_.find(1, host(1)), b);
  EXPECT_EQ(table_.find(2, host(1)), nullptr);
  EXPECT_EQ(table_.find(0, host(2)), nullptr);
}

TEST_F(NeighborTableTest, ForgottenEntriesAreNotFoundByOldIndex) {
  Neighbor* n = create(1);
  const uint32_t index = table_.index(*n);
  const uint32_t generation = n->generation;
  EXPECT_EQ(table_.at(index, generation), n);
  table_.forget(*n);
  EXPECT_EQ(table_.at(index, generation), nullptr);
  EXPECT_EQ(table_.find(0, host(1)), nullptr);
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(table_.next_deadline(), Micros::never());
  Neighbor* again = create(2);
  EXPECT_EQ(table_.index(*again), index);
  EXPECT_EQ(table_.at(index, generation), nullptr);
  EXPECT_EQ(table_.at(999, 0), nullptr);
}

TEST_F(NeighborTableTest, AScanKeepsToItsQuarterAndLeavesNeighboursAlone) {
  for (uint32_t i = 0; i < 12; ++i) ASSERT_NE(create_resolved(i, kNow), nullptr);
  for (uint32_t i = 1000; i < 3000; ++i) ASSERT_NE(create(i, kNow + Micros::seconds(100)), nullptr);
  EXPECT_EQ(table_.size(), 16u);
  for (uint32_t i = 0; i < 12; ++i) EXPECT_NE(table_.find(0, host(i)), nullptr) << i;
  // The newest of the scan are there, so that a real neighbour among them has its chance.
  for (uint32_t i = 2996; i < 3000; ++i) EXPECT_NE(table_.find(0, host(i)), nullptr) << i;
  EXPECT_EQ(table_.find(0, host(2995)), nullptr);
}

TEST_F(NeighborTableTest, WhenFullTheLeastRecentlyUsedGoes) {
  for (uint32_t i = 0; i < 16; ++i) {
    Neighbor* n = create_resolved(i, kNow);
    n->used_at = kNow + Micros::seconds(i == 5 ? -1 : int64_t{i});
  }
  EXPECT_NE(create_resolved(100, kNow + Micros::seconds(60)), nullptr);
  EXPECT_EQ(table_.find(0, host(5)), nullptr);
  EXPECT_NE(table_.find(0, host(0)), nullptr);
  EXPECT_EQ(table_.size(), 16u);
}

TEST_F(NeighborTableTest, NeighboursInUseAreNotEvicted) {
  for (uint32_t i = 0; i < 16; ++i) ASSERT_NE(create_resolved(i, kNow), nullptr);
  EXPECT_EQ(create(100, kNow + Micros::seconds(1)), nullptr);
  EXPECT_EQ(table_.size(), 16u);
}

TEST_F(NeighborTableTest, PinnedEntriesStay) {
  Neighbor* gateway = create(0);
  table_.pin(*gateway);
  EXPECT_EQ(table_.next_deadline(), Micros::never());
  for (uint32_t i = 1; i < 500; ++i) create(i, kNow);
  for (uint32_t i = 500; i < 600; ++i) create_resolved(i, kNow + Micros::seconds(i));
  EXPECT_EQ(table_.find(0, host(0)), gateway);
  const uint32_t generation = gateway->generation;
  table_.forget(*gateway);
  EXPECT_EQ(table_.find(0, host(0)), gateway);
  EXPECT_EQ(gateway->generation, generation);
  EXPECT_EQ(gateway->state, NeighborState::kUnknown);
}

TEST_F(NeighborTableTest, TheOldestWaitingPacketGoesFirst) {
  Neighbor* n = create(1);
  EXPECT_FALSE(table_.take_waiting(*n));
  uint32_t dropped = 0;
  for (uint8_t i = 0; i < 10; ++i) dropped += table_.queue(*n, test::make_frame(*pools_, std::vector<uint8_t>{i}));
  EXPECT_EQ(dropped, 6u);
  EXPECT_EQ(pools_->data_in_use(), 4u);
  for (uint8_t i = 6; i < 10; ++i) EXPECT_EQ(table_.take_waiting(*n).data()[0], i);
  EXPECT_FALSE(table_.take_waiting(*n));
  EXPECT_EQ(table_.queue(*n, pools_->data()), 0u);
  EXPECT_EQ(table_.forget(*n), 1u);
}

TEST_F(NeighborTableTest, EvictionDropsWhatWaited) {
  Neighbor* first = create(0);
  table_.queue(*first, pools_->data());
  table_.queue(*first, pools_->data());
  for (uint32_t i = 1; i < 5; ++i) create(i);
  EXPECT_EQ(table_.find(0, host(0)), nullptr);
  EXPECT_EQ(dropped_, 2u);
  EXPECT_EQ(pools_->data_in_use(), 0u);
}

TEST(NeighborTableBounds, PacketsWaitingInAllAreBounded) {
  auto pools = test::make_pools(4096, 64);
  test::PoolGuard guard(*pools);
  Limits limits;
  NeighborTable table(limits, kSecret);
  uint64_t ignored = 0;
  uint32_t dropped = 0;
  for (uint32_t i = 0; i < 200; ++i) {
    Neighbor* n = table.create(0, host(i), kNow, ignored);
    for (int p = 0; p < 16; ++p) dropped += table.queue(*n, pools->data());
  }
  EXPECT_EQ(pools->data_in_use(), 1024u);
  EXPECT_EQ(dropped, 200u * 16 - 1024);
  // An older packet of the same neighbour makes room for a newer one even then.
  EXPECT_EQ(table.queue(*table.find(0, host(0)), pools->data()), 1u);
  EXPECT_EQ(pools->data_in_use(), 1024u);
  table.drop_all_waiting();
  EXPECT_EQ(pools->data_in_use(), 0u);
}

TEST(NeighborTableBounds, NoPacketWaitsWhenTheBoundIsZero) {
  auto pools = test::make_pools(64, 64);
  test::PoolGuard guard(*pools);
  Limits limits;
  limits.queued_per_neighbor = 0;
  NeighborTable table(limits, kSecret);
  uint64_t ignored = 0;
  EXPECT_EQ(table.queue(*table.create(0, host(1), kNow, ignored), pools->data()), 1u);
}

TEST_F(NeighborTableTest, DeadlinesComeInOrder) {
  for (uint32_t i = 0; i < 12; ++i) create_resolved(i, kNow + Micros::seconds((i * 7) % 12));
  EXPECT_EQ(table_.next_deadline(), kNow + limits_.reachable);
  Micros last;
  int count = 0;
  while (Neighbor* n = table_.take_due(kNow + Micros::seconds(100))) {
    EXPECT_GE(n->deadline, last);
    last = n->deadline;
    ++count;
    table_.forget(*n);
  }
  EXPECT_EQ(count, 12);
  EXPECT_EQ(table_.size(), 0u);
}

// Long random use against a plain map of what must be there.
TEST_F(NeighborTableTest, SurvivesRandomUse) {
  Micros now = kNow;
  uint64_t state = 1;
  const auto below = [&](uint32_t bound) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return static_cast<uint32_t>(state >> 33) % bound;
  };
  for (int step = 0; step < 50'000; ++step) {
    now += Micros(below(300'000));
    const uint32_t i = below(40);
    Neighbor* n = table_.find(0, host(i));
    switch (below(6)) {
      case 0:
        if (n == nullptr) n = create(i, now);
        if (n != nullptr) {
          ASSERT_EQ(table_.find(0, host(i)), n);
          n->used_at = now;
          on_send(*n, now, limits_);
          table_.update(*n);
        }
        break;
      case 1:
        if (n != nullptr) table_.queue(*n, pools_->data());
        break;
      case 2:
        if (n == nullptr) break;
        on_advertisement(*n, {.link_address = MacAddress{{2}}, .solicited = below(2) == 0}, now, limits_);
        table_.update(*n);
        while (table_.take_waiting(*n)) {
        }
        break;
      case 3:
        if (n == nullptr || below(4) != 0) break;
        table_.forget(*n);
        ASSERT_EQ(table_.find(0, host(i)), nullptr);
        break;
      default:
        while (Neighbor* due = table_.take_due(now)) {
          if (on_timer(*due, now, limits_) == TimerVerdict::kForget)
            table_.forget(*due);
          else
            table_.update(*due);
        }
    }
    ASSERT_LE(table_.size(), 16u);
    uint32_t found = 0;
    for (uint32_t j = 0; j < 40; ++j) found += table_.find(0, host(j)) != nullptr;
    ASSERT_EQ(found, table_.size());
  }
}

}  // namespace
}  // namespace tributary::ip
