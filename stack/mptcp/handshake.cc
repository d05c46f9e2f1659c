#include "stack/mptcp/handshake.h"

#include "stack/mptcp/close.h"
#include "stack/mptcp/crypto.h"
#include "stack/mptcp/fallback.h"
#include "stack/mptcp/join.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/close.h"

namespace tributary::mptcp {
namespace {

constexpr uint8_t kHmacSha256 = 0x01;  // the H flag
constexpr uint8_t kVersion = 1;

/// RFC 8684 §3.1: the token must be unique before the key is sent. Null: it is not, or the tables are full.
Connection* create_connection(Context& context, tcp::Tcb& tcb, const KeyTriple& triple) {
  Connection* connection = context.connections.create();
  if (connection == nullptr) return nullptr;
  if (!context.tokens.insert(triple.token, context.connections.index(*connection))) {
    context.connections.destroy(*connection);
    return nullptr;
  }
  connection->local_key = triple.key;
  connection->local_token = triple.token;
  connection->local_idsn = triple.idsn;
  connection->snd_una = connection->snd_nxt = connection->write_seq = triple.idsn + 1;
  connection->snd_wnd_end = connection->snd_nxt;
  connection->receive_budget = context.settings.receive_budget;
  connection->timer.kind = kTimerKind;
  connection->timer.owner = context.connections.index(*connection);
  connection->listener = tcb.listener;
  attach_subflow(context, *connection, tcb);
  return connection;
}

Connection* create_connection(Context& context, tcp::Tcb& tcb) {
  for (int attempt = 0; attempt < 8; ++attempt)
    if (Connection* connection = create_connection(context, tcb, context.keys.draw())) return connection;
  return nullptr;
}

/// MC-3, MC-5, MC-12: what we do not understand is answered without MP_CAPABLE, and the connection is TCP.
bool is_understood(const wire::MpCapable& capable) {
  return !capable.extensibility && capable.version >= kVersion && capable.keys == 0 &&
         (capable.algorithms & kHmacSha256);
}

/// Our key for a SYN that was answered with a cookie at `tick`. Like drawn ones its token names this worker.
KeyTriple cookie_key(const Context& context, const FlowKey& key, SeqNum peer_isn, uint32_t tick) {
  KeyTriple triple;
  for (uint16_t attempt = 0; attempt < UINT16_MAX; ++attempt) {
    triple.key = Key{context.cookies.derive_key(key, peer_isn, tick, attempt)};
    const KeyDigest digest = digest_key(triple.key);
    triple.token = digest.token;
    triple.idsn = digest.idsn;
    if (triple.token.value % context.settings.workers == context.settings.worker.value) break;
  }
  return triple;
}

bool learn_keys_of_third_ack(Context& context, Connection& connection, const wire::MpCapable& capable) {
  if (capable.keys != 2 || capable.receiver_key != connection.local_key) return false;
  learn_remote_key(context, connection, capable.sender_key);
  return true;
}

}  // namespace

void learn_remote_key(Context&, Connection& connection, Key key) {
  if (connection.has(kRemoteKeyKnown)) return;
  connection.set(kRemoteKeyKnown);
  connection.remote_key = key;
  const KeyDigest digest = digest_key(key);
  connection.remote_token = digest.token;
  connection.remote_idsn = digest.idsn;
  // What our SYN or SYN-ACK promised still holds: data may come with the very segment that brings the key.
  const int64_t promised = connection.rcv_adv - connection.rcv_nxt;
  connection.rcv_nxt = digest.idsn + 1;
  connection.rcv_adv = connection.rcv_nxt + static_cast<uint64_t>(promised);
}

void on_capable_syn(Context& context, tcp::Tcb& tcb, const wire::MpCapable& capable) {
  ++context.counters.mptcp_capable_syn_rx;
  if (!is_understood(capable)) return;
  Connection* connection = create_connection(context, tcb);
  if (connection == nullptr) return;
  if (capable.checksum_required || context.settings.mptcp_checksum) connection->set(kChecksum);
  if (capable.no_join_to_source) connection->set(kPeerNoJoin);
}

void answer_capable_by_cookie(Context& context, const tcp::Segment& syn, const wire::MpCapable& capable,
                              wire::MptcpOptions& out) {
  ++context.counters.mptcp_capable_syn_rx;
  if (!is_understood(capable)) return;
  const KeyTriple triple = cookie_key(context, syn.key, syn.seq, tcp::SynCookies::tick_of(context.now));
  // No other key is possible: whose token is taken stays TCP.
  if (context.tokens.find(triple.token) != TokenTable::kNotFound) return;
  out.present |= wire::MptcpOptions::kCapable;
  out.capable = wire::MpCapable{};
  out.capable.checksum_required = capable.checksum_required || context.settings.mptcp_checksum;
  out.capable.algorithms = kHmacSha256;
  out.capable.keys = 1;
  out.capable.sender_key = triple.key;
}

void restore_by_cookie(Context& context, tcp::Tcb& tcb, const wire::MpCapable& capable, uint32_t tick) {
  if (capable.extensibility || capable.keys != 2) return;
  const KeyTriple triple = cookie_key(context, tcb.key, tcb.irs, tick);
  if (capable.receiver_key != triple.key) return;
  Connection* connection = create_connection(context, tcb, triple);
  if (connection == nullptr) return;
  // The third packet confirms what both SYNs said (§3.1).
  if (capable.checksum_required) connection->set(kChecksum);
  if (capable.no_join_to_source) connection->set(kPeerNoJoin);
}

bool start_connection(Context& context, tcp::Tcb& tcb) {
  Connection* connection = create_connection(context, tcb);
  if (connection == nullptr) return false;
  connection->set(kInitiator);
  if (context.settings.mptcp_checksum) connection->set(kChecksum);
  return true;
}

bool on_syn_ack(Context& context, tcp::Tcb& tcb, const tcp::Segment& segment) {
  if (tcb.has(tcp::kJoin)) return on_join_syn_ack(context, tcb, segment);
  Connection& connection = connection_of(context, tcb);
  const wire::MptcpOptions& options = segment.options->mptcp;
  const wire::MpCapable& capable = options.capable;
  const bool usable = options.has(wire::MptcpOptions::kCapable) && capable.keys == 1 && !capable.extensibility &&
                      capable.version == kVersion && (capable.algorithms & kHmacSha256);
  if (usable) {
    learn_remote_key(context, connection, capable.sender_key);
    if (capable.checksum_required) connection.set(kChecksum);
    if (capable.no_join_to_source) connection.set(kPeerNoJoin);
  } else {
    enter_fallback(context, connection);
  }
  connection.snd_wnd_end = max_seq(connection.snd_wnd_end, connection.snd_nxt + tcb.snd_wnd);
  return true;
}

bool on_third_ack(Context& context, tcp::Tcb& tcb, const tcp::Segment& segment) {
  if (tcb.has(tcp::kJoin)) return on_join_third_ack(context, tcb, segment);
  Connection& connection = connection_of(context, tcb);
  const wire::MptcpOptions& options = segment.options->mptcp;
  const bool keys =
      options.has(wire::MptcpOptions::kCapable) && learn_keys_of_third_ack(context, connection, options.capable);
  if (keys) {
    ++context.counters.mptcp_capable_ack_rx;
  } else if (options.has(wire::MptcpOptions::kDss) && !options.has(wire::MptcpOptions::kCapable) &&
             segment.seq != tcb.rcv_nxt) {
    return false;  // its third ACK was lost and data overtook its repetition: wait for the keys
  } else {
    // Also for a DSS in the keys' own place: Linux forgets them when it had to repeat a SYN that carried payload.
    ++context.counters.mptcp_fallback_ack;
    enter_fallback(context, connection);
  }
  connection.snd_wnd_end =
      max_seq(connection.snd_wnd_end, connection.local_idsn + 1 + (uint32_t{segment.window} << tcb.snd_wscale));
  return true;
}

}  // namespace tributary::mptcp
