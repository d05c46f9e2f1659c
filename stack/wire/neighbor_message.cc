// Neighbour Discovery messages, declared in icmp.h.
#include <cassert>
#include <cstring>

#include "stack/wire/byte_order.h"
#include "stack/wire/icmp.h"

namespace tributary::wire {

namespace {
constexpr size_t kMessageSize = 24;
constexpr size_t kLinkAddressOptionSize = 8;
constexpr uint8_t kSourceLinkAddress = 1, kTargetLinkAddress = 2;
constexpr uint32_t kRouter = 1u << 31, kSolicited = 1u << 30, kOverride = 1u << 29;
}  // namespace

std::optional<NeighborMessage> parse_neighbor_message(std::span<const uint8_t> bytes) {
  if (bytes.size() < kMessageSize) return {};
  const uint8_t type = bytes[0];
  if (type != icmpv6_type::kNeighborSolicitation && type != icmpv6_type::kNeighborAdvertisement) return {};
  if (bytes[1] != 0) return {};

  NeighborMessage message;
  message.advertisement = type == icmpv6_type::kNeighborAdvertisement;
  if (message.advertisement) {
    const uint32_t flags = load32(&bytes[4]);
    message.router = flags & kRouter;
    message.solicited = flags & kSolicited;
    message.override_ = flags & kOverride;
  }
  message.target = IpAddress::from_v6_bytes(&bytes[8]);
  if (message.target.is_multicast() || message.target.is_v4()) return {};

  const uint8_t wanted = message.advertisement ? kTargetLinkAddress : kSourceLinkAddress;
  for (auto rest = bytes.subspan(kMessageSize); !rest.empty();) {
    if (rest.size() < 2) return {};
    const size_t size = rest[1] * size_t{8};
    if (size == 0 || size > rest.size()) return {};
    if (rest[0] == wanted && size == kLinkAddressOptionSize) {
      message.link_address.emplace();
      std::memcpy(message.link_address->bytes.data(), &rest[2], 6);
    }
    rest = rest.subspan(size);
  }
  return message;
}

size_t neighbor_message_size(const NeighborMessage& message) {
  return kMessageSize + (message.link_address ? kLinkAddressOptionSize : 0);
}

void emit_neighbor_message(const NeighborMessage& message, std::span<uint8_t> out) {
  assert(out.size() >= neighbor_message_size(message));
  uint8_t* p = out.data();
  uint32_t flags = 0;
  if (message.advertisement)
    flags = (message.router ? kRouter : 0) | (message.solicited ? kSolicited : 0) | (message.override_ ? kOverride : 0);
  p[0] = message.advertisement ? icmpv6_type::kNeighborAdvertisement : icmpv6_type::kNeighborSolicitation;
  p[1] = 0;
  store16(p + 2, 0);
  store32(p + 4, flags);
  std::memcpy(p + 8, message.target.bytes().data(), 16);
  if (message.link_address) {
    p[24] = message.advertisement ? kTargetLinkAddress : kSourceLinkAddress;
    p[25] = 1;
    std::memcpy(p + 26, message.link_address->bytes.data(), 6);
  }
}

}  // namespace tributary::wire
