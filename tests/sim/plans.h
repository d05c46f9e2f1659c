// Plans of two ends that fit together.
#pragma once

#include "tests/sim/application.h"

namespace tributary::sim {

/// The plan of the other end.
inline TransferPlan answer_to(const TransferPlan& plan, CloseWhen close = CloseWhen::kPeerClosed) {
  TransferPlan other;
  other.receive_bytes = plan.send_bytes;
  other.receive_seed = plan.send_seed;
  other.send_bytes = plan.receive_bytes;
  other.send_seed = plan.receive_seed;
  other.close = close;
  return other;
}

}  // namespace tributary::sim
