// main() of every test that needs packet buffers: starts the EAL once, without devices, hugepages or
// privileges.
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <sched.h>

#include <string>
#include <vector>

namespace {

// One lcore that may run wherever this process may: tests run side by side and must not all be pinned to one
// core.
std::string lcore_on_allowed_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::string lcores = "0@(";
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) CPU_SET(0, &allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (lcores.back() != '(') lcores += ',';
    lcores += std::to_string(cpu);
  }
  lcores += ')';
  return lcores;
}

class Eal : public testing::Environment {
 public:
  void SetUp() override {
    // Without shared configuration, tests that run side by side do not meet; --no-huge rules out --in-memory.
    std::vector<std::string> arguments = {"test",
                                          "--no-huge",
                                          "--no-shconf",
                                          "--no-pci",
                                          "-m",
                                          "512",
                                          "--no-telemetry",
                                          "--iova-mode=va",
                                          "--log-level=error",
                                          "--lcores",
                                          lcore_on_allowed_cpus()};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    ASSERT_GE(rte_eal_init(static_cast<int>(argv.size()), argv.data()), 0) << "the EAL did not start";
  }
  void TearDown() override { rte_eal_cleanup(); }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new Eal);
  return RUN_ALL_TESTS();
}
