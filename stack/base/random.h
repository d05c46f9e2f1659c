// The only door to randomness: keys, nonces, ISN secrets, ports (design D11). Whoever owns the stack brings the source:
// the operating system's generator in the datapath, a seeded one in the simulator.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace tributary {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(std::span<uint8_t> out) = 0;

  uint32_t u32() { return draw<uint32_t>(); }
  uint64_t u64() { return draw<uint64_t>(); }

 private:
  template <typename T>
  T draw() {
    uint8_t bytes[sizeof(T)];
    fill(bytes);
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return value;
  }
};

}  // namespace tributary
