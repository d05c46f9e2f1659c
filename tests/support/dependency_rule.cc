#include "tests/support/dependency_rule.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace tributary::test {
namespace {

struct Layer {
  std::string_view folder;
  std::string_view may_not_include;  ///< folders, separated by spaces
};
constexpr auto kLayers = std::to_array<Layer>({
    {"stack/", "datapath/ proxy/ src/ tests/ bench/ testbed/"},
    {"datapath/", "proxy/ src/ tests/ bench/ testbed/"},
    {"proxy/", "datapath/ src/ tests/ bench/ testbed/"},
    {"include/", "proxy/ src/ tests/ bench/ testbed/"},
    {"examples/", "stack/ datapath/ proxy/ src/ tests/ bench/ testbed/"},
    {"src/", "tests/ bench/"},
});

// DPDK headers that mean an EAL, a port, a thread or a clock: not even packet/ and flow/ may include them.
constexpr auto kRunningDpdk = std::to_array<std::string_view>(
    {"rte_eal.h", "rte_ethdev.h", "rte_cycles.h", "rte_launch.h", "rte_timer.h", "rte_bus_vdev.h", "rte_random.h"});

constexpr auto kClocksAndChance = std::to_array<std::string_view>({"steady_clock",
                                                                   "system_clock",
                                                                   "high_resolution_clock",
                                                                   "clock_gettime",
                                                                   "gettimeofday",
                                                                   "rte_rdtsc",
                                                                   "rte_get_timer_cycles",
                                                                   "rte_get_tsc_cycles",
                                                                   "__rdtsc",
                                                                   "__builtin_ia32_rdtsc",
                                                                   "std::rand",
                                                                   "srand",
                                                                   "rte_rand",
                                                                   "random_device",
                                                                   "getrandom",
                                                                   "getentropy",
                                                                   "RAND_bytes",
                                                                   "RAND_priv_bytes",
                                                                   "std::thread",
                                                                   "std::jthread",
                                                                   "pthread_create"});

bool starts_with_folder(std::string_view path, std::string_view folders) {
  while (!folders.empty()) {
    const size_t end = std::min(folders.find(' '), folders.size());
    if (path.starts_with(folders.substr(0, end))) return true;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  return false;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Whether `name` stands in `line` as a name of its own.
bool names(std::string_view line, std::string_view name) {
  for (size_t at = line.find(name); at != line.npos; at = line.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !is_word(line[at - 1])) && (end == line.size() || !is_word(line[end]))) return true;
  }
  return false;
}

// The header an #include line names, or nothing.
std::string_view included(std::string_view line) {
  size_t at = line.find_first_not_of(" \t");
  if (at == line.npos || line[at] != '#') return {};
  at = line.find_first_not_of(" \t", at + 1);
  if (at == line.npos || !line.substr(at).starts_with("include")) return {};
  const size_t open = line.find_first_of("<\"", at);
  if (open == line.npos) return {};
  const size_t close = line.find_first_of(">\"", open + 1);
  return close == line.npos ? std::string_view() : line.substr(open + 1, close - open - 1);
}

bool may_include_dpdk(std::string_view path) {
  return path.starts_with("stack/packet/") || path.starts_with("stack/flow/");
}

// The text without comments; line breaks stay, so that lines can be numbered.
std::string strip_comments(std::string_view text) {
  std::string code;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("//")) {
      i = std::min(text.find('\n', i), text.size());
      if (i < text.size()) code += '\n';
    } else if (text.substr(i).starts_with("/*")) {
      const size_t end = std::min(text.find("*/", i + 2), text.size());
      code.append(static_cast<size_t>(std::ranges::count(text.substr(i, end - i), '\n')), '\n');
      i = end + 1;
    } else {
      code += text[i];
    }
  }
  return code;
}

class Judge {
 public:
  explicit Judge(std::string_view path) : path_(path) {}

  void line(std::string_view text) {
    ++number_;
    if (const std::string_view header = included(text); !header.empty()) return judge_include(header);
    if (!path_.starts_with("stack/")) return;
    for (std::string_view name : kClocksAndChance)
      if (names(text, name)) blame("names", name, "time and randomness are arguments in stack/");
  }
  std::vector<std::string> take_violations() { return std::move(violations_); }

 private:
  void judge_include(std::string_view header) {
    for (const Layer& layer : kLayers)
      if (path_.starts_with(layer.folder) && starts_with_folder(header, layer.may_not_include))
        blame("includes", header, "dependencies point from src over proxy and datapath to stack");
    if (!path_.starts_with("stack/") || !header.starts_with("rte_")) return;
    if (!may_include_dpdk(path_))
      blame("includes", header, "only stack/packet/ and stack/flow/ know DPDK");
    else if (std::ranges::find(kRunningDpdk, header) != kRunningDpdk.end())
      blame("includes", header, "stack/ runs without an EAL of its own");
  }

  void blame(std::string_view verb, std::string_view what, std::string_view why) {
    std::string sentence(path_);
    sentence.append(":").append(std::to_string(number_)).append(" ").append(verb).append(" ").append(what);
    violations_.push_back(sentence.append("; ").append(why));
  }

  std::string_view path_;
  int number_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> violations_of(std::string_view path, std::string_view text) {
  const std::string code = strip_comments(text);
  Judge judge(path);
  for (std::string_view rest = code; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    judge.line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return judge.take_violations();
}

}  // namespace tributary::test
