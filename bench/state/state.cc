#include "bench/state/state.h"
namespace tributary::bench {
Json run_state(const StateOptions&) {
  return {};
}
}  // namespace tributary::bench
