#include "stack/mptcp/receive.h"

#include <algorithm>

#include "stack/mptcp/close.h"
#include "stack/mptcp/fallback.h"
#include "stack/mptcp/stream.h"
#include "stack/mptcp/subflow.h"
#include "stack/packet/run_queue.h"
#include "stack/tcp/output.h"
#include "stack/tcp/payload.h"
#include "stack/tcp/window.h"

namespace tributary::mptcp {
namespace {

using tcp::Tcb;
using wire::RstReason;

DataSeq begin_of(rte_mbuf* m) {
  return DataSeq(info_of(m).dsn);
}
DataSeq end_of(rte_mbuf* m) {
  return DataSeq(info_of(m).dsn + info_of(m).payload_size);
}

struct ByDsn {
  static DataSeq begin(rte_mbuf* m) { return begin_of(m); }
  static DataSeq end(rte_mbuf* m) { return end_of(m); }
  static bool ends_stream(rte_mbuf*) { return false; }  // a DATA_FIN is known by its number
};
using Runs = RunQueue<ByDsn>;

/// trim_front counts in the subflow's sequence; here the DSN moves with it.
void trim_front(rte_mbuf* m, uint16_t size) {
  tcp::trim_front(m, size);
  info_of(m).dsn += size;
}

void append(Context& context, Connection& connection, rte_mbuf* m) {
  PacketInfo& info = info_of(m);
  if (connection.has(kUserGone)) {  // nobody reads
    connection.rcv_nxt += info.payload_size;
    connection.bytes_received += info.payload_size;
    Packet{m}.reset();
    return;
  }
  connection.rx.push_back(m);
  connection.rcv_nxt += info.payload_size;
  connection.rx_bytes += info.payload_size;
  connection.held += info.payload_size;
  connection.bytes_received += info.payload_size;
  report(context, connection, kStreamReadable);
}

/// Moves what has become in order out of the reorder queue.
void pull_in_order(Context& context, Connection& connection) {
  SubflowRing& queue = connection.out_of_order;
  while (!queue.empty() && begin_of(queue.front()) <= connection.rcv_nxt) {
    rte_mbuf* m = Runs::pop_front(queue);
    if (connection.recent_run == m) connection.recent_run = queue.front();
    --connection.ooo_count;
    if (end_of(m) <= connection.rcv_nxt) {
      Packet{m}.reset();
      continue;
    }
    const int64_t old = connection.rcv_nxt - begin_of(m);
    if (old > 0) trim_front(m, static_cast<uint16_t>(old));
    append(context, connection, m);
  }
}

/// The fastest subflow fills the end of the queue and the slowest its beginning; others go on near where they were.
void queue_out_of_order(Context& context, Connection& connection, Packet packet) {
  rte_mbuf* m = packet.get();
  SubflowRing& queue = connection.out_of_order;
  const auto [found, place] = Runs::find(queue, begin_of(m), connection.recent_run, context.counters.tcp_queue_steps);
  if (Runs::has_all(place, m)) {
    ++context.counters.mptcp_duplicate_data;
    return;
  }
  if (!found || connection.ooo_count >= context.settings.max_out_of_order) {
    connection.set(kNotContiguous);
    ++context.counters.tcp_ofo_dropped;
    return;
  }
  const DataSeq recent = connection.recent_run != nullptr ? begin_of(connection.recent_run) : connection.rcv_nxt;
  const auto [run, dropped] = Runs::insert(queue, place, packet.release());
  const bool taken_in = recent >= begin_of(run) && recent <= end_of(Runs::last_of(run));  // it is no run any more
  if (taken_in || (run != queue.front() && run != Runs::last_run(queue))) connection.recent_run = run;
  connection.ooo_count += 1 - dropped;
  ++context.counters.mptcp_ofo_queued;
}

void take_data_fin(Context& context, Connection& connection) {
  if (!connection.has(kDataFinSeen) || connection.has(kDataFinReceived) || connection.rcv_nxt != connection.rcv_fin)
    return;
  connection.rcv_nxt += 1;
  connection.set(kDataFinReceived);
  for_each_subflow(context, connection, [&](Tcb& tcb) { tcp::request_ack(context, tcb); });
  report(context, connection, kStreamEnd);
  close_if_done(context, connection);
}

/// One packet with its place in the data sequence space.
void receive_data(Context& context, Connection& connection, Tcb& tcb, Packet packet) {
  rte_mbuf* m = packet.get();
  if (end_of(m) <= connection.rcv_nxt) {
    ++context.counters.mptcp_duplicate_data;
    tcp::request_ack(context, tcb);
    return;
  }
  const DataSeq edge = max_seq(connection.rcv_adv, connection.rcv_nxt + acceptable_window(connection));
  if (end_of(m) > edge) {  // DS-9: keep what fits
    connection.set(kNotContiguous);
    ++context.counters.mptcp_outside_window;
    tcp::request_ack(context, tcb);
    if (begin_of(m) >= edge) return;
    tcp::trim_back(m, static_cast<uint16_t>(end_of(m) - edge));
  }
  if (begin_of(m) < connection.rcv_nxt) trim_front(m, static_cast<uint16_t>(connection.rcv_nxt - begin_of(m)));
  if (begin_of(m) > connection.rcv_nxt) {
    queue_out_of_order(context, connection, std::move(packet));
    return;
  }
  append(context, connection, packet.release());
  if (!connection.out_of_order.empty()) pull_in_order(context, connection);
  take_data_fin(context, connection);
}

}  // namespace

void deliver_pending(Context& context, Connection& connection, Tcb& tcb) {
  while (rte_mbuf* next = tcb.subflow.pending.pop_front()) receive_data(context, connection, tcb, Packet(next));
}

namespace {

/// With DSS checksums nothing is delivered before its whole mapping has been verified (RFC 8684 §3.3.1).
bool verify_and_deliver(Context& context, Connection& connection, Tcb& tcb, Packet packet, uint32_t ssn) {
  tcp::SubflowPart& part = tcb.subflow;
  const uint16_t size = packet.info().payload_size;
  const uint32_t offset = ssn - part.map_ssn;
  part.map_sum = wire::concatenate(part.map_sum, offset, packet.info().payload_sum);
  part.pending.push_back(packet.release());
  if (offset + size < part.map_size) return true;
  // part.map_sum started as pseudo-header plus checksum field: the whole must come to all ones.
  if (!wire::same_value(part.map_sum, 0xffff)) {
    ++context.counters.mptcp_dss_checksum;
    if (!on_checksum_failure(context, connection, tcb, part.map_dsn)) return false;
  }
  deliver_pending(context, connection, tcb);
  return true;
}

/// The mapping that came with a packet takes the place of the one in force, unless that covers its first byte already:
/// a retransmission cut elsewhere repeats what is known, and the checksum of a mapping needs all of it from its start.
void take_mapping(Context& context, Connection& connection, Tcb& tcb, const PacketInfo& info, uint32_t ssn) {
  tcp::SubflowPart& part = tcb.subflow;
  if (tcb.has(tcp::kMapping) && ssn - part.map_ssn < part.map_size) {
    const bool agrees = DataSeq(info.dsn) - part.map_dsn == int32_t(info.subflow_seq - part.map_ssn);
    if (!agrees) ++context.counters.mptcp_dss_mismatch;
    return;
  }
  if (connection.has(kChecksum) && ssn != info.subflow_seq) {
    tcb.clear(tcp::kMapping);  // its beginning went by under another mapping: it cannot be verified any more
    return;
  }
  tcb.set(tcp::kMapping);
  part.map_dsn = DataSeq(info.dsn);
  part.map_ssn = info.subflow_seq;
  part.map_size = info.mapping_size;
  if (connection.has(kChecksum)) {
    // The checksum covers the DATA_FIN's octet in the length, though it is no payload byte.
    const uint16_t length = static_cast<uint16_t>(part.map_size + ((info.flags & tcp::kPktDataFin) ? 1 : 0));
    part.map_sum = wire::add(wire::dss_pseudo_header_sum(info.dsn, part.map_ssn, length), info.mapping_checksum);
  }
}

/// Cuts a segment where the mapping it carries begins; the rest keeps that mapping. Null without a buffer.
Packet split_at_mapping(Context& context, rte_mbuf* m, uint16_t size) {
  const PacketInfo whole = info_of(m);
  Packet rest(tcp::split_off(context, m, size));
  if (!rest) return rest;
  PacketInfo& info = rest.info();
  info.dsn = whole.dsn;
  info.subflow_seq = whole.subflow_seq;
  info.mapping_size = whole.mapping_size;
  info.mapping_checksum = whole.mapping_checksum;
  return rest;
}

}  // namespace

bool on_payload(Context& context, Tcb& tcb, Packet packet) {
  Connection& connection = connection_of(context, tcb);
  PacketInfo& info = packet.info();
  if (connection.has(kFallback)) {
    info.dsn = connection.rcv_nxt.raw();
    append(context, connection, packet.release());
    return true;
  }
  tcp::SubflowPart& part = tcb.subflow;
  const bool mapped = info.flags & tcp::kPktMapping;
  // Relative subflow sequence number of the first byte; SYN data is outside of it (RFC 8684 appendix B).
  const uint32_t ssn = static_cast<uint32_t>(SeqNum(info.seq) - tcb.irs) - tcb.syn_data;
  if (mapped) take_mapping(context, connection, tcb, info, ssn);
  uint32_t offset = ssn - part.map_ssn;
  if (!tcb.has(tcp::kMapping) || offset >= part.map_size) {
    ++context.counters.mptcp_dss_no_mapping;
    if (mapped) {  // its bytes are acknowledged to the subflow and lost: the data level sends them again
      connection.set(kNotContiguous);
      return true;
    }
    return on_missing_mapping(context, connection, tcb, std::move(packet));
  }
  const uint32_t left = part.map_size - offset;
  Packet rest;
  if (info.payload_size > left && mapped && info.subflow_seq == part.map_ssn + part.map_size) {
    rest = split_at_mapping(context, packet.get(), static_cast<uint16_t>(left));  // its own mapping begins within it
    if (!rest) {
      connection.set(kNotContiguous);
      return true;
    }
  } else if (info.payload_size > left) {
    // Two mappings in one segment: a middlebox joined segments and only one option survived.
    connection.set(kNotContiguous);
    ++context.counters.mptcp_dss_no_mapping;
    tcp::trim_back(packet.get(), static_cast<uint16_t>(info.payload_size - left));
  }
  info.dsn = (part.map_dsn + offset).raw();
  if (!connection.has(kChecksum))
    receive_data(context, connection, tcb, std::move(packet));
  else if (!verify_and_deliver(context, connection, tcb, std::move(packet), ssn))
    return false;
  if (tcb.state == tcp::State::kClosed) return false;  // the DATA_FIN was reached, and this subflow stale
  return !rest || on_payload(context, tcb, std::move(rest));
}

uint32_t receive_window(Context& context, const Tcb& tcb, uint8_t scale) {
  Connection& connection = context.connections.at(tcb.connection);
  const uint32_t budget = connection.receive_budget;
  const int64_t promised = std::max<int64_t>(connection.rcv_adv - connection.rcv_nxt, 0);
  uint32_t window =
      tcp::open_in_steps(tcp::free_window(context, budget, connection.held), static_cast<uint32_t>(promised),
                         tcp::receive_limit(context, budget), tcp::segment_of_peer(context, tcb), scale);
  window = std::min<uint32_t>(window >> scale, 0xffff) << scale;
  connection.rcv_adv = max_seq(connection.rcv_adv, connection.rcv_nxt + window);
  return window;
}

uint32_t acceptable_window(const Connection& connection) {
  const uint64_t most = uint64_t{2} * connection.receive_budget;
  return most > connection.held ? static_cast<uint32_t>(std::min<uint64_t>(most - connection.held, INT32_MAX)) : 0;
}

uint32_t acceptable_window(const Context& context, const Tcb& tcb) {
  return acceptable_window(context.connections.at(tcb.connection));
}

uint32_t held_bytes(const Context& context, const Tcb& tcb) {
  const Connection& connection = context.connections.at(tcb.connection);
  return connection.held + connection.ooo_count;
}

void on_data_fin(Context& context, Connection& connection, Tcb& tcb, DataSeq dsn) {
  if (connection.has(kDataFinReceived)) {
    tcp::request_ack(context, tcb);  // ours was lost
    return;
  }
  if (dsn < connection.rcv_nxt || dsn > max_seq(connection.rcv_adv, connection.rcv_nxt + acceptable_window(connection)))
    return;
  connection.set(kDataFinSeen);
  connection.rcv_fin = dsn;
  take_data_fin(context, connection);
}

void clear_receive_queues(Connection& connection) {
  connection.rx.clear();
  connection.out_of_order.clear();
  connection.recent_run = nullptr;
  connection.ooo_count = connection.rx_bytes = 0;
}

}  // namespace tributary::mptcp
