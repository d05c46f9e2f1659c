// What a Tcb with a model-based algorithm (BBR) has beside its window: delivery rate sampling and
// the model. In a slab of its own, named by congestion::State::model, from the end of the handshake to the
// end of the connection: the others do not pay for it (design D5).
#pragma once

#include "stack/congestion/bbr.h"
#include "stack/tcp/rate_sample.h"

namespace tributary::tcp {

struct PathModel {
  RateSampler sampler;
  congestion::RateSample sample;  ///< of the ACK being processed
  congestion::Bbr bbr;
};
static_assert(sizeof(PathModel) <= 512);

}  // namespace tributary::tcp
