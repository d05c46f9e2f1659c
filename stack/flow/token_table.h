// Which connection an MP_JOIN asks for: from our token (RFC 8684 §3.1) to the connection's 32-bit index.
//
// Tokens are unique within the table, as §3.1 demands: `insert` refuses one in use and the caller draws
// another key. A token is 32 bits of a SHA-256 over a key we chose, so it needs no further hashing.
#pragma once

#include <cstdint>

#include "stack/base/ids.h"
#include "stack/flow/bucket_array.h"

namespace tributary {

class TokenTable {
 public:
  static constexpr uint32_t kNotFound = BucketArray::kNotFound;

  explicit TokenTable(uint32_t capacity) : buckets_(capacity) {}

  /// False when the token is in use, or the table full.
  bool insert(Token token, uint32_t value) { return find(token) == kNotFound && buckets_.insert(token.value, value); }
  uint32_t find(Token token) const {
    return buckets_.find(token.value, [](uint32_t) { return true; });
  }
  bool erase(Token token) {
    return buckets_.erase(token.value, [](uint32_t) { return true; });
  }
  void prefetch(Token token) const { buckets_.prefetch(token.value); }

  uint32_t size() const { return buckets_.size(); }
  uint32_t capacity() const { return buckets_.capacity(); }

 private:
  BucketArray buckets_;
};

}  // namespace tributary
