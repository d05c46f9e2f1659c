// IdleBackoff: how long a worker with nothing to do may sleep. Pure arithmetic; the worker sleeps.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/base/units.h"

namespace tributary::datapath {

/// After `patience` empty passes in a row, naps that double from kShortest to `longest`, never past the next
/// deadline. A pass with work starts over, so a busy worker never sleeps and a conversation keeps naps short.
class IdleBackoff {
 public:
  static constexpr Micros kShortest{20};
  static constexpr Micros kNone{0};

  IdleBackoff(bool enabled, uint32_t patience, Micros longest)
      : enabled_(enabled), patience_(patience), longest_(std::max(longest, kShortest)) {}

  /// What to sleep after a pass that did or did not find work. kNone: go on at once.
  Micros after_pass(bool worked, Micros now, Micros deadline) {
    if (!enabled_) return kNone;
    if (worked) {
      empty_passes_ = 0;
      nap_ = kShortest;
      return kNone;
    }
    if (empty_passes_ < patience_) {
      ++empty_passes_;
      return kNone;
    }
    const Micros nap = nap_;
    nap_ = std::min(nap_ * 2, longest_);
    if (deadline == Micros::never()) return nap;
    return std::clamp(deadline - now, kNone, nap);
  }

 private:
  bool enabled_;
  uint32_t patience_;
  Micros longest_;
  uint32_t empty_passes_ = 0;
  Micros nap_ = kShortest;
};

}  // namespace tributary::datapath
