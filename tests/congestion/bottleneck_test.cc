// The algorithms in a closed loop: senders, one drop-tail bottleneck, an acknowledgement per packet a round
// trip later.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "stack/congestion/congestion.h"

namespace tributary::congestion {
namespace {

constexpr uint32_t kMss = 1448;

struct Path {
  double bytes_per_second;
  Micros rtt;
  double queue_bytes;
  double bdp() const { return bytes_per_second * static_cast<double>(rtt.count()) / 1e6; }
};

class Bottleneck {
 public:
  Bottleneck(Path path, const std::vector<Algorithm>& algorithms) : path_(path), flows_(algorithms.size()) {
    for (size_t i = 0; i < flows_.size(); ++i) {
      start(flows_[i].state, algorithms[i], kMss);
      flows_[i].starts = Micros::milliseconds(static_cast<int64_t>(137 * i));
    }
  }

  void run(Micros until) {
    while (now_ < until) {
      Flow* next = nullptr;
      Micros at = until;
      for (Flow& flow : flows_) {
        const Micros event = flow.sent.empty() ? std::max(flow.starts, now_) : flow.sent.front().answered;
        if (event < at) at = event, next = &flow;
      }
      now_ = at;
      if (next == nullptr) break;
      if (!next->sent.empty()) answer(*next);
      fill_window(*next);
    }
  }

  uint64_t delivered(size_t flow) const { return flows_[flow].delivered; }
  uint32_t losses(size_t flow) const { return flows_[flow].reductions; }
  const State& state(size_t flow) const { return flows_[flow].state; }

 private:
  struct Sent {
    Micros answered;
    Micros sent;
    uint64_t number;
    bool lost;
  };
  struct Flow {
    State state;
    Micros starts;
    std::deque<Sent> sent;
    uint64_t next_number = 0;
    uint64_t recovery_end = 0;  // in recovery until this packet is answered
    bool in_recovery = false;
    bool limited = true;
    Micros srtt;
    Micros min_rtt = Micros::never();
    uint64_t delivered = 0;
    uint32_t reductions = 0;
  };

  static uint32_t in_flight(const Flow& flow) { return static_cast<uint32_t>(flow.sent.size()) * kMss; }

  void answer(Flow& flow) {
    const uint32_t flight = in_flight(flow);
    const Sent packet = flow.sent.front();
    flow.sent.pop_front();
    if (packet.lost) {
      if (flow.in_recovery) return;
      flow.in_recovery = true;
      flow.recovery_end = flow.next_number;
      ++flow.reductions;
      flow.state.cwnd = on_loss(flow.state, now_, flight, kMss);
      return;
    }
    flow.delivered += kMss;
    const Micros rtt = now_ - packet.sent;
    flow.srtt = flow.srtt == Micros(0) ? rtt : Micros((flow.srtt.count() * 7 + rtt.count()) / 8);
    flow.min_rtt = std::min(flow.min_rtt, rtt);
    if (flow.in_recovery && packet.number >= flow.recovery_end) {
      flow.in_recovery = false;
      on_recovery_end(flow.state, Micros(0), Micros(0), kMss);
    }
    if (!flow.in_recovery) on_ack(flow.state, {now_, kMss, flight, rtt, flow.srtt, flow.min_rtt, kMss, true});
  }

  void fill_window(Flow& flow) {
    while (in_flight(flow) + kMss <= std::max(flow.state.cwnd, kMss)) {
      const double backlog =
          std::max<double>(0, link_free_ - static_cast<double>(now_.count())) * path_.bytes_per_second / 1e6;
      const bool lost = backlog + kMss > path_.queue_bytes;
      if (!lost)
        link_free_ = std::max(link_free_, static_cast<double>(now_.count())) + kMss / path_.bytes_per_second * 1e6;
      const Micros answered =
          Micros(static_cast<int64_t>(std::max(link_free_, static_cast<double>(now_.count())))) + path_.rtt;
      flow.sent.push_back({answered, now_, flow.next_number++, lost});
    }
  }

  Path path_;
  Micros now_{0};
  double link_free_ = 0;
  std::vector<Flow> flows_;
};

Path make_path(double mbit, int64_t rtt_ms, double queue_in_bdp) {
  Path path{mbit * 1e6 / 8, Micros::milliseconds(rtt_ms), 0};
  path.queue_bytes = std::max(path.bdp() * queue_in_bdp, 10.0 * kMss);
  return path;
}

class Alone : public testing::TestWithParam<Algorithm> {};
INSTANTIATE_TEST_SUITE_P(Bottleneck, Alone, testing::Values(Algorithm::kNewReno, Algorithm::kCubic),
                         [](const auto& test) { return std::string(name(test.param)); });

TEST_P(Alone, OneFlowFillsTheLink) {
  for (const double mbit : {2.0, 20.0, 100.0}) {
    for (const int64_t rtt_ms : {10, 40}) {
      const Path path = make_path(mbit, rtt_ms, 1.0);
      Bottleneck world(path, {GetParam()});
      world.run(Micros::seconds(60));
      EXPECT_GT(static_cast<double>(world.delivered(0)), 0.95 * 60 * path.bytes_per_second) << mbit << " " << rtt_ms;
      EXPECT_GT(world.losses(0), 0u);
    }
  }
}

TEST_P(Alone, SlowStartFindsADeepBufferWithoutOverflowingIt) {
  const Path path = make_path(50, 40, 12.0);
  Bottleneck world(path, {GetParam()});
  world.run(Micros::seconds(4));
  EXPECT_EQ(world.losses(0), 0u);  // HyStart++; plain slow start would lose a whole window
  EXPECT_FALSE(world.state(0).in_slow_start());
  EXPECT_GT(world.state(0).cwnd, path.bdp());
}

TEST_P(Alone, TwoFlowsShareEvenly) {
  const Path path = make_path(20, 30, 1.0);
  Bottleneck world(path, {GetParam(), GetParam()});
  world.run(Micros::seconds(200));
  const double share =
      static_cast<double>(world.delivered(0)) / static_cast<double>(world.delivered(0) + world.delivered(1));
  EXPECT_GT(share, 0.4);
  EXPECT_LT(share, 0.6);
}

TEST(Bottleneck, CubicUsesALongFatPathBetterThanNewReno) {
  const Path path = make_path(400, 100, 0.1);
  double goodput[2];
  for (const Algorithm algorithm : {Algorithm::kNewReno, Algorithm::kCubic}) {
    Bottleneck world(path, {algorithm});
    world.run(Micros::seconds(120));
    goodput[static_cast<size_t>(algorithm)] = static_cast<double>(world.delivered(0)) / (120 * path.bytes_per_second);
  }
  EXPECT_GT(goodput[1], 0.8);
  EXPECT_GT(goodput[1], 1.1 * goodput[0]);
}

// RFC 9438 §4.3: where Reno does well, CUBIC takes about its share.
TEST(Bottleneck, CubicIsFriendlyToNewRenoOnAShortPath) {
  const Path path = make_path(10, 10, 1.0);
  Bottleneck world(path, {Algorithm::kNewReno, Algorithm::kCubic});
  world.run(Micros::seconds(200));
  const double reno =
      static_cast<double>(world.delivered(0)) / static_cast<double>(world.delivered(0) + world.delivered(1));
  EXPECT_GT(reno, 0.35);
  EXPECT_LT(reno, 0.65);
}

}  // namespace
}  // namespace tributary::congestion
