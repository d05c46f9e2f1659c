// The constants scripts name: flags, options, errors, with this system's values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tributary::script {

std::optional<int64_t> find_symbol(std::string_view name);
/// "EAGAIN" for 11; the number where it has no name.
std::string errno_name(int error);

}  // namespace tributary::script
