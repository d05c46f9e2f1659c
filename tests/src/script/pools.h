// The buffers all scripts of a test process run on.
#pragma once

#include <string>

#include "src/script/eal.h"
#include "src/script/runner.h"

namespace tributary::script::test {

inline PacketPools& shared_pools() {
  // Never destroyed: the EAL is gone before static objects are.
  static PacketPools* const pools = [] {
    std::string error;
    std::unique_ptr<PacketPools> made = make_script_pools(error);
    if (made == nullptr) throw std::runtime_error(error);
    return made.release();
  }();
  return *pools;
}

inline Outcome run_text(std::string_view text, const RunRequest& request = {}) {
  return run_script(shared_pools(), "test.pkt", text, request);
}

}  // namespace tributary::script::test
