// The mechanism under the flow table and the token table: a cuckoo hash of 64-byte buckets, eight entries of
// {32-bit tag, 32-bit value} each, so that a look-up reads one cache line or two.
//
// An entry lies in one of the two buckets its tag names; when both are full, entries move to their other
// bucket along the shortest chain that ends in a free place. Erasing just frees the place: nothing decays
// with churn. Tags need not be unique. Memory is reserved for the whole capacity and touched only where
// entries land.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tributary {

class BucketArray {
 public:
  static constexpr uint32_t kNotFound = UINT32_MAX;

  /// Throws std::invalid_argument for 0 or more than 2^30, std::bad_alloc when there is no address space.
  explicit BucketArray(uint32_t capacity);
  ~BucketArray();
  BucketArray(const BucketArray&) = delete;
  BucketArray& operator=(const BucketArray&) = delete;

  /// False when `capacity` entries are in, or no chain of moves makes room (above all: more than 16 equal
  /// tags).
  bool insert(uint32_t tag, uint32_t value);

  /// The first value under `tag` that `match(value)` accepts, or `kNotFound`.
  template <typename Match>
  uint32_t find(uint32_t tag, Match&& match) const {
    const std::optional<Place> place = locate(tag, match);
    return place ? place->bucket->values[place->index] - 1 : kNotFound;
  }
  template <typename Match>
  bool erase(uint32_t tag, Match&& match) {
    const std::optional<Place> place = locate(tag, match);
    if (!place) return false;
    place->bucket->values[place->index] = kFree;
    --size_;
    return true;
  }
  /// False when `old_value` is not there.
  bool replace(uint32_t tag, uint32_t old_value, uint32_t new_value);

  void prefetch(uint32_t tag) const {
    __builtin_prefetch(&buckets_[first_bucket(tag)]);
    __builtin_prefetch(&buckets_[second_bucket(tag)]);
  }

  uint32_t size() const { return size_; }
  uint32_t capacity() const { return capacity_; }
  /// Address space reserved, in bytes.
  size_t reserved_bytes() const { return bucket_count_ * sizeof(Bucket); }

 private:
  static constexpr unsigned kWays = 8;
  static constexpr uint32_t kFree = 0;  // values are stored plus one: fresh memory is free places
  struct alignas(64) Bucket {
    uint32_t tags[kWays];
    uint32_t values[kWays];
  };
  static_assert(sizeof(Bucket) == 64);
  struct Place {
    Bucket* bucket;
    unsigned index;
  };

  // Buckets of a tag follow from the tag alone, so moving an entry needs no key.
  uint32_t first_bucket(uint32_t tag) const { return scale(tag); }
  uint32_t second_bucket(uint32_t tag) const {
    // Fibonacci hashing: unrelated to the first, which is the tag's high bits.
    const uint32_t other = scale(tag * 0x9e3779b1u);
    if (other != scale(tag)) return other;
    return other + 1 < bucket_count_ ? other + 1 : 0;
  }
  uint32_t scale(uint32_t tag) const { return static_cast<uint32_t>(uint64_t{tag} * bucket_count_ >> 32); }

  static unsigned matching_tags(const Bucket& bucket, uint32_t tag) {
#ifdef __SSE2__
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
    const __m128i* tags = reinterpret_cast<const __m128i*>(bucket.tags);
    const __m128i low = _mm_cmpeq_epi32(_mm_load_si128(tags), wanted);
    const __m128i high = _mm_cmpeq_epi32(_mm_load_si128(tags + 1), wanted);
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128())));
#else
    unsigned mask = 0;
    for (unsigned i = 0; i < kWays; ++i) mask |= static_cast<unsigned>(bucket.tags[i] == tag) << i;
    return mask;
#endif
  }

  template <typename Match>
  std::optional<Place> locate(uint32_t tag, Match&& match) const {
    // Both buckets at once: they come from memory together, and no branch guesses which of them it is.
    Bucket* const buckets[] = {&buckets_[first_bucket(tag)], &buckets_[second_bucket(tag)]};
    unsigned mask = matching_tags(*buckets[0], tag) | matching_tags(*buckets[1], tag) << kWays;
    for (; mask != 0; mask &= mask - 1) {
      const unsigned bit = static_cast<unsigned>(__builtin_ctz(mask));
      Bucket& bucket = *buckets[bit / kWays];
      const unsigned i = bit % kWays;
      if (bucket.values[i] != kFree && match(bucket.values[i] - 1)) return Place{&bucket, i};
    }
    return std::nullopt;
  }

  static std::optional<unsigned> free_index(const Bucket& bucket);
  bool make_room(uint32_t tag, Place& out);

  Bucket* buckets_ = nullptr;
  uint32_t bucket_count_ = 0;
  uint32_t capacity_;
  uint32_t size_ = 0;
};

}  // namespace tributary
