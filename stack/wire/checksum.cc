#include "stack/wire/checksum.h"

#include <cstring>

#include "stack/wire/byte_order.h"

namespace tributary::wire {

// A ones'-complement sum does not care about byte order until the end (RFC 1071 §2B), nor about word size:
// 32-bit words in native order go into 64-bit lanes, which cannot overflow below 16 GiB. Eight independent
// lanes let the compiler use vector registers.
Sum sum_bytes(std::span<const uint8_t> bytes) {
  const uint8_t* p = bytes.data();
  size_t left = bytes.size();
  uint64_t lanes[8] = {};
  for (; left >= 32; left -= 32, p += 32) {
    uint32_t words[8];
    std::memcpy(words, p, sizeof(words));
    for (int i = 0; i < 8; ++i) lanes[i] += words[i];
  }
  uint64_t sum = 0;
  for (uint64_t lane : lanes) sum += (lane & 0xffffffff) + (lane >> 32);
  for (; left >= 4; left -= 4, p += 4) {
    uint32_t word;
    std::memcpy(&word, p, sizeof(word));
    sum += word;
  }
  if (left != 0) {
    uint32_t word = 0;
    std::memcpy(&word, p, left);
    sum += word;
  }
  return fold_native(sum);
}

Sum dss_pseudo_header_sum(uint64_t dsn, uint32_t subflow_seq, uint16_t data_length) {
  return fold((dsn >> 32) + (dsn & 0xffffffff) + subflow_seq + data_length);
}

}  // namespace tributary::wire
