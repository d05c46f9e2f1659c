#include "testbed/link/frame_filter.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace tributary::link {

namespace {

Address map_ipv4(std::span<const std::uint8_t> bytes) {
  Address address{};
  address[10] = address[11] = 0xff;
  std::copy_n(bytes.begin(), 4, address.begin() + 12);
  return address;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  std::string terminated(text);
  Address address{};
  if (inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
  std::array<std::uint8_t, 4> ipv4{};
  if (inet_pton(AF_INET, terminated.c_str(), ipv4.data()) == 1) return map_ipv4(ipv4);
  return std::nullopt;
}

std::optional<Address> find_destination(std::span<const std::uint8_t> frame) {
  constexpr std::size_t kIpv4Header = 20, kIpv6Header = 40;
  std::size_t at = 12;
  for (int tags = 0; tags <= 2; ++tags, at += 4) {
    if (frame.size() < at + 2) return std::nullopt;
    unsigned type = frame[at] * 256u + frame[at + 1];
    auto payload = frame.subspan(at + 2);
    if (type == 0x0800 && payload.size() >= kIpv4Header) return map_ipv4(payload.subspan(16, 4));
    if (type == 0x86dd && payload.size() >= kIpv6Header) {
      Address address;
      std::copy_n(payload.begin() + 24, 16, address.begin());
      return address;
    }
    if (type != 0x8100 && type != 0x88a8) return std::nullopt;
  }
  return std::nullopt;
}

bool FrameFilter::add(const Address& destination) {
  if (destinations_.size() >= kMostAddresses) return false;
  destinations_.push_back(destination);
  return true;
}

bool FrameFilter::swallows(std::span<const std::uint8_t> frame) const {
  if (destinations_.empty()) return false;
  auto destination = find_destination(frame);
  return destination && std::find(destinations_.begin(), destinations_.end(), *destination) != destinations_.end();
}

}  // namespace tributary::link
