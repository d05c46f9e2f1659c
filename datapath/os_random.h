// OsRandom: a worker's generator (design D11), OpenSSL's DRBG seeded by the operating system, read ahead in
// blocks so that a key or a nonce costs a copy.
#pragma once

#include <array>

#include "stack/base/random.h"

namespace tributary::datapath {

/// Not thread-safe: one for each worker. Ends the process if the generator fails, since nothing may continue
/// with guessable keys.
class OsRandom : public RandomSource {
 public:
  OsRandom() = default;
  ~OsRandom() override;
  OsRandom(const OsRandom&) = delete;
  OsRandom& operator=(const OsRandom&) = delete;
  void fill(std::span<uint8_t> out) override;

 private:
  std::array<uint8_t, 1024> block_;
  size_t used_ = sizeof(block_);
};

}  // namespace tributary::datapath
