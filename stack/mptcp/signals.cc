#include "stack/mptcp/signals.h"

#include "stack/mptcp/close.h"
#include "stack/mptcp/crypto.h"
#include "stack/mptcp/fallback.h"
#include "stack/mptcp/handshake.h"
#include "stack/mptcp/receive.h"
#include "stack/mptcp/send.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/close.h"
#include "stack/tcp/output.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/transmit.h"

namespace tributary::mptcp {
namespace {

using tcp::Segment;
using tcp::Tcb;
using wire::MptcpOptions;

/// Notes the mapping of a segment in its packet, so that it is at hand when the payload's turn comes.
void note_mapping(Segment& segment, DataSeq dsn, uint32_t ssn, uint16_t size, bool has_checksum, uint16_t checksum) {
  PacketInfo& info = segment.packet.info();
  info.flags |= tcp::kPktMapping;
  if (has_checksum) info.flags |= tcp::kPktMappingChecksum;
  info.dsn = dsn.raw();
  info.subflow_seq = ssn;
  info.mapping_size = size;
  info.mapping_checksum = checksum;
}

/// False: the Tcb has been ended.
bool on_dss(Context& context, Connection& connection, Tcb& tcb, Segment& segment) {
  const wire::Dss& dss = segment.options->mptcp.dss;
  if (!connection.has(kRemoteKeyKnown)) return true;
  connection.set(kPeerDss);
  if (segment.has(wire::tcp_flag::kFin)) connection.set(kFinWithDss);
  if (dss.has_data_ack) {
    const DataSeq ack = dss.data_ack_64 ? DataSeq(dss.data_ack)
                                        : DataSeq::nearest(static_cast<uint32_t>(dss.data_ack), connection.snd_una);
    on_data_ack(context, connection, ack, uint32_t{segment.window} << tcb.snd_wscale);
  }
  if (!dss.has_mapping) return true;
  if (dss.dsn_64) connection.set(kAck64);
  const DataSeq dsn =
      dss.dsn_64 ? DataSeq(dss.dsn) : DataSeq::nearest(static_cast<uint32_t>(dss.dsn), connection.rcv_nxt);
  if (dss.data_length == 0) {  // infinite mapping: the peer has fallen back
    if (connection.subflow_count == 1 && can_carry_the_rest(connection, tcb)) {
      enter_fallback(context, connection);
      return check_peer_in_fallback(context, connection, tcb, segment);
    }
    reset_subflow(context, tcb, wire::RstReason::kMiddleboxInterference);
    return false;
  }
  if (dss.has_checksum != connection.has(kChecksum)) {  // DS-6
    reset_subflow(context, tcb, wire::RstReason::kMptcpSpecific);
    return false;
  }
  const uint16_t size = static_cast<uint16_t>(dss.data_length - (dss.data_fin ? 1 : 0));
  if (size != 0) note_mapping(segment, dsn, dss.subflow_seq, size, dss.has_checksum, dss.checksum);
  if (dss.data_fin) {
    segment.packet.info().flags |= tcp::kPktDataFin;
    on_data_fin(context, connection, tcb, dsn + size);
  }
  return true;
}

void on_add_addr(Context& context, Connection& connection, Tcb& tcb, const wire::AddAddr& add) {
  if (add.echo) return;  // we announce nothing
  const uint64_t expected = add_addr_hmac(connection.remote_key, connection.local_key, add.address_id, add.address,
                                          add.has_port ? add.port : uint16_t{0});
  if (expected != add.hmac) {  // AA-1: ignored, not echoed
    ++context.counters.mptcp_add_addr_bad_hmac;
    return;
  }
  ++context.counters.mptcp_add_addr;
  MptcpOptions echo;
  echo.present = MptcpOptions::kAddAddr;
  echo.add_addr = add;
  echo.add_addr.echo = true;
  echo.add_addr.hmac = 0;
  ++context.counters.mptcp_echo_add;
  tcp::transmit_control(context, tcb, wire::tcp_flag::kAck, tcb.snd_nxt, &echo);
}

/// RA-1. The subflow the news came on stays, as does the last one. False: this Tcb has been ended.
void on_remove_addr(Context& context, Connection& connection, Tcb& tcb, const wire::RemoveAddr& remove) {
  ++context.counters.mptcp_rm_addr;
  for (uint8_t i = 0; i < remove.count; ++i) {
    for (uint32_t index : connection.subflows) {
      if (index == kNoSubflow || connection.subflow_count < 2) continue;
      Tcb& other = context.tcbs.at(index);
      if (&other != &tcb && other.subflow.remote_id == remove.address_ids[i])
        reset_subflow(context, other, wire::RstReason::kUnspecified);
    }
  }
}

}  // namespace

bool on_fastclose(Context& context, Tcb& tcb, const MptcpOptions& options, bool on_reset) {
  Connection& connection = connection_of(context, tcb);
  if (!options.has(MptcpOptions::kFastclose) || options.fastclose.receiver_key != connection.local_key) return false;
  ++context.counters.mptcp_fastclose_rx;
  end_connection(context, connection, StreamError::kReset, on_reset ? &tcb : nullptr);
  return true;
}

bool on_options(Context& context, Tcb& tcb, Segment& segment) {
  Connection& connection = connection_of(context, tcb);
  const MptcpOptions& options = segment.options->mptcp;
  if (connection.has(kFallback)) return check_peer_in_fallback(context, connection, tcb, segment);
  // A join we opened is confirmed by whatever comes after our third ACK (MJ-7).
  if (tcb.has(tcp::kPreEstablished)) {
    tcb.clear(tcp::kPreEstablished);
    tcb.backoff = 0;
    tcb.ack_deadline = Micros::never();
    tcp::watch_idleness(context, tcb);
    request_schedule(context, connection);
  }
  if (options.present == 0) {
    // Our data acknowledged and never a DATA_ACK seen: a middlebox strips the options, or the peer has fallen back
    // (§3.7). Its segment may lie behind a hole. Payload tells when its turn has come (on_missing_mapping): a piece of
    // a segment that was cut may have overtaken the one with the options.
    const bool telling = segment.payload_size() == 0 && segment.ack > tcb.snd_una && tcb.tx_head != nullptr;
    if (telling && !connection.has(kDataAckSeen) && !tcb.has(tcp::kJoin))
      return follow_fallback(context, connection, tcb);
    return true;
  }
  if (options.has(MptcpOptions::kDss) && !on_dss(context, connection, tcb, segment)) return false;
  if (options.has(MptcpOptions::kCapable) && options.capable.keys == 2 && !connection.has(kInitiator)) {
    const wire::MpCapable& capable = options.capable;
    if (capable.has_data_length && capable.data_length != 0 && connection.has(kRemoteKeyKnown)) {
      connection.set(kPeerDss | kAck64);
      note_mapping(segment, connection.remote_idsn + 1, 1, capable.data_length, capable.has_checksum, capable.checksum);
    }
    tcp::request_ack(context, tcb);
  }
  if (options.has(MptcpOptions::kJoin)) tcp::request_ack(context, tcb);  // our fourth packet was lost
  if (options.has(MptcpOptions::kAddAddr)) on_add_addr(context, connection, tcb, options.add_addr);
  if (options.has(MptcpOptions::kRemoveAddr)) on_remove_addr(context, connection, tcb, options.remove_addr);
  if (options.has(MptcpOptions::kPrio)) {
    ++context.counters.mptcp_prio_rx;
    options.prio.backup ? tcb.set(tcp::kRemoteBackup) : tcb.clear(tcp::kRemoteBackup);
    request_schedule(context, connection);
  }
  if (options.has(MptcpOptions::kFail) && !on_fail(context, connection, tcb)) return false;
  if (options.has(MptcpOptions::kFastclose) && on_fastclose(context, tcb, options, false)) return false;
  // A DATA_FIN that was the last thing missing ends stale subflows at once: this may be one.
  return tcb.state != tcp::State::kClosed;
}

void send_priority(Context& context, Tcb& tcb, bool backup) {
  backup ? tcb.set(tcp::kLocalBackup) : tcb.clear(tcp::kLocalBackup);
  MptcpOptions options;
  options.present = MptcpOptions::kPrio;
  options.prio.backup = backup;
  ++context.counters.mptcp_prio_tx;
  tcp::transmit_control(context, tcb, wire::tcp_flag::kAck, tcb.snd_nxt, &options);
}

}  // namespace tributary::mptcp
