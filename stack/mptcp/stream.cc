#include "stack/mptcp/stream.h"

#include <algorithm>

#include "stack/mptcp/send.h"
#include "stack/mptcp/subflow.h"
#include "stack/packet/lookahead.h"
#include "stack/tcp/output.h"
#include "stack/tcp/stream.h"
#include "stack/tcp/window.h"

namespace tributary::mptcp {

void report(Context& context, Connection& connection, uint16_t events) {
  if (connection.has(kUserGone)) return;
  connection.events |= events;
  if (connection.has(kReadyQueued)) return;
  connection.set(kReadyQueued);
  context.ready_connections.push(context.connections.index(connection));
}

PacketList read(Connection& connection, uint32_t max_bytes) {
  PacketList out;
  while (!connection.rx.empty()) {
    const uint16_t size = info_of(connection.rx.front()).payload_size;
    if (size > max_bytes && !out.empty()) break;
    connection.rx_bytes -= size;
    out.push_back(Packet(connection.rx.pop_front()));
    if (size >= max_bytes) break;
    max_bytes -= size;
  }
  return out;
}

void release(Context& context, Connection& connection, uint32_t bytes) {
  connection.held -= std::min(connection.held, bytes);
  if (connection.has(kDataFinReceived) || connection.state != State::kEstablished) return;
  const uint32_t budget = tcp::receive_limit(context, connection.receive_budget);
  const uint32_t free = budget > connection.held ? budget - connection.held : 0;
  // No further than a window field can say, or a large budget would call for an update every time.
  uint8_t scale = 0;
  for_each_subflow(context, connection, [&scale](const tcp::Tcb& tcb) { scale = std::max(scale, tcb.rcv_wscale); });
  const uint32_t limit = uint32_t{0xffff} << scale;
  const int64_t opened = connection.rcv_nxt + std::min(free, limit) - connection.rcv_adv;
  if (opened < int64_t{tcp::window_update_step(std::min(budget, limit), 1460)}) return;
  // On every subflow: one of them may be dead, and a lost update would stall the peer.
  for_each_subflow(context, connection, [&](tcp::Tcb& tcb) {
    if (tcp::can_receive(tcb.state)) tcp::request_ack(context, tcb);
  });
}

void write(Context& context, Connection& connection, PacketList packets) {
  if (connection.has(kCloseQueued) || connection.state == State::kFailed) return;
  Lookahead lookahead;
  while (Packet packet = packets.pop_front()) {
    if (packet.info().payload_size == 0) continue;
    if (connection.snd_unsent != nullptr && tcp::compact_into(context, connection.snd_tail, packet)) {
      connection.write_seq += packet.info().payload_size;
      continue;
    }
    rte_mbuf* m = packet.release();
    PacketInfo& info = info_of(m);
    info.next = nullptr;
    info.dsn = connection.write_seq.raw();
    info.flags = tcp::kPktInStream;
    info.owner = kNoOwner;
    info.transmissions = 0;
    connection.write_seq += info.payload_size;
    if (connection.snd_tail == nullptr)
      connection.snd_head = m;
    else
      info_of(connection.snd_tail).next = m;
    connection.snd_tail = m;
    lookahead.append(m);
    if (connection.snd_unsent == nullptr) connection.snd_unsent = m;
  }
  request_schedule(context, connection);
}

void close(Context& context, Connection& connection) {
  if (connection.has(kCloseQueued) || connection.state == State::kFailed) return;
  connection.set(kCloseQueued);
  request_schedule(context, connection);
}

uint32_t unacked(const Connection& connection) {
  return static_cast<uint32_t>(connection.write_seq - connection.snd_una);
}

}  // namespace tributary::mptcp
