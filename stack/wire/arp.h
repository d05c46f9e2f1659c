// ARP for IPv4 over Ethernet (RFC 826).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "stack/wire/ip_address.h"

namespace tributary::wire {

constexpr size_t kArpSize = 28;

struct Arp {
  enum class Operation : uint16_t { kRequest = 1, kReply = 2 };
  Operation operation = Operation::kRequest;
  MacAddress sender_mac{};
  IpAddress sender_ip{};
  MacAddress target_mac{};
  IpAddress target_ip{};
  bool operator==(const Arp&) const = default;
};

/// Empty unless this is an Ethernet/IPv4 request or reply.
std::optional<Arp> parse_arp(std::span<const uint8_t> bytes);
void emit_arp(const Arp& arp, std::span<uint8_t> out);

}  // namespace tributary::wire
