// The fault table: connections whose packets are dropped, duplicated, reordered, delayed, truncated, damaged,
// replayed and joined by garbage (mutator.h says how, and what is left out because plain TCP cannot tell it
// from the truth). None crashes, none delivers a wrong byte, none leaks, each ends.
//
// A world of 16 connections has a seed:
//   TRIBUTARY_SIM_SEED=<seed>                runs that world alone; with one of the next two, begins there
//   TRIBUTARY_FAULT_CONNECTIONS=<n>          so many connections instead of 10,000
//   TRIBUTARY_FAULT_SECONDS=<s>              as many as fit into so much time
#include <gtest/gtest.h>

#include <unistd.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/sim/fault_world.h"
#include "tests/sim/world.h"

namespace tributary::sim {
namespace {

constexpr uint64_t kConnections = 10'000;
constexpr uint64_t kProgressEvery = 1000;  // worlds
constexpr unsigned kMostFailures = 20;

char crash_note[96];

/// Says which world it was; nothing that is not safe in a signal handler.
void on_crash(int signal) {
  const ssize_t ignored = write(STDERR_FILENO, crash_note, std::strlen(crash_note));
  static_cast<void>(ignored);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

uint64_t from_environment(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == 0 ? fallback : std::strtoull(text, nullptr, 0);
}

void print(const FaultResult& r, uint64_t first, uint64_t last, double seconds) {
  std::printf(
      "%llu connections (%llu MPTCP), seeds %llu to %llu, %.0f s: %llu complete, %llu with an error, %llu "
      "idle "
      "sides, %llu excused;",
      static_cast<unsigned long long>(r.connections), static_cast<unsigned long long>(r.mptcp),
      static_cast<unsigned long long>(first), static_cast<unsigned long long>(last), seconds,
      static_cast<unsigned long long>(r.complete), static_cast<unsigned long long>(r.failed),
      static_cast<unsigned long long>(r.idle), static_cast<unsigned long long>(r.excused));
  for (size_t i = 0; i < kMutations; ++i)
    std::printf(" %s %llu", name_of(static_cast<Mutation>(i)), static_cast<unsigned long long>(r.mutations[i]));
  std::printf("\n");
  std::fflush(stdout);
}

TEST(FaultTable, NoneCrashesNoneDeliversAWrongByteNoneLeaksEachEnds) {
  const uint64_t first = seed_from_environment(1);
  const bool one = std::getenv("TRIBUTARY_SIM_SEED") != nullptr && std::getenv("TRIBUTARY_FAULT_SECONDS") == nullptr &&
                   std::getenv("TRIBUTARY_FAULT_CONNECTIONS") == nullptr;
  const double limit = static_cast<double>(from_environment("TRIBUTARY_FAULT_SECONDS", 0));
  const uint64_t wanted = one         ? 1
                          : limit > 0 ? UINT64_MAX
                                      : from_environment("TRIBUTARY_FAULT_CONNECTIONS", kConnections);
  std::signal(SIGSEGV, on_crash);
  std::signal(SIGABRT, on_crash);
  std::signal(SIGFPE, on_crash);

  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  FaultResult total;
  uint64_t seed = first;
  unsigned failures = 0;
  for (; total.connections < wanted && (limit == 0 || seconds() < limit) && failures < kMostFailures; ++seed) {
    std::snprintf(crash_note, sizeof crash_note, "crash; again: TRIBUTARY_SIM_SEED=%llu sim_fault_table_test\n",
                  static_cast<unsigned long long>(seed));
    FaultResult result;
    try {
      result = run_fault_world(seed);
    } catch (const std::exception& e) {
      result.connections = kConnectionsAWorld;
      result.wrong = e.what();
    }
    if (!result.wrong.empty()) {
      ++failures;
      ADD_FAILURE() << "again: TRIBUTARY_SIM_SEED=" << seed << " sim_fault_table_test\n" << result.wrong;
      result.wrong.clear();
    }
    total.add(result);
    if ((seed - first + 1) % kProgressEvery == 0) print(total, first, seed, seconds());
  }
  print(total, first, seed - 1, seconds());
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE}) std::signal(signal, SIG_DFL);
  if (one) return;
  for (size_t i = 0; i < kMutations; ++i)
    EXPECT_GT(total.mutations[i], 0u) << name_of(static_cast<Mutation>(i)) << " never happened";
  EXPECT_GT(total.complete, total.connections / 2) << "faults so bad that nothing is proved";
}

}  // namespace
}  // namespace tributary::sim
