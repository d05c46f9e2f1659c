// What a peer can make us work: packets of queues passed over for each segment it sends, which has to stay the same
// however large the window is it has opened or filled.
#include <algorithm>
#include <numeric>

#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

constexpr uint16_t kMss = 100;
constexpr uint32_t at(size_t segment) {
  return static_cast<uint32_t>(1 + segment * kMss);
}

class TcpAttackCost : public ScriptTest {
 protected:
  /// Steps for each of `segments`, sent one by one.
  double cost_of(const std::vector<Seg>& segments) {
    const uint64_t before = counters.tcp_queue_steps;
    for (const Seg& segment : segments) {
      peer.send(segment);
      peer.ignore_all();
    }
    return static_cast<double>(counters.tcp_queue_steps - before) / static_cast<double>(segments.size());
  }
  /// Offsets 0, 2, 4 ... below 2n in an order of their own.
  static std::vector<uint32_t> shuffled(size_t n) {
    std::vector<uint32_t> out(n);
    for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint32_t>(2 * i);
    SeededRandom random(3);
    for (size_t i = n; i > 1; --i) std::swap(out[i - 1], out[random.u64() % i]);
    return out;
  }
  Peer peer{*this};
};

// Receiving.

class TcpReceiveCost : public TcpAttackCost {
 protected:
  void open() {
    settings.max_out_of_order = 3000;
    listen();
    peer.open();
  }
  static constexpr double kMostSteps = 2 * 128;  // to find the place, and the block to report first
};

TEST_F(TcpReceiveCost, TinySegmentsWithHolesBetweenThem) {
  open();
  std::vector<Seg> segments;
  for (uint32_t i = 0; i < 3000; ++i) segments.push_back(data(10 + 2 * i, 1, "x"));
  EXPECT_LE(cost_of(segments), kMostSteps);
}

TEST_F(TcpReceiveCost, TinySegmentsInRandomOrder) {
  open();
  std::vector<Seg> segments;
  for (uint32_t offset : shuffled(3000)) segments.push_back(data(10 + offset, 1, "x"));
  EXPECT_LE(cost_of(segments), kMostSteps);
  EXPECT_GT(counters.tcp_ofo_dropped, 0u);
}

TEST_F(TcpReceiveCost, OneByteSegmentsBackwards) {
  open();
  std::vector<Seg> segments;
  for (uint32_t i = 0; i < 2500; ++i) segments.push_back(data(5000 - i, 1, "x"));
  EXPECT_LE(cost_of(segments), 4);
  EXPECT_EQ(counters.tcp_ofo_queued, 2500u);
}

TEST_F(TcpReceiveCost, OneByteSegmentsInOrder) {
  open();
  std::vector<Seg> segments;
  for (uint32_t i = 0; i < 2000; ++i) segments.push_back(data(1 + i, 1, "x"));
  EXPECT_LE(cost_of(segments), 1);
  EXPECT_EQ(log().received.size(), 2000u);
}

// Each covers all but a byte of the one before and reaches a byte further; then each swallows everything so far.
TEST_F(TcpReceiveCost, ThousandsOfOverlappingSegments) {
  open();
  std::vector<Seg> segments;
  for (uint32_t i = 0; i < 2500; ++i) segments.push_back(data(10 + i, 1, pattern(1000, 9 + i)));
  EXPECT_LE(cost_of(segments), 4);
  segments.clear();
  for (uint32_t i = 1; i < 400; ++i) segments.push_back(data(20'000 - i, 1, pattern(2 * i, 19'999 - i)));
  EXPECT_LE(cost_of(segments), 4);
  peer.send(data(1, 1, pattern(9)));
  peer.ignore_all();
  EXPECT_EQ(log().received, pattern(9 + 2500 - 1 + 1000)) << "the bytes are right all the same";
}

// A window of data behind a hole is what a loss on a long path leaves: it costs nothing.
TEST_F(TcpReceiveCost, AWindowBehindOneHole) {
  open();
  std::vector<Seg> segments;
  for (uint32_t i = 0; i < 2500; ++i) segments.push_back(data(at(i + 1), 1, pattern(kMss, at(i + 1) - 1)));
  EXPECT_LE(cost_of(segments), 2);
  peer.send(data(1, 1, pattern(kMss)));
  peer.ignore_all();
  EXPECT_EQ(log().received, pattern(2501 * kMss));
}

// Sending.

class TcpSackCost : public TcpAttackCost {
 protected:
  /// A connection with `segments` segments under way, the first of which is `first`.
  void open_with_flight(size_t segments) {
    listen();
    piece = kMss;
    peer.open({.mss = kMss, .rtt = Micros::milliseconds(100)});
    while (in_flight() < segments * kMss) {
      const uint32_t all = first + in_flight() / kMss;
      if (in_flight() != 0) {
        wait_ms(50);
        peer.send(ack(1, at(all)));
        first = all;
      }
      const uint32_t cwnd = info().cwnd;
      write(pattern(std::min<size_t>(cwnd + 3 * kMss, segments * kMss + kMss)));
      // What the window held back comes with the next ACK.
      peer.ignore_all();
      ASSERT_LT(first, 100'000u);
    }
    wait_ms(50);
    count = in_flight() / kMss;
  }
  SubflowInfo info() { return stack().info(stream())->subflows[0]; }
  uint32_t in_flight() { return info().in_flight; }
  /// An ACK with one block: segment `i` of those under way.
  Seg block(size_t i, size_t n = 1) { return ack(1, at(first)).win(65535).sack(at(first + i), at(first + i + n)); }

  uint32_t first = 0;
  size_t count = 0;
  // The first walks through a window are free; after them a look for a block and one for losses.
  static constexpr double kMostSteps = 2.0 * tcp::Scoreboard::kCreditPerAck + 16;
  static double allowed(size_t acks) {
    return kMostSteps + 2.0 * tcp::Scoreboard::kFirstCredit / static_cast<double>(acks);
  }
};

TEST_F(TcpSackCost, EveryOtherSegmentFromTheRight) {
  open_with_flight(1500);
  std::vector<Seg> acks;
  for (size_t i = count - 1; i > 2; i -= 2) acks.push_back(block(i));
  EXPECT_LE(cost_of(acks), allowed(acks.size()));
}

TEST_F(TcpSackCost, EveryOtherSegmentInRandomOrderAndAgain) {
  open_with_flight(1500);
  std::vector<Seg> acks;
  for (uint32_t i : shuffled(count / 2 - 1)) acks.push_back(block(i + 1));
  EXPECT_LE(cost_of(acks), allowed(acks.size()));
  EXPECT_LE(cost_of(acks), kMostSteps) << "the same blocks again";
  EXPECT_LE(cost_of(acks), kMostSteps);
}

// What an honest receiver of a long path says: one growing block behind a hole, older ones repeated. All of it is
// understood, for next to nothing.
TEST_F(TcpSackCost, AGrowingBlockBehindHoles) {
  open_with_flight(1500);
  std::vector<Seg> acks;
  for (size_t i = 900; i < count; ++i) {
    Seg s = block(600, i + 1 - 600);
    s.sack(at(first + 300), at(first + 599)).sack(at(first + 1), at(first + 299));
    acks.push_back(s);
  }
  const double cost = cost_of(acks);
  EXPECT_LE(cost, 16);
  EXPECT_EQ(counters.tcp_sack_discarded, 0u);
}

TEST_F(TcpSackCost, ImpossibleBlocksAreCounted) {
  open_with_flight(20);
  peer.send(ack(1, at(first)).sack(at(first + 5), at(first + 5)));
  peer.send(ack(1, at(first)).sack(at(first + 5), at(first + count + 10)));
  peer.ignore_all();
  EXPECT_EQ(counters.tcp_sack_discarded, 2u);
  EXPECT_EQ(in_flight(), count * kMss);
}

}  // namespace
}  // namespace tributary::test
