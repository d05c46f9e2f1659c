#include "stack/tcp/reassembly.h"

#include <array>

#include "stack/tcp/payload.h"

namespace tributary::tcp {
namespace {

/// Runs passed over to find a place. Holes are made at the end of a queue and filled at its beginning: what lies further from
/// both was put there to be looked for.
constexpr int kMaxSteps = 128;
/// Runs at either end that the SACK blocks are chosen from.
constexpr int kCandidates = 8;

SeqNum begin_of(rte_mbuf* m) { return SeqNum(info_of(m).seq); }
SeqNum end_of(rte_mbuf* m) { return SeqNum(info_of(m).seq + info_of(m).payload_size); }
bool ends_stream(rte_mbuf* m) { return info_of(m).flags & kPktFin; }

// The links of a run: the first packet knows the last one and the last the first; nobody asks those in between.
rte_mbuf* last_of(rte_mbuf* first) { return info_of(first).next; }
rte_mbuf* first_of(rte_mbuf* last) { return info_of(last).next; }
void link_run(rte_mbuf* first, rte_mbuf* last) {
  info_of(first).next = last;
  info_of(last).next = first;
}
/// When the latest segment of the run came.
uint32_t& arrival_of(rte_mbuf* first) { return info_of(first).arrival; }
rte_mbuf*& previous_run(rte_mbuf* first) { return info_of(first).previous_run; }
rte_mbuf* next_run(const SubflowRing& queue, rte_mbuf* first) { return queue.next(last_of(first)); }
rte_mbuf* last_run(const SubflowRing& queue) { return queue.empty() ? nullptr : first_of(queue.back()); }

struct Place {
  bool found;
  rte_mbuf* run;  ///< first packet of the last run that begins at or below; null if none does
};

Place find_run(Context& context, const SubflowRing& queue, SeqNum seq) {
  rte_mbuf* back = last_run(queue);
  if (back == nullptr || begin_of(back) <= seq) return {true, back};  // the usual case: what follows the latest hole
  rte_mbuf* front = queue.front();
  if (begin_of(front) > seq) return {true, nullptr};
  // Invariant: the run looked for is `front` or behind it, and before `back`.
  for (int steps = 0; steps < kMaxSteps; ++steps) {
    ++context.counters.tcp_queue_steps;
    rte_mbuf* const next = next_run(queue, front);
    if (next == back || begin_of(next) > seq) return {true, front};
    front = next;
    back = previous_run(back);
    if (begin_of(back) <= seq) return {true, back};
  }
  return {false, nullptr};
}

/// The run from `first` to `last` has grown to the right: takes in what it has reached.
void join_following(Tcb& tcb, rte_mbuf* first, rte_mbuf* last) {
  SubflowRing& queue = tcb.out_of_order;
  rte_mbuf* next = queue.next(last);
  while (next != nullptr && begin_of(next) <= end_of(last)) {
    rte_mbuf* const next_last = last_of(next);
    if (end_of(next_last) < end_of(last) || (end_of(next_last) == end_of(last) && !ends_stream(next_last))) {
      // All of it is in `last`.
      for (bool more = true; more; --tcb.ooo_count) {
        rte_mbuf* const covered = queue.pop_after(last);
        more = covered != next_last;
        Packet{covered}.reset();
      }
    } else {
      last = next_last;
    }
    next = queue.next(last);
  }
  link_run(first, last);
  if (next != nullptr) previous_run(next) = first;
}

}  // namespace

void report_duplicate(Context& context, Tcb& tcb, SeqNum left, SeqNum right) {
  const uint32_t index = context.tcbs.index(tcb);
  if (tcb.has(kDsackPending)) std::erase_if(context.duplicates, [index](const Duplicate& d) { return d.tcb == index; });
  tcb.set(kDsackPending);
  context.duplicates.push_back({index, {left, right}});
}

void queue_out_of_order(Context& context, Tcb& tcb, Packet packet) {
  rte_mbuf* const m = packet.get();
  const SeqNum begin = begin_of(m), end = end_of(m);
  const auto [found, run] = find_run(context, tcb.out_of_order, begin);
  rte_mbuf* const last = run != nullptr ? last_of(run) : nullptr;
  const bool touches = run != nullptr && begin <= end_of(last);
  if (touches && (end < end_of(last) || (end == end_of(last) && (!ends_stream(m) || ends_stream(last))))) {
    report_duplicate(context, tcb, begin, end);
    arrival_of(run) = ++context.arrivals;
    tcb.recent_ooo = begin;
    return;
  }
  if (!found || tcb.ooo_count >= context.settings.max_out_of_order) {
    ++context.counters.tcp_ofo_dropped;
    return;
  }
  ++context.counters.tcp_ofo_queued;
  ++tcb.ooo_count;
  tcb.recent_ooo = begin;
  tcb.out_of_order.insert_after(last, packet.release());
  rte_mbuf* const first = touches ? run : m;
  if (!touches) previous_run(first) = run;
  arrival_of(first) = ++context.arrivals;
  join_following(tcb, first, m);
}

Packet take_in_order(Tcb& tcb) {
  SubflowRing& queue = tcb.out_of_order;
  while (!queue.empty() && begin_of(queue.front()) <= tcb.rcv_nxt) {
    rte_mbuf* const m = queue.pop_front();
    PacketInfo& info = info_of(m);
    --tcb.ooo_count;
    rte_mbuf* const last = last_of(m);
    if (last != m) {
      rte_mbuf* const first = queue.front();
      arrival_of(first) = arrival_of(m);
      previous_run(first) = nullptr;
      link_run(first, last);
    }
    // What is first now has no run before it.
    rte_mbuf* const behind = last != m ? queue.next(last) : queue.front();
    if (behind != nullptr) previous_run(behind) = last != m ? queue.front() : nullptr;
    info.next = nullptr;
    info.owner = kNoOwner;
    const int32_t old = tcb.rcv_nxt - begin_of(m);
    if (old > info.payload_size || (old == info.payload_size && !ends_stream(m))) {
      Packet{m}.reset();
      continue;
    }
    if (old > 0) trim_front(m, static_cast<uint16_t>(old));
    return Packet(m);
  }
  return Packet();
}

namespace {

/// SACK blocks, the latest first.
class LatestBlocks {
 public:
  explicit LatestBlocks(std::span<wire::SackBlock> out) : out_(out) {}
  void offer(rte_mbuf* run) {
    const wire::SackBlock block{begin_of(run), end_of(last_of(run))};
    if (block.left == block.right) return;  // a FIN on its own
    unsigned place = count_;
    for (; place > 0 && is_later(arrival_of(run), arrival_[place - 1]); --place) {}
    if ((place > 0 && arrival_[place - 1] == arrival_of(run)) || place == out_.size()) return;
    if (count_ < out_.size()) ++count_;
    for (unsigned i = count_ - 1; i > place; --i) {
      out_[i] = out_[i - 1];
      arrival_[i] = arrival_[i - 1];
    }
    out_[place] = block;
    arrival_[place] = arrival_of(run);
  }
  unsigned count() const { return count_; }

 private:
  static bool is_later(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

  std::span<wire::SackBlock> out_;
  std::array<uint32_t, std::tuple_size_v<decltype(wire::TcpOptions::sack)>> arrival_{};
  unsigned count_ = 0;
};

}  // namespace

unsigned write_sack_blocks(Context& context, const Tcb& tcb, std::span<wire::SackBlock> out) {
  unsigned first = 0;
  if (tcb.has(kDsackPending) && !out.empty()) {
    const uint32_t index = context.tcbs.index(tcb);
    for (const Duplicate& duplicate : context.duplicates)
      if (duplicate.tcb == index) out[first++] = duplicate.block;
  }
  const SubflowRing& queue = tcb.out_of_order;
  LatestBlocks blocks(out.subspan(first));
  if (queue.empty()) return first;
  if (const Place recent = find_run(context, queue, tcb.recent_ooo); recent.run != nullptr) blocks.offer(recent.run);
  rte_mbuf* run = last_run(queue);
  for (int i = 0; i < kCandidates && run != nullptr; ++i, run = previous_run(run)) blocks.offer(run);
  if (run == nullptr) return first + blocks.count();
  run = queue.front();
  for (int i = 0; i < kCandidates && run != nullptr; ++i, run = next_run(queue, run)) blocks.offer(run);
  return first + blocks.count();
}

void clear_out_of_order(Tcb& tcb) {
  tcb.out_of_order.clear();
  tcb.ooo_count = 0;
}

}  // namespace tributary::tcp
