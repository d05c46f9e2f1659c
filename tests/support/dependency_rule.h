// The rules of the house about who may include and name what, checked by reading the sources:
//   src → proxy → stack, src → datapath → stack; only stack/packet/ and stack/flow/ include DPDK, and never
//   its EAL or its ports; nothing in stack/ reads a clock, draws randomness or starts a thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tributary::test {

/// What is wrong with a source file, one sentence each. `path` is relative to the root
/// ("stack/tcp/input.cc").
std::vector<std::string> violations_of(std::string_view path, std::string_view text);

}  // namespace tributary::test
