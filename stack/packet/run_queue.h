// A queue of received packets in order of sequence, in runs without a hole: what TCP and the data level of MPTCP keep
// out of order. Finding a place passes over runs rather than packets, and never over many: holes are made at the end of
// a queue and filled at its beginning.
//
// `info().subflow_next` is the queue's link. The first packet of a run points to its last by `info().next`, and the
// last to its first; `info().previous_run` of the first is the first of the run before. Those in between nobody asks.
//
// `Order` says which numbers count: `begin` and `end` of a packet, and whether a packet `ends_stream`.
#pragma once

#include <cstdint>

#include "stack/packet/packet_ring.h"

namespace tributary {

template <class Order>
struct RunQueue {
  using Seq = decltype(Order::begin(nullptr));

  /// Runs passed over to find a place. What lies further from both ends, and from where the search may begin, was put
  /// there to be looked for.
  static constexpr int kMaxSteps = 128;

  struct Place {
    bool found;
    rte_mbuf* run;  ///< first packet of the last run that begins at or below; null if none does
  };

  // Of a run, by its first packet.
  static rte_mbuf* last_of(rte_mbuf* first) { return info_of(first).next; }
  static rte_mbuf*& previous_run(rte_mbuf* first) { return info_of(first).previous_run; }
  static rte_mbuf* next_run(const SubflowRing& queue, rte_mbuf* first) { return queue.next(last_of(first)); }
  static rte_mbuf* last_run(const SubflowRing& queue) { return queue.empty() ? nullptr : info_of(queue.back()).next; }

  /// Where `seq` belongs. `hint`: a run of the queue near which it may be, or null. Adds the runs passed over to
  /// `steps`.
  static Place find(const SubflowRing& queue, Seq seq, rte_mbuf* hint, uint64_t& steps) {
    rte_mbuf* back = last_run(queue);
    if (back == nullptr || Order::begin(back) <= seq)
      return {true, back};  // the usual case: what follows the latest hole
    rte_mbuf* front = queue.front();
    if (Order::begin(front) > seq) return {true, nullptr};
    if (hint != nullptr) (Order::begin(hint) <= seq ? front : back) = hint;
    // Invariant: the run looked for is `front` or behind it, and before `back`.
    for (int passed = 0; passed < kMaxSteps; ++passed) {
      ++steps;
      rte_mbuf* const next = next_run(queue, front);
      if (next == back || Order::begin(next) > seq) return {true, front};
      front = next;
      back = previous_run(back);
      if (Order::begin(back) <= seq) return {true, back};
    }
    return {false, nullptr};
  }

  /// Whether the run at its place has all of `m` already.
  static bool has_all(rte_mbuf* run, rte_mbuf* m) {
    return run != nullptr && Order::begin(m) <= Order::end(last_of(run)) && covers(last_of(run), m);
  }

  struct Inserted {
    rte_mbuf* run;     ///< that it is in now
    unsigned dropped;  ///< packets of the queue it has all of: freed
  };
  /// Puts `m`, of which the queue has not all, where `find` has said. Takes over the reference.
  static Inserted insert(SubflowRing& queue, rte_mbuf* run, rte_mbuf* m) {
    rte_mbuf* const last = run != nullptr ? last_of(run) : nullptr;
    const bool touches = run != nullptr && Order::begin(m) <= Order::end(last);
    queue.insert_after(last, m);
    rte_mbuf* const first = touches ? run : m;
    if (!touches) previous_run(first) = run;
    return {first, join_following(queue, first, m)};
  }

  /// Takes the first packet out. Null when empty.
  static rte_mbuf* pop_front(SubflowRing& queue) {
    rte_mbuf* const m = queue.front();
    if (m == nullptr) return nullptr;
    rte_mbuf* const last = last_of(m);
    queue.pop_front();
    info_of(m).next = nullptr;
    if (rte_mbuf* const front = queue.front()) {
      previous_run(front) = nullptr;
      if (last != m) {
        link(front, last);
        if (rte_mbuf* const behind = queue.next(last)) previous_run(behind) = front;
      }
    }
    return m;
  }

 private:
  static void link(rte_mbuf* first, rte_mbuf* last) {
    info_of(first).next = last;
    info_of(last).next = first;
  }

  static bool covers(rte_mbuf* last, rte_mbuf* m) {
    if (Order::end(m) == Order::end(last)) return Order::ends_stream(last) || !Order::ends_stream(m);
    return Order::end(m) < Order::end(last);
  }

  /// The run from `first` to `last` has grown to the right: takes in what it has reached.
  static unsigned join_following(SubflowRing& queue, rte_mbuf* first, rte_mbuf* last) {
    unsigned dropped = 0;
    rte_mbuf* next = queue.next(last);
    while (next != nullptr && Order::begin(next) <= Order::end(last)) {
      rte_mbuf* const next_last = last_of(next);
      if (covers(last, next_last)) {
        for (bool more = true; more; ++dropped) {
          rte_mbuf* const covered = queue.pop_after(last);
          more = covered != next_last;
          Packet{covered}.reset();
        }
      } else {
        last = next_last;
      }
      next = queue.next(last);
    }
    link(first, last);
    if (next != nullptr) previous_run(next) = first;
    return dropped;
  }
};

}  // namespace tributary
