#include "stack/tcp/ecn.h"

#include "stack/tcp/recovery.h"

namespace tributary::tcp {

using namespace wire::tcp_flag;

void agree_on_ecn(const Settings& settings, Tcb& tcb, const Segment& syn) {
  if (settings.ecn != Settings::Ecn::kOff && syn.has(kEce) && syn.has(kCwr)) tcb.ecn |= kEcnAgreed;
}

uint16_t ecn_syn_flags(const Settings& settings, Tcb& tcb, bool ack) {
  if (ack) return tcb.ecn & kEcnAgreed ? kEce : uint16_t{0};
  tcb.ecn &= static_cast<uint8_t>(~kEcnAsked);
  if (settings.ecn != Settings::Ecn::kAsk || tcb.has(kSynLost)) return 0;
  tcb.ecn |= kEcnAsked;
  return kEce | kCwr;
}

void finish_ecn_negotiation(Tcb& tcb, const Segment& syn_ack) {
  if ((tcb.ecn & kEcnAsked) && syn_ack.has(kEce) && !syn_ack.has(kCwr)) tcb.ecn |= kEcnAgreed;
}

void note_marks(Tcb& tcb, const Segment& segment) {
  if (!(tcb.ecn & kEcnAgreed) || segment.payload_size() == 0) return;
  if (segment.has(kCwr)) tcb.ecn &= static_cast<uint8_t>(~kEcnEcho);
  if ((segment.traffic_class & kEcnExperienced) == kEcnExperienced) tcb.ecn |= kEcnEcho;
}

void react_to_echo(Context& context, Tcb& tcb, const Segment& segment, uint32_t prior_in_flight) {
  if (!(tcb.ecn & kEcnAgreed) || !segment.has(kEce) || tcb.flight == nullptr) return;
  ++context.counters.tcp_ecn_echoes;
  // The network did say so: no DSACK that comes later takes this reduction back, or that of a loss recovery it falls
  // into.
  tcb.cc.prior_cwnd = 0;
  // Once a round trip, and not on top of a loss (§6.1.2).
  const bool same_round = tcb.recovery_point <= tcb.snd_nxt && segment.ack < tcb.recovery_point;
  if (tcb.has(kInRecovery | kInLoss) || same_round) return;
  tcb.recovery_point = tcb.snd_nxt;
  congestion::on_loss(tcb.cc, context.now, flight_size(tcb, prior_in_flight), tcb.mss);
  congestion::on_recovery_end(tcb.cc, Micros(tcb.srtt), Micros(tcb.min_rtt), tcb.mss);
  tcb.cc.prior_cwnd = 0;
  tcb.ecn |= kEcnCwr;
}

uint16_t ecn_flags(Tcb& tcb, bool new_data) {
  if (!(tcb.ecn & kEcnAgreed)) return 0;
  uint16_t flags = tcb.ecn & kEcnEcho ? kEce : uint16_t{0};
  if (new_data && (tcb.ecn & kEcnCwr)) {
    tcb.ecn &= static_cast<uint8_t>(~kEcnCwr);
    flags |= kCwr;
  }
  return flags;
}

}  // namespace tributary::tcp
