// A TCP segment that arrived, parsed once; and one that is about to leave.
#pragma once

#include <cstdint>

#include "stack/base/seq_num.h"
#include "stack/flow/flow_key.h"
#include "stack/packet/packet.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"

namespace tributary::tcp {

/// `packet.info()` describes the payload: seq, payload_offset, payload_size, payload_sum.
struct Segment {
  Packet packet;
  FlowKey key;
  uint32_t hash = 0;  ///< of `key`
  uint16_t interface = 0;
  uint16_t flags = 0;           ///< wire::tcp_flag bits
  uint16_t window = 0;          ///< unscaled
  uint16_t options_offset = 0;  ///< of the option area in the frame
  uint8_t options_size = 0;
  uint8_t traffic_class = 0;  ///< of the IP header
  bool for_us = false;        ///< destination is an address of ours
  SeqNum seq;
  SeqNum ack;
  const wire::TcpOptions* options = nullptr;

  bool has(uint16_t flag) const { return flags & flag; }
  uint16_t payload_size() const { return packet.info().payload_size; }
  /// Length in sequence space.
  uint32_t length() const {
    return payload_size() + (has(wire::tcp_flag::kSyn) ? 1u : 0u) + (has(wire::tcp_flag::kFin) ? 1u : 0u);
  }
};

}  // namespace tributary::tcp
