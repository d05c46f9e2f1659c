// The 4-tuple that names a TCP connection, seen from this host.
#pragma once

#include <cstdint>

#include "stack/wire/ip_address.h"

namespace tributary {

struct FlowKey {
  IpAddress local;
  IpAddress remote;
  uint16_t local_port = 0;
  uint16_t remote_port = 0;
  bool operator==(const FlowKey&) const = default;
};

/// Keyed hash of the 4-tuple: an attacker who does not know `secret` cannot aim at one bucket.
uint32_t hash_flow(const FlowKey& key, uint64_t secret);

}  // namespace tributary
