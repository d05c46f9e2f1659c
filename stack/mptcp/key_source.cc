#include "stack/mptcp/key_source.h"

#include "stack/mptcp/crypto.h"

namespace tributary::mptcp {
namespace {

constexpr size_t kRingSize = 256;  // connections' worth of keys kept ready

}  // namespace

KeySource::KeySource(RandomSource& random, WorkerId worker, uint16_t workers)
    : random_(random), worker_(worker), workers_(workers) {}

KeyTriple KeySource::compute() {
  for (;;) {
    const Key key{random_.u64()};
    const KeyDigest digest = digest_key(key);
    if (digest.token.value % workers_ == worker_.value) return {key, digest.token, digest.idsn};
  }
}

KeyTriple KeySource::draw() {
  if (ring_.empty()) return compute();
  const KeyTriple triple = ring_.back();
  ring_.pop_back();
  return triple;
}

void KeySource::refill() {
  // A few at a time, so that an idle pass stays short.
  for (int i = 0; i < 4 && ring_.size() < kRingSize; ++i) ring_.push_back(compute());
}

}  // namespace tributary::mptcp
