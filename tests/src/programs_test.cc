// The programs as an operator meets them: refusals, start, questions, stop. Ports are rings, so no rights are
// needed.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/src/process.h"

namespace tributary {
namespace {

using test::Process;

constexpr const char* kDaemon = TRIBUTARYD;
constexpr const char* kControl = TRIBUTARYCTL;

class Programs : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tributary-programs-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write_config(const std::string& more = "", const std::string& server_device = "net_ring1",
                           const std::string& eal = "") {
    const std::string path = directory_ + "/t.toml";
    std::ofstream(path) << "[eal]\nmemory_mb = 128\n"
                        << eal << R"([worker]
data_buffers = 4096
header_buffers = 2048
[[port]]
name = "access0"
device = "net_ring0"
addresses = ["10.1.0.1/24"]
[[port]]
name = "server0"
device = ")" << server_device
                        << R"("
addresses = ["10.9.0.2/24"]
[[listener]]
name = "transparent"
kind = "transparent"
ports = ["access0"]
[server_leg]
pool = ["10.9.0.10"]
[control]
socket_dir = ")" << socket_dir()
                        << "\"\n"
                        << more;
    return path;
  }
  std::string socket_dir() const { return directory_ + "/run"; }
  int run(std::vector<std::string> arguments) {
    Process process(std::move(arguments));
    const int status = process.wait_for_end();
    output_ = process.output();
    return status;
  }
  void expect_output(const std::string& text) { EXPECT_NE(output_.find(text), std::string::npos) << output_; }

  std::string directory_;
  std::string output_;
};

TEST_F(Programs, HelpVersionAndUsage) {
  EXPECT_EQ(run({kDaemon, "--help"}), 0);
  expect_output("--check FILE");
  EXPECT_EQ(run({kDaemon, "--version"}), 0);
  expect_output("tributaryd ");
  EXPECT_EQ(run({kDaemon, "--nonsense"}), 2);
  EXPECT_EQ(run({kDaemon, "stray"}), 2);
  EXPECT_EQ(run({kDaemon, "--explain-config"}), 0);
  expect_output("### `[[port]]`");
  EXPECT_EQ(run({kControl, "--help"}), 0);
  EXPECT_EQ(run({kControl}), 2);
  EXPECT_EQ(run({kControl, "reboot"}), 2);
}

TEST_F(Programs, CheckTellsWithoutStarting) {
  const std::string path = write_config();
  EXPECT_EQ(run({kDaemon, "--check", path}), 0);
  expect_output(path + ": good");
  EXPECT_FALSE(std::filesystem::exists(socket_dir()));
  EXPECT_EQ(run({kDaemon, "--check", write_config("sokcet_dir = 1\n")}), 1);
  expect_output("unknown key \"sokcet_dir\" in [control]; did you mean \"socket_dir\"?");
  EXPECT_EQ(run({kDaemon, "--check", "/nonexistent.toml"}), 1);
  expect_output("/nonexistent.toml: error: cannot be read");
}

TEST_F(Programs, ABadConfigurationStartsNothing) {
  EXPECT_EQ(
      run({kDaemon, "--config", write_config("[[route]]\ndestination = \"0.0.0.0/0\"\ngateway = \"10.8.0.1\"\n")}), 1);
  expect_output(":24: error: the gateway 10.8.0.1 is on the link of no port");
  EXPECT_FALSE(std::filesystem::exists(socket_dir()));
}

TEST_F(Programs, RefusalsAreSentences) {
  EXPECT_EQ(run({kDaemon, "--config", write_config("", "net_af_packet0,iface=tb-missing")}), 1);
  expect_output("error: there is no network interface \"tb-missing\" (there are ");
  EXPECT_EQ(run({kDaemon, "--config", write_config("", "net_nosuch0")}), 1);
  expect_output("error: port \"server0\": no driver takes the device \"net_nosuch0\"");
  EXPECT_EQ(run({kDaemon, "--config", write_config("", "ffff:00:00.0")}), 1);
  expect_output("error: there is no PCI device ffff:00:00.0");
  EXPECT_EQ(run({kDaemon, "--config", write_config("", "net_ring1", "lcores = \"1023\"\n")}), 1);
  expect_output("error: eal.lcores names CPU 1023");
  EXPECT_EQ(run({kDaemon, "--config", write_config("", "net_ring1", "extra_args = [\"--no-such-argument\"]\n")}), 1);
  expect_output("error: the EAL did not start");
}

TEST_F(Programs, MissingHugepagesAreNamed) {
  // More than any machine has reserved.
  std::ofstream(directory_ + "/h.toml") << "[eal]\nhugepages = true\nmemory_mb = 1048576\n"
                                        << R"([[port]]
name = "p"
device = "net_ring0"
addresses = ["10.9.0.2/24"]
[[port]]
name = "a"
device = "net_ring1"
addresses = ["10.1.0.2/24"]
[[listener]]
name = "t"
kind = "transparent"
ports = ["a"]
[control]
socket_dir = ")" << socket_dir() << "\"\n";
  EXPECT_EQ(run({kDaemon, "--config", directory_ + "/h.toml"}), 1);
  expect_output("error: eal.hugepages is true, but of the 1048576 MB wanted only");
  expect_output("or set eal.hugepages = false");
}

TEST_F(Programs, StartsAnswersAndStops) {
  Process daemon({kDaemon, "--config", write_config()});
  ASSERT_TRUE(daemon.wait_for_output("\nready\n")) << daemon.output();
  EXPECT_NE(daemon.output().find("port server0: net_ring1, driver net_ring"), std::string::npos) << daemon.output();
  EXPECT_NE(daemon.output().find("server leg: from 10.9.0.10"), std::string::npos);

  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "status"}), 0);
  expect_output("server0  net_ring1  net_ring");
  expect_output("0 relayed");
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "--json", "status"}), 0);
  const auto status = nlohmann::json::parse(output_, nullptr, false);
  ASSERT_FALSE(status.is_discarded()) << output_;
  EXPECT_EQ(status["ports"].at(0)["name"], "access0");
  EXPECT_EQ(status["listeners"].at(0)["kind"], "transparent");
  EXPECT_EQ(status["buffers"]["data_total"], 4096);
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "--json", "counters"}), 0);
  EXPECT_EQ(nlohmann::json::parse(output_, nullptr, false)["PayloadCopies"], 0) << output_;
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "--json", "connections"}), 0);
  EXPECT_EQ(nlohmann::json::parse(output_, nullptr, false)["connections"].size(), 0u) << output_;
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "connections", "3"}), 1);
  expect_output("there is no connection 3");

  // A second instance in the same place is told so and leaves the first alone.
  EXPECT_EQ(run({kDaemon, "--config", write_config()}), 1);
  expect_output("error: another process serves " + socket_dir());
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "status"}), 0);

  daemon.send_signal(SIGHUP);
  EXPECT_TRUE(daemon.wait_for_output("restart instead"));
  daemon.send_signal(SIGTERM);
  EXPECT_EQ(daemon.wait_for_end(), 0) << daemon.output();
  EXPECT_NE(daemon.output().find("stopped"), std::string::npos);
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "status"}), 1);
}

TEST_F(Programs, KeysAreReadAgainOnDemandAndOnlyFromAGoodFile) {
  const std::string key = "00000001-00000002-00000003-00000004";
  const auto with_keys = [&](const std::string& keys) {
    return write_config("[tcp]\nfast_open_keys = [" + keys + "]\n");
  };
  Process daemon({kDaemon, "--config", with_keys("")});
  ASSERT_TRUE(daemon.wait_for_output("\nready\n")) << daemon.output();
  const std::vector<std::string> reload = {kControl, "--socket-dir", socket_dir(), "reload-keys"};
  EXPECT_EQ(run(reload), 0);
  expect_output("a key of its own will be drawn");
  with_keys('"' + key + "\", \"0123456789abcdef0123456789abcdef\"");
  EXPECT_EQ(run(reload), 0);
  expect_output("Fast Open keys in force: 2");
  with_keys("\"no key\"");
  EXPECT_EQ(run(reload), 1);
  expect_output("the keys stay as they are");
  EXPECT_TRUE(daemon.wait_for_output("tcp.fast_open_keys: \"no key\" is not 32 hexadecimal digits")) << daemon.output();
  daemon.send_signal(SIGTERM);
  EXPECT_EQ(daemon.wait_for_end(), 0);
}

TEST_F(Programs, SeveralInstancesShareADirectoryByPrefix) {
  Process a({kDaemon, "--config", write_config("", "net_ring1", "file_prefix = \"a\"\n")});
  ASSERT_TRUE(a.wait_for_output("\nready\n")) << a.output();
  Process b({kDaemon, "--config", write_config("", "net_ring1", "file_prefix = \"b\"\n")});
  ASSERT_TRUE(b.wait_for_output("\nready\n")) << b.output();
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "status"}), 1);
  expect_output("say --file-prefix");
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "--file-prefix", "b", "status"}), 0);
  a.send_signal(SIGINT);
  b.send_signal(SIGINT);
  EXPECT_EQ(a.wait_for_end(), 0);
  EXPECT_EQ(b.wait_for_end(), 0);
}

TEST_F(Programs, AKilledInstanceLeavesNothingInTheWay) {
  {
    Process daemon({kDaemon, "--config", write_config()});
    ASSERT_TRUE(daemon.wait_for_output("\nready\n")) << daemon.output();
    daemon.send_signal(SIGKILL);
    EXPECT_EQ(daemon.wait_for_end(), -SIGKILL);
  }
  Process daemon({kDaemon, "--config", write_config()});
  ASSERT_TRUE(daemon.wait_for_output("\nready\n")) << daemon.output();
  EXPECT_EQ(run({kControl, "--socket-dir", socket_dir(), "status"}), 0);
  daemon.send_signal(SIGTERM);
  EXPECT_EQ(daemon.wait_for_end(), 0);
}

}  // namespace
}  // namespace tributary
