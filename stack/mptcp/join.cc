#include "stack/mptcp/join.h"

#include <algorithm>

#include "stack/flow/port_allocator.h"
#include "stack/mptcp/crypto.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/close.h"
#include "stack/tcp/open.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/transmit.h"

namespace tributary::mptcp {
namespace {

using wire::MptcpOptions;
using wire::RstReason;

void refuse(Context& context, const tcp::Segment& segment, RstReason reason) {
  const MptcpOptions options = reset_with(reason);
  ++context.counters.mptcp_rst_tx;
  tcp::reset_segment(context, segment, &options);
}

/// The identifier of one of our addresses within the connection: that of a subflow which has it, 0 for the first.
AddressId local_id_for(Context& context, const Connection& connection, const IpAddress& local) {
  uint8_t highest = 0;
  for (uint32_t index : connection.subflows) {
    if (index == kNoSubflow) continue;
    const tcp::Tcb& tcb = context.tcbs.at(index);
    if (tcb.key.local == local) return tcb.subflow.local_id;
    highest = std::max(highest, tcb.subflow.local_id.value);
  }
  return AddressId{static_cast<uint8_t>(highest + 1)};
}

/// Whether the peer asked for no joins to the address and port it was first reached by (MC-4), and this is it.
bool is_barred(Context& context, const Connection& connection, const IpAddress& remote, uint16_t remote_port) {
  bool barred = false;
  for_each_subflow(context, connection, [&](const tcp::Tcb& tcb) {
    barred |= !tcb.has(tcp::kJoin) && tcb.key.remote == remote && tcb.key.remote_port == remote_port;
  });
  return barred && connection.has(kPeerNoJoin);
}

}  // namespace

void on_join_syn(Context& context, tcp::Segment& segment) {
  ++context.counters.mptcp_join_syn_rx;
  const wire::MpJoin& join = segment.options->mptcp.join;
  const uint32_t index = context.tokens.find(join.receiver_token);
  if (index == TokenTable::kNotFound) {
    ++context.counters.mptcp_join_no_token;
    return refuse(context, segment, RstReason::kMptcpSpecific);
  }
  Connection& connection = context.connections.at(index);
  if (connection.state != State::kEstablished || connection.has(kFallback) || !connection.has(kRemoteKeyKnown)) {
    ++context.counters.mptcp_join_rejected;
    return refuse(context, segment, RstReason::kMptcpSpecific);
  }
  if (connection.subflow_count >= std::min<size_t>(context.settings.max_subflows_per_connection, kMaxSubflows)) {
    ++context.counters.mptcp_join_rejected;
    return refuse(context, segment, RstReason::kAdministrativelyProhibited);
  }
  const AddressId local_id = local_id_for(context, connection, segment.key.local);
  tcp::Tcb* tcb = tcp::create_passive(context, segment, leg_of(connection));
  if (tcb == nullptr) return refuse(context, segment, RstReason::kLackOfResources);
  tcb->set(tcp::kJoin);
  attach_subflow(context, connection, *tcb);
  if (join.backup) tcb->set(tcp::kRemoteBackup);
  tcb->subflow.local_id = local_id;
  tcb->subflow.remote_id = join.address_id;
  tcb->subflow.nonces.remote = join.nonce;
  tcb->subflow.nonces.local = context.random.u32();
  tcp::accept(context, *tcb);
  tcb->idle_deadline = context.now + context.settings.join_timeout;
  tcp::arm_timer(context, *tcb);
}

bool on_join_third_ack(Context& context, tcp::Tcb& tcb, const tcp::Segment& segment) {
  const Connection& connection = connection_of(context, tcb);
  const MptcpOptions& options = segment.options->mptcp;
  const auto expected =
      join_hmac(connection.remote_key, connection.local_key, tcb.subflow.nonces.remote, tcb.subflow.nonces.local);
  const bool good = options.has(MptcpOptions::kJoin) && options.join.form == wire::JoinForm::kAck &&
                    equal_constant_time(options.join.hmac, {expected.data(), options.join.hmac.size()});
  if (good) return true;
  ++context.counters.mptcp_join_bad_hmac;
  reset_subflow(context, tcb, RstReason::kMptcpSpecific);
  return false;
}

bool on_join_syn_ack(Context& context, tcp::Tcb& tcb, const tcp::Segment& segment) {
  const Connection& connection = connection_of(context, tcb);
  const MptcpOptions& options = segment.options->mptcp;
  const wire::MpJoin& join = options.join;
  if (options.has(MptcpOptions::kJoin) && join.form == wire::JoinForm::kSynAck) {
    const auto expected = join_hmac(connection.remote_key, connection.local_key, join.nonce, tcb.subflow.nonces.local);
    if (equal_constant_time({join.hmac.data(), 8}, {expected.data(), 8})) {
      tcb.subflow.nonces.remote = join.nonce;
      tcb.subflow.remote_id = join.address_id;
      if (join.backup) tcb.set(tcp::kRemoteBackup);
      tcb.set(tcp::kPreEstablished);
      return true;
    }
    ++context.counters.mptcp_join_bad_hmac;
  }
  refuse(context, segment, RstReason::kMptcpSpecific);
  tcp::abort(context, tcb, nullptr);
  return false;
}

bool open_subflow(Context& context, Connection& connection, const IpAddress& local, const IpAddress& remote,
                  uint16_t remote_port, std::optional<uint16_t> interface, bool backup) {
  if (connection.state != State::kEstablished || connection.has(kFallback) || !connection.has(kPeerDss)) return false;
  if (is_barred(context, connection, remote, remote_port)) return false;
  if (connection.subflow_count >= std::min<size_t>(context.settings.max_subflows_per_connection, kMaxSubflows))
    return false;
  const auto hop = interface ? context.ip.find_route_on(*interface, remote, context.now)
                             : context.ip.find_route(remote, context.now);
  if (!hop) return false;
  tcp::OpenRequest request;
  request.key = {local, remote, 0, remote_port};
  request.hop = *hop;
  request.leg = leg_of(connection);
  const auto port = pick_port(context.random, context.settings.first_ephemeral_port,
                              context.settings.last_ephemeral_port, [&](uint16_t candidate) {
                                request.key.local_port = candidate;
                                return is_free(context, request.key);
                              });
  if (!port) return false;
  request.key.local_port = *port;
  const AddressId local_id = local_id_for(context, connection, local);
  tcp::Tcb* tcb = tcp::create_active(context, request);
  if (tcb == nullptr) return false;
  tcb->set(tcp::kJoin);
  attach_subflow(context, connection, *tcb);
  if (backup) tcb->set(tcp::kLocalBackup);
  tcb->subflow.local_id = local_id;
  tcb->subflow.nonces.local = context.random.u32();
  tcp::send_syn(context, *tcb);
  return true;
}

}  // namespace tributary::mptcp
