#include "stack/flow/flow_key.h"

#include <cstring>

namespace tributary {

namespace {

// Odd constants with about as many ones as zeros, to tell the positions of the key apart.
constexpr uint64_t kLane[] = {0x9d39247e33776d41, 0x2af7398005aaa5c7, 0x44db015024623547, 0x9c15f73e62a76ae3,
                              0x75834465489c0c89};

uint64_t load(const uint8_t* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

// Both halves of the 128-bit product depend on every bit of both factors.
uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

uint32_t hash_flow(const FlowKey& key, uint64_t secret) {
  const uint8_t* local = key.local.bytes().data();
  const uint8_t* remote = key.remote.bytes().data();
  const uint64_t ports = uint64_t{key.local_port} << 16 | key.remote_port;
  // The three products do not wait for one another save the last.
  const uint64_t a = mix(load(local) ^ secret ^ kLane[0], load(local + 8) ^ secret ^ kLane[1]);
  const uint64_t b = mix(load(remote) ^ secret ^ kLane[2], load(remote + 8) ^ secret ^ kLane[3]);
  const uint64_t h = mix(a ^ ports ^ kLane[4], b ^ secret);
  return static_cast<uint32_t>(h ^ h >> 32);
}

}  // namespace tributary
