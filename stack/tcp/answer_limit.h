// How often a connection answers segments that are not acceptable (RFC 5961 §7, RFC 9293 §3.10.7.4): two hosts that
// disagree about their numbers would answer each other's answers for ever. Every connection has a limit of its own, for
// one that all shared would tell an attacker whether somebody else's challenge was used up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "stack/base/units.h"

namespace tributary::tcp {

class AnswerLimit {
 public:
  explicit AnswerLimit(uint32_t connections) : answered_(connections) {}

  /// Whether `connection` may answer now. If so, not again until the period ends, which is the same for all. `period`
  /// 0: no limit.
  bool take(uint32_t connection, Micros now, Micros period) {
    if (period == Micros(0)) return true;
    if (now >= period_end_) {
      std::fill(answered_.begin(), answered_.end(), false);
      period_end_ = now + period;
    }
    if (answered_[connection]) return false;
    answered_[connection] = true;
    return true;
  }

 private:
  std::vector<bool> answered_;
  Micros period_end_;
};

}  // namespace tributary::tcp
