#include "stack/tcp/fast_open_keys.h"

#include <cstring>

#include "stack/mptcp/crypto.h"

namespace tributary::tcp {
namespace {

FastOpenKeys::Cookie cookie_with(const SipKey& secret, const FlowKey& key) {
  const size_t skip = key.remote.is_v4() ? 12 : 0;
  const size_t size = 16 - skip;
  std::array<uint8_t, 32> addresses;
  std::memcpy(addresses.data(), key.remote.bytes().data() + skip, size);
  std::memcpy(addresses.data() + size, key.local.bytes().data() + skip, size);
  const uint64_t mac = sip_hash(secret, {addresses.data(), 2 * size});
  FastOpenKeys::Cookie cookie;
  for (size_t i = 0; i < cookie.size(); ++i) cookie[i] = static_cast<uint8_t>(mac >> (8 * i));
  return cookie;
}

}  // namespace

void FastOpenKeys::draw_if_none() {
  if (keys_.empty()) keys_.push_back(draw_sip_key(random_));
}

FastOpenKeys::Cookie FastOpenKeys::make(const FlowKey& key) {
  draw_if_none();
  return cookie_with(keys_.front(), key);
}

FastOpenKeys::Verdict FastOpenKeys::check(const FlowKey& key, std::span<const uint8_t> cookie) {
  if (cookie.size() != kCookieSize && cookie.size() != kShortCookieSize) return Verdict::kBad;
  draw_if_none();
  for (const SipKey& secret : keys_) {
    const Cookie expected = cookie_with(secret, key);
    if (!mptcp::equal_constant_time(std::span(expected).first(cookie.size()), cookie)) continue;
    return &secret == &keys_.front() ? Verdict::kGood : Verdict::kOld;
  }
  return Verdict::kBad;
}

}  // namespace tributary::tcp
