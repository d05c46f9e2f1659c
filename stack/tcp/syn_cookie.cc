#include "stack/tcp/syn_cookie.h"

#include <algorithm>
#include <cstring>

namespace tributary::tcp {
namespace {

// What paths come to: Ethernet, PPPoE, tunnels, the minimum of each family, jumbo frames.
constexpr std::array<uint16_t, 8> kMssV4 = {216, 536, 1200, 1360, 1400, 1440, 1460, 8960};
constexpr std::array<uint16_t, 8> kMssV6 = {216, 536, 1220, 1340, 1380, 1420, 1440, 8940};

constexpr unsigned kMssShift = 29, kTickShift = 28;
constexpr uint32_t kMacMask = (uint32_t{1} << kTickShift) - 1;

// In the timestamp, as Linux and others have it.
constexpr uint32_t kStampMask = 0x3f, kScaleMask = 0x0f, kNoScale = 0x0f, kSackBit = 0x10, kEcnBit = 0x20;
constexpr uint8_t kNoStamp = 0xff;

enum class Purpose : uint8_t { kCookie = 1, kMptcpKey = 2 };

const std::array<uint16_t, 8>& mss_table(const FlowKey& key) {
  return key.remote.is_v4() ? kMssV4 : kMssV6;
}

uint32_t stamp_bits(const CookieOffer& offer) {
  return offer.window_scale.value_or(kNoScale) | (offer.sack ? kSackBit : 0) | (offer.ecn ? kEcnBit : 0);
}

uint64_t digest(const SipKey& secret, const FlowKey& key, SeqNum peer_isn, uint32_t tick, Purpose purpose,
                uint32_t detail) {
  std::array<uint8_t, 49> message;
  uint8_t* p = message.data();
  const auto put = [&p](const auto& value) {
    std::memcpy(p, &value, sizeof(value));
    p += sizeof(value);
  };
  put(key.local.bytes());
  put(key.remote.bytes());
  put(key.local_port);
  put(key.remote_port);
  put(peer_isn.raw());
  put(tick);
  put(purpose);
  put(detail);
  return sip_hash(secret, message);
}

uint32_t mac(const SipKey& secret, const FlowKey& key, SeqNum peer_isn, uint32_t tick, size_t mss_index,
             uint8_t stamp) {
  const auto detail = static_cast<uint32_t>(mss_index << 8 | stamp);
  return static_cast<uint32_t>(digest(secret, key, peer_isn, tick, Purpose::kCookie, detail)) & kMacMask;
}

}  // namespace

const SipKey* SynCookies::key_of(uint32_t tick) const {
  const uint32_t generation = tick / kTicksPerKey;
  const Secret& secret = secrets_[generation % 2];
  return secret.generation == generation ? &secret.key : nullptr;
}

std::optional<SeqNum> SynCookies::make(const FlowKey& key, SeqNum peer_isn, const CookieOffer& offer, Micros now) {
  const auto& table = mss_table(key);
  if (offer.mss < table[0]) return std::nullopt;
  const auto index = static_cast<size_t>(std::upper_bound(table.begin(), table.end(), offer.mss) - table.begin() - 1);
  const uint32_t tick = tick_of(now);
  const uint32_t generation = tick / kTicksPerKey;
  Secret& secret = secrets_[generation % 2];
  if (secret.generation != generation) secret = {draw_sip_key(random_), generation};
  last_made_ = now;
  const uint8_t stamped = offer.timestamps ? static_cast<uint8_t>(stamp_bits(offer)) : kNoStamp;
  return SeqNum(static_cast<uint32_t>(index) << kMssShift | (tick & 1) << kTickShift |
                mac(secret.key, key, peer_isn, tick, index, stamped));
}

std::optional<Cookie> SynCookies::check(const FlowKey& key, SeqNum peer_isn, SeqNum cookie,
                                        std::optional<uint32_t> echo, Micros now) const {
  const uint32_t value = cookie.raw();
  const size_t index = value >> kMssShift;
  const uint32_t here = tick_of(now);
  const uint32_t age = (here - (value >> kTickShift)) & 1;
  if (age > here) return std::nullopt;
  const uint32_t tick = here - age;
  const SipKey* secret = key_of(tick);
  if (secret == nullptr) return std::nullopt;
  const uint8_t stamped = echo ? static_cast<uint8_t>(*echo & kStampMask) : kNoStamp;
  if (mac(*secret, key, peer_isn, tick, index, stamped) != (value & kMacMask)) return std::nullopt;
  Cookie out;
  out.tick = tick;
  out.offer.mss = mss_table(key)[index];
  if (!echo) return out;
  out.offer.timestamps = true;
  out.offer.sack = stamped & kSackBit;
  out.offer.ecn = stamped & kEcnBit;
  if ((stamped & kScaleMask) != kNoScale) out.offer.window_scale = stamped & kScaleMask;
  return out;
}

uint32_t SynCookies::stamp(uint32_t clock, const CookieOffer& offer) {
  const uint32_t stamped = (clock & ~kStampMask) | stamp_bits(offer);
  return static_cast<int32_t>(stamped - clock) > 0 ? stamped - (kStampMask + 1) : stamped;
}

uint64_t SynCookies::derive_key(const FlowKey& key, SeqNum peer_isn, uint32_t tick, uint16_t attempt) const {
  const SipKey* secret = key_of(tick);
  return secret != nullptr ? digest(*secret, key, peer_isn, tick, Purpose::kMptcpKey, attempt) : 0;
}

}  // namespace tributary::tcp
