#include "stack/demux.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>

#include "stack/mptcp/join.h"
#include "stack/tcp/cookie_open.h"
#include "stack/tcp/input.h"
#include "stack/tcp/open.h"
#include "stack/tcp/segment.h"
#include "stack/tcp/window.h"

namespace tributary {
namespace {

using tcp::Segment;
using namespace wire::tcp_flag;

constexpr size_t kStage = 32;  // segments between the stages

/// Parses the TCP header, verifies the checksum and describes the payload. False: drop.
bool parse_segment(Context& context, const ip::Received& received, Packet packet, Segment& out) {
  const std::span<uint8_t> bytes = packet.bytes().subspan(received.segment_offset, received.segment_size);
  const auto header = wire::parse_tcp(bytes);
  if (!header) {
    ++context.counters.drop_malformed;
    return false;
  }
  ++context.counters.tcp_in_segments;
  const uint16_t payload_size = static_cast<uint16_t>(bytes.size() - header->header_size);
  // The payload's sum is kept for the way out (design D2): read once here, or derived when the port has checked.
  const wire::Sum front =
      wire::add(wire::pseudo_header_sum(received.ip.source, received.ip.destination, wire::ip_protocol::kTcp,
                                        static_cast<uint32_t>(bytes.size())),
                wire::sum_header(bytes.data(), header->header_size));
  wire::Sum payload_sum;
  if (received.tcp_checksum_good) {
    payload_sum = wire::subtract(0xffff, front);
  } else {
    payload_sum = payload_size != 0 ? wire::sum_bytes(bytes.subspan(header->header_size)) : wire::Sum{0};
    if (!wire::same_value(wire::add(front, payload_sum), 0xffff)) {
      ++context.counters.tcp_checksum_errors;
      return false;
    }
  }
  out.key = {received.ip.destination, received.ip.source, header->destination_port, header->source_port};
  out.hash = context.flow_hash(out.key);
  out.interface = received.interface;
  out.for_us = received.for_us;
  out.traffic_class = received.ip.traffic_class;
  out.flags = header->flags;
  out.window = header->window;
  out.seq = header->seq;
  out.ack = header->ack;
  out.options_offset = static_cast<uint16_t>(received.segment_offset + wire::kTcpHeaderSize);
  out.options_size = static_cast<uint8_t>(header->header_size - wire::kTcpHeaderSize);

  PacketInfo& info = packet.info();
  info = PacketInfo{};
  info.owner = kNoOwner;
  info.seq = header->seq.raw();
  info.payload_offset = static_cast<uint16_t>(packet.get()->data_off + received.segment_offset + header->header_size);
  info.payload_size = payload_size;
  info.payload_sum = payload_sum;
  out.packet = std::move(packet);
  return true;
}

uint32_t find_flow(const Context& context, Context& lookup, uint32_t hash, const FlowKey& key) {
  return context.flows.find(hash, [&lookup, &key](uint32_t value) {
    return (value & kTimeWaitBit) ? lookup.time_wait.at(value & ~kTimeWaitBit).key == key
                                  : lookup.tcbs.at(value).key == key;
  });
}

/// The listener for a SYN, or the number of listeners when there is none. Own addresses go to listeners on them first.
size_t find_listener(const Context& context, const Segment& segment) {
  const auto& listeners = context.listeners;
  for (size_t i = 0; i < listeners.size(); ++i) {
    const Listener& l = listeners[i];
    if (l.intercept == segment.for_us) continue;
    if (l.port && *l.port != segment.key.local_port) continue;
    if (std::find(l.interfaces.begin(), l.interfaces.end(), segment.interface) == l.interfaces.end()) continue;
    if (!l.addresses.empty() &&
        std::find(l.addresses.begin(), l.addresses.end(), segment.key.local) == l.addresses.end())
      continue;
    return i;
  }
  return listeners.size();
}

void on_new_segment(Context& context, Segment& segment) {
  const bool syn = segment.has(kSyn) && !segment.has(kAck) && !segment.has(kRst);
  const bool may_be_cookie = segment.has(kAck) && !segment.has(kSyn | kRst) && context.cookies.in_use(context.now);
  if (!syn && !may_be_cookie) return tcp::on_stray_segment(context, segment);
  const size_t listener = find_listener(context, segment);
  if (!syn) {
    if (listener < context.listeners.size())
      tcp::on_cookie_ack(context, static_cast<uint16_t>(listener), segment);
    else
      tcp::on_stray_segment(context, segment);
    return;
  }
  // A join belongs to whoever's token it names; where nothing listens nothing is given away either.
  if (segment.options->mptcp.has(wire::MptcpOptions::kJoin) &&
      segment.options->mptcp.join.form == wire::JoinForm::kSyn && context.settings.mptcp_enabled) {
    if (segment.for_us || listener < context.listeners.size()) mptcp::on_join_syn(context, segment);
    return;
  }
  if (listener < context.listeners.size())
    tcp::on_listen_segment(context, static_cast<uint16_t>(listener), segment);
  else
    tcp::on_stray_segment(context, segment);
}

/// The flow as `guess`, looked up before the burst was processed, unless something has happened to it since.
uint32_t confirm_flow(Context& context, const Segment& segment, uint32_t guess) {
  if (guess != FlowTable::kNotFound && !(guess & kTimeWaitBit)) {
    // Blocks are not given back within a pass: one that ended says so.
    const tcp::Tcb& tcb = context.tcbs.at(guess);
    if (tcb.state != tcp::State::kClosed) return guess;
  }
  return find_flow(context, context, segment.hash, segment.key);
}

void process(Context& context, Segment& segment, uint32_t guess, wire::TcpOptions& options) {
  wire::parse_tcp_options({segment.packet.data() + (segment.options_offset), segment.options_size}, options);
  segment.options = &options;
  const uint32_t found = confirm_flow(context, segment, guess);
  if (found == FlowTable::kNotFound) return on_new_segment(context, segment);
  if (found & kTimeWaitBit) {
    if (tcp::on_time_wait_segment(context, found & ~kTimeWaitBit, segment)) on_new_segment(context, segment);
    return;
  }
  tcp::on_segment(context, context.tcbs.at(found), segment);
}

void process_icmp_error(Context& context, const ip::Received& received) {
  const wire::QuotedSegment& quoted = received.quoted;
  const FlowKey key{quoted.source, quoted.destination, quoted.source_port, quoted.destination_port};
  const uint32_t found = find_flow(context, context, context.flow_hash(key), key);
  if (found == FlowTable::kNotFound || (found & kTimeWaitBit)) return;
  tcp::on_icmp_error(context, context.tcbs.at(found), received);
}

/// The segments of a burst, made one by one: clearing room for all of them costs as much as a small burst itself.
class Stage {
 public:
  Stage() = default;
  ~Stage() {
    for (size_t i = 0; i < count_; ++i) (*this)[i].~Segment();
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  Segment& add() { return *new (&room_[count_++ * sizeof(Segment)]) Segment; }
  void drop_last() { (*this)[--count_].~Segment(); }
  Segment& operator[](size_t i) { return *std::launder(reinterpret_cast<Segment*>(&room_[i * sizeof(Segment)])); }
  size_t size() const { return count_; }

 private:
  alignas(Segment) std::byte room_[kStage * sizeof(Segment)];
  size_t count_ = 0;
};

constexpr uint32_t kPayloadPerBuffer =
    1400;  // bytes, of full segments; smaller ones use up the pool and so lower the share

void sample_pressure(Context& context) {
  constexpr Micros kPeriod(50);
  if (context.now < context.pressure_sampled + kPeriod) return;
  context.pressure_sampled = context.now;
  const uint32_t capacity = context.pools.data_capacity();
  const uint32_t used = capacity - context.pools.data_available();
  const uint64_t to_give = capacity - capacity / 8;  // the rest is for what has been invited already
  const uint64_t free = used < to_give ? to_give - used : 0;
  const uint64_t share = free * free / (2 * to_give) * kPayloadPerBuffer;
  context.receive_share = static_cast<uint32_t>(std::clamp<uint64_t>(share, tcp::kLeastShare, UINT32_MAX));
  context.pressure = used > capacity - capacity / 32   ? Pressure::kFull
                     : used > capacity - capacity / 16 ? Pressure::kHigh
                                                       : Pressure::kNone;
}

void receive_stage(Context& context, PortId port, std::span<rte_mbuf*> frames) {
  wire::TcpOptions& options = context.in_options;
  Stage segments;
  for (rte_mbuf* frame : frames) __builtin_prefetch(rte_pktmbuf_mtod(frame, void*));
  for (rte_mbuf* frame : frames) {
    Packet packet(frame);
    context.counters.rx_frames++;
    context.counters.rx_bytes += packet.size();
    ip::Received received;
    context.ip.receive(packet, port, context.now, received);
    switch (received.kind) {
      case ip::Received::Kind::kConsumed:
        break;
      case ip::Received::Kind::kIcmpError:
        process_icmp_error(context, received);
        break;
      case ip::Received::Kind::kTcp: {
        Segment& segment = segments.add();
        if (parse_segment(context, received, std::move(packet), segment))
          context.flows.prefetch(segment.hash);
        else
          segments.drop_last();
        break;
      }
    }
  }
  std::array<uint32_t, kStage> found;
  const auto is_tcb = [&found](size_t i) { return found[i] != FlowTable::kNotFound && !(found[i] & kTimeWaitBit); };
  for (size_t i = 0; i < segments.size(); ++i) {
    found[i] = find_flow(context, context, segments[i].hash, segments[i].key);
    if (is_tcb(i)) context.tcbs.prefetch(found[i]);
  }
  // What an acknowledgement takes off first, and where its data level is.
  for (size_t i = 0; i < segments.size(); ++i) {
    if (!is_tcb(i)) continue;
    const tcp::Tcb& tcb = context.tcbs.at(found[i]);
    prefetch_queued(tcb.tx_head);
    if (tcb.is_subflow()) context.connections.prefetch(tcb.connection);
  }
  for (size_t i = 0; i < segments.size(); ++i) {
    process(context, segments[i], found[i], options);
    segments[i].packet.reset();
  }
}

}  // namespace

void report_undeliverable(Context& context) {
  for (const Packet& packet : context.ip.undeliverable()) {
    ip::Received received;
    const auto quoted = wire::parse_quoted_segment(packet.bytes());
    if (!quoted || quoted->protocol != wire::ip_protocol::kTcp) continue;
    received.quoted = *quoted;
    const bool v4 = quoted->source.is_v4();
    received.icmp.type = v4 ? wire::icmp_type::kUnreachable : wire::icmpv6_type::kUnreachable;
    received.icmp.code = v4 ? wire::icmp_code::kHostUnreachable : wire::icmpv6_code::kAddressUnreachable;
    process_icmp_error(context, received);
  }
  context.ip.undeliverable().clear();
}

void receive_burst(Context& context, PortId port, std::span<rte_mbuf*> frames) {
  sample_pressure(context);
  while (!frames.empty()) {
    const size_t n = std::min(kStage, frames.size());
    receive_stage(context, port, frames.first(n));
    frames = frames.subspan(n);
  }
}

}  // namespace tributary
