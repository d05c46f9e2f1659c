#include "stack/tcp/time_wait.h"

namespace tributary::tcp {

TimeWaitTable::TimeWaitTable(uint32_t capacity, Micros duration) : slab_(capacity), duration_(duration) {}

Micros TimeWaitTable::next_deadline(Micros now) const {
  if (head_ == UINT32_MAX) return Micros::never();
  const int32_t left = static_cast<int32_t>(slab_.at(head_).expires - static_cast<uint32_t>(now.count() / 1000));
  return now + Micros::milliseconds(left > 0 ? left : 0) + Micros(left > 0 ? 1000 : 0);
}

}  // namespace tributary::tcp
