#include "stack/tcp/info.h"

#include <algorithm>

#include "stack/tcp/ecn.h"
#include "stack/tcp/output.h"
#include "stack/tcp/path_mtu.h"
#include "stack/tcp/rtt.h"
#include "stack/wire/ip.h"
#include "stack/wire/tcp.h"

namespace tributary::tcp {
namespace {

PathVerdict verdict_of(const Tcb& tcb) {
  if (tcb.has(kInLoss)) return PathVerdict::kLoss;
  if (tcb.has(kInRecovery)) return PathVerdict::kRecovery;
  // The round trip an ECE is reacted to in; see react_to_echo.
  const bool reduced = (tcb.ecn & kEcnAgreed) && tcb.cc.ssthresh != congestion::kNoThreshold &&
                       tcb.snd_una < tcb.recovery_point && tcb.recovery_point <= tcb.snd_nxt;
  if (reduced) return PathVerdict::kReduced;
  if (tcb.dup_acks != 0 || (tcb.flight != nullptr && tcb.flight->sacked_bytes != 0)) return PathVerdict::kDisorder;
  return PathVerdict::kOpen;
}

bool has_syn_outstanding(const Tcb& tcb) {
  return tcb.state == State::kSynSent || tcb.state == State::kSynReceived;
}

bool has_fin_outstanding(const Tcb& tcb) {
  return tcb.has(kFinSent) && tcb.snd_una != tcb.snd_nxt;
}

void count_queue(const Tcb& tcb, TcpInfo& out) {
  const bool repairing = tcb.has(kInRecovery | kInLoss);
  for (rte_mbuf* m = tcb.tx_head; m != tcb.tx_unsent(); m = info_of(m).subflow_next) {
    const PacketInfo& info = info_of(m);
    ++out.unacked;
    if (info.flags & kPktSacked) {
      ++out.sacked;
      continue;
    }
    // kPktLost goes with the retransmission: what was sent again in recovery is still taken for lost, but a tail loss
    // probe.
    const bool resent = info.flags & kPktRetransmitted;
    const bool probe =
        tcb.has(kProbeSent) && tcb.flight->probe_is_retransmission && info.subflow_next == tcb.tx_unsent();
    if ((info.flags & kPktLost) || (resent && repairing && !probe)) ++out.lost;
    if (resent && !(info.flags & kPktLost)) ++out.retransmitted;
  }
  // Without SACK each duplicate ACK stands for a segment.
  if (!tcb.has(kSackPermitted)) out.sacked = std::min<uint32_t>(tcb.dup_acks, out.unacked);
  if (has_fin_outstanding(tcb) || has_syn_outstanding(tcb)) ++out.unacked;
}

}  // namespace

TcpInfo describe(const Context& context, const Tcb& tcb) {
  TcpInfo out;
  out.state = tcb.state;
  out.verdict = verdict_of(tcb);
  out.passive = tcb.has(kPassive);
  out.timestamps = tcb.has(kTimestamps);
  out.sack = tcb.has(kSackPermitted);
  out.window_scaled = tcb.has(kWindowScaled);
  out.ecn = tcb.ecn & kEcnAgreed;
  out.syn_data = tcb.syn_data != 0 && (tcb.has(kPassive) || tcb.snd_una != tcb.iss);
  out.window_probes = tcb.has(kPersist);
  out.reordering = tcb.has(kReordering);
  out.snd_wscale = tcb.snd_wscale;
  out.rcv_wscale = tcb.rcv_wscale;
  out.time_outs = tcb.backoff;
  out.rto = static_cast<uint32_t>(current_rto(context.settings, tcb).count());
  out.ato = static_cast<uint32_t>(context.settings.delayed_ack.count());
  out.srtt = tcb.srtt;
  out.rttvar = tcb.rttvar;
  out.min_rtt = tcb.min_rtt;
  out.snd_mss = payload_per_segment(context, tcb);
  out.announced_mss = tcb.announced_mss;
  out.path_mtu = path_mtu(tcb) < tcb.hop.mtu ? path_mtu(tcb) : context.ip.interface(tcb.hop.interface).mtu;
  count_queue(tcb, out);
  out.cwnd = tcb.cc.cwnd;
  out.ssthresh = tcb.cc.ssthresh;
  out.retransmissions = tcb.retransmissions;
  out.snd_wnd = tcb.snd_wnd;
  out.rcv_wnd = static_cast<uint32_t>(std::max<int32_t>(tcb.rcv_adv - tcb.rcv_nxt, 0));
  out.not_sent = unsent_bytes(tcb);
  const uint32_t outstanding = static_cast<uint32_t>(tcb.snd_nxt - tcb.snd_una) - (has_fin_outstanding(tcb) ? 1 : 0);
  out.bytes_acked = tcb.bytes_sent() - std::min<uint64_t>(tcb.bytes_sent(), outstanding);
  out.bytes_received = tcb.bytes_received();
  if (tcb.heard_at != 0) out.silence_ms = context.milliseconds() - tcb.heard_at;
  if (tcb.paced) out.pacing_rate = tcb.flight->pacing.rate;
  return out;
}

}  // namespace tributary::tcp
