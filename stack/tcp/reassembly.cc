#include "stack/tcp/reassembly.h"

#include <array>

#include "stack/packet/run_queue.h"
#include "stack/tcp/payload.h"

namespace tributary::tcp {
namespace {

/// Runs at either end that the SACK blocks are chosen from.
constexpr int kCandidates = 8;

struct BySeq {
  static SeqNum begin(rte_mbuf* m) { return SeqNum(info_of(m).seq); }
  static SeqNum end(rte_mbuf* m) { return SeqNum(info_of(m).seq + info_of(m).payload_size); }
  static bool ends_stream(rte_mbuf* m) { return info_of(m).flags & kPktFin; }
};
using Runs = RunQueue<BySeq>;

/// When the latest segment of the run came.
uint32_t& arrival_of(rte_mbuf* first) {
  return info_of(first).arrival;
}

}  // namespace

void report_duplicate(Context& context, Tcb& tcb, SeqNum left, SeqNum right) {
  const uint32_t index = context.tcbs.index(tcb);
  if (tcb.has(kDsackPending)) std::erase_if(context.duplicates, [index](const Duplicate& d) { return d.tcb == index; });
  tcb.set(kDsackPending);
  if (tcb.has(kSackPermitted))
    ++(left < tcb.rcv_nxt ? context.counters.tcp_dsack_old_sent : context.counters.tcp_dsack_ofo_sent);
  context.duplicates.push_back({index, {left, right}});
}

void queue_out_of_order(Context& context, Tcb& tcb, Packet packet) {
  rte_mbuf* const m = packet.get();
  const SeqNum begin = BySeq::begin(m);
  const auto [found, place] = Runs::find(tcb.out_of_order, begin, nullptr, context.counters.tcp_queue_steps);
  if (Runs::has_all(place, m)) {
    report_duplicate(context, tcb, begin, BySeq::end(m));
    arrival_of(place) = ++context.arrivals;
    tcb.recent_ooo = begin;
    return;
  }
  if (!found || tcb.ooo_count >= context.settings.max_out_of_order) {
    ++context.counters.tcp_ofo_dropped;
    return;
  }
  ++context.counters.tcp_ofo_queued;
  tcb.recent_ooo = begin;
  const auto [run, dropped] = Runs::insert(tcb.out_of_order, place, packet.release());
  tcb.ooo_count = static_cast<uint16_t>(tcb.ooo_count + 1 - dropped);
  arrival_of(run) = ++context.arrivals;
}

Packet take_in_order(Tcb& tcb) {
  SubflowRing& queue = tcb.out_of_order;
  while (!queue.empty() && BySeq::begin(queue.front()) <= tcb.rcv_nxt) {
    const bool alone = Runs::last_of(queue.front()) == queue.front();
    rte_mbuf* const m = Runs::pop_front(queue);
    PacketInfo& info = info_of(m);
    --tcb.ooo_count;
    if (!alone) arrival_of(queue.front()) = info.arrival;
    info.owner = kNoOwner;
    const int32_t old = tcb.rcv_nxt - BySeq::begin(m);
    if (old > info.payload_size || (old == info.payload_size && !BySeq::ends_stream(m))) {
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
    const wire::SackBlock block{BySeq::begin(run), BySeq::end(Runs::last_of(run))};
    if (block.left == block.right) return;  // a FIN on its own
    unsigned place = count_;
    for (; place > 0 && is_later(arrival_of(run), arrival_[place - 1]); --place) {
    }
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
  const auto recent = Runs::find(queue, tcb.recent_ooo, nullptr, context.counters.tcp_queue_steps);
  if (recent.run != nullptr) blocks.offer(recent.run);
  rte_mbuf* run = Runs::last_run(queue);
  for (int i = 0; i < kCandidates && run != nullptr; ++i, run = Runs::previous_run(run)) blocks.offer(run);
  if (run == nullptr) return first + blocks.count();
  run = queue.front();
  for (int i = 0; i < kCandidates && run != nullptr; ++i, run = Runs::next_run(queue, run)) blocks.offer(run);
  return first + blocks.count();
}

void clear_out_of_order(Tcb& tcb) {
  tcb.out_of_order.clear();
  tcb.ooo_count = 0;
}

}  // namespace tributary::tcp
