#include "stack/ip/neighbor.h"

#include <cstring>

namespace tributary::ip {
namespace {

void become_reachable(Neighbor& n, Micros now, const Limits& limits) {
  n.state = NeighborState::kReachable;
  n.confirmed_at = now;
  n.deadline = now + limits.reachable;
}

// Usable, but to be checked when it is next used.
void become_stale(Neighbor& n, Micros now) {
  n.state = NeighborState::kStale;
  n.deadline = now + kForgetUnused;
}

void begin_asking(Neighbor& n, NeighborState state, Micros now, const Limits& limits) {
  n.state = state;
  n.solicits = 1;
  n.deadline = now + limits.solicit_interval;
}

// Another question, or the end of patience.
TimerVerdict ask_again(Neighbor& n, TimerVerdict question, Micros now, const Limits& limits) {
  if (n.solicits >= limits.solicit_attempts) return TimerVerdict::kForget;
  ++n.solicits;
  n.deadline = now + limits.solicit_interval;
  return question;
}

// RFC 4861 §7.2.5 for a neighbour whose link address is known.
void update_resolved(Neighbor& n, const Advertisement& said, Micros now, const Limits& limits) {
  const bool differs = said.link_address && *said.link_address != n.link_address();
  if (differs && !said.overrides) {
    if (n.state == NeighborState::kReachable) become_stale(n, now);  // two claim it: ask at the next packet
    return;
  }
  if (differs) n.set_link_address(*said.link_address);
  if (said.solicited) {
    become_reachable(n, now, limits);
  } else if (differs) {
    become_stale(n, now);
  }
}

}  // namespace

MacAddress Neighbor::link_address() const {
  MacAddress mac;
  std::memcpy(mac.bytes.data(), header.data(), mac.bytes.size());
  return mac;
}

void Neighbor::set_link_address(const MacAddress& mac) {
  std::memcpy(header.data(), mac.bytes.data(), mac.bytes.size());
}

SendVerdict on_send(Neighbor& n, Micros now, const Limits& limits) {
  switch (n.state) {
    case NeighborState::kUnknown:
      begin_asking(n, NeighborState::kIncomplete, now, limits);
      return SendVerdict::kWaitAndSolicit;
    case NeighborState::kIncomplete:
      return SendVerdict::kWait;
    case NeighborState::kStale:
      n.state = NeighborState::kDelay;
      n.deadline = now + kDelayFirstProbe;
      return SendVerdict::kTransmit;
    case NeighborState::kFree:
    case NeighborState::kReachable:
    case NeighborState::kDelay:
    case NeighborState::kProbe:
      return SendVerdict::kTransmit;
  }
  __builtin_unreachable();
}

void on_advertisement(Neighbor& n, const Advertisement& said, Micros now, const Limits& limits) {
  switch (n.state) {
    case NeighborState::kFree:
      return;
    case NeighborState::kUnknown:
    case NeighborState::kIncomplete:
      if (!said.link_address) return;
      n.set_link_address(*said.link_address);
      if (said.solicited) {
        become_reachable(n, now, limits);
      } else {
        become_stale(n, now);
      }
      return;
    case NeighborState::kReachable:
    case NeighborState::kStale:
    case NeighborState::kDelay:
    case NeighborState::kProbe:
      return update_resolved(n, said, now, limits);
  }
}

void on_confirmation(Neighbor& n, Micros now, const Limits& limits) {
  switch (n.state) {
    case NeighborState::kFree:
    case NeighborState::kUnknown:
    case NeighborState::kIncomplete:  // progress by some other way: it does not tell the link address
      return;
    case NeighborState::kReachable:
    case NeighborState::kStale:
    case NeighborState::kDelay:
    case NeighborState::kProbe:
      become_reachable(n, now, limits);
      return;
  }
}

TimerVerdict on_timer(Neighbor& n, Micros now, const Limits& limits) {
  switch (n.state) {
    case NeighborState::kFree:
    case NeighborState::kUnknown:
      return TimerVerdict::kForget;
    case NeighborState::kIncomplete:
      return ask_again(n, TimerVerdict::kSolicitAll, now, limits);
    case NeighborState::kReachable:
      // Confirmations only store the time; the deadline catches up here.
      n.deadline = n.confirmed_at + limits.reachable;
      if (n.deadline <= now) become_stale(n, now);
      return TimerVerdict::kNothing;
    case NeighborState::kStale:
      n.deadline = n.used_at + kForgetUnused;
      return n.deadline <= now ? TimerVerdict::kForget : TimerVerdict::kNothing;
    case NeighborState::kDelay:
      begin_asking(n, NeighborState::kProbe, now, limits);
      return TimerVerdict::kSolicitUnicast;
    case NeighborState::kProbe:
      return ask_again(n, TimerVerdict::kSolicitUnicast, now, limits);
  }
  __builtin_unreachable();
}

}  // namespace tributary::ip
