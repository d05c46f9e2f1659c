#include "stack/tcp/isn.h"

#include <array>
#include <cstring>

namespace tributary::tcp {
namespace {

// Its halves know nothing of each other: one is for sequence numbers, one for timestamps.
uint64_t digest(const SipKey& secret, const FlowKey& key) {
  std::array<uint8_t, 36> message;
  std::memcpy(message.data(), key.local.bytes().data(), 16);
  std::memcpy(message.data() + 16, key.remote.bytes().data(), 16);
  std::memcpy(message.data() + 32, &key.local_port, 2);
  std::memcpy(message.data() + 34, &key.remote_port, 2);
  return sip_hash(secret, message);
}

}  // namespace

SeqNum IsnGenerator::initial_sequence(const FlowKey& key, Micros now) const {
  return SeqNum(static_cast<uint32_t>(digest(secret_, key)) + static_cast<uint32_t>(now.count() / 4));
}

uint32_t IsnGenerator::timestamp_offset(const FlowKey& key) const {
  return static_cast<uint32_t>(digest(secret_, key) >> 32);
}

}  // namespace tributary::tcp
