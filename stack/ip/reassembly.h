// Fragments of IP packets put together again (RFC 791 §3.2, RFC 8200 §4.5), within bounds of memory and time. A packet
// is built in one data buffer, so that TCP takes it like any other; what would not fit into one is given up.
// Overlapping fragments end their packet, those to come included (RFC 5722; for IPv4 alike), exact duplicates are
// ignored. Atomic fragments (RFC 6946) never get here: the parser takes them for whole packets.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "stack/base/counters.h"
#include "stack/base/units.h"
#include "stack/ip/config.h"
#include "stack/packet/packet.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ip.h"

namespace tributary::ip {

class Reassembly {
 public:
  Reassembly(PacketPools& pools, Counters& counters, const Limits& limits);

  /// Takes over a frame whose IP header, parsed as `ip`, says it is a fragment. Returns the whole packet as a frame
  /// with the link header of this one when nothing is missing any more, otherwise nothing.
  Packet add(Packet frame, const wire::EthernetHeader& ethernet, const wire::IpHeader& ip, uint16_t interface,
             Micros now);

  Micros next_deadline() const { return next_deadline_; }
  /// Gives up what was not completed in time. `report(frame, interface)` gets the fragment each packet began with, if
  /// that had arrived, so that its sender can be told (ICMP time exceeded).
  void expire(Micros now, const std::function<void(Packet, uint16_t)>& report);
  void clear();

 private:
  static constexpr size_t kMaxPieces = 64;  // 64 KB in packets of the least MTU of IPv6, with some to spare

  struct Piece {
    uint32_t begin, end;  // bytes of the packet's payload
    bool operator==(const Piece&) const = default;
  };
  struct Datagram {
    bool used = false;
    bool refused = false;  // what still comes of it is dropped
    bool any_ce = false, any_not_ect = false;
    uint16_t interface = 0;
    wire::IpHeader
        key;  // source, destination, protocol (IPv4) and identification; of the first fragment once it is here
    Micros deadline;
    Packet whole;       // the payload so far, behind room for headers
    Packet first;       // the fragment with offset 0, for the error
    uint32_t size = 0;  // of the whole payload; 0: not known
    uint32_t received = 0;
    size_t piece_count = 0;
    std::array<Piece, kMaxPieces> pieces;
  };

  Datagram& find_or_create(const wire::IpHeader& ip, uint16_t interface, Micros now);
  bool place(Datagram& d, std::span<const uint8_t> payload, const wire::IpHeader& ip);
  Packet finish(Datagram& d, const wire::EthernetHeader& ethernet);
  void refuse(Datagram& d);
  void release(Datagram& d);
  void update_deadline();

  PacketPools& pools_;
  Counters& counters_;
  Micros time_v4_, time_v6_;
  std::vector<Datagram> datagrams_;
  Micros next_deadline_ = Micros::never();
};

}  // namespace tributary::ip
