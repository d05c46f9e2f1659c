// Builds Convert messages (RFC 8803 §6): the converter's replies, and the client's requests for tools and
// tests. Every function returns a complete message, header included.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/convert/message.h"
#include "proxy/convert/request.h"

namespace tributary::convert {

/// Success: an Extended TCP Header TLV with the options of the server's SYN-ACK, as they came (at most 40
/// bytes).
Message build_accept(std::span<const uint8_t> syn_ack_options);
/// The answer to Info: kinds of the TCP options supported.
Message build_supported_extensions(std::span<const uint8_t> kinds = kSupportedOptions);

/// An Error TLV with the value bytes that follow the code (§6.2.8); what does not fit 1020 bytes is cut off.
Message build_error(ErrorCode code, std::span<const uint8_t> value = {});
/// The error `parse_request` found.
Message build_error(const Request& request);
/// The cookie shall be a multiple of four bytes: its length is not in the TLV.
Message build_missing_cookie(std::span<const uint8_t> cookie);
/// `seconds` until the client may try again, at most 255; 0 leaves it to the client.
Message build_resource_exceeded(uint32_t seconds);
Message build_network_failure(uint32_t seconds);
Message build_unreachable(uint8_t icmp_code);

/// A Connect to `address` and `port`; with `options` ({kind, length, value}…, no padding) an Extended one. A
/// cookie TLV goes with it unless `cookie` is empty.
Message build_connect(const IpAddress& address, uint16_t port, std::span<const uint8_t> options = {},
                      std::span<const uint8_t> cookie = {});
Message build_info();

}  // namespace tributary::convert
