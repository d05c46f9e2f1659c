// Explicit congestion notification (RFC 3168): a marked packet instead of a lost one. Negotiated in the SYNs; marks of
// the network come back as ECE until we see CWR, an ECE of the peer costs the window once a round trip.
#pragma once

#include "stack/context.h"
#include "stack/tcp/segment.h"

namespace tributary::tcp {

/// Bits of Tcb::ecn.
enum EcnBit : uint8_t {
  kEcnAgreed = 1 << 0,
  kEcnAsked = 1 << 1,  ///< our SYN asked
  kEcnEcho = 1 << 2,   ///< a mark has arrived: ACKs carry ECE until the peer's CWR
  kEcnCwr = 1 << 3,    ///< the window was reduced: the next new data says so
};

constexpr uint8_t kEcnCapable = 0b10;      ///< ECT(0)
constexpr uint8_t kEcnExperienced = 0b11;  ///< CE

/// The peer's SYN: remembers what our SYN-ACK agrees to (§6.1.1).
void agree_on_ecn(const Settings& settings, Tcb& tcb, const Segment& syn);
/// Flags of our SYN or SYN-ACK. The first SYN only asks: one that had to be repeated may have been dropped for it.
uint16_t ecn_syn_flags(const Settings& settings, Tcb& tcb, bool ack);
/// The SYN-ACK to our SYN.
void finish_ecn_negotiation(Tcb& tcb, const Segment& syn_ack);

/// An acceptable segment of the peer: marks and CWR.
void note_marks(Tcb& tcb, const Segment& segment);
/// An ACK of the peer, before it is processed: reacts to ECE.
void react_to_echo(Context& context, Tcb& tcb, const Segment& segment, uint32_t prior_in_flight);

/// ECE and CWR of a segment that leaves; `new_data`: payload never sent before.
uint16_t ecn_flags(Tcb& tcb, bool new_data);
/// The two bits of its IP header. Retransmissions, bare ACKs and probes are not capable (§6.1.4, §6.1.5); nor is what
/// BBR sends: its model has no answer to these marks, which mean a loss.
inline uint8_t ecn_bits(const Tcb& tcb, bool new_data) {
  const bool capable = (tcb.ecn & kEcnAgreed) && new_data && tcb.cc.algorithm != congestion::Algorithm::kBbr;
  return capable ? kEcnCapable : 0;
}

}  // namespace tributary::tcp
