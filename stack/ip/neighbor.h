// One neighbour and its state machine: address resolution and unreachability detection, for ARP (RFC 826) by
// the same rules as for Neighbour Discovery (RFC 4861 §7.3).
//
//                 send                    answer
//   kUnknown ------------> kIncomplete ------------> kReachable <------------------+
//       \   learnt from its    | no answer, n times     | not confirmed for        | answer, or TCP
//        \  own question       v                        v `reachable`              | made progress
//         +--> kStale       forgotten                kStale <--- link address      |
//                                                       | send   changed unasked   |
//                                                       v                          |
//                                                    kDelay ---- 5 s ----> kProbe -+
//                                                                             | no answer, n times
//                                                                             v forgotten
//
// Packets flow in every state but kUnknown and kIncomplete, where a bounded number waits. "Forgotten" means
// the entry is freed; that of a gateway goes back to kUnknown.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <cstdint>

#include "stack/base/ids.h"
#include "stack/base/units.h"
#include "stack/ip/config.h"
#include "stack/wire/ip_address.h"

namespace tributary::ip {

enum class NeighborState : uint8_t { kFree, kUnknown, kIncomplete, kReachable, kStale, kDelay, kProbe };

constexpr Micros kDelayFirstProbe = Micros::seconds(5);     // RFC 4861 §10, DELAY_FIRST_PROBE_TIME
constexpr Micros kForgetUnused = Micros::seconds(10 * 60);  // our choice: an address not used that long is asked anew

struct Neighbor {
  // What sending touches: one cache line.
  std::array<uint8_t, 18> header{};  ///< the whole Ethernet header, ready to be copied
  uint8_t header_size = 0;           ///< 14, or 18 with a VLAN tag
  NeighborState state = NeighborState::kFree;
  PortId port;
  uint16_t interface = 0;
  uint32_t generation = 0;  ///< raised when the entry is freed, so that old NextHops are recognised
  Micros used_at;
  Micros confirmed_at;
  IpAddress address;

  // The rest.
  Micros deadline = Micros::never();
  uint32_t next_in_bucket = 0;  ///< also the free list
  uint32_t first_waiting = UINT32_MAX;
  uint32_t last_waiting = UINT32_MAX;
  uint16_t waiting = 0;  ///< packets queued for the answer
  uint8_t solicits = 0;  ///< questions asked since the state began
  bool pinned = false;   ///< a gateway: never evicted, never freed
  boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>> timer_hook;
  boost::intrusive::list_member_hook<> unresolved_hook;

  MacAddress link_address() const;
  void set_link_address(const MacAddress& mac);
  bool is_resolved() const { return state >= NeighborState::kReachable; }
};
static_assert(offsetof(Neighbor, deadline) == 64);

/// What a neighbour, or somebody in its name, said about its link address.
struct Advertisement {
  std::optional<MacAddress> link_address;
  bool solicited = false;  ///< it answers a question of ours
  bool overrides = true;   ///< it replaces what we know (the O flag)
};

enum class SendVerdict : uint8_t { kTransmit, kWait, kWaitAndSolicit };
enum class TimerVerdict : uint8_t { kNothing, kSolicitAll, kSolicitUnicast, kForget };

// One function per event. Each sets state and deadline; nothing else in the program does.

/// A packet is to be sent (not called for a reachable neighbour: there is nothing to do).
SendVerdict on_send(Neighbor& n, Micros now, const Limits& limits);
/// An answer, a question, or an announcement came in. The caller sends what waits if the neighbour is
/// resolved then.
void on_advertisement(Neighbor& n, const Advertisement& said, Micros now, const Limits& limits);
/// An upper layer knows that packets arrive there (RFC 4861 §7.3.1).
void on_confirmation(Neighbor& n, Micros now, const Limits& limits);
/// The deadline has come.
TimerVerdict on_timer(Neighbor& n, Micros now, const Limits& limits);

}  // namespace tributary::ip
