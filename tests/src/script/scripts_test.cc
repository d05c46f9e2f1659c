// Every script of tests/scripts passes, with nothing left over at its end; and as well over IPv6, and over IPv4 with
// sockets of IPv6, unless it says what it needs.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/src/script/pools.h"

namespace tributary::script::test {
namespace {

namespace fs = std::filesystem;

constexpr int kLongerHeader = 20;  // of IPv6; the MTU makes up for it, so that segments are the same

std::string read(const std::string& name) {
  std::ifstream in(fs::path(SCRIPT_DIRECTORY) / name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> find_scripts() {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(SCRIPT_DIRECTORY))
    if (entry.path().extension() == ".pkt") files.push_back(fs::relative(entry.path(), SCRIPT_DIRECTORY).string());
  std::sort(files.begin(), files.end());
  return files;
}

/// Whether nothing in the script is of one family: no option or address that says so, and no comment that begins
/// with "IPv4 only:" and tells why.
bool is_of_any_family(const std::string& script) {
  static const std::regex family("--ip_version|inet_addr|inet6_addr|// IPv4 only: |[ \"][0-9]+(\\.[0-9]+){3}");
  return !std::regex_search(script, family);
}
std::vector<std::string> find_scripts_of_any_family() {
  std::vector<std::string> files = find_scripts();
  std::erase_if(files, [](const std::string& file) { return !is_of_any_family(read(file)); });
  return files;
}

std::string mtu_for_ipv6(const std::string& script) {
  std::smatch own;
  const bool has = std::regex_search(script, own, std::regex("--mtu=([0-9]+)"));
  return std::to_string((has ? std::stoi(own[1]) : 1500) + kLongerHeader);
}

void expect_pass(const std::string& file, std::vector<std::pair<std::string, std::string>> options) {
  RunRequest request;
  request.options = std::move(options);
  request.options.emplace_back("strict", "");
  const Outcome outcome = run_file(shared_pools(), std::string(SCRIPT_DIRECTORY) + "/" + file, request);
  if (outcome.reason.find("without python3") != std::string::npos) GTEST_SKIP() << outcome.reason;
  EXPECT_EQ(outcome.verdict, Verdict::kPassed) << file << ":" << outcome.line << ": " << outcome.reason;
}

class PacketScript : public testing::TestWithParam<std::string> {};
class FamilyScript : public testing::TestWithParam<std::string> {};

TEST_P(PacketScript, Passes) {
  expect_pass(GetParam(), {});
}

TEST_P(FamilyScript, PassesOverIpv6) {
  const std::string mtu = mtu_for_ipv6(read(GetParam()));
  // A segment of IPv6 need not be smaller than those of the smallest link, and no buffer holds more than the largest.
  if (std::stoi(mtu) < 1280 || std::stoi(mtu) > 9000) GTEST_SKIP() << "no MTU of IPv6: " << mtu;
  expect_pass(GetParam(), {{"ip_version", "ipv6"}, {"mtu", mtu}});
}

TEST_P(FamilyScript, PassesWithMappedAddresses) {
  expect_pass(GetParam(), {{"ip_version", "ipv4-mapped-ipv6"}});
}

std::string case_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = fs::path(info.param).replace_extension().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, PacketScript, testing::ValuesIn(find_scripts()), case_name);
INSTANTIATE_TEST_SUITE_P(All, FamilyScript, testing::ValuesIn(find_scripts_of_any_family()), case_name);

TEST(PacketScripts, AreMany) {
  EXPECT_GE(find_scripts().size(), 230u);
  EXPECT_GE(find_scripts_of_any_family().size(), 200u);
}

}  // namespace
}  // namespace tributary::script::test
