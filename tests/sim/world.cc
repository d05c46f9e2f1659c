#include "tests/sim/world.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace tributary::sim {
namespace {

/// Longer than any timer of a connection that nobody uses: TIME-WAIT, FIN-WAIT-2, close time-outs,
/// retransmissions of a FIN or a SYN to nobody (15 of them, the last ones two minutes apart).
constexpr Micros kRest = Micros::seconds(3000);

std::string current_test() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  return info == nullptr ? "world" : std::string(info->test_suite_name()) + "." + info->name();
}

std::string file_name(std::string name) {
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

}  // namespace

World::World(uint64_t s, std::string name) : seed(s), prng(s), name_(file_name(std::move(name))) {}

Host& World::add_host(const HostConfig& config) {
  const std::string capture = name_ + "-" + std::to_string(seed) + "-" + config.name;
  hosts_.push_back(std::make_unique<Host>(loop, prng.fork(), config, capture));
  return *hosts_.back();
}

Path& World::add_path(const PathParameters& parameters) {
  paths_.push_back(std::make_unique<Path>(loop, prng, parameters));
  return *paths_.back();
}

Path& World::join(Host& a, uint16_t a_interface, Host& b, uint16_t b_interface, const PathParameters& parameters) {
  Path& path = add_path(parameters);
  a.attach(a_interface, path, Side::kA);
  b.attach(b_interface, path, Side::kB);
  return path;
}

bool World::run_until(const std::function<bool()>& done, Micros limit) {
  return loop.run_until(done, loop.now() + limit);
}

std::vector<std::string> World::finish() {
  const Micros limit = loop.now() + kRest;
  loop.run_until(
      [&] { return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& host) { return host->is_at_rest(); }); },
      limit);
  loop.run_for(Micros::seconds(1));  // frames still on their way, and what they cause
  std::vector<std::string> left;
  for (const auto& host : hosts_)
    for (std::string& line : host->leftovers()) left.push_back(std::move(line));
  for (const auto& check : checks_)
    if (std::string line = check(); !line.empty()) left.push_back(std::move(line));
  return left;
}

uint64_t seed_from_environment(uint64_t fallback) {
  const char* text = std::getenv("TRIBUTARY_SIM_SEED");
  return text == nullptr || *text == 0 ? fallback : std::strtoull(text, nullptr, 0);
}

SimTest::SimTest()
    : world(seed_from_environment(1), current_test()),
      trace(__FILE__, __LINE__,
            "again: TRIBUTARY_SIM_SEED=" + std::to_string(world.seed) + " --gtest_filter=" + current_test()) {}

SimTest::~SimTest() = default;

void SimTest::TearDown() {
  for (const std::string& line : world.finish()) ADD_FAILURE() << "left over: " << line;
}

}  // namespace tributary::sim
