#include "src/script/congestion_names.h"

#include <algorithm>
#include <array>
#include <string>

#include "src/script/outcome.h"

namespace tributary::script {
namespace {

// Modules of Linux without a counterpart here: a script that asks for one is not to pass for want of it.
constexpr auto kMissing =
    std::to_array<std::string_view>({"bic", "cdg", "dctcp", "dctcp-reno", "highspeed", "htcp", "hybla", "illinois",
                                     "lp", "nv", "scalable", "vegas", "veno", "westwood", "yeah"});

}  // namespace

std::optional<congestion::Algorithm> find_congestion_control(std::string_view name) {
  if (name == "reno") return congestion::Algorithm::kNewReno;
  if (name == "cubic") return congestion::Algorithm::kCubic;
  if (name == "bbr") return congestion::Algorithm::kBbr;
  if (std::find(kMissing.begin(), kMissing.end(), name) != kMissing.end())
    unsupported("the congestion control \"" + std::string(name) + "\"");
  return std::nullopt;
}

std::string_view congestion_control_name(congestion::Algorithm algorithm) {
  switch (algorithm) {
    case congestion::Algorithm::kNewReno:
      return "reno";
    case congestion::Algorithm::kCubic:
      return "cubic";
    case congestion::Algorithm::kBbr:
      return "bbr";
  }
  return "";
}

}  // namespace tributary::script
