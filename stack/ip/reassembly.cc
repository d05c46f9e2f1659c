#include "stack/ip/reassembly.h"

#include <algorithm>
#include <cstring>

#include "stack/wire/ip_extension.h"

namespace tributary::ip {
namespace {

constexpr uint32_t kMaxPayload = 65535;
constexpr uint16_t kHeaderRoom = 18 + 40;  // tagged Ethernet and IPv6 in front of the payload
constexpr uint8_t kEcnMask = 0b11, kEcnExperienced = 0b11;

/// A first fragment has the whole header chain (RFC 7112) and a filter's worth of the transport header (RFC 1858): what
/// hides those in a later fragment wants to get past somebody.
bool has_whole_header(const wire::IpHeader& ip, std::span<const uint8_t> payload) {
  uint8_t protocol = ip.protocol;
  size_t skipped = 0;
  if (!ip.is_v4()) {
    wire::ExtensionChain chain;
    if (!wire::skip_extension_headers(protocol, payload, chain) || chain.is_fragment) return false;
    protocol = chain.protocol;
    skipped = chain.size;
  }
  const size_t least = protocol == wire::ip_protocol::kTcp ? 20 : 8;
  return payload.size() >= skipped + least;
}

/// The bytes [begin, end) of the packet may be a fragment of it.
bool is_possible(const wire::IpHeader& ip, uint32_t begin, uint32_t end, std::span<const uint8_t> payload) {
  if (end <= begin || end > kMaxPayload) return false;
  if (ip.more_fragments && (end - begin) % 8 != 0) return false;
  if (begin == 0) return has_whole_header(ip, payload);
  return !(ip.protocol == wire::ip_protocol::kTcp && begin < 20);
}

}  // namespace

Reassembly::Reassembly(PacketPools& pools, Counters& counters, const Limits& limits)
    : pools_(pools),
      counters_(counters),
      time_v4_(limits.fragment_time_v4),
      time_v6_(limits.fragment_time_v6),
      datagrams_(limits.fragmented_packets) {}

Packet Reassembly::add(Packet frame, const wire::EthernetHeader& ethernet, const wire::IpHeader& ip, uint16_t interface,
                       Micros now) {
  ++counters_.ip_reassembly_needed;
  if (datagrams_.empty()) {
    ++counters_.ip_reassembly_failed;
    return {};
  }
  Datagram& d = find_or_create(ip, interface, now);
  if (d.refused) {
    ++counters_.ip_reassembly_failed;
    return {};
  }
  const auto payload = frame.bytes().subspan(ethernet.size() + ip.header_size, ip.payload_size);
  if (!place(d, payload, ip)) {
    refuse(d);
    return {};
  }
  const uint8_t ecn = ip.traffic_class & kEcnMask;
  d.any_ce |= ecn == kEcnExperienced;
  d.any_not_ect |= ecn == 0;
  if (ip.fragment_offset == 0 && !d.first) {
    d.key = ip;
    d.first = std::move(frame);
  }
  if (d.size == 0 || d.received < d.size) return {};
  // RFC 3168 §5.3: a mark among fragments that may not be marked was made by nobody.
  if (d.any_ce && d.any_not_ect) {
    refuse(d);
    return {};
  }
  Packet whole = finish(d, ethernet);
  release(d);
  update_deadline();
  return whole;
}

Reassembly::Datagram& Reassembly::find_or_create(const wire::IpHeader& ip, uint16_t interface, Micros now) {
  Datagram* free = nullptr;
  Datagram* oldest = &datagrams_.front();
  for (Datagram& d : datagrams_) {
    if (!d.used) {
      free = &d;
      continue;
    }
    if (d.key.identification == ip.identification && d.interface == interface && d.key.source == ip.source &&
        d.key.destination == ip.destination && (!ip.is_v4() || d.key.protocol == ip.protocol))
      return d;
    if (!oldest->used || d.deadline < oldest->deadline) oldest = &d;
  }
  if (free == nullptr) {
    // The oldest makes room: a table full of packets never completed must not keep out those that are.
    if (!oldest->refused) ++counters_.ip_reassembly_failed;
    release(*oldest);
    free = oldest;
  }
  free->used = true;
  free->interface = interface;
  free->key = ip;
  free->deadline = now + (ip.is_v4() ? time_v4_ : time_v6_);
  next_deadline_ = std::min(next_deadline_, free->deadline);
  return *free;
}

/// Copies a fragment's payload to where it belongs. False: the packet is to be given up.
bool Reassembly::place(Datagram& d, std::span<const uint8_t> payload, const wire::IpHeader& ip) {
  const Piece piece{ip.fragment_offset, ip.fragment_offset + static_cast<uint32_t>(payload.size())};
  if (!is_possible(ip, piece.begin, piece.end, payload)) return false;
  const auto pieces = std::span(d.pieces).first(d.piece_count);
  if (std::find(pieces.begin(), pieces.end(), piece) != pieces.end())
    return true;  // RFC 8200 §4.5: the network's duplicate
  if (std::any_of(pieces.begin(), pieces.end(),
                  [&piece](const Piece& p) { return p.begin < piece.end && piece.begin < p.end; }))
    return false;
  if (!ip.more_fragments) {
    const bool contradicts = d.size != 0 || std::any_of(pieces.begin(), pieces.end(),
                                                        [&piece](const Piece& p) { return p.end > piece.end; });
    if (contradicts) return false;
    d.size = piece.end;
  } else if (d.size != 0 && piece.end > d.size) {
    return false;
  }
  if (!d.whole) {
    d.whole = pools_.data();
    if (!d.whole || d.whole.append(kHeaderRoom) == nullptr) return false;
  }
  rte_mbuf* m = d.whole.get();
  if (d.piece_count == kMaxPieces || m->data_off + kHeaderRoom + piece.end > m->buf_len) return false;
  std::memcpy(d.whole.data() + kHeaderRoom + piece.begin, payload.data(), payload.size());
  ++counters_.payload_copies;
  d.pieces[d.piece_count++] = piece;
  d.received += piece.end - piece.begin;
  return true;
}

/// The packet with a header of its own: options and the headers in front of the fragment header have done their work.
Packet Reassembly::finish(Datagram& d, const wire::EthernetHeader& ethernet) {
  Packet whole = std::move(d.whole);
  wire::IpHeader header = d.key;
  header.payload_size = static_cast<uint16_t>(d.size);
  header.is_fragment = false;
  if (d.any_ce) header.traffic_class |= kEcnExperienced;
  const size_t ip_size = wire::ip_header_size(header.destination);
  if (ip_size + d.size > kMaxPayload || whole.append(static_cast<uint16_t>(d.size)) == nullptr) {
    ++counters_.ip_reassembly_failed;
    return {};
  }
  whole.remove_front(static_cast<uint16_t>(kHeaderRoom - ip_size - ethernet.size()));
  wire::emit_ethernet(ethernet, whole.bytes());
  wire::emit_ip(header, whole.bytes().subspan(ethernet.size()));
  ++counters_.ip_reassembled;
  return whole;
}

void Reassembly::refuse(Datagram& d) {
  ++counters_.ip_reassembly_failed;
  d.refused = true;
  d.whole.reset();
  d.first.reset();
}

void Reassembly::release(Datagram& d) {
  d.whole.reset();
  d.first.reset();
  d.used = d.refused = d.any_ce = d.any_not_ect = false;
  d.size = d.received = 0;
  d.piece_count = 0;
}

void Reassembly::update_deadline() {
  next_deadline_ = Micros::never();
  for (const Datagram& d : datagrams_)
    if (d.used) next_deadline_ = std::min(next_deadline_, d.deadline);
}

void Reassembly::expire(Micros now, const std::function<void(Packet, uint16_t)>& report) {
  if (now < next_deadline_) return;
  for (Datagram& d : datagrams_) {
    if (!d.used || d.deadline > now) continue;
    if (!d.refused) ++counters_.ip_reassembly_timeout;
    if (d.first) report(std::move(d.first), d.interface);
    release(d);
  }
  update_deadline();
}

void Reassembly::clear() {
  for (Datagram& d : datagrams_) release(d);
  next_deadline_ = Micros::never();
}

}  // namespace tributary::ip
