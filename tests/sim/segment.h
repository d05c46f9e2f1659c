// A TCP segment taken apart so that middleboxes can change it, and put together again with right checksums.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "stack/wire/ethernet.h"
#include "stack/wire/ip.h"
#include "stack/wire/tcp.h"
#include "tests/sim/frame.h"

namespace tributary::sim {

constexpr uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionWindowScale = 3, kOptionSackPermitted = 4, kOptionSack = 5,
                  kOptionTimestamps = 8, kOptionMptcp = 30;

struct Segment {
  wire::EthernetHeader ethernet;
  wire::IpHeader ip;
  wire::TcpHeader tcp;           ///< header_size and checksum are set by `build`
  std::vector<uint8_t> options;  ///< the raw area
  std::vector<uint8_t> payload;

  /// Empty unless `frame` is a whole TCP segment with right checksums: like a careful middlebox, ours let
  /// damaged packets pass untouched instead of giving them a valid checksum.
  static std::optional<Segment> parse(const Frame& frame);
  Frame build() const;

  /// Bytes of sequence space.
  uint32_t sequence_length() const;
  /// Calls `f(kind, option)` for each option, the kind and length bytes included; the span may be written to.
  void for_each_option(const std::function<void(uint8_t, std::span<uint8_t>)>& f);
  bool has_option(uint8_t kind) const;
};

}  // namespace tributary::sim
