#include "datapath/eal.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace tributary::datapath {
namespace {

class EalObstacles : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tributary-eal-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    options_.runtime_dir = name;
  }
  void TearDown() override { std::filesystem::remove_all(options_.runtime_dir); }
  std::string only_obstacle() const {
    const auto obstacles = find_eal_obstacles(options_);
    EXPECT_EQ(obstacles.size(), 1u);
    return obstacles.empty() ? "" : obstacles[0];
  }
  EalOptions options_;
};

TEST_F(EalObstacles, NoneForOrdinaryOptions) {
  EXPECT_TRUE(find_eal_obstacles(options_).empty());
}

TEST_F(EalObstacles, HugepagesThatAreNotReserved) {
  options_.hugepages = true;
  options_.memory_mb = 1u << 30;  // more than any machine has
  const std::string text = only_obstacle();
  EXPECT_NE(text.find("MB of hugepages are free"), std::string::npos) << text;
  EXPECT_NE(text.find("or set eal.hugepages = false"), std::string::npos);
}

TEST_F(EalObstacles, ACpuThatIsNotOurs) {
  options_.lcores = {1023};
  EXPECT_EQ(only_obstacle().rfind("eal.lcores names CPU 1023; this process may use ", 0), 0u);
}

TEST_F(EalObstacles, ADirectoryThatCannotBe) {
  const std::string file = options_.runtime_dir + "/file";
  std::ofstream(file) << "x";
  EalOptions options = options_;
  options.runtime_dir = file + "/below";
  const auto obstacles = find_eal_obstacles(options);
  ASSERT_EQ(obstacles.size(), 1u);
  EXPECT_NE(obstacles[0].find("cannot be created"), std::string::npos);
}

TEST_F(EalObstacles, APathTooLongForASocket) {
  options_.file_prefix = std::string(100, 'p');
  EXPECT_EQ(only_obstacle().rfind("control.socket_dir is too long", 0), 0u);
}

TEST_F(EalObstacles, ASocketSomebodyServes) {
  const std::string path = telemetry_socket_path(options_.runtime_dir, options_.file_prefix);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_EQ(only_obstacle().rfind("another process serves " + path, 0), 0u);
  close(fd);
  // What a killed process leaves is no obstacle.
  EXPECT_TRUE(find_eal_obstacles(options_).empty());
}

TEST_F(EalObstacles, EveryDeviceIsLookedAt) {
  std::string error;
  options_.devices = {*parse_device("net_null0", error), *parse_device("net_af_packet0,iface=tb-no1", error),
                      *parse_device("net_af_packet1,iface=tb-no2", error)};
  const auto obstacles = find_eal_obstacles(options_);
  ASSERT_EQ(obstacles.size(), 2u);
  EXPECT_NE(obstacles[1].find("tb-no2"), std::string::npos);
}

TEST(Lcores, ListsAndRanges) {
  std::string error;
  EXPECT_EQ(parse_lcores("auto", error), std::vector<uint16_t>());
  EXPECT_EQ(parse_lcores("3", error), std::vector<uint16_t>({3}));
  EXPECT_EQ(parse_lcores("0,2-4", error), std::vector<uint16_t>({0, 2, 3, 4}));
  for (const char* text : {"", "x", "1,", "3-1", "1-", "-1", "99999", "0-70000", "1;2"})
    EXPECT_FALSE(parse_lcores(text, error)) << text;
}

}  // namespace
}  // namespace tributary::datapath
