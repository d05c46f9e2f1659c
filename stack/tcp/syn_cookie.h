// SYN cookies (RFC 4987 §3.6): what must be known of a SYN, in the sequence number of the SYN-ACK that answers it and,
// where the peer has timestamps, in the low bits of its TSval. Only numbers here; cookie_open.h answers and takes the
// third ACK.
//
//   ISS:   MSS index (3) | age (1) | MAC (28)       TSval: ... | ECN (1) | SACK (1) | window scale (4)
//
// The MAC covers the 4-tuple, the peer's ISN, the tick, the MSS index and the options, so none of them can be made up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "stack/base/seq_num.h"
#include "stack/base/sip_hash.h"
#include "stack/base/units.h"
#include "stack/flow/flow_key.h"

namespace tributary::tcp {

/// What a SYN offered, as far as a cookie can carry it.
struct CookieOffer {
  uint16_t mss = 0;         ///< after decoding: the greatest of the table that is not above the peer's
  bool timestamps = false;  ///< without them nothing below is kept
  bool sack = false;
  bool ecn = false;
  std::optional<uint8_t> window_scale;  ///< at most 14
  bool operator==(const CookieOffer&) const = default;
};

/// A cookie that came back.
struct Cookie {
  CookieOffer offer;
  uint32_t tick = 0;  ///< when it was made
};

class SynCookies {
 public:
  /// A cookie is good for the rest of its tick and the whole next one.
  static constexpr Micros kTick = Micros::seconds(64);
  /// Keys change so often, by themselves; the one before stays good for the cookies made with it.
  static constexpr uint32_t kTicksPerKey = 32;

  /// Keys are drawn when the first cookie needs them.
  explicit SynCookies(RandomSource& random) : random_(random) {}

  /// The sequence number that answers a SYN. Empty: its MSS is below all that a cookie can say.
  std::optional<SeqNum> make(const FlowKey& key, SeqNum peer_isn, const CookieOffer& offer, Micros now);
  /// Reads back what `make` returned. `echo`: the TSecr it came with, or nothing.
  std::optional<Cookie> check(const FlowKey& key, SeqNum peer_isn, SeqNum cookie, std::optional<uint32_t> echo,
                              Micros now) const;

  /// The timestamp that carries `offer`: the last value not after `clock` that does.
  static uint32_t stamp(uint32_t clock, const CookieOffer& offer);

  /// An MPTCP key that can be found again when the cookie comes back; `attempt` tells several candidates apart. Only
  /// for a tick that make or check has just told.
  uint64_t derive_key(const FlowKey& key, SeqNum peer_isn, uint32_t tick, uint16_t attempt) const;
  static uint32_t tick_of(Micros now) { return static_cast<uint32_t>(now.count() / kTick.count()); }

  /// Whether a cookie made by us may still come back.
  bool in_use(Micros now) const { return last_made_ != Micros::never() && tick_of(now) - tick_of(last_made_) <= 1; }

 private:
  struct Secret {
    SipKey key;
    uint32_t generation = UINT32_MAX;
  };
  /// Null when the key of that tick is gone, or never was.
  const SipKey* key_of(uint32_t tick) const;

  RandomSource& random_;
  std::array<Secret, 2> secrets_;
  Micros last_made_ = Micros::never();
};

}  // namespace tributary::tcp
