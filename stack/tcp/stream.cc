#include "stack/tcp/stream.h"

#include <algorithm>
#include <cstring>

#include "stack/packet/lookahead.h"
#include "stack/tcp/output.h"
#include "stack/tcp/payload.h"
#include "stack/tcp/window.h"

namespace tributary::tcp {
namespace {

constexpr uint16_t kCompactedPayload = 1400;  // bytes: pieces are gathered up to about one segment

}  // namespace

void report(Context& context, Tcb& tcb, uint16_t events) {
  if (tcb.has(kDetached)) return;
  tcb.events |= events;
  if (tcb.has(kReadyQueued)) return;
  tcb.set(kReadyQueued);
  context.ready_tcbs.push(context.tcbs.index(tcb));
}

void report_acked(Context& context, Tcb& tcb, uint32_t bytes) {
  tcb.plain.acked += bytes;
  report(context, tcb, kStreamAcked);
}

void append_received(Context& context, Tcb& tcb, Packet packet) {
  PlainStream& stream = tcb.plain;
  PacketInfo& info = packet.info();
  stream.rx_bytes += info.payload_size;
  stream.held += info.payload_size;
  stream.rx.push_back(packet.release());
  report(context, tcb, kStreamReadable);
}

PacketList read(Tcb& tcb, uint32_t max_bytes) {
  PacketList out;
  PlainStream& stream = tcb.plain;
  while (!stream.rx.empty()) {
    const uint16_t size = info_of(stream.rx.front()).payload_size;
    if (size > max_bytes && !out.empty()) break;
    stream.rx_bytes -= size;
    out.push_back(Packet(stream.rx.pop_front()));
    if (size >= max_bytes) break;
    max_bytes -= size;
  }
  return out;
}

void release(Context& context, Tcb& tcb, uint32_t bytes) {
  tcb.plain.held -= std::min(tcb.plain.held, bytes);
  if (!can_receive(tcb.state)) return;
  // No further than the window field can say, or a large budget would call for an update every time.
  const uint32_t limit = uint32_t{0xffff} << tcb.rcv_wscale;
  const SeqNum edge = tcb.rcv_nxt + std::min(free_window(context, tcb.plain.receive_budget, tcb.plain.held), limit);
  const uint32_t step =
      window_update_step(std::min(receive_limit(context, tcb.plain.receive_budget), limit), tcb.announced_mss);
  if (edge - tcb.rcv_adv >= static_cast<int32_t>(step)) request_ack(context, tcb);
}

bool compact_into(Context& context, rte_mbuf* last, const Packet& piece) {
  PacketInfo& into = info_of(last);
  const PacketInfo& from = piece.info();
  if (from.payload_size > kSmallPiece || into.payload_size + from.payload_size > kCompactedPayload) return false;
  if (!is_exclusive(last) || into.transmissions != 0) return false;
  if (into.payload_offset + into.payload_size + from.payload_size > last->buf_len) return false;
  std::memcpy(static_cast<uint8_t*>(last->buf_addr) + into.payload_offset + into.payload_size, piece.payload().data(),
              from.payload_size);
  into.payload_sum = wire::concatenate(into.payload_sum, into.payload_size, from.payload_sum);
  into.payload_size = static_cast<uint16_t>(into.payload_size + from.payload_size);
  ++context.counters.payload_copies;
  return true;
}

namespace {

/// What is gathered shall leave as one segment: the last packet of the queue, which waits, is filled up from `piece`.
void fill_up(Context& context, const Tcb& tcb, rte_mbuf* last, const Packet& piece) {
  PacketInfo& into = info_of(last);
  const uint32_t full = std::min<uint32_t>(payload_per_segment(context, tcb), last->buf_len - into.payload_offset);
  if (!is_exclusive(last) || into.transmissions != 0 || into.payload_size >= full) return;
  const auto size = static_cast<uint16_t>(std::min<uint32_t>(full - into.payload_size, piece.info().payload_size));
  const auto taken = piece.payload().first(size);
  std::memcpy(static_cast<uint8_t*>(last->buf_addr) + into.payload_offset + into.payload_size, taken.data(), size);
  into.payload_sum = wire::concatenate(into.payload_sum, into.payload_size, wire::sum_bytes(taken));
  into.payload_size = static_cast<uint16_t>(into.payload_size + size);
  trim_front(piece.get(), size);
  ++context.counters.payload_copies;
}

}  // namespace

void set_gathering(Context& context, Tcb& tcb, Gathering gathering) {
  tcb.gathering = static_cast<uint8_t>(gathering) & 3;
  if (tcb.tx_unsent() == nullptr || gathering == Gathering::kCork) return;
  tcb.awaits_more = 0;
  if (gathering == Gathering::kNone)
    output(context, tcb, true);
  else
    request_output(context, tcb);
}

void write(Context& context, Tcb& tcb, PacketList packets, bool more_follows) {
  // Either side may speak before the handshake is over: what it said waits for that.
  const bool open = tcb.state == State::kEstablished || tcb.state == State::kCloseWait ||
                    tcb.state == State::kSynReceived || tcb.state == State::kSynSent;
  if (!open || tcb.has(kFinQueued)) return;
  more_follows &= !packets.empty();
  const bool continues = tcb.awaits_more;
  tcb.more_follows = tcb.awaits_more = more_follows;
  Lookahead lookahead;
  while (Packet packet = packets.pop_front()) {
    if (packet.info().payload_size == 0) continue;
    const bool waits = tcb.tx_unsent() != nullptr;
    if (waits && (tcb.gathering != 0 || more_follows || continues)) {
      fill_up(context, tcb, tcb.flight->tail, packet);
      if (packet.info().payload_size == 0) continue;
    } else if (waits && compact_into(context, tcb.flight->tail, packet)) {
      continue;
    }
    packet.info().flags = 0;
    lookahead.append(packet.get());
    enqueue(context, tcb, packet.release());
  }
  request_output(context, tcb);
}

uint32_t unacked(const Tcb& tcb) {
  if (tcb.tx_head == nullptr) return 0;
  const PacketInfo& last = info_of(tcb.flight->tail);
  return static_cast<uint32_t>(SeqNum(last.seq + last.payload_size) - SeqNum(info_of(tcb.tx_head).seq));
}

}  // namespace tributary::tcp
