// Congestion controls by the names Linux has for them.
#pragma once

#include <optional>
#include <string_view>

#include "stack/congestion/congestion.h"

namespace tributary::script {

/// Empty for a name nobody has. Throws ScriptError for one of Linux's that the stack has not.
std::optional<congestion::Algorithm> find_congestion_control(std::string_view name);
std::string_view congestion_control_name(congestion::Algorithm algorithm);

}  // namespace tributary::script
