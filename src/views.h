// What telemetry shows, as trees. Numbers of microseconds, bytes and seconds; 1 and 0 for yes and no.
#pragma once

#include "datapath/telemetry.h"
#include "proxy/concentrator.h"
#include "stack/base/counters.h"
#include "stack/stack.h"

namespace tributary {

/// "192.0.2.1:80", "[2001:db8::1]:80".
std::string format_endpoint(const IpAddress& address, uint16_t port);

datapath::TelemetryValue view_stream(const StreamInfo& stream);
/// `listener` is the configured name.
datapath::TelemetryValue view_relay(const proxy::RelayInfo& relay, std::string_view listener);
datapath::TelemetryValue view_counters(const Counters& counters);

}  // namespace tributary
