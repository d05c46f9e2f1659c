#include "stack/wire/ip_extension.h"

#include "stack/wire/byte_order.h"

namespace tributary::wire {

namespace {
constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51, kDestinationOptions = 60;
}

bool skip_extension_headers(uint8_t next_header, std::span<const uint8_t> bytes, ExtensionChain& out) {
  out = {.protocol = next_header};
  for (int headers = 0;; ++headers) {
    switch (out.protocol) {
      case kHopByHop:
        if (headers != 0) return false;  // only right behind the fixed header (RFC 8200 §4.1)
        break;
      case kRouting:
      case kFragment:
      case kAuthentication:
      case kDestinationOptions:
        break;
      default:
        return true;
    }
    if (headers == kMaxExtensionHeaders) return false;
    const auto rest = bytes.subspan(out.size);
    if (rest.size() < 8) return false;

    size_t size = (rest[1] + 1u) * 8;
    if (out.protocol == kFragment) {
      size = 8;
      const uint16_t offset_and_more = load16(&rest[2]);  // offset(13) reserved(2) M(1)
      out.is_fragment = offset_and_more & 0xfff9;
      out.is_later_fragment = offset_and_more & 0xfff8;
      if (out.is_fragment) {
        out.more_fragments = offset_and_more & 1;
        out.fragment_offset = offset_and_more & 0xfff8;
        out.identification = load32(&rest[4]);
      }
    } else if (out.protocol == kAuthentication) {
      size = (rest[1] + 2u) * 4;  // RFC 4302 §2.2: in 32-bit words, minus two
    } else if (out.protocol == kRouting && rest[3] != 0) {
      return false;  // segments left: we are not the destination of the packet, and no router
    }
    if (size > rest.size()) return false;
    out.protocol = rest[0];
    out.size += static_cast<uint32_t>(size);
    if (out.is_fragment) return true;
  }
}

}  // namespace tributary::wire
