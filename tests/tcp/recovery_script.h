// Scripts of losses: a flight of full segments over a round trip of 100 ms, and what the peer says of it.
#pragma once

#include <algorithm>

#include "tests/tcp/script.h"

namespace tributary::test {

class RecoveryScript : public ScriptTest {
 protected:
  static constexpr uint16_t kMss = 1460;
  /// The first byte of a segment, without timestamps.
  static constexpr uint32_t at(unsigned segment) { return 1 + segment * kMss; }

  /// Opens and sends segments 0..n-1, of which the initial window lets ten go; a round trip later their ACKs would be
  /// due.
  void open_and_send(unsigned n, Peer::Options options = {}) {
    options.rtt = Micros::milliseconds(100);
    listen();
    peer.open(options);
    piece = size = options.timestamps ? kMss - 12 : kMss;
    if (n != 0) write(pattern(n * size));
    for (unsigned i = 0; i < std::min(n, 10u); ++i) peer.expect_data(end(i), 1, pattern(size, i * size));
    window = info().cwnd;
    wait_ms(100);
  }
  /// The first byte of a segment, whatever its options.
  uint32_t end(unsigned segment) const { return 1 + segment * size; }
  SubflowInfo info() { return stack().info(stream())->subflows[0]; }

  Peer peer{*this};
  uint16_t size = kMss;
  uint32_t window = 0;  ///< cwnd before the ACKs
};

}  // namespace tributary::test
