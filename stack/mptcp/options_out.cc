#include "stack/mptcp/options_out.h"

#include <algorithm>

#include "stack/mptcp/crypto.h"
#include "stack/mptcp/subflow.h"
#include "stack/wire/tcp.h"

namespace tributary::mptcp {
namespace {

using namespace wire::tcp_flag;
using tcp::Tcb;
using wire::MptcpOptions;

constexpr uint8_t kHmacSha256 = 0x01;

/// DSS checksum of a mapping that is exactly one segment: derived, the payload is not read (design D2).
uint16_t mapping_checksum(uint64_t dsn, uint32_t ssn, uint16_t length, wire::Sum payload_sum) {
  return static_cast<uint16_t>(~wire::add(wire::dss_pseudo_header_sum(dsn, ssn, length), payload_sum));
}

void write_capable(const Connection& connection, uint8_t keys, MptcpOptions& out) {
  out.present |= MptcpOptions::kCapable;
  out.capable = wire::MpCapable{};
  out.capable.checksum_required = connection.has(kChecksum);
  out.capable.algorithms = kHmacSha256;
  out.capable.keys = keys;
  out.capable.sender_key = connection.local_key;
  out.capable.receiver_key = connection.remote_key;
}

void write_join(const Connection& connection, const Tcb& tcb, wire::JoinForm form, MptcpOptions& out) {
  out.present |= MptcpOptions::kJoin;
  out.join = wire::MpJoin{};
  out.join.form = form;
  out.join.backup = tcb.has(tcp::kLocalBackup);
  out.join.address_id = tcb.subflow.local_id;
  out.join.receiver_token = connection.remote_token;
  out.join.nonce = tcb.subflow.nonces.local;
  if (form == wire::JoinForm::kSyn) return;
  const auto digest =
      join_hmac(connection.local_key, connection.remote_key, tcb.subflow.nonces.local, tcb.subflow.nonces.remote);
  std::copy_n(digest.begin(), out.join.hmac.size(), out.join.hmac.begin());
  if (form == wire::JoinForm::kSynAck) std::fill(out.join.hmac.begin() + 8, out.join.hmac.end(), uint8_t{0});
}

void write_syn(const Connection& connection, const Tcb& tcb, bool ack, MptcpOptions& out) {
  if (tcb.has(tcp::kJoin))
    write_join(connection, tcb, ack ? wire::JoinForm::kSynAck : wire::JoinForm::kSyn, out);
  else
    write_capable(connection, ack ? 1 : 0, out);
}

/// §3.7: from here on the data follows the subflow, without end.
void write_infinite_mapping(const Connection& connection, const Tcb& tcb, const PacketInfo& payload,
                            MptcpOptions& out) {
  out.present |= MptcpOptions::kDss;
  out.dss = wire::Dss{};
  out.dss.has_mapping = out.dss.dsn_64 = true;
  out.dss.dsn = payload.dsn;
  out.dss.subflow_seq = static_cast<uint32_t>(SeqNum(payload.seq) - tcb.iss);
  out.dss.has_checksum = connection.has(kChecksum);
}

void write_data_ack(const Connection& connection, wire::Dss& dss) {
  if (!connection.has(kRemoteKeyKnown)) return;  // TF-4: nothing to acknowledge yet
  dss.has_data_ack = true;
  dss.data_ack_64 = connection.has(kAck64);
  dss.data_ack = dss.data_ack_64 ? connection.rcv_nxt.raw() : connection.rcv_nxt.raw() & 0xffffffff;
}

}  // namespace

void write_options(Context& context, const Tcb& tcb, uint16_t flags, const PacketInfo* payload, MptcpOptions& out) {
  const Connection& connection = context.connections.at(tcb.connection);
  if (flags & kRst) return;
  if (connection.has(kFallback)) {
    if (payload != nullptr && connection.has(kInfinitePending)) write_infinite_mapping(connection, tcb, *payload, out);
    return;
  }
  if (flags & kSyn) return write_syn(connection, tcb, flags & kAck, out);

  const bool initiator_unconfirmed = connection.has(kInitiator) && !tcb.has(tcp::kJoin) && !connection.has(kPeerDss);
  if (payload == nullptr) {
    // Signals need the room. Keys, HMAC and DATA_FIN are said again by the next ACK or timer, a signal may be said
    // once.
    const bool signal = out.present != 0;
    const bool joining = tcb.has(tcp::kPreEstablished) && tcb.has(tcp::kJoin);
    constexpr uint16_t kLarge = MptcpOptions::kAddAddr | MptcpOptions::kFastclose | MptcpOptions::kFail;
    if ((initiator_unconfirmed || joining) && (out.present & kLarge)) return;
    if (initiator_unconfirmed) return write_capable(connection, 2, out);
    if (joining) return write_join(connection, tcb, wire::JoinForm::kAck, out);
    if (out.present & (MptcpOptions::kAddAddr | MptcpOptions::kFastclose)) return;
    wire::Dss& dss = out.dss;
    dss = wire::Dss{};
    write_data_ack(connection, dss);
    if (connection.has(kDataFinSent) && !connection.has(kDataFinAcked) && !signal) {
      // DF-2: a bare DATA_FIN has subflow sequence 0 and length 1.
      dss.data_fin = dss.has_mapping = dss.dsn_64 = true;
      dss.dsn = connection.write_seq.raw();
      dss.data_length = 1;
      dss.has_checksum = connection.has(kChecksum);
      dss.checksum = mapping_checksum(dss.dsn, 0, 1, 0);
    }
    if (dss.has_data_ack || dss.has_mapping) out.present |= MptcpOptions::kDss;
    if (connection.has(kFailing) && !dss.has_mapping) {
      out.present |= MptcpOptions::kFail;
      out.fail.dsn = connection.infinite_from;
    }
    return;
  }

  if (initiator_unconfirmed && DataSeq(payload->dsn) == connection.local_idsn + 1) {
    // MC-7: the first data repeats the keys, and this stands for its mapping.
    write_capable(connection, 2, out);
    out.capable.has_data_length = true;
    out.capable.data_length = payload->payload_size;
    out.capable.has_checksum = connection.has(kChecksum);
    out.capable.checksum = mapping_checksum(payload->dsn, 1, payload->payload_size, payload->payload_sum);
    return;
  }
  wire::Dss& dss = out.dss;
  dss = wire::Dss{};
  write_data_ack(connection, dss);
  dss.has_mapping = dss.dsn_64 = true;
  dss.dsn = payload->dsn;
  dss.subflow_seq = static_cast<uint32_t>(SeqNum(payload->seq) - tcb.iss);
  dss.data_length = payload->payload_size;
  // DF-1: the last data carries the DATA_FIN, which takes the number behind it.
  dss.data_fin = connection.has(kDataFinSent) && !connection.has(kDataFinAcked) &&
                 DataSeq(payload->dsn) + payload->payload_size == connection.write_seq;
  if (dss.data_fin) ++dss.data_length;
  dss.has_checksum = connection.has(kChecksum);
  if (dss.has_checksum)
    dss.checksum = mapping_checksum(dss.dsn, dss.subflow_seq, dss.data_length, payload->payload_sum);
  out.present |= MptcpOptions::kDss;
}

}  // namespace tributary::mptcp
