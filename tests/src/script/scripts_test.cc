// Every script of tests/scripts passes, with nothing left over at its end.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/src/script/pools.h"

namespace tributary::script::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> find_scripts() {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(SCRIPT_DIRECTORY))
    if (entry.path().extension() == ".pkt") files.push_back(fs::relative(entry.path(), SCRIPT_DIRECTORY).string());
  std::sort(files.begin(), files.end());
  return files;
}

class PacketScript : public testing::TestWithParam<std::string> {};

TEST_P(PacketScript, Passes) {
  RunRequest request;
  request.options = {{"strict", ""}};
  const Outcome outcome = run_file(shared_pools(), std::string(SCRIPT_DIRECTORY) + "/" + GetParam(), request);
  if (outcome.reason.find("without python3") != std::string::npos) GTEST_SKIP() << outcome.reason;
  EXPECT_EQ(outcome.verdict, Verdict::kPassed) << GetParam() << ":" << outcome.line << ": " << outcome.reason;
}

std::string case_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = fs::path(info.param).replace_extension().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, PacketScript, testing::ValuesIn(find_scripts()), case_name);

TEST(PacketScripts, AreMany) {
  EXPECT_GE(find_scripts().size(), 150u);
}

}  // namespace
}  // namespace tributary::script::test
