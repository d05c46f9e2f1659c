// Hierarchical timing wheel: one intrusive entry per subflow, re-armed by a store (design D6).
//
// Six levels of 256 slots, the lowest of 128 microseconds unless its owner says otherwise: an entry lies in the slot of
// the highest base-256 digit in which its tick differs from the wheel's, and moves down when the wheel reaches that
// slot. Bitmaps lead straight to the next slot in use, so hours without timers cost nothing. Deadlines never fire early
// and at most one tick late. Not thread-safe: a wheel belongs to one worker.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "stack/base/units.h"

namespace tributary {

struct TimerLink {
  TimerLink* next = nullptr;
  TimerLink* prev = nullptr;
};

/// The entry embedded in a control block. The owner chooses `kind` and `owner` so that its callback knows
/// what the node sits in; everything else belongs to the wheel. `TimerWheel::remove` it before its memory is given
/// back.
struct TimerNode : TimerLink {
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

  Micros wanted = Micros::never();  ///< when to fire; the slot it is filed in may come earlier
  uint32_t owner = 0;               ///< the owner's, like `kind`: index of its control block
  uint16_t slot = 0;                ///< level and slot it is filed in; means nothing while `next` is null
  uint8_t kind = 0;
};
static_assert(sizeof(TimerNode) <= 32);

class TimerWheel {
 public:
  static constexpr int64_t kTickMicros = 128;  ///< by default

  /// A tick is two to the power of `tick_shift` microseconds.
  explicit TimerWheel(Micros start, unsigned tick_shift = 7);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Sets the deadline. A later one than the one filed is only stored and found when the slot comes; an
  /// earlier one moves the node. A deadline that has passed fires at the next tick; `never()` cancels.
  void arm(TimerNode& node, Micros deadline) {
    node.wanted = deadline;
    if (deadline == Micros::never()) return;
    const uint64_t tick = tick_of(deadline);
    if (node.next != nullptr) {
      if (tick >= slot_start(node.slot)) return;
      unlink(node);
    }
    if (tick < next_call_tick_) {
      link_behind(late_, node);
    } else {
      place(node, tick);
    }
  }

  /// Forgets the deadline. The node stays filed until its slot comes.
  void cancel(TimerNode& node) { node.wanted = Micros::never(); }

  /// Forgets the deadline and unlinks the node, which may then be destroyed.
  void remove(TimerNode& node) {
    node.wanted = Micros::never();
    if (node.next != nullptr) unlink(node);
  }

  /// The deadline last asked for; `never()` when none, or when it has fired.
  static Micros deadline(const TimerNode& node) { return node.wanted; }

  /// Calls `on_fire(TimerNode&)` for the nodes whose deadline has passed, in order of ticks, at most `cap` of
  /// them; re-files postponed nodes. A fired node is no longer filed. The callback may arm, cancel and remove
  /// any node, its own included; what it arms for a time already passed fires in a later call, so a call
  /// always ends. Re-filing is bounded too (a slot of a high level can hold millions): when a call stops
  /// short for either bound, `next_deadline()` is not later than `now` and the next call continues. Returns
  /// how many fired.
  template <typename F>
  unsigned advance(Micros now, unsigned cap, F&& on_fire) {
    const uint64_t target = floor_tick(now);
    if (target < current_ && is_empty(due_)) return 0;
    unsigned fired = 0;
    unsigned work = kRefilesPerCall + kRefilesPerFire * std::min(cap, 1u << 20);
    if (target >= next_call_tick_) take_late();
    next_call_tick_ = std::max(next_call_tick_, target + 1);
    for (;;) {
      while (!is_empty(due_)) {
        if (fired == cap || work-- == 0) return fired;
        TimerNode& node = take_first(due_);
        if (node.wanted <= now) {
          node.wanted = Micros::never();
          ++fired;
          on_fire(node);
        } else if (node.wanted != Micros::never()) {
          place(node, tick_of(node.wanted));
        }
      }
      if (!collect_due(target, work)) return fired;
    }
  }

  /// The earliest time at which `advance` may have something to do: nothing fires before. Calling `advance`
  /// at that time fires something or re-files something, so stepping a clock by it makes progress. `never()`
  /// when nothing is filed.
  Micros next_deadline() const;

  /// Nodes filed, cancelled ones included.
  uint64_t size() const { return size_; }

 private:
  static constexpr unsigned kLevels = 6;
  static constexpr unsigned kDigitBits = 8;
  static constexpr unsigned kSlots = 1u << kDigitBits;
  static constexpr uint64_t kLastTick = (uint64_t{1} << (kLevels * kDigitBits)) - 1;  // 1,142 years
  static constexpr unsigned kRefilesPerCall = 1024;
  static constexpr unsigned kRefilesPerFire = 16;

  static bool is_empty(const TimerLink& head) { return head.next == &head; }

  uint64_t floor_tick(Micros t) const {
    return t <= start_ ? 0 : (static_cast<uint64_t>(t.count()) - static_cast<uint64_t>(start_.count())) >> tick_shift_;
  }
  uint64_t tick_of(Micros deadline) const {
    if (deadline <= start_) return 0;
    const uint64_t distance = static_cast<uint64_t>(deadline.count()) - static_cast<uint64_t>(start_.count());
    return (distance + ((uint64_t{1} << tick_shift_) - 1)) >> tick_shift_;
  }
  Micros time_of(uint64_t tick) const { return start_ + Micros(static_cast<int64_t>(tick << tick_shift_)); }

  uint64_t slot_start(uint16_t slot) const;
  void place(TimerNode& node, uint64_t tick);
  void link_behind(TimerLink& head, TimerNode& node) {
    node.next = &head;
    node.prev = head.prev;
    head.prev->next = &node;
    head.prev = &node;
    ++size_;
  }
  void take_late();
  void unlink(TimerNode& node);
  TimerNode& take_first(TimerLink& head);
  uint64_t next_busy_tick() const;
  bool collect_due(uint64_t target, unsigned& work);
  bool move_down(unsigned level, unsigned& work);
  unsigned digit(unsigned level) const { return (current_ >> (level * kDigitBits)) & (kSlots - 1); }
  bool at_boundary(unsigned level) const { return (current_ & ((uint64_t{1} << (level * kDigitBits)) - 1)) == 0; }

  Micros start_;
  unsigned tick_shift_;
  uint64_t current_ = 0;         // first tick not yet looked at
  uint64_t next_call_tick_ = 0;  // what is armed for an earlier tick waits in `late_` for this one
  uint64_t size_ = 0;
  TimerLink due_;  // entries of slots already reached; they keep their slot number, which is harmless
  TimerLink late_;
  std::array<uint64_t, kLevels * kSlots / 64> busy_{};
  std::array<TimerLink, kLevels * kSlots> slots_;
};

}  // namespace tributary
