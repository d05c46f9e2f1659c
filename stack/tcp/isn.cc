#include "stack/tcp/isn.h"

#include <span>

namespace tributary::tcp {

IsnGenerator::IsnGenerator(RandomSource& random) {
  for (uint64_t& word : secret_) word = random.u64();
}

SeqNum IsnGenerator::initial_sequence(const FlowKey& key, Micros now) const {
  const uint64_t a = hash_flow(key, secret_[0]);
  return SeqNum(static_cast<uint32_t>(a) + static_cast<uint32_t>(now.count() / 4));
}

uint32_t IsnGenerator::timestamp_offset(const FlowKey& key) const {
  return hash_flow(key, secret_[1]);
}

}  // namespace tributary::tcp
