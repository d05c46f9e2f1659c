#include "stack/flow/bucket_array.h"

#include <sys/mman.h>

#include <array>
#include <new>
#include <stdexcept>

namespace tributary {

namespace {

// Places in use when full: two choices of eight places bear more than 0.95 before chains grow long.
constexpr double kFullLoad = 0.90;
// In a table of a few buckets chance is uneven; two buckets more cost nothing.
constexpr uint32_t kSpareBuckets = 2;
constexpr uint32_t kMaxCapacity = 1u << 30;
// Buckets looked at for a chain of moves. At full load the search ends after a dozen; this many failing in a
// row is the work of equal tags.
constexpr unsigned kSearchBound = 512;

}  // namespace

BucketArray::BucketArray(uint32_t capacity) : capacity_(capacity) {
  if (capacity == 0 || capacity > kMaxCapacity) throw std::invalid_argument("table capacity out of range");
  bucket_count_ = capacity <= kWays ? 1 : static_cast<uint32_t>(capacity / (kWays * kFullLoad)) + 1 + kSpareBuckets;
  void* memory =
      mmap(nullptr, reserved_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Large tables are read at random: fewer TLB misses. Best effort.
  madvise(memory, reserved_bytes(), MADV_HUGEPAGE);
  buckets_ = static_cast<Bucket*>(memory);
}

BucketArray::~BucketArray() {
  munmap(buckets_, reserved_bytes());
}

std::optional<unsigned> BucketArray::free_index(const Bucket& bucket) {
  for (unsigned i = 0; i < kWays; ++i)
    if (bucket.values[i] == kFree) return i;
  return std::nullopt;
}

bool BucketArray::insert(uint32_t tag, uint32_t value) {
  if (size_ >= capacity_ || value == kNotFound) return false;
  Place place{&buckets_[first_bucket(tag)], 0};
  if (const auto i = free_index(*place.bucket)) {
    place.index = *i;
  } else if (!make_room(tag, place)) {
    return false;
  }
  place.bucket->tags[place.index] = tag;
  place.bucket->values[place.index] = value + 1;
  ++size_;
  return true;
}

// Breadth first from the two buckets of `tag`: the first bucket found with a free place ends the shortest
// chain, along which each entry moves to its other bucket. A shortest chain passes no place twice.
bool BucketArray::make_room(uint32_t tag, Place& out) {
  struct Step {
    uint32_t bucket;
    uint16_t parent;
    uint8_t way;  // the entry of the parent bucket that would move here
  };
  constexpr uint16_t kRoot = UINT16_MAX;
  std::array<Step, kSearchBound> steps;
  unsigned count = 0;
  steps[count++] = {first_bucket(tag), kRoot, 0};
  if (bucket_count_ > 1) steps[count++] = {second_bucket(tag), kRoot, 0};

  for (unsigned at = 0; at < count; ++at) {
    const uint32_t bucket = steps[at].bucket;
    if (const auto hole = free_index(buckets_[bucket])) {
      Place target{&buckets_[bucket], *hole};
      for (unsigned s = at; steps[s].parent != kRoot; s = steps[s].parent) {
        const Place source{&buckets_[steps[steps[s].parent].bucket], steps[s].way};
        target.bucket->tags[target.index] = source.bucket->tags[source.index];
        target.bucket->values[target.index] = source.bucket->values[source.index];
        target = source;
      }
      out = target;
      return true;
    }
    for (unsigned way = 0; way < kWays && count < kSearchBound && bucket_count_ > 1; ++way) {
      const uint32_t moved = buckets_[bucket].tags[way];
      const uint32_t other = first_bucket(moved) == bucket ? second_bucket(moved) : first_bucket(moved);
      steps[count++] = {other, static_cast<uint16_t>(at), static_cast<uint8_t>(way)};
    }
  }
  return false;
}

bool BucketArray::replace(uint32_t tag, uint32_t old_value, uint32_t new_value) {
  if (new_value == kNotFound) return false;
  const auto place = locate(tag, [&](uint32_t value) { return value == old_value; });
  if (!place) return false;
  place->bucket->values[place->index] = new_value + 1;
  return true;
}

}  // namespace tributary
