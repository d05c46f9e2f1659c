// The program: its exit codes and its lines.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/src/process.h"

namespace tributary::test {
namespace {

/// A directory for the scripts of one test.
class ScriptProgram : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "tributary-script-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TRIBUTARY_SCRIPT);
    Process process(arguments);
    const int code = process.wait_for_end();
    output_ = process.output();
    return code;
  }
  bool told(const std::string& text) const { return output_.find(text) != std::string::npos; }

  std::string directory_;
  std::string output_;
};

const std::string kPass = "+0 socket(..., SOCK_STREAM, 0) = 3\n";
const std::string kFail = "+0 socket(..., SOCK_STREAM, 0) = 3\n+0 > S 0:0(0)\n";
const std::string kUnsupported = "+0 epoll_create(1) = 3\n";

TEST_F(ScriptProgram, ExitCodeTellsTheWorst) {
  const std::string pass = write("pass.pkt", kPass), failing = write("fail.pkt", kFail);
  const std::string unsupported = write("unsupported.pkt", kUnsupported);
  EXPECT_EQ(run({pass}), 0);
  EXPECT_EQ(run({failing}), 1);
  EXPECT_EQ(run({unsupported}), 77);
  EXPECT_EQ(run({pass, unsupported}), 77);
  EXPECT_EQ(run({unsupported, failing, pass}), 1);
  EXPECT_EQ(run({directory_ + "/none.pkt"}), 1);
}

TEST_F(ScriptProgram, OneLineAScript) {
  const std::string pass = write("pass.pkt", kPass), failing = write("fail.pkt", kFail);
  const std::string unsupported = write("unsupported.pkt", kUnsupported);
  run({pass, failing, unsupported});
  EXPECT_TRUE(told("passed " + pass + "\n")) << output_;
  EXPECT_TRUE(told("FAILED " + failing + ":2: no packet was sent\n")) << output_;
  EXPECT_TRUE(told("unsupported " + unsupported + ":1: the call \"epoll_create\"\n")) << output_;
  run({"-q", pass});
  EXPECT_EQ(output_, "");
}

TEST_F(ScriptProgram, WrongCommandLinesAreRefused) {
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"--nonsense"}), 2);
  EXPECT_TRUE(told("--nonsense"));
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_TRUE(told("usage: tributary-script"));
  EXPECT_EQ(run({"--version"}), 0);
}

TEST_F(ScriptProgram, OptionsOfTheCommandLineHoldForEveryScript) {
  const std::string text =
      "+0 socket(..., SOCK_STREAM, 0) = 3\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
      "+0 connect(3, ..., ...) = -1 EINPROGRESS (now)\n"
      "+0 > S 0:0(0) <mss 1260, sackOK, TS val 1 ecr 0, nop, wscale 7>\n";
  const std::string a = write("a.pkt", text), b = write("b.pkt", "--mtu=1400\n" + text);
  EXPECT_EQ(run({a, b}), 1);
  EXPECT_EQ(run({"--mtu=1300", a, b}), 0) << output_;
  EXPECT_EQ(run({"--ip_version=ipv9", a}), 1);
  EXPECT_EQ(run({"--wire_client=1", a}), 77);
}

TEST_F(ScriptProgram, TraceTellsEveryPacket) {
  EXPECT_EQ(run({"-t", std::string(SCRIPT_DIRECTORY) + "/tcp/handshake_passive.pkt"}), 0);
  EXPECT_TRUE(told("0.000000 < S 0:0(0) win 32792")) << output_;
  EXPECT_TRUE(told("0.100000 accept(3, ..., ...) = 4")) << output_;
}

TEST_F(ScriptProgram, CommandsOfAFileNextToTheScriptAreRead) {
  write("defaults.sh", "# comment\nsysctl -q net.ipv4.tcp_timestamps=1\n");
  write("wrong.sh", "sysctl -q net.ipv4.tcp_sack=0\n");
  EXPECT_EQ(run({write("a.pkt", "`./defaults.sh`\n" + kPass)}), 0);
  EXPECT_EQ(run({write("b.pkt", "`./wrong.sh`\n" + kPass)}), 77);
  EXPECT_EQ(run({write("c.pkt", "`./missing.sh`\n" + kPass)}), 77);
}

}  // namespace
}  // namespace tributary::test
