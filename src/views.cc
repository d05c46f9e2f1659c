#include "src/views.h"

#include "datapath/concat.h"

namespace tributary {
namespace {

using datapath::TelemetryValue;

uint64_t flag(bool value) {
  return value ? 1 : 0;
}

TelemetryValue view_subflow(const SubflowInfo& subflow) {
  TelemetryValue view;
  view.add("local", format_endpoint(subflow.key.local, subflow.key.local_port));
  view.add("remote", format_endpoint(subflow.key.remote, subflow.key.remote_port));
  view.add("state", subflow.state);
  view.add("bytes_received", subflow.bytes_received);
  view.add("bytes_sent", subflow.bytes_sent);
  view.add("srtt_us", uint64_t{subflow.srtt_us});
  view.add("rttvar_us", uint64_t{subflow.rttvar_us});
  view.add("rto_us", uint64_t{subflow.rto_us});
  view.add("cwnd", uint64_t{subflow.cwnd});
  view.add("ssthresh", uint64_t{subflow.ssthresh});
  view.add("in_flight", uint64_t{subflow.in_flight});
  view.add("send_window", uint64_t{subflow.send_window});
  view.add("retransmissions", uint64_t{subflow.retransmissions});
  view.add("backup", flag(subflow.backup));
  view.add("stale", flag(subflow.stale));
  view.add("local_id", uint64_t{subflow.local_id});
  view.add("remote_id", uint64_t{subflow.remote_id});
  return view;
}

std::string_view name_state(proxy::RelayState state) {
  switch (state) {
    case proxy::RelayState::kAwaitingRequest:
      return "awaiting request";
    case proxy::RelayState::kConnecting:
      return "connecting";
    case proxy::RelayState::kRelaying:
      return "relaying";
    case proxy::RelayState::kClosing:
      return "closing";
  }
  return {};
}

}  // namespace

std::string format_endpoint(const IpAddress& address, uint16_t port) {
  return address.is_v4() ? concat(address.to_string(), ":", port) : concat("[", address.to_string(), "]:", port);
}

TelemetryValue view_stream(const StreamInfo& stream) {
  TelemetryValue view;
  view.add("mptcp", flag(stream.mptcp));
  view.add("fallback", flag(stream.fallback));
  view.add("token", uint64_t{stream.token});
  view.add("bytes_received", stream.bytes_received);
  view.add("bytes_sent", stream.bytes_sent);
  view.add("send_queued", uint64_t{stream.send_queued});
  view.add("receive_held", uint64_t{stream.receive_held});
  TelemetryValue subflows;
  for (size_t i = 0; i < stream.subflows.size(); ++i) subflows.add(concat("s", i), view_subflow(stream.subflows[i]));
  view.add("subflows", std::move(subflows));
  return view;
}

TelemetryValue view_relay(const proxy::RelayInfo& relay, std::string_view listener) {
  TelemetryValue view;
  view.add("id", uint64_t{relay.id});
  view.add("listener", listener);
  view.add("state", name_state(relay.state));
  view.add("age_s", uint64_t{relay.age_seconds});
  if (relay.access) view.add("access", view_stream(*relay.access));
  if (relay.server) view.add("server", view_stream(*relay.server));
  return view;
}

TelemetryValue view_counters(const Counters& counters) {
  TelemetryValue view;
  for (const CounterInfo& info : kCounterInfo) view.add(std::string(info.name), counters.*info.member);
  return view;
}

}  // namespace tributary
