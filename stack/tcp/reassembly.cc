#include "stack/tcp/reassembly.h"

#include "stack/tcp/payload.h"

namespace tributary::tcp {
namespace {

SeqNum begin_of(rte_mbuf* m) { return SeqNum(info_of(m).seq); }
SeqNum end_of(rte_mbuf* m) { return SeqNum(info_of(m).seq + info_of(m).payload_size); }


}  // namespace

void report_duplicate(Context& context, Tcb& tcb, SeqNum left, SeqNum right) {
  const uint32_t index = context.tcbs.index(tcb);
  if (tcb.has(kDsackPending)) std::erase_if(context.duplicates, [index](const Duplicate& d) { return d.tcb == index; });
  tcb.set(kDsackPending);
  context.duplicates.push_back({index, {left, right}});
}

void queue_out_of_order(Context& context, Tcb& tcb, Packet packet) {
  rte_mbuf* m = packet.get();
  const SeqNum begin = begin_of(m), end = end_of(m);
  rte_mbuf* before = nullptr;
  const SubflowRing& queue = tcb.out_of_order;
  if (!queue.empty() && begin_of(queue.back()) <= begin) {
    before = queue.back();  // the usual case: everything behind one hole arrives in order
  } else {
    for (rte_mbuf* p = queue.front(); p != nullptr && begin_of(p) <= begin; p = queue.next(p)) before = p;
  }
  if (before != nullptr && end <= end_of(before) && !(info_of(m).flags & kPktFin)) {
    report_duplicate(context, tcb, begin, end);
    return;
  }
  if (tcb.ooo_count >= context.settings.max_out_of_order) {
    ++context.counters.tcp_ofo_dropped;
    return;
  }
  tcb.out_of_order.insert_after(before, packet.release());
  ++tcb.ooo_count;
  ++context.counters.tcp_ofo_queued;
  tcb.recent_ooo = begin;
}

Packet take_in_order(Tcb& tcb) {
  while (!tcb.out_of_order.empty() && begin_of(tcb.out_of_order.front()) <= tcb.rcv_nxt) {
    rte_mbuf* m = tcb.out_of_order.pop_front();
    const PacketInfo& info = info_of(m);
    --tcb.ooo_count;
    const int32_t old = tcb.rcv_nxt - begin_of(m);
    if (old > info.payload_size || (old == info.payload_size && !(info.flags & kPktFin))) {
      Packet{m}.reset();
      continue;
    }
    if (old > 0) trim_front(m, static_cast<uint16_t>(old));
    return Packet(m);
  }
  return Packet();
}

unsigned write_sack_blocks(const Context& context, const Tcb& tcb, std::span<wire::SackBlock> out) {
  unsigned count = 0;
  if (tcb.has(kDsackPending) && !out.empty()) {
    const uint32_t index = context.tcbs.index(tcb);
    for (const Duplicate& duplicate : context.duplicates)
      if (duplicate.tcb == index) out[count++] = duplicate.block;
  }
  const SubflowRing& queue = tcb.out_of_order;
  const unsigned first = count;
  bool recent_found = false;
  for (rte_mbuf* p = queue.front(); p != nullptr;) {
    const SeqNum left = begin_of(p);
    SeqNum right = end_of(p);
    bool recent = left == tcb.recent_ooo;
    for (p = queue.next(p); p != nullptr && begin_of(p) <= right; p = queue.next(p)) {
      right = max_seq(right, end_of(p));
      recent |= begin_of(p) == tcb.recent_ooo;
    }
    if (left == right) continue;  // a FIN on its own
    if (recent && first < out.size()) {
      // The latest goes first and pushes the others back.
      for (unsigned i = std::min<unsigned>(count, static_cast<unsigned>(out.size()) - 1); i > first; --i) out[i] = out[i - 1];
      out[first] = {left, right};
      if (count < out.size()) ++count;
      recent_found = true;
    } else if (count < out.size()) {
      out[count++] = {left, right};
    } else if (recent_found) {
      break;
    }
  }
  return count;
}

void clear_out_of_order(Tcb& tcb) {
  tcb.out_of_order.clear();
  tcb.ooo_count = 0;
}

}  // namespace tributary::tcp
