// The goodput table holds its bars and stays what its snapshot (tests/data/goodput.txt) says.
//
//   TRIBUTARY_GOODPUT_WRITE=1                  writes the snapshot instead of comparing
//   TRIBUTARY_GOODPUT_CELL="satellite loss1 cubic"   runs that cell alone ("*" stands for any name)
//   TRIBUTARY_SIM_SEED=<n>                     another seed than the snapshot's: only the bars are checked
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "tests/sim/goodput_table.h"
#include "tests/sim/world.h"

namespace tributary::sim {
namespace {

constexpr uint64_t kSeed = 1;

// The bars.
constexpr double kClean = 0.95;              ///< of a link whose queue holds a round trip or more
constexpr double kCleanShallow = 0.78;       ///< a queue of a tenth: halving the window leaves the link idle
constexpr double kReordered = 0.90;          ///< of clean, with packets displaced by up to a quarter round trip
constexpr double kSpuriousReordered = 0.10;  ///< of the data segments sent
constexpr double kRandomLossBbr = 0.85;      ///< of the link, with 1 % random loss
constexpr double kPoliced = 0.85;            ///< of the policed rate: no collapse
constexpr uint64_t kPolicedTimeouts = 3;

bool matches(const std::string& pattern, const CellKey& key) {
  std::istringstream words(pattern);
  std::string link, fault, algorithm;
  words >> link >> fault >> algorithm;
  const auto fits = [](const std::string& word, const std::string& name) {
    return word.empty() || word == "*" || word == name;
  };
  return fits(link, key.link) && fits(fault, key.fault) && fits(algorithm, key.algorithm);
}

class GoodputTable : public testing::Test {
 protected:
  GoodputTable() : seed_(seed_from_environment(kSeed)) {}

  /// Runs all cells that are asked for and those they are compared with.
  void run() {
    const char* only = std::getenv("TRIBUTARY_GOODPUT_CELL");
    for (const LinkKind& link : link_kinds())
      for (const auto algorithm : all_algorithms()) {
        // Clean is what the others of its row are compared with.
        const std::string control(name(algorithm));
        const bool row = only == nullptr || std::any_of(fault_kinds().begin(), fault_kinds().end(), [&](const auto& f) {
                           return matches(only, {link.name, f.name, control});
                         });
        for (const FaultKind& fault : fault_kinds()) {
          const CellKey key{link.name, fault.name, control};
          const bool wanted = only == nullptr || matches(only, key);
          if (!wanted && !(row && key.fault == "clean")) continue;
          cells_[key] = measure(link, fault, algorithm, seed_);
          print(key);
        }
      }
  }
  void print(const CellKey& key) const {
    const Cell& c = cells_.at(key);
    std::printf(
        "%-12s %-10s %-8s %8.2f Mbit/s %6.1f %% of the link, %6.3f %% retransmitted, %6.3f %% spurious, "
        "%7.2f ms queue, %llu time-outs\n",
        key.link.c_str(), key.fault.c_str(), key.algorithm.c_str(), c.megabits, c.of_link * 100, c.retransmitted * 100,
        c.spurious * 100, c.queue_ms, static_cast<unsigned long long>(c.timeouts));
  }

  void expect_at_least(const CellKey& key, double value, double bar, const char* what) const {
    EXPECT_GE(value, bar) << key.to_string() << ": " << what << "\n" << again(key);
  }
  std::string again(const CellKey& key) const {
    return "again: TRIBUTARY_SIM_SEED=" + std::to_string(seed_) + " TRIBUTARY_GOODPUT_CELL=\"" + key.to_string() +
           "\" sim_goodput_test (TRIBUTARY_SIM_PCAP=<directory> for captures)";
  }
  void check_bars(const CellKey& key, const Cell& cell) const {
    EXPECT_EQ(cell.problem, "") << again(key);
    const Cell& clean = cells_.at({key.link, "clean", key.algorithm});
    if (key.fault == "clean") {
      const double bar = key.link == "policer" ? kPoliced : key.link == "shallow" ? kCleanShallow : kClean;
      expect_at_least(key, cell.of_link, bar, "share of the link without faults");
    }
    if (key.fault == "reorder1" || key.fault == "reorder3") {
      expect_at_least(key, cell.of_link, kReordered * clean.of_link, "share of the link under reordering");
      EXPECT_LE(cell.spurious, kSpuriousReordered) << key.to_string() << "\n" << again(key);
    }
    if (key.fault == "loss1" && key.algorithm == "bbr" && key.link != "policer")
      expect_at_least(key, cell.of_link, kRandomLossBbr, "share of the link with 1 % random loss");
    if (key.link == "policer") {
      EXPECT_LE(cell.timeouts, kPolicedTimeouts) << key.to_string() << "\n" << again(key);
    }
  }

  uint64_t seed_;
  Snapshot cells_;
};

TEST_F(GoodputTable, HoldsItsBarsAndItsSnapshot) {
  const auto start = std::chrono::steady_clock::now();
  run();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%zu cells, seed %llu, %.1f s\n", cells_.size(), static_cast<unsigned long long>(seed_), seconds);
  for (const auto& [key, cell] : cells_) check_bars(key, cell);

  const std::string file = std::string(TRIBUTARY_TEST_DATA) + "/goodput.txt";
  if (std::getenv("TRIBUTARY_GOODPUT_WRITE") != nullptr) {
    Snapshot all = read_snapshot(file);
    for (const auto& [key, cell] : cells_) all[key] = cell;
    ASSERT_TRUE(write_snapshot(file, all)) << file;
    return;
  }
  if (seed_ != kSeed) return;
  const Snapshot snapshot = read_snapshot(file);
  ASSERT_FALSE(snapshot.empty()) << file << " is missing: TRIBUTARY_GOODPUT_WRITE=1 writes it";
  const bool chosen = std::getenv("TRIBUTARY_GOODPUT_CELL") != nullptr;  // what is being tried need not be recorded
  for (const auto& [key, cell] : cells_) {
    const auto before = snapshot.find(key);
    if (before == snapshot.end()) {
      std::printf("not in the snapshot: %s\n", key.to_string().c_str());
      EXPECT_TRUE(chosen) << key.to_string() << " is not in " << file << ": TRIBUTARY_GOODPUT_WRITE=1 records it";
      continue;
    }
    EXPECT_EQ(compare(before->second, cell), "") << key.to_string() << "\n" << again(key);
  }
}

}  // namespace
}  // namespace tributary::sim
