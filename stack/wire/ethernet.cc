#include "stack/wire/ethernet.h"

#include <cassert>
#include <cstring>

#include "stack/wire/byte_order.h"

namespace tributary::wire {

std::optional<EthernetHeader> parse_ethernet(std::span<const uint8_t> frame) {
  if (frame.size() < 14) return {};
  EthernetHeader header;
  std::memcpy(header.destination.bytes.data(), frame.data(), 6);
  std::memcpy(header.source.bytes.data(), frame.data() + 6, 6);
  header.type = load16(frame.data() + 12);
  if (header.type == ether_type::kVlan) {
    if (frame.size() < 18) return {};
    header.has_vlan = true;
    header.vlan = load16(frame.data() + 14);
    header.type = load16(frame.data() + 16);
  }
  return header;
}

void emit_ethernet(const EthernetHeader& header, std::span<uint8_t> out) {
  assert(out.size() >= header.size());
  std::memcpy(out.data(), header.destination.bytes.data(), 6);
  std::memcpy(out.data() + 6, header.source.bytes.data(), 6);
  uint8_t* p = out.data() + 12;
  if (header.has_vlan) {
    store16(p, ether_type::kVlan);
    store16(p + 2, header.vlan);
    p += 4;
  }
  store16(p, header.type);
}

}  // namespace tributary::wire
