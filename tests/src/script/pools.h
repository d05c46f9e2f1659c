// The buffers all scripts of a test process run on.
#pragma once

#include <string>

#include "src/script/eal.h"
#include "src/script/runner.h"

namespace tributary::script::test {

inline PacketPools& shared_pools() {
  static std::string error;
  static std::unique_ptr<PacketPools> pools = make_script_pools(error);
  if (pools == nullptr) throw std::runtime_error(error);
  return *pools;
}

inline Outcome run_text(std::string_view text, const RunRequest& request = {}) {
  return run_script(shared_pools(), "test.pkt", text, request);
}

}  // namespace tributary::script::test
