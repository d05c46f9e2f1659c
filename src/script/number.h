// Numbers of command lines and options.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "src/script/outcome.h"

namespace tributary::script {

/// Decimal, or with 0x. Throws ScriptError, naming `name`, for what is no number.
inline uint64_t parse_number(const std::string& name, const std::string& value) {
  try {
    size_t used = 0;
    const uint64_t number = std::stoull(value, &used, 0);
    if (used == value.size() && value[0] != '-') return number;
  } catch (const std::exception&) {
  }
  fail("\"" + value + "\" is no value for " + name);
}

}  // namespace tributary::script
