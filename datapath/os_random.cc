#include "datapath/os_random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace tributary::datapath {

OsRandom::~OsRandom() {
  OPENSSL_cleanse(block_.data(), block_.size());
}

void OsRandom::fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    if (used_ == block_.size()) {
      if (RAND_bytes(block_.data(), static_cast<int>(block_.size())) != 1) {
        std::fputs("the random number generator failed; keys would be guessable\n", stderr);
        std::abort();
      }
      used_ = 0;
    }
    const size_t size = std::min(out.size(), block_.size() - used_);
    std::memcpy(out.data(), block_.data() + used_, size);
    // What was handed out must not be found in memory later.
    std::memset(block_.data() + used_, 0, size);
    used_ += size;
    out = out.subspan(size);
  }
}

}  // namespace tributary::datapath
