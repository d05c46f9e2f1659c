#include "stack/tcp/path_mtu.h"

#include <algorithm>

#include "stack/tcp/mtu_search.h"
#include "stack/tcp/open.h"
#include "stack/tcp/output.h"
#include "stack/wire/ip.h"
#include "stack/wire/tcp.h"

namespace tributary::tcp {
namespace {

/// Time-outs in a row before a path is taken to hold less than kBaseMtu, which hardly any does.
constexpr uint8_t kLastSuspicion = 5;

void lower(Context& context, Tcb& tcb, uint16_t mtu) {
  tcb.mss = std::min(tcb.mss, segment_size(mtu, tcb.key.remote));
  if (tcb.flight == nullptr) return;
  tcb.flight->mtu_probe = false;
  const uint16_t size = payload_per_segment(context, tcb);
  if (Scoreboard* board = find_scoreboard(context, *tcb.flight)) board->next_lost = nullptr;
  for (rte_mbuf* m = tcb.tx_head; m != tcb.flight->unsent; m = info_of(m).subflow_next) {
    PacketInfo& info = info_of(m);
    if (info.payload_size <= size || (info.flags & (kPktSacked | kPktLost))) continue;
    info.flags |= kPktLost;
    tcb.flight->lost_bytes += info.payload_size;
  }
}

}  // namespace

uint16_t segment_size(uint16_t mtu, const IpAddress& remote) {
  constexpr size_t kLeast = 48;
  const size_t headers = wire::ip_header_size(remote) + wire::kTcpHeaderSize;
  return static_cast<uint16_t>(mtu > headers + kLeast ? mtu - headers : kLeast);
}

uint16_t path_mss(const Context& context, const ip::NextHop& hop, const IpAddress& remote) {
  return segment_size(context.ip.path_mtu(hop, remote, context.now), remote);
}

uint16_t path_mtu(const Tcb& tcb) {
  return static_cast<uint16_t>(tcb.mss + wire::ip_header_size(tcb.key.remote) + wire::kTcpHeaderSize);
}

void limit_segments(ip::NextHop& hop, const IpAddress& remote, uint16_t size) {
  const size_t headers = wire::ip_header_size(remote) + wire::kTcpHeaderSize;
  hop.mtu = static_cast<uint16_t>(std::min<size_t>(hop.mtu, size + headers));
}

void on_packet_too_big(Context& context, Tcb& tcb, uint32_t mtu) {
  const uint16_t present = path_mtu(tcb);
  const uint16_t named = static_cast<uint16_t>(std::min<uint32_t>(mtu, UINT16_MAX));
  const uint16_t usable =
      named == 0 ? ip::next_lower_mtu(tcb.key.remote, present) : std::max(named, ip::least_mtu(tcb.key.remote));
  const bool probed = tcb.flight != nullptr && tcb.flight->mtu_probe;
  if (usable >= present && !probed) return;
  if (usable < present) ++context.counters.tcp_mtu_reduced;
  if (probed) ++context.counters.tcp_mtu_probes_lost;
  context.ip.learn_path_mtu(tcb.key.remote, std::min(usable, present), context.now);
  lower(context, tcb, std::min(usable, present));
  search_mtu(context, tcb, MtuSearch::kResting);
  if (tcb.state == State::kSynSent) return on_path_of_syn_lowered(context, tcb);
  request_output(context, tcb);
}

void suspect_black_hole(Context& context, Tcb& tcb) {
  const uint16_t present = path_mtu(tcb);
  const uint16_t smaller = ip::black_hole_mtu(tcb.key.remote, present);
  if (smaller >= present || tcb.tx_head == nullptr) return;
  if (smaller < ip::kBaseMtu && tcb.backoff < kLastSuspicion) return;
  // Only a segment that would not have passed the smaller path either way tells anything.
  const uint16_t headers = static_cast<uint16_t>(present - tcb.mss);
  if (info_of(tcb.tx_head).payload_size + headers + 60 <= smaller) return;
  ++context.counters.tcp_mtu_reduced;
  lower(context, tcb, smaller);
  search_mtu(context, tcb, MtuSearch::kWhole);
}

}  // namespace tributary::tcp
