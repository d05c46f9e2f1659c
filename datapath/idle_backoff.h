// IdleBackoff: how long a worker with nothing to do may sleep. Pure arithmetic; the worker sleeps.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/base/units.h"

namespace tributary::datapath {

/// After `patience` empty passes in a row, naps that double from kShortest to `longest`, never past the next
/// deadline. When nothing has come for kSilence, up to `deepest`: waking up is most of what an idle worker
/// costs. A pass with work starts over, so a busy worker never sleeps and a conversation keeps naps short.
class IdleBackoff {
 public:
  static constexpr Micros kShortest{20};
  static constexpr Micros kNone{0};
  static constexpr Micros kSilence = Micros::seconds(2);

  IdleBackoff(bool enabled, uint32_t patience, Micros longest, Micros deepest)
      : enabled_(enabled),
        patience_(patience),
        longest_(std::max(longest, kShortest)),
        deepest_(std::max(deepest, longest_)) {}

  /// What to sleep after a pass that did or did not find work. kNone: go on at once.
  Micros after_pass(bool worked, Micros now, Micros deadline) {
    if (!enabled_) return kNone;
    if (worked) {
      last_work_ = now;
      empty_passes_ = 0;
      nap_ = kShortest;
      return kNone;
    }
    if (empty_passes_ < patience_) {
      ++empty_passes_;
      return kNone;
    }
    const Micros nap = nap_;
    nap_ = std::min(nap_ * 2, now - last_work_ < kSilence ? longest_ : deepest_);
    if (deadline == Micros::never()) return nap;
    return std::clamp(deadline - now, kNone, nap);
  }

 private:
  bool enabled_;
  uint32_t patience_;
  Micros longest_;
  Micros deepest_;
  uint32_t empty_passes_ = 0;
  Micros nap_ = kShortest;
  Micros last_work_;
};

}  // namespace tributary::datapath
