// The cookies we give to clients (RFC 7413 §4.1.2): a MAC of both addresses, so that nothing is kept for them. The same
// as Linux computes from the same key: nodes, ours or not, that share one take each other's cookies.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "stack/base/sip_hash.h"
#include "stack/flow/flow_key.h"

namespace tributary::tcp {

class FastOpenKeys {
 public:
  static constexpr size_t kCookieSize = 8;
  static constexpr size_t kShortCookieSize = 6;  ///< its front: what a SYN-ACK with MP_CAPABLE has room for
  using Cookie = std::array<uint8_t, kCookieSize>;

  /// `keys`: the current one first. None: one is drawn when it is needed.
  FastOpenKeys(std::vector<SipKey> keys, RandomSource& random) : keys_(std::move(keys)), random_(random) {}

  /// From here on these. Cookies made with keys that are gone are no longer good.
  void replace(std::vector<SipKey> keys) { keys_ = std::move(keys); }

  Cookie make(const FlowKey& key);
  /// kOld: made with a key that is not the current one; good, and to be replaced.
  enum class Verdict : uint8_t { kBad, kGood, kOld };
  Verdict check(const FlowKey& key, std::span<const uint8_t> cookie);

 private:
  void draw_if_none();

  std::vector<SipKey> keys_;
  RandomSource& random_;
};

}  // namespace tributary::tcp
