// Keys of our own with what follows from them, computed ahead of need (design D4, D11): a connection's owner is
// `token % workers`, so keys are drawn until the token names this worker.
#pragma once

#include <vector>

#include "stack/base/ids.h"
#include "stack/base/random.h"
#include "stack/base/seq_num.h"
#include "stack/settings.h"

namespace tributary::mptcp {

struct KeyTriple {
  Key key;
  Token token;
  DataSeq idsn;
};

class KeySource {
 public:
  KeySource(RandomSource& random, WorkerId worker, uint16_t workers);
  /// The next triple. The caller checks that its token is not in use (RFC 8684 §3.1) and draws again if it is.
  KeyTriple draw();
  /// Tops up the ring; for idle passes.
  void refill();

 private:
  KeyTriple compute();
  RandomSource& random_;
  WorkerId worker_;
  uint16_t workers_;
  std::vector<KeyTriple> ring_;
};

}  // namespace tributary::mptcp
