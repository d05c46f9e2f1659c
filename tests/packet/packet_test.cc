#include "stack/packet/packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "stack/packet/frame_queue.h"
#include "tests/support/pools.h"
#include "tests/support/seeded_random.h"

namespace tributary {
namespace {

using test::make_payload;
using test::make_pools;
using test::PoolGuard;

std::vector<uint8_t> random_bytes(test::SeededRandom& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  random.fill(bytes);
  return bytes;
}

TEST(Packet, PoolsOfOneNameCoexist) {
  auto one = make_pools(64, 64);
  auto two = make_pools(64, 64);
  EXPECT_NE(one->data_pool(), two->data_pool());
}

TEST(Packet, CreationFailsWithAReasonWhenMemoryIsShort) {
  PacketPools::Sizes sizes;
  sizes.data_buffers = 100'000'000;
  const char* error = nullptr;
  EXPECT_EQ(PacketPools::create(sizes, "huge", &error), nullptr);
  ASSERT_NE(error, nullptr);
  EXPECT_STRNE(error, "");
}

TEST(Packet, NewBuffersAreEmptyWithZeroedInfo) {
  auto pools = make_pools();
  PoolGuard guard(*pools);
  {
    Packet dirty = pools->data();
    dirty.info().dsn = 77;
    dirty.info().flags = 3;
  }
  for (int i = 0; i < 3; ++i) {
    for (bool small : {false, true}) {
      Packet packet = small ? pools->header() : pools->data();
      ASSERT_TRUE(packet);
      EXPECT_EQ(packet.size(), 0);
      EXPECT_EQ(packet.info().dsn, 0u);
      EXPECT_EQ(packet.info().flags, 0);
      EXPECT_GE(rte_pktmbuf_headroom(packet.get()), 128);
    }
  }
  EXPECT_EQ(rte_pktmbuf_tailroom(pools->data().get()), 2048);
}

TEST(Packet, EveryBufferOfAPoolCanBeTakenAndNoneMore) {
  for (uint32_t count : {64u, 2047u}) {
    auto pools = make_pools(count, count);
    PoolGuard guard(*pools);
    std::vector<Packet> taken;
    for (uint32_t i = 0; i < count; ++i) {
      taken.push_back(pools->data());
      ASSERT_TRUE(taken.back()) << i;
    }
    EXPECT_EQ(pools->data_in_use(), count);
    EXPECT_FALSE(pools->data());
    EXPECT_TRUE(pools->header());
  }
}

// In the caller's cache or behind it: a pool large enough has one.
TEST(Packet, WhatIsAvailableAndWhatIsInUseMakeUpThePool) {
  for (uint32_t size : {64u, 4096u}) {
    auto pools = make_pools(size, 64);
    PoolGuard guard(*pools);
    std::vector<Packet> taken;
    for (uint32_t n = 0; n <= 50; ++n) {
      EXPECT_EQ(pools->data_available(), size - n);
      EXPECT_EQ(pools->data_in_use(), n);
      taken.push_back(pools->data());
    }
    taken.clear();
    EXPECT_EQ(pools->data_available(), size);
  }
}

TEST(Packet, MovingTransfersOwnership) {
  auto pools = make_pools(64, 64);
  PoolGuard guard(*pools);
  Packet a = pools->data();
  Packet b = std::move(a);
  EXPECT_FALSE(a);
  b = pools->data();
  EXPECT_EQ(pools->data_in_use(), 1u);
  rte_pktmbuf_free(b.release());
  EXPECT_EQ(pools->data_in_use(), 0u);
}

// Every range of small payloads and random ranges of a large one, against the sum read byte by byte.
TEST(PacketReference, DescribesTheRangeAndItsSum) {
  auto pools = make_pools(64, 64);
  PoolGuard guard(*pools);
  test::SeededRandom random(7);
  for (size_t payload_size : {1, 2, 3, 8, 9, 1448, 1449}) {
    const auto bytes = random_bytes(random, payload_size);
    Packet whole = make_payload(*pools, bytes);
    const size_t step = payload_size < 100 ? 1 : 97;
    for (size_t offset = 0; offset <= payload_size; offset += step) {
      for (size_t size = 0; offset + size <= payload_size; size += step) {
        Packet part = pools->reference(whole, static_cast<uint16_t>(offset), static_cast<uint16_t>(size));
        ASSERT_TRUE(part);
        const std::span<const uint8_t> expected = std::span(bytes).subspan(offset, size);
        EXPECT_TRUE(std::ranges::equal(part.payload(), expected));
        EXPECT_TRUE(std::ranges::equal(part.bytes(), expected));
        EXPECT_TRUE(wire::same_value(part.info().payload_sum, wire::sum_bytes(expected)))
            << offset << "+" << size << " of " << payload_size;
      }
    }
  }
  EXPECT_EQ(pools->payload_copies, 0u);
}

TEST(PacketReference, OfAReferenceReachesTheSameBytes) {
  auto pools = make_pools(64, 64);
  PoolGuard guard(*pools);
  test::SeededRandom random(8);
  const auto bytes = random_bytes(random, 1001);
  Packet whole = make_payload(*pools, bytes);
  Packet outer = pools->reference(whole, 101, 801);
  Packet inner = pools->reference(outer, 3, 707);
  const std::span<const uint8_t> expected = std::span(bytes).subspan(104, 707);
  EXPECT_EQ(inner.payload().data(), whole.payload().data() + 104);
  EXPECT_TRUE(std::ranges::equal(inner.payload(), expected));
  EXPECT_TRUE(wire::same_value(inner.info().payload_sum, wire::sum_bytes(expected)));
  EXPECT_EQ(rte_mbuf_refcnt_read(whole.get()), 3);

  // The data lives as long as its last handle, whichever goes first.
  whole.reset();
  outer.reset();
  EXPECT_EQ(pools->data_in_use(), 1u);
  EXPECT_TRUE(std::ranges::equal(inner.payload(), expected));
}

TEST(PacketReference, KeepsItsOwnInfoAndNoPortFlags) {
  auto pools = make_pools(64, 64);
  PoolGuard guard(*pools);
  Packet whole = make_payload(*pools, std::vector<uint8_t>(100, 5));
  whole.get()->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  whole.info().dsn = 42;
  Packet part = pools->reference(whole, 10, 20);
  part.info().dsn = 52;
  EXPECT_EQ(whole.info().dsn, 42u);
  EXPECT_EQ(part.get()->ol_flags, RTE_MBUF_F_INDIRECT);
}

TEST(PacketReference, OutsideThePayloadIsRefused) {
  auto pools = make_pools(64, 64);
  PoolGuard guard(*pools);
  Packet whole = make_payload(*pools, std::vector<uint8_t>(100, 5));
  EXPECT_TRUE(pools->reference(whole, 0, 100));
  EXPECT_FALSE(pools->reference(whole, 1, 100));
  EXPECT_FALSE(pools->reference(whole, 101, 0));
  EXPECT_FALSE(pools->reference(whole, 0xffff, 0xffff));
}

TEST(PacketReference, NeedsAHeaderBuffer) {
  auto pools = make_pools(64, 64);
  PoolGuard guard(*pools);
  Packet whole = make_payload(*pools, std::vector<uint8_t>(100, 5));
  std::vector<Packet> taken;
  while (Packet header = pools->header()) taken.push_back(std::move(header));
  EXPECT_FALSE(pools->reference(whole, 0, 50));
  EXPECT_EQ(rte_mbuf_refcnt_read(whole.get()), 1);
}

TEST(FrameQueues, GivesBackWhatNobodyTook) {
  auto pools = make_pools(64, 64);
  PoolGuard guard(*pools);
  FrameQueues queues(2);
  queues.push(PortId{1}, pools->data());
  queues.push(PortId{1}, pools->header());
  EXPECT_EQ(queues.pending(PortId{0}).size(), 0u);
  EXPECT_EQ(queues.pending(PortId{1}).size(), 2u);
}

}  // namespace
}  // namespace tributary
