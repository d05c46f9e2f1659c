// The small parts of a worker: clock, idle back-off, mailbox, randomness, and the shape of telemetry replies.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "datapath/clock.h"
#include "datapath/idle_backoff.h"
#include "datapath/mailbox.h"
#include "datapath/os_random.h"
#include "datapath/telemetry.h"

namespace tributary::datapath {
namespace {

TEST(Clock, TicksBecomeMicroseconds) {
  const Clock clock(2'500'000'000, 1000);
  EXPECT_EQ(clock.at(1000), Micros::seconds(1));
  EXPECT_EQ(clock.at(1000 + 2'500'000'000), Micros(2'000'000));
  EXPECT_EQ(clock.at(1000 + 2500).count(), 1'000'001);
}

TEST(Clock, AYearDoesNotOverflowAndDriftsLittle) {
  constexpr uint64_t kHz = 3'000'000'000;
  const Clock clock(kHz, 0);
  constexpr int64_t kYear = 365 * 86400;
  const int64_t error = clock.at(kHz * kYear).count() - (kYear + 1) * 1'000'000;
  EXPECT_LT(std::abs(error), kYear / 3600 + 1) << "more than a microsecond an hour";
}

TEST(Clock, OddFrequenciesDoNotRunBackwards) {
  const Clock clock(2'893'202'117, 12345);
  Micros last = clock.at(12345);
  for (uint64_t ticks = 12345; ticks < 3'000'000; ticks += 997) {
    EXPECT_GE(clock.at(ticks), last);
    last = clock.at(ticks);
  }
}

TEST(IdleBackoff, NapsDoubleUpToTheLongestAndWorkResetsThem) {
  IdleBackoff backoff(true, 2, Micros(100), Micros(100));
  const Micros now(1'000'000);
  const auto idle = [&] { return backoff.after_pass(false, now, Micros::never()).count(); };
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(idle(), 20);
  EXPECT_EQ(idle(), 40);
  EXPECT_EQ(idle(), 80);
  EXPECT_EQ(idle(), 100);
  EXPECT_EQ(idle(), 100);
  EXPECT_EQ(backoff.after_pass(true, now, Micros::never()), Micros(0));
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(idle(), 20);
}

TEST(IdleBackoff, NoNapPassesADeadline) {
  IdleBackoff backoff(true, 0, Micros(200), Micros(200));
  EXPECT_EQ(backoff.after_pass(false, Micros(1000), Micros(1007)), Micros(7));
  EXPECT_EQ(backoff.after_pass(false, Micros(1000), Micros(1000)), Micros(0));
  EXPECT_EQ(backoff.after_pass(false, Micros(1000), Micros(900)), Micros(0)) << "a deadline that has passed";
}

TEST(IdleBackoff, SilenceMakesNapsDeepAndAFrameEndsThat) {
  IdleBackoff backoff(true, 0, Micros(100), Micros(1000));
  Micros now = Micros::seconds(5);
  const auto idle = [&] { return backoff.after_pass(false, now, Micros::never()).count(); };
  backoff.after_pass(true, now, Micros::never());
  for (int i = 0; i < 20; ++i) idle();
  EXPECT_EQ(idle(), 100);
  now += IdleBackoff::kSilence;
  for (int i = 0; i < 20; ++i) idle();
  EXPECT_EQ(idle(), 1000);
  EXPECT_EQ(backoff.after_pass(false, now, now + Micros(7)), Micros(7)) << "timers count for more than sleep";
  backoff.after_pass(true, now, Micros::never());
  for (int i = 0; i < 20; ++i) idle();
  EXPECT_EQ(idle(), 100);
}

TEST(IdleBackoff, OffMeansPolling) {
  IdleBackoff backoff(false, 0, Micros(200), Micros(200));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(backoff.after_pass(false, Micros(1), Micros::never()), Micros(0));
}

TEST(Mailbox, RunsInTheOrderOfPosting) {
  Mailbox mailbox;
  std::vector<int> ran;
  EXPECT_FALSE(mailbox.run_all());
  for (int i = 0; i < 3; ++i) mailbox.post([&ran, i] { ran.push_back(i); });
  EXPECT_TRUE(mailbox.run_all());
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(mailbox.empty());
}

TEST(Mailbox, ATaskMayPostAnother) {
  Mailbox mailbox;
  int runs = 0;
  mailbox.post([&] {
    ++runs;
    mailbox.post([&] { ++runs; });
  });
  EXPECT_TRUE(mailbox.run_all());
  EXPECT_EQ(runs, 1) << "a task that posts itself must not hold the pass up";
  EXPECT_TRUE(mailbox.run_all());
  EXPECT_EQ(runs, 2);
}

TEST(Mailbox, ManyThreadsPostAndNothingIsLost) {
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  Mailbox mailbox;
  std::array<int, kThreads> last;
  last.fill(-1);
  int total = 0;
  bool ordered = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i)
        mailbox.post([&, t, i] {
          ordered &= last[static_cast<size_t>(t)] == i - 1;
          last[static_cast<size_t>(t)] = i;
          ++total;
        });
    });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (total < kThreads * kEach && std::chrono::steady_clock::now() < end) mailbox.run_all();
  for (std::thread& thread : threads) thread.join();
  mailbox.run_all();
  EXPECT_EQ(total, kThreads * kEach);
  EXPECT_TRUE(ordered);
}

TEST(Mailbox, WhatWasNeverRunIsDestroyed) {
  const auto witness = std::make_shared<int>(1);
  {
    Mailbox mailbox;
    mailbox.post([witness] {});
    mailbox.post([witness] {});
    EXPECT_EQ(witness.use_count(), 3);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(OsRandom, DrawsDiffer) {
  OsRandom a;
  OsRandom b;
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(a.u64());
    seen.insert(b.u64());
  }
  EXPECT_EQ(seen.size(), 2000u);
}

TEST(OsRandom, LongFillsCrossBlocks) {
  OsRandom random;
  std::vector<uint8_t> bytes(5000, 0);
  random.fill(bytes);
  for (size_t at = 0; at + 32 <= bytes.size(); at += 32) {
    const bool untouched =
        std::all_of(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.begin() + static_cast<ptrdiff_t>(at + 32),
                    [](uint8_t b) { return b == 0; });
    EXPECT_FALSE(untouched) << "at " << at;
  }
}

TEST(TelemetryValue, SizeIsAnUpperBoundOfItsJson) {
  TelemetryValue value;
  value.add("n", uint64_t{UINT64_MAX});
  value.add("text", "a\"b");
  TelemetryValue inner;
  inner.add("x", uint64_t{1});
  value.add("inner", std::move(inner));
  const std::string json = R"({"n":18446744073709551615,"text":"a\"b","inner":{"x":1}})";
  EXPECT_GE(value.json_size(), json.size());
  EXPECT_LE(value.json_size(), 2 * json.size());
}

}  // namespace
}  // namespace tributary::datapath
