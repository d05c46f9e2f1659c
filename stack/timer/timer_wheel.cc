#include "stack/timer/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace tributary {

namespace {
constexpr uint64_t kNoTick = UINT64_MAX;
}

TimerWheel::TimerWheel(Micros start, unsigned tick_shift) : start_(start), tick_shift_(tick_shift) {
  due_.next = due_.prev = &due_;
  late_.next = late_.prev = &late_;
  for (TimerLink& head : slots_) head.next = head.prev = &head;
}

// The tick at which the wheel will look at the slot. Every slot in use lies at or after `current_` and shares
// its higher digits with it, so the slot's number alone tells. (For an entry already due the answer may be a
// tick too late, and arming it then files it anew instead of storing: both are right.)
uint64_t TimerWheel::slot_start(uint16_t slot) const {
  const unsigned shift = slot / kSlots * kDigitBits;
  const uint64_t above = current_ >> shift >> kDigitBits << kDigitBits;
  return (above | slot % kSlots) << shift;
}

void TimerWheel::place(TimerNode& node, uint64_t tick) {
  tick = std::min(std::max(tick, current_), kLastTick);
  const uint64_t difference = tick ^ current_;
  const unsigned level = difference == 0 ? 0 : (63 - std::countl_zero(difference)) / kDigitBits;
  const unsigned index = (tick >> (level * kDigitBits)) & (kSlots - 1);
  node.slot = static_cast<uint16_t>(level * kSlots + index);
  link_behind(slots_[node.slot], node);
  busy_[node.slot / 64] |= uint64_t{1} << (node.slot % 64);
}

void TimerWheel::take_late() {
  if (is_empty(late_)) return;
  late_.next->prev = due_.prev;
  due_.prev->next = late_.next;
  due_.prev = late_.prev;
  due_.prev->next = &due_;
  late_.next = late_.prev = &late_;
}

void TimerWheel::unlink(TimerNode& node) {
  node.prev->next = node.next;
  node.next->prev = node.prev;
  node.next = node.prev = nullptr;
  --size_;
  if (is_empty(slots_[node.slot])) busy_[node.slot / 64] &= ~(uint64_t{1} << (node.slot % 64));
}

TimerNode& TimerWheel::take_first(TimerLink& head) {
  TimerNode& node = static_cast<TimerNode&>(*head.next);
  __builtin_prefetch(node.next, 1);  // the one taken after this
  unlink(node);
  return node;
}

// First tick at or after `current_` whose slot, of any level, is in use.
uint64_t TimerWheel::next_busy_tick() const {
  uint64_t best = kNoTick;
  for (unsigned level = 0; level < kLevels; ++level) {
    unsigned word = digit(level) / 64;
    // Slots before the current digit are empty, and so is the one of the digit itself unless it has just been
    // reached.
    uint64_t bits = busy_[level * (kSlots / 64) + word] & (~uint64_t{0} << (digit(level) % 64));
    while (bits == 0 && ++word < kSlots / 64) bits = busy_[level * (kSlots / 64) + word];
    if (bits == 0) continue;
    const unsigned index = word * 64 + static_cast<unsigned>(std::countr_zero(bits));
    best = std::min(best, slot_start(static_cast<uint16_t>(level * kSlots + index)));
    // A level's slots come before those of higher levels, save one just reached and not yet moved down.
    if (best == current_) break;
  }
  return best;
}

bool TimerWheel::move_down(unsigned level, unsigned& work) {
  TimerLink& head = slots_[level * kSlots + digit(level)];
  while (!is_empty(head)) {
    if (work == 0) return false;
    --work;
    TimerNode& node = take_first(head);
    if (node.wanted != Micros::never()) place(node, tick_of(node.wanted));
  }
  return true;
}

// Goes to the next tick in use up to `target` and makes its entries due. False when there is none, or `work`
// is used up.
bool TimerWheel::collect_due(uint64_t target, unsigned& work) {
  const uint64_t tick = next_busy_tick();
  if (tick > target) {
    current_ = std::max(current_, target + 1);
    return false;
  }
  current_ = tick;
  bool complete = true;
  for (unsigned level = kLevels - 1; level > 0 && complete; --level)
    if (at_boundary(level)) complete = move_down(level, work);
  if (!complete) return false;

  const uint16_t slot = static_cast<uint16_t>(digit(0));
  TimerLink& head = slots_[slot];
  if (!is_empty(head)) {
    due_.next = head.next;
    due_.prev = head.prev;
    due_.next->prev = due_.prev->next = &due_;
    head.next = head.prev = &head;
    busy_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
  }
  ++current_;
  return true;
}

Micros TimerWheel::next_deadline() const {
  if (!is_empty(due_)) return time_of(current_ == 0 ? 0 : current_ - 1);
  const uint64_t tick = next_busy_tick();
  if (!is_empty(late_)) return time_of(std::min(tick, next_call_tick_));
  return tick == kNoTick ? Micros::never() : time_of(tick);
}

}  // namespace tributary
