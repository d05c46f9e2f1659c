#include "stack/stack.h"

#include <algorithm>

#include "stack/demux.h"
#include "stack/flow/port_allocator.h"
#include "stack/mptcp/close.h"
#include "stack/mptcp/handshake.h"
#include "stack/mptcp/join.h"
#include "stack/mptcp/send.h"
#include "stack/mptcp/signals.h"
#include "stack/mptcp/stream.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/close.h"
#include "stack/tcp/info.h"
#include "stack/tcp/open.h"
#include "stack/tcp/output.h"
#include "stack/tcp/pace.h"
#include "stack/tcp/path_mtu.h"
#include "stack/tcp/rtt.h"
#include "stack/tcp/stream.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/transmit.h"

namespace tributary {
namespace {

using mptcp::Connection;
using tcp::Tcb;

Tcb* tcb_of(const Context& context, ByteStream s) {
  return s.kind == ByteStream::Kind::kTcp ? context.tcbs.find({s.index, s.generation}) : nullptr;
}
Connection* connection_of(const Context& context, ByteStream s) {
  return s.kind == ByteStream::Kind::kMptcp ? context.connections.find({s.index, s.generation}) : nullptr;
}
/// The Tcb itself, or the first subflow of the connection.
Tcb* first_tcb(const Context& context, ByteStream s) {
  if (Tcb* tcb = tcb_of(context, s)) return tcb;
  if (Connection* connection = connection_of(context, s))
    for (uint32_t index : connection->subflows)
      if (index != mptcp::kNoSubflow) return &context.tcbs.at(index);
  return nullptr;
}
ByteStream stream_of(const Context& context, const Connection& connection) {
  const auto handle = context.connections.handle(connection);
  return {handle.index, handle.generation, ByteStream::Kind::kMptcp};
}

}  // namespace

Stack::Stack(PacketPools& pools, ip::IpLayer& ip_layer, FrameQueues& frames, RandomSource& random, Counters& counters,
             const Settings& settings, StreamUser& user, Micros start)
    : context_(std::make_unique<Context>(pools, ip_layer, random, counters, settings, start)),
      frames_(frames),
      user_(user) {}

Stack::~Stack() {
  Context& c = *context_;
  c.connections.for_each([&](Connection& connection) {
    connection.set(mptcp::kUserGone);
    mptcp::end_connection(c, connection, StreamError::kAborted);
  });
  c.tcbs.for_each([&](Tcb& tcb) {
    tcb.set(tcp::kDetached);
    tcp::end(c, tcb, StreamError::kAborted);
  });
  dispatch(c.now);
}

void Stack::receive(PortId port, std::span<rte_mbuf*> frames, Micros now) {
  context_->now = std::max(context_->now, now);
  receive_burst(*context_, port, frames);
}

void Stack::advance_timers(Micros now, unsigned cap) {
  Context& c = *context_;
  c.now = std::max(c.now, now);
  if (c.ip.next_deadline() <= c.now) {
    c.ip.on_deadline(c.now);
    report_undeliverable(c);
  }
  c.wheel.advance(c.now, cap, [&c](TimerNode& node) {
    if (node.kind == tcp::kTimerKind)
      tcp::on_timer(c, c.tcbs.at(node.owner));
    else
      mptcp::on_timer(c, c.connections.at(node.owner));
  });
  // Looked at only while somebody waits: its ticks are so short that every pass is a new one.
  if (c.pacing_wheel.size() != 0)
    c.pacing_wheel.advance(c.now, cap, [&c](TimerNode& node) { tcp::on_pacing_timer(c, c.tcbs.at(node.owner)); });
  c.time_wait.expire(c.now, cap, [&c](uint32_t index, const tcp::TimeWait& gone) {
    c.flows.erase(c.flow_hash(gone.key), index | kTimeWaitBit);
  });
}

void Stack::dispatch(Micros now) {
  Context& c = *context_;
  c.now = std::max(c.now, now);
  // Users first: what they write or close is scheduled and sent in this pass. What they are told in return waits for
  // the next one, so that a pass always ends.
  c.ready_tcbs.drain_once([&](uint32_t index) {
    Tcb& tcb = c.tcbs.at(index);
    tcb.clear(tcp::kReadyQueued);
    const uint16_t events = std::exchange(tcb.events, uint16_t{0});
    if (!tcb.has(tcp::kDetached) && events != 0) user_.on_stream(mptcp::stream_of(c, tcb), tcb.plain.user_data, events);
  });
  c.ready_connections.drain_once([&](uint32_t index) {
    Connection& connection = c.connections.at(index);
    connection.clear(mptcp::kReadyQueued);
    const uint16_t events = std::exchange(connection.events, uint16_t{0});
    if (!connection.has(mptcp::kUserGone) && events != 0)
      user_.on_stream(stream_of(c, connection), connection.user_data, events);
  });
  c.schedule.drain([&c](uint32_t index) {
    Connection& connection = c.connections.at(index);
    connection.clear(mptcp::kScheduleQueued);
    mptcp::schedule(c, connection);
  });
  c.output.drain([&c](uint32_t index) {
    Tcb& tcb = c.tcbs.at(index);
    tcb.clear(tcp::kOutputQueued);
    if (tcb.state != tcp::State::kClosed) tcp::output(c, tcb);
  });
  c.syn_ack_options.clear();
  c.duplicates.clear();
  tcp::free_ended(c);
  mptcp::free_ended(c);
}

Micros Stack::next_deadline() const {
  const Context& c = *context_;
  if (!c.ready_tcbs.empty() || !c.ready_connections.empty() || !c.schedule.empty() || !c.output.empty()) return c.now;
  const Micros pacing = c.pacing_wheel.size() != 0 ? c.pacing_wheel.next_deadline() : Micros::never();
  return std::min({c.wheel.next_deadline(), pacing, c.time_wait.next_deadline(c.now), c.ip.next_deadline()});
}

void Stack::add_listener(Listener listener) {
  context_->listeners.push_back(std::move(listener));
}

ByteStream Stack::connect(const ConnectOptions& options, PacketList early) {
  Context& c = *context_;
  const auto hop = options.interface ? c.ip.find_route_on(*options.interface, options.remote, c.now)
                                     : c.ip.find_route(options.remote, c.now);
  if (!hop) {
    ++c.counters.drop_no_route;
    return {};
  }
  tcp::OpenRequest request;
  request.key = {options.local, options.remote, 0, options.remote_port};
  request.hop = *hop;
  if (options.max_segment != 0) tcp::limit_segments(request.hop, options.remote, options.max_segment);
  request.mss_limit = options.mss;
  request.leg = {options.algorithm, options.dscp};
  const auto usable = [&](uint16_t port) {
    request.key.local_port = port;
    return mptcp::is_free(c, request.key);
  };
  if (options.local_port) {
    if (!usable(*options.local_port)) return {};
  } else if (const auto port =
                 pick_port(c.random, c.settings.first_ephemeral_port, c.settings.last_ephemeral_port, usable)) {
    request.key.local_port = *port;
  } else {
    return {};
  }
  Tcb* tcb = tcp::create_active(c, request);
  if (tcb == nullptr) return {};
  tcb->plain.user_data = options.user_data;
  if (options.mptcp && c.settings.mptcp_enabled && mptcp::start_connection(c, *tcb))
    c.connections.at(tcb->connection).user_data = options.user_data;
  const ByteStream stream = mptcp::stream_of(c, *tcb);
  if (!early.empty()) write(stream, std::move(early));
  if (options.fast_open == FastOpen::kOff || tcb->is_subflow())
    tcp::send_syn(c, *tcb);
  else
    tcp::send_fast_open_syn(c, *tcb, options.fast_open == FastOpen::kNoCookie);
  return stream;
}

void Stack::accept(ByteStream stream, uint64_t user_data) {
  Context& c = *context_;
  set_user_data(stream, user_data);
  Tcb* tcb = first_tcb(c, stream);
  if (tcb == nullptr) return;
  tcp::accept(c, *tcb);
}

void Stack::refuse(ByteStream stream) {
  Context& c = *context_;
  Tcb* tcb = first_tcb(c, stream);
  if (tcb == nullptr || tcb->state != tcp::State::kDeferred) return abort(stream);
  // RFC 9293 §3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>, SYN payload included.
  tcb->snd_nxt = SeqNum(0);
  tcb->rcv_nxt += tcb->syn_data;
  tcp::transmit_reset(c, *tcb, nullptr);
  ignore(stream);
}

void Stack::ignore(ByteStream stream) {
  Context& c = *context_;
  if (Tcb* tcb = first_tcb(c, stream)) {
    if (tcb->state != tcp::State::kDeferred) return abort(stream);
    if (Connection* connection = connection_of(c, stream)) connection->set(mptcp::kUserGone);
    if (!tcb->is_subflow()) tcb->set(tcp::kDetached);
    tcp::end(c, *tcb, StreamError::kAborted);
  }
}

void Stack::set_user_data(ByteStream stream, uint64_t user_data) {
  if (Tcb* tcb = tcb_of(*context_, stream)) tcb->plain.user_data = user_data;
  if (Connection* connection = connection_of(*context_, stream)) connection->user_data = user_data;
}

void Stack::retransmit_syn(ByteStream stream) {
  if (Tcb* tcb = first_tcb(*context_, stream)) tcp::retransmit_syn(*context_, *tcb);
}

bool Stack::open_subflow(ByteStream stream, const IpAddress& local, const IpAddress& remote, uint16_t remote_port,
                         std::optional<uint16_t> interface, bool backup) {
  Connection* connection = connection_of(*context_, stream);
  return connection != nullptr &&
         mptcp::open_subflow(*context_, *connection, local, remote, remote_port, interface, backup);
}

PacketList Stack::read(ByteStream stream, uint32_t max_bytes) {
  if (Tcb* tcb = tcb_of(*context_, stream)) return tcp::read(*tcb, max_bytes);
  if (Connection* connection = connection_of(*context_, stream)) return mptcp::read(*connection, max_bytes);
  return {};
}

uint32_t Stack::readable(ByteStream stream) const {
  if (Tcb* tcb = tcb_of(*context_, stream)) return tcb->plain.rx_bytes;
  if (Connection* connection = connection_of(*context_, stream)) return connection->rx_bytes;
  return 0;
}

void Stack::release(ByteStream stream, uint32_t bytes) {
  if (Tcb* tcb = tcb_of(*context_, stream)) tcp::release(*context_, *tcb, bytes);
  if (Connection* connection = connection_of(*context_, stream)) mptcp::release(*context_, *connection, bytes);
}

void Stack::write(ByteStream stream, PacketList packets, bool more_follows) {
  if (Tcb* tcb = tcb_of(*context_, stream)) return tcp::write(*context_, *tcb, std::move(packets), more_follows);
  if (Connection* connection = connection_of(*context_, stream))
    mptcp::write(*context_, *connection, std::move(packets));
}

void Stack::set_gathering(ByteStream stream, Gathering gathering) {
  if (Tcb* tcb = tcb_of(*context_, stream)) tcp::set_gathering(*context_, *tcb, gathering);
}

uint32_t Stack::take_acked(ByteStream stream) {
  if (Tcb* tcb = tcb_of(*context_, stream)) return std::exchange(tcb->plain.acked, 0u);
  if (Connection* connection = connection_of(*context_, stream)) return std::exchange(connection->acked, 0u);
  return 0;
}

uint32_t Stack::unacked(ByteStream stream) const {
  if (Tcb* tcb = tcb_of(*context_, stream)) return tcp::unacked(*tcb);
  if (Connection* connection = connection_of(*context_, stream)) return mptcp::unacked(*connection);
  return 0;
}

void Stack::close(ByteStream stream) {
  if (Tcb* tcb = tcb_of(*context_, stream)) return tcp::close(*context_, *tcb);
  if (Connection* connection = connection_of(*context_, stream)) mptcp::close(*context_, *connection);
}

void Stack::leave(ByteStream stream) {
  if (readable(stream) != 0) return abort(stream);
  if (Tcb* tcb = tcb_of(*context_, stream)) return tcp::leave(*context_, *tcb);
  if (Connection* connection = connection_of(*context_, stream)) mptcp::leave(*context_, *connection);
}

void Stack::abort(ByteStream stream) {
  if (Tcb* tcb = tcb_of(*context_, stream)) {
    tcb->set(tcp::kDetached);
    return tcp::abort(*context_, *tcb, nullptr);
  }
  if (Connection* connection = connection_of(*context_, stream)) mptcp::abort(*context_, *connection);
}

bool Stack::at_end(ByteStream stream) const {
  if (Tcb* tcb = tcb_of(*context_, stream)) return tcb->has(tcp::kFinReceived) && tcb->plain.rx_bytes == 0;
  if (Connection* connection = connection_of(*context_, stream))
    return connection->has(mptcp::kDataFinReceived) && connection->rx_bytes == 0;
  return false;
}

StreamError Stack::error(ByteStream stream) const {
  if (Tcb* tcb = tcb_of(*context_, stream)) return tcb->error;
  if (Connection* connection = connection_of(*context_, stream)) return connection->error;
  return StreamError::kNone;
}

uint8_t Stack::icmp_code(ByteStream stream) const {
  const Tcb* tcb = tcb_of(*context_, stream);
  return tcb != nullptr ? tcb->icmp_code : uint8_t{0};
}

void Stack::set_receive_budget(ByteStream stream, uint32_t bytes) {
  if (Tcb* tcb = tcb_of(*context_, stream)) {
    tcb->plain.receive_budget = bytes;
    if (tcp::is_synchronized(tcb->state)) tcp::release(*context_, *tcb, 0);
  }
  if (Connection* connection = connection_of(*context_, stream)) {
    connection->receive_budget = bytes;
    mptcp::release(*context_, *connection, 0);
  }
}

uint32_t Stack::held(ByteStream stream) const {
  if (const Tcb* tcb = tcb_of(*context_, stream)) return tcb->plain.held;
  if (const Connection* connection = connection_of(*context_, stream)) return connection->held;
  return 0;
}

Micros Stack::round_trip(ByteStream stream) const {
  uint32_t longest = 0;
  if (const Tcb* tcb = tcb_of(*context_, stream)) longest = tcb->srtt;
  if (const Connection* connection = connection_of(*context_, stream))
    for (const uint32_t index : connection->subflows)
      if (index != mptcp::kNoSubflow) longest = std::max(longest, context_->tcbs.at(index).srtt);
  return Micros(longest);
}

uint16_t Stack::payload_per_segment(ByteStream stream) const {
  const Tcb* tcb = first_tcb(*context_, stream);
  return tcb != nullptr ? tcp::payload_per_segment(*context_, *tcb) : uint16_t{536};
}

std::span<const uint8_t> Stack::peer_syn_ack_options(ByteStream stream) const {
  if (const Tcb* tcb = first_tcb(*context_, stream)) {
    const uint32_t index = context_->tcbs.index(*tcb);
    for (const SynAckOptions& copy : context_->syn_ack_options)
      if (copy.tcb == index) return {copy.bytes.data(), copy.size};
  }
  return {};
}

void Stack::set_backup(ByteStream stream, size_t subflow, bool backup) {
  Connection* connection = connection_of(*context_, stream);
  if (connection == nullptr || connection->has(mptcp::kFallback)) return;
  for (uint32_t index : connection->subflows) {
    if (index == mptcp::kNoSubflow || subflow-- != 0) continue;
    mptcp::send_priority(*context_, context_->tcbs.at(index), backup);
    mptcp::request_schedule(*context_, *connection);
    return;
  }
}

namespace {

SubflowInfo describe(const Settings& settings, const Tcb& tcb) {
  SubflowInfo out;
  out.key = tcb.key;
  out.state = tcp::name(tcb.state);
  out.bytes_received = tcb.bytes_received();
  out.bytes_sent = tcb.bytes_sent();
  out.srtt_us = tcb.srtt;
  out.rttvar_us = tcb.rttvar;
  out.rto_us = static_cast<uint32_t>(tcp::base_rto(settings, tcb).count());
  out.cwnd = tcb.cc.cwnd;
  out.ssthresh = tcb.cc.ssthresh;
  out.in_flight = tcp::in_flight(tcb);
  out.retransmissions = tcb.retransmissions;
  out.send_window = tcb.snd_wnd;
  out.backup = tcb.has(tcp::kRemoteBackup | tcp::kLocalBackup);
  out.stale = tcb.has(tcp::kStale);
  if (tcb.is_subflow()) {
    out.local_id = tcb.subflow.local_id.value;
    out.remote_id = tcb.subflow.remote_id.value;
  }
  return out;
}

}  // namespace

std::optional<StreamInfo> Stack::info(ByteStream stream) const {
  StreamInfo out;
  if (const Tcb* tcb = tcb_of(*context_, stream)) {
    out.bytes_received = tcb->bytes_received();
    out.bytes_sent = tcb->bytes_sent();
    out.receive_held = tcb->plain.held;
    out.subflows.push_back(describe(context_->settings, *tcb));
  } else if (const Connection* connection = connection_of(*context_, stream)) {
    out.mptcp = true;
    out.fallback = connection->has(mptcp::kFallback);
    out.token = connection->local_token.value;
    out.bytes_received = connection->bytes_received;
    out.bytes_sent = connection->bytes_sent;
    out.receive_held = connection->held;
    for (uint32_t index : connection->subflows)
      if (index != mptcp::kNoSubflow) out.subflows.push_back(describe(context_->settings, context_->tcbs.at(index)));
  } else {
    return std::nullopt;
  }
  out.send_queued = unacked(stream);
  return out;
}

std::optional<tcp::TcpInfo> Stack::tcp_info(ByteStream stream) const {
  const Tcb* tcb = first_tcb(*context_, stream);
  return tcb != nullptr ? std::optional(tcp::describe(*context_, *tcb)) : std::nullopt;
}

bool Stack::idle() const {
  const Context& c = *context_;
  return c.tcbs.size() == 0 && c.connections.size() == 0 && c.tokens.size() == 0 &&
         c.flows.size() == c.time_wait.size() && c.half_open == 0;
}

}  // namespace tributary
