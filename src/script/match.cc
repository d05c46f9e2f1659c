#include "src/script/match.h"

#include <algorithm>
#include <cstdlib>

#include "src/script/describe.h"
#include "src/script/encode.h"
#include "src/script/inbound.h"

namespace tributary::script {
namespace {

using namespace wire::tcp_flag;

std::string differs(const char* what, const std::string& expected, const std::string& got) {
  return std::string(what) + ": expected " + expected + ", got " + got;
}
std::string differs(const char* what, uint64_t expected, uint64_t got) {
  return differs(what, std::to_string(expected), std::to_string(got));
}

/// One packet against its expectation.
class Matcher {
 public:
  Matcher(const PacketSpec& packet, const TcpSpec& spec, const LivePacket& live, Flow& flow, MptcpNames& names,
          const MatchOptions& options)
      : packet_(packet), spec_(spec), live_(live), tcp_(*live.tcp), flow_(flow), names_(names), options_(options) {}

  std::vector<std::string> run() {
    learn_isn();
    wire::parse_tcp_options(live_.options, parsed_);
    differences_.insert(differences_.end(), live_.defects.begin(), live_.defects.end());
    match_ip();
    match_header();
    if (!spec_.any_options) match_options();
    learn_mapping();
    match_payload();
    return std::move(differences_);
  }

 private:
  void learn_isn() {
    if (!(tcp_.has(kSyn) && spec_.flags & kSyn)) {
      if (!flow_.local_seq.known) flow_.local_seq.set(0, tcp_.seq.raw() - spec_.seq);
      return;
    }
    if (flow_.new_remote_isn && tcp_.has(kAck)) {
      flow_.remote_seq.set(*flow_.new_remote_isn, flow_.remote_seq.to_live(*flow_.new_remote_isn, true));
      flow_.new_remote_isn.reset();
      flow_.local_seq.known = false;
      flow_.inbound_data_shift = flow_.outbound_data_shift = 0;
    }
    if (!flow_.local_seq.known) flow_.local_seq.set(spec_.seq, tcp_.seq.raw());
  }

  void add(std::string difference) { differences_.push_back(std::move(difference)); }

  void match_ip() {
    const wire::IpHeader& ip = live_.ip;
    const uint8_t ecn = ip.traffic_class & 3;
    if (packet_.ip.ecn && *packet_.ip.ecn != ecn) add(differs("ECN field", *packet_.ip.ecn, ecn));
    if (packet_.ip.any_ect && ecn != 1 && ecn != 2) add(differs("ECN field", "ECT(0) or ECT(1)", std::to_string(ecn)));
    if (packet_.ip.tos && *packet_.ip.tos != ip.traffic_class)
      add(differs("type of service", *packet_.ip.tos, ip.traffic_class));
    if (packet_.ip.ttl && *packet_.ip.ttl != ip.hop_limit) add(differs("time to live", *packet_.ip.ttl, ip.hop_limit));
    if (packet_.ip.flow_label && *packet_.ip.flow_label != ip.flow_label)
      add(differs("flow label", *packet_.ip.flow_label, ip.flow_label));
  }

  void match_header() {
    // Where PSH stands within a burst is a matter of segmentation offload.
    const uint16_t ignored = live_.coalesced ? kPsh : 0;
    if ((spec_.flags | ignored) != (tcp_.flags | ignored))
      add(differs("flags", describe_flags(spec_.flags), describe_flags(tcp_.flags)));
    // A reset that answers a segment without ACK has the sequence number 0 (RFC 9293 §3.10.7.1), whatever the
    // ISN.
    const bool zero_reset = tcp_.has(kRst) && spec_.seq == 0 && tcp_.seq.raw() == 0;
    const uint32_t seq = flow_.local_seq.to_script(tcp_.seq.raw(), tcp_.has(kSyn));
    if (seq != spec_.seq && !zero_reset) add(differs("sequence number", spec_.seq, seq));
    if (spec_.payload_size != live_.body.size()) add(differs("payload size", spec_.payload_size, live_.body.size()));
    if (spec_.ack) {
      const uint32_t ack =
          flow_.remote_seq.known ? flow_.remote_seq.to_script(tcp_.ack.raw(), tcp_.has(kSyn)) : tcp_.ack.raw();
      if (ack != *spec_.ack) add(differs("acknowledgement number", *spec_.ack, ack));
    }
    if (spec_.window && *spec_.window != tcp_.window) add(differs("window", *spec_.window, tcp_.window));
    if (spec_.urgent.value_or(0) != tcp_.urgent) add(differs("urgent pointer", spec_.urgent.value_or(0), tcp_.urgent));
  }

  void match_options() {
    EncodeContext context{false, spec_, flow_, names_, &live_, &parsed_};
    const Bytes expected = encode_options(context);
    if (expected != live_.options)
      add(differs("options", "<" + describe_options(expected, &flow_, names_, true) + ">",
                  "<" + describe_options(live_.options, &flow_, names_, true) + ">"));
    if (options_.timestamp_tick_us == 0 || !flow_.first_timestamp) return;
    for (const OptionSpec& option : spec_.options) {
      const auto* timestamp = std::get_if<TimestampOption>(&option);
      if (timestamp == nullptr || !parsed_.has(wire::TcpOptions::kTimestamps)) continue;
      const auto& [script, live] = *flow_.first_timestamp;
      const int64_t wanted = static_cast<int32_t>(timestamp->value - script);
      const int64_t got = static_cast<int32_t>(parsed_.ts_value - live);
      const int64_t slack = 4000 / options_.timestamp_tick_us + 1;
      if (std::llabs(wanted - got) > slack)
        add(differs("TS val", timestamp->value, script + static_cast<uint32_t>(got)));
    }
  }

  void learn_mapping() {
    const wire::MptcpOptions& mptcp = parsed_.mptcp;
    if (mptcp.has(wire::MptcpOptions::kCapable) && mptcp.capable.has_data_length)
      names_.next_stack_dsn = std::max<uint64_t>(names_.next_stack_dsn, 1 + mptcp.capable.data_length);
    if (!mptcp.has(wire::MptcpOptions::kDss) || !mptcp.dss.has_mapping || !names_.stack_key) return;
    const wire::Dss& dss = mptcp.dss;
    const uint64_t idsn = names_.stack_idsn();
    const uint64_t dsn = dss.dsn_64 ? dss.dsn : DataSeq::nearest(static_cast<uint32_t>(dss.dsn), DataSeq(idsn)).raw();
    const uint64_t relative = dsn - idsn;
    if (dss.subflow_seq != 0) flow_.outbound_data_shift = static_cast<int64_t>(relative) - dss.subflow_seq;
    names_.next_stack_dsn = std::max(names_.next_stack_dsn, relative + dss.data_length);
  }

  void match_payload() {
    const Bytes& body = live_.body;
    if (spec_.payload) {
      if (!std::equal(body.begin(), body.end(), spec_.payload->begin(), spec_.payload->end()))
        add(differs("payload", "\"" + *spec_.payload + "\"", "\"" + std::string(body.begin(), body.end()) + "\""));
      return;
    }
    if (!options_.check_payload || body.empty()) return;
    const int64_t place =
        static_cast<int32_t>(tcp_.seq.raw() - flow_.local_seq.live_isn) - 1 + flow_.outbound_data_shift;
    const Bytes pattern = make_pattern(static_cast<uint64_t>(std::max<int64_t>(place, 0)), body.size());
    const auto at = std::mismatch(body.begin(), body.end(), pattern.begin()).first;
    if (at != body.end())
      add("payload: byte " + std::to_string(at - body.begin()) +
          " is not what was written at this place of the stream");
  }

  const PacketSpec& packet_;
  const TcpSpec& spec_;
  const LivePacket& live_;
  const wire::TcpHeader& tcp_;
  Flow& flow_;
  MptcpNames& names_;
  const MatchOptions& options_;
  wire::TcpOptions parsed_;
  std::vector<std::string> differences_;
};

}  // namespace

std::vector<std::string> match_outbound(const PacketSpec& spec, const LivePacket& live, Flow& flow, MptcpNames& names,
                                        const MatchOptions& options) {
  if (const auto* tcp = std::get_if<TcpSpec>(&spec.body)) {
    if (!live.tcp) return {"it is no TCP segment"};
    return Matcher(spec, *tcp, live, flow, names, options).run();
  }
  if (!live.icmp) return {"it is no ICMP message"};
  const IcmpNumbers numbers = find_icmp(std::get<IcmpSpec>(spec.body), live.ip.is_v4());
  if (numbers.type != live.icmp->type) return {differs("ICMP type", numbers.type, live.icmp->type)};
  if (numbers.code != live.icmp->code) return {differs("ICMP code", numbers.code, live.icmp->code)};
  return live.defects;
}

}  // namespace tributary::script
