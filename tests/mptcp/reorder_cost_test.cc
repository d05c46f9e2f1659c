// What it takes to put data in order across subflows: runs of the reorder queue passed over for each packet. Next to
// nothing for honest subflows however far apart they are, and not much more for whoever means to make us look.
#include "tests/mptcp/mptcp_script.h"

namespace tributary::test {
namespace {

constexpr uint16_t kPiece = 8;

class MptcpReorderCost : public MptcpTest {
 protected:
  MptcpReorderCost() { settings.max_out_of_order = 3000; }

  /// One subflow, which sends payload in its order and maps it anywhere.
  struct Sender {
    Peer& peer;
    uint32_t seq = 1;
  };
  void send(Sender& from, uint64_t place) {
    const uint64_t dsn = 1 + place * kPiece;
    from.peer.send(mapped(from.seq, dsn, pattern(kPiece, static_cast<uint32_t>(dsn - 1))));
    from.seq += kPiece;
    from.peer.ignore_all();
    ++packets_;
  }
  double steps_per_packet() const {
    return static_cast<double>(counters.tcp_queue_steps) / static_cast<double>(packets_);
  }

  static constexpr double kMostSteps = 128;

 private:
  size_t packets_ = 0;
};

TEST_F(MptcpReorderCost, HolesEverywhere) {
  open();
  Sender attacker{first};
  for (uint64_t i = 0; i < 2500; ++i) send(attacker, 10 + 2 * i);
  EXPECT_LE(steps_per_packet(), 1) << "in order";
  SeededRandom random(5);
  for (int i = 0; i < 2500; ++i) send(attacker, 11 + 2 * (random.u64() % 2500));
  EXPECT_LE(steps_per_packet(), kMostSteps);
  EXPECT_GT(counters.tcp_ofo_dropped, 0u);
}

TEST_F(MptcpReorderCost, Backwards) {
  open();
  Sender attacker{first};
  for (uint64_t i = 0; i < 2500; ++i) send(attacker, 9000 - 2 * i);
  EXPECT_LE(steps_per_packet(), 1);
}

TEST_F(MptcpReorderCost, FromBothEndsToTheMiddle) {
  open();
  Sender attacker{first};
  for (uint64_t i = 0; i < 1250; ++i) {
    send(attacker, 9000 - 2 * i);
    send(attacker, 10 + 2 * i);
  }
  EXPECT_LE(steps_per_packet(), kMostSteps);
}

// The slow subflow has every other packet, and is a thousand packets behind.
TEST_F(MptcpReorderCost, TwoSubflowsInterleaved) {
  open();
  join(second);
  Sender fast{first}, slow{second};
  constexpr uint64_t kLag = 1000, kEach = 3000;
  for (uint64_t i = 0; i < kEach + kLag; ++i) {
    if (i < kEach) send(fast, 2 * i + 1);
    if (i >= kLag) send(slow, 2 * (i - kLag));
  }
  EXPECT_LE(steps_per_packet(), 1);
  EXPECT_EQ(counters.tcp_ofo_dropped, 0u);
  EXPECT_TRUE(log().received == pattern(2 * kEach * kPiece));
}

// The third one fills holes in the midst of what the others have left.
TEST_F(MptcpReorderCost, ThreeSubflowsInterleaved) {
  open();
  join(second);
  join(third, {.id = 2});
  Sender fast{first}, slow{second}, slowest{third};
  constexpr uint64_t kLag = 700, kEach = 3000;
  for (uint64_t i = 0; i < kEach + 2 * kLag; ++i) {
    if (i < kEach) send(fast, 3 * i + 2);
    if (i >= kLag && i < kEach + kLag) send(slow, 3 * (i - kLag) + 1);
    if (i >= 2 * kLag) send(slowest, 3 * (i - 2 * kLag));
  }
  EXPECT_LE(steps_per_packet(), 2);
  EXPECT_EQ(counters.tcp_ofo_dropped, 0u);
  EXPECT_TRUE(log().received == pattern(3 * kEach * kPiece));
}

// Overlaps, duplicates and swallowed packets in all orders: every byte arrives once and in its place.
TEST_F(MptcpReorderCost, OverlapsInAnyOrderFitTogether) {
  open();
  Sender sender{first};
  SeededRandom random(11);
  constexpr uint32_t kBytes = 20'000;
  const std::string text = pattern(kBytes);
  const auto send_range = [&](uint32_t from, uint32_t size) {
    size = std::min(size, kBytes - from);
    first.send(mapped(sender.seq, 1 + from, text.substr(from, size)));
    sender.seq += size;
    first.ignore_all();
  };
  for (int i = 0; i < 2000; ++i)
    send_range(static_cast<uint32_t>(200 + random.u64() % (kBytes - 200)),
               static_cast<uint32_t>(1 + random.u64() % 300));
  EXPECT_EQ(log().received, "");
  for (uint32_t at = 0; at < kBytes; at += 100) send_range(at, 100);
  EXPECT_TRUE(log().received == text);
}

}  // namespace
}  // namespace tributary::test
