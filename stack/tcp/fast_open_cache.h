// What we know of servers as a Fast Open client (RFC 7413 §4.1.3): cookies, the MSS that goes with them, and who does
// not answer SYNs with payload. By pair of addresses, for a cookie is good for one of ours only. Bounded; the longest
// unused makes room.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "stack/base/units.h"
#include "stack/flow/flow_key.h"

namespace tributary::tcp {

class FastOpenCache {
 public:
  struct Entry {
    IpAddress local;
    IpAddress remote;
    uint16_t mss = 0;
    uint8_t size = 0;      ///< of the cookie; 0: none known
    uint8_t timeouts = 0;  ///< in a row
    /// Which form of the option to send: that of the cookie; without one the experimental form once, when the other has
    /// brought none.
    bool experimental = false;
    bool tried_experimental = false;
    std::array<uint8_t, 16> cookie{};
    Micros shut_until;         ///< a black hole: no Fast Open before
    Micros used = Micros(-1);  ///< negative: a free entry
    std::span<const uint8_t> bytes() const { return {cookie.data(), size}; }
  };

  /// `pause`: how long a destination is left alone the first time; twice as long each time after.
  FastOpenCache(uint32_t entries, Micros pause, uint64_t secret) : capacity_(entries), pause_(pause), secret_(secret) {}

  void set_pause(Micros pause) { pause_ = pause; }

  /// Null: nothing is known of the pair.
  const Entry* find(const FlowKey& key) const;
  /// A SYN-ACK with a cookie (RFC 7413 §4.1.3).
  void learn(const FlowKey& key, std::span<const uint8_t> cookie, bool experimental, uint16_t mss, Micros now);
  /// A SYN-ACK without one. Where one is known it stays good and `mss` goes with it; where one was asked for, next time
  /// the other form of the option may be tried.
  void note_no_cookie(const FlowKey& key, uint16_t mss, Micros now);
  /// A SYN with Fast Open was not answered.
  void note_timeout(const FlowKey& key, Micros now);
  /// A SYN's payload was taken.
  void note_success(const FlowKey& key, Micros now);
  void clear() { entries_.clear(); }
  size_t size() const;

 private:
  static constexpr size_t kWays = 4;
  std::span<const Entry> set_of(const FlowKey& key) const;
  Entry* obtain(const FlowKey& key, Micros now);

  uint32_t capacity_;
  Micros pause_;
  uint64_t secret_;
  std::vector<Entry> entries_;  ///< made when the first is needed
};

}  // namespace tributary::tcp
