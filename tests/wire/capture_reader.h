// Reads capture files (tests/data/pcaps) through libpcap.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stack/wire/ip_address.h"

namespace tributary::test {

/// One captured packet without its link-layer header, and what that header said.
struct CapturedPacket {
  uint16_t ether_type = 0;
  MacAddress sender;           ///< as far as the link layer told
  std::vector<uint8_t> bytes;  ///< from the network header on
};

/// Every packet of a file, in order. Link types: Ethernet and Linux cooked v2 (what `tcpdump -i any` writes).
/// Throws std::runtime_error for a file that cannot be read to its end, holds cut packets or another link
/// type.
std::vector<CapturedPacket> read_capture(const std::string& path);

/// The captures of tests/data/pcaps by path, sorted.
std::vector<std::string> list_captures();

}  // namespace tributary::test
