// The emulator's command language: what is given at start and what may be changed while it runs.
//
//   [forward|backward|both] KEY VALUE [KEY VALUE]...
//       rate 20M | delay 10ms | overhead 24 | queue 256K | queue 100p | loss 1% | duplicate 0.001 |
//       reorder 2% | reorder-delay 5ms
//   [forward|backward|both] down | up
//   drop-dst ADDRESS | drop-dst none
//   stats
//
// Words may be mixed in one line ("forward down backward rate 5M"); a line with an error in it changes
// nothing.
#pragma once

#include <string>
#include <string_view>

#include "testbed/link/link.h"

namespace tributary::link {

struct Outcome {
  std::string error;         ///< empty when the whole line was understood and applied
  bool wants_stats = false;  ///< print the statistics now
};

Outcome apply_command(Link& link, TimePoint now, std::string_view line);

}  // namespace tributary::link
