#include "stack/tcp/reassembly.h"

#include "stack/tcp/payload.h"

namespace tributary::tcp {
namespace {

SeqNum begin_of(rte_mbuf* m) { return SeqNum(info_of(m).seq); }
SeqNum end_of(rte_mbuf* m) { return SeqNum(info_of(m).seq + info_of(m).payload_size); }

void report_duplicate(Tcb& tcb, SeqNum left, SeqNum right) {
  tcb.set(kDsackPending);
  tcb.dsack_left = left;
  tcb.dsack_right = right;
}

}  // namespace

void queue_out_of_order(Context& context, Tcb& tcb, Packet packet) {
  rte_mbuf* m = packet.get();
  const SeqNum begin = begin_of(m), end = end_of(m);
  rte_mbuf* before = nullptr;
  if (tcb.ooo_tail != nullptr && begin_of(tcb.ooo_tail) <= begin) {
    before = tcb.ooo_tail;  // the usual case: everything behind one hole arrives in order
  } else {
    for (rte_mbuf* p = tcb.ooo_head; p != nullptr && begin_of(p) <= begin; p = info_of(p).subflow_next) before = p;
  }
  if (before != nullptr && end <= end_of(before) && !(info_of(m).flags & kPktFin)) {
    report_duplicate(tcb, begin, end);
    return;
  }
  if (tcb.ooo_count >= context.settings.max_out_of_order) {
    ++context.counters.tcp_ofo_dropped;
    return;
  }
  PacketInfo& info = info_of(packet.release());
  if (before == nullptr) {
    info.subflow_next = tcb.ooo_head;
    tcb.ooo_head = m;
  } else {
    info.subflow_next = info_of(before).subflow_next;
    info_of(before).subflow_next = m;
  }
  if (info.subflow_next == nullptr) tcb.ooo_tail = m;
  ++tcb.ooo_count;
  ++context.counters.tcp_ofo_queued;
  tcb.recent_ooo = begin;
}

Packet take_in_order(Context&, Tcb& tcb) {
  while (tcb.ooo_head != nullptr && begin_of(tcb.ooo_head) <= tcb.rcv_nxt) {
    rte_mbuf* m = tcb.ooo_head;
    PacketInfo& info = info_of(m);
    tcb.ooo_head = info.subflow_next;
    if (tcb.ooo_head == nullptr) tcb.ooo_tail = nullptr;
    info.subflow_next = nullptr;
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

unsigned write_sack_blocks(const Tcb& tcb, std::span<wire::SackBlock> out) {
  unsigned count = 0;
  if (tcb.has(kDsackPending) && count < out.size()) out[count++] = {tcb.dsack_left, tcb.dsack_right};
  const unsigned first = count;
  bool recent_found = false;
  for (rte_mbuf* p = tcb.ooo_head; p != nullptr;) {
    const SeqNum left = begin_of(p);
    SeqNum right = end_of(p);
    bool recent = left == tcb.recent_ooo;
    for (p = info_of(p).subflow_next; p != nullptr && begin_of(p) <= right; p = info_of(p).subflow_next) {
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
  while (tcb.ooo_head != nullptr) {
    Packet packet(tcb.ooo_head);
    tcb.ooo_head = packet.info().subflow_next;
  }
  tcb.ooo_tail = nullptr;
  tcb.ooo_count = 0;
}

}  // namespace tributary::tcp
