// A simulated world: one clock, one seed, hosts and paths, and the check that nothing is left at the end.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/application.h"
#include "tests/sim/event_loop.h"
#include "tests/sim/host.h"
#include "tests/sim/path.h"

namespace tributary::sim {

class World {
 public:
  explicit World(uint64_t seed, std::string name = "world");

  Host& add_host(const HostConfig& config);
  Path& add_path(const PathParameters& parameters);
  /// A path between the interfaces of two hosts; `a` is the A side.
  Path& join(Host& a, uint16_t a_interface, Host& b, uint16_t b_interface, const PathParameters& parameters);

  /// Runs until `done` holds or `limit` has passed from now on. Returns whether it holds.
  bool run_until(const std::function<bool()>& done, Micros limit);
  void run_for(Micros duration) { loop.run_for(duration); }
  /// Lets everything come to rest (TIME-WAIT, close time-outs) and returns what is left, one line each.
  std::vector<std::string> finish();

  const uint64_t seed;
  EventLoop loop;
  Prng prng;

  /// Keeps something as long as the world exists: a proxy and its like.
  void keep(std::shared_ptr<void> thing) { kept_.push_back(std::move(thing)); }
  /// A check at the end of the world: empty, or what is left over.
  void add_check(std::function<std::string()> check) { checks_.push_back(std::move(check)); }

  const std::vector<std::unique_ptr<Host>>& hosts() const { return hosts_; }

 private:
  std::string name_;
  std::vector<std::shared_ptr<void>> kept_;
  std::vector<std::function<std::string()>> checks_;
  std::vector<std::unique_ptr<Path>> paths_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

/// The seed of a run: `TRIBUTARY_SIM_SEED` if that is set, else `fallback`.
uint64_t seed_from_environment(uint64_t fallback);

/// A test in a world of its own. When it fails it says how to run it again; at its end nothing may be left.
class SimTest : public testing::Test {
 protected:
  SimTest();
  ~SimTest() override;
  void TearDown() override;

  World world;
  testing::ScopedTrace trace;
};

}  // namespace tributary::sim
