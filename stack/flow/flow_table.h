// Which control block a segment belongs to: from the hash of its 4-tuple (flow_key.h) to the block's 32-bit
// index.
//
// A burst looks up in stages (design §3): `prefetch` for every segment, then `find` for every segment. The
// key itself stays in the control block: `find` asks its caller to compare, which costs a cache miss only
// where all 32 bits of the hash agree. One table a worker, not thread-safe.
#pragma once

#include <cstdint>
#include <utility>

#include "stack/flow/bucket_array.h"

namespace tributary {

class FlowTable {
 public:
  static constexpr uint32_t kNotFound = BucketArray::kNotFound;

  /// Room for `capacity` flows. Only address space is taken until flows come.
  explicit FlowTable(uint32_t capacity) : buckets_(capacity) {}

  /// Files `value` (anything but `kNotFound`) under `hash`; the caller knows the key is not yet there. False
  /// when full, or when more than 16 flows have this very hash: refuse the connection.
  bool insert(uint32_t hash, uint32_t value) { return buckets_.insert(hash, value); }
  /// The value under `hash` for which `match(value)` is true, or `kNotFound`.
  template <typename Match>
  uint32_t find(uint32_t hash, Match&& match) const {
    return buckets_.find(hash, std::forward<Match>(match));
  }
  /// False when it was not there.
  bool erase(uint32_t hash, uint32_t value) {
    return buckets_.erase(hash, [value](uint32_t v) { return v == value; });
  }
  /// The flow goes on under another index (a connection becoming TIME-WAIT). Nothing happens when `old_value`
  /// is not there.
  void replace(uint32_t hash, uint32_t old_value, uint32_t new_value) { buckets_.replace(hash, old_value, new_value); }
  void prefetch(uint32_t hash) const { buckets_.prefetch(hash); }

  uint32_t size() const { return buckets_.size(); }
  uint32_t capacity() const { return buckets_.capacity(); }
  size_t reserved_bytes() const { return buckets_.reserved_bytes(); }

 private:
  BucketArray buckets_;
};

}  // namespace tributary
