#include "src/script/tcp_info.h"

#include <linux/tcp.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tributary::script {
namespace {

// Linux's numbers of the states; user space has no header with both these and struct tcp_info.
enum KernelState : uint64_t {
  kEstablished = 1,
  kSynSent = 2,
  kSynRecv = 3,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kTimeWait = 6,
  kClose = 7,
  kCloseWait = 8,
  kLastAck = 9,
  kListen = 10,
  kClosing = 11,
};
constexpr uint64_t kInfiniteThreshold = 0x7fffffff;
constexpr uint64_t kOptTfoChild = 128;  // newer than some headers
constexpr uint64_t kDupThresh = 3;

constexpr auto kConstants = std::to_array<TcpVariable>({
    {"TCP_ESTABLISHED", kEstablished},
    {"TCP_SYN_SENT", kSynSent},
    {"TCP_SYN_RECV", kSynRecv},
    {"TCP_FIN_WAIT1", kFinWait1},
    {"TCP_FIN_WAIT2", kFinWait2},
    {"TCP_TIME_WAIT", kTimeWait},
    {"TCP_CLOSE", kClose},
    {"TCP_CLOSE_WAIT", kCloseWait},
    {"TCP_LAST_ACK", kLastAck},
    {"TCP_LISTEN", kListen},
    {"TCP_CLOSING", kClosing},
    {"TCP_CA_Open", TCP_CA_Open},
    {"TCP_CA_Disorder", TCP_CA_Disorder},
    {"TCP_CA_CWR", TCP_CA_CWR},
    {"TCP_CA_Recovery", TCP_CA_Recovery},
    {"TCP_CA_Loss", TCP_CA_Loss},
    {"TCPI_OPT_TIMESTAMPS", TCPI_OPT_TIMESTAMPS},
    {"TCPI_OPT_SACK", TCPI_OPT_SACK},
    {"TCPI_OPT_WSCALE", TCPI_OPT_WSCALE},
    {"TCPI_OPT_ECN", TCPI_OPT_ECN},
    {"TCPI_OPT_SYN_DATA", TCPI_OPT_SYN_DATA},
    {"TCPI_OPT_TFO_CHILD", kOptTfoChild},
});

uint64_t state_of(tcp::State state) {
  switch (state) {
    case tcp::State::kClosed:
      return kClose;
    case tcp::State::kSynSent:
      return kSynSent;
    case tcp::State::kDeferred:
    case tcp::State::kSynReceived:
      return kSynRecv;
    case tcp::State::kEstablished:
      return kEstablished;
    case tcp::State::kFinWait1:
      return kFinWait1;
    case tcp::State::kFinWait2:
      return kFinWait2;
    case tcp::State::kCloseWait:
      return kCloseWait;
    case tcp::State::kClosing:
      return kClosing;
    case tcp::State::kLastAck:
      return kLastAck;
  }
  return kClose;
}

uint64_t verdict_of(tcp::PathVerdict verdict) {
  switch (verdict) {
    case tcp::PathVerdict::kOpen:
      return TCP_CA_Open;
    case tcp::PathVerdict::kDisorder:
      return TCP_CA_Disorder;
    case tcp::PathVerdict::kReduced:
      return TCP_CA_CWR;
    case tcp::PathVerdict::kRecovery:
      return TCP_CA_Recovery;
    case tcp::PathVerdict::kLoss:
      return TCP_CA_Loss;
  }
  return TCP_CA_Open;
}

uint64_t options_of(const tcp::TcpInfo& info) {
  uint64_t options = 0;
  if (info.timestamps) options |= TCPI_OPT_TIMESTAMPS;
  if (info.sack) options |= TCPI_OPT_SACK;
  if (info.window_scaled) options |= TCPI_OPT_WSCALE;
  if (info.ecn) options |= TCPI_OPT_ECN;
  if (info.syn_data) options |= TCPI_OPT_SYN_DATA | (info.passive ? kOptTfoChild : 0);
  return options;
}

uint64_t segments(const tcp::TcpInfo& info, uint32_t bytes) {
  return bytes / std::max<uint32_t>(info.snd_mss, 1);
}

}  // namespace

std::vector<TcpVariable> name_tcp_info(const tcp::TcpInfo& info) {
  std::vector<TcpVariable> out = {
      {"tcpi_state", state_of(info.state)},
      {"tcpi_ca_state", verdict_of(info.verdict)},
      {"tcpi_options", options_of(info)},
      {"tcpi_snd_wscale", info.snd_wscale},
      {"tcpi_rcv_wscale", info.rcv_wscale},
      {"tcpi_rto", info.rto},
      {"tcpi_ato", info.ato},
      {"tcpi_snd_mss", info.snd_mss},
      {"tcpi_unacked", info.unacked},
      {"tcpi_sacked", info.sacked},
      {"tcpi_lost", info.lost},
      {"tcpi_retrans", info.retransmitted},
      {"tcpi_pmtu", info.path_mtu},
      {"tcpi_rtt", info.srtt},
      {"tcpi_rttvar", info.rttvar},
      {"tcpi_snd_ssthresh",
       info.ssthresh == congestion::kNoThreshold ? kInfiniteThreshold : segments(info, info.ssthresh)},
      {"tcpi_snd_cwnd", segments(info, info.cwnd)},
      {"tcpi_advmss", info.announced_mss},
      {"tcpi_total_retrans", info.retransmissions},
      {"tcpi_bytes_acked", info.bytes_acked},
      {"tcpi_bytes_received", info.bytes_received},
      {"tcpi_notsent_bytes", info.not_sent},
      {"tcpi_snd_wnd", info.snd_wnd},
      {"tcpi_rcv_wnd", info.rcv_wnd},
  };
  const auto add = [&out](std::string_view name, uint64_t value) { out.push_back({name, value}); };
  if (info.min_rtt != 0) add("tcpi_min_rtt", info.min_rtt);
  if (info.silence_ms) add("tcpi_last_ack_recv", *info.silence_ms);
  if (info.pacing_rate) add("tcpi_pacing_rate", *info.pacing_rate);
  // How far and how often segments overtook each other is not counted, only that they did.
  if (!info.reordering) {
    add("tcpi_reordering", kDupThresh);
    add("tcpi_reord_seen", 0);
  }
  if (info.state == tcp::State::kClosed) return out;
  add("tcpi_backoff", info.time_outs);
  if (!info.window_probes) add("tcpi_retransmits", info.time_outs);
  // Of window probes those since the last answer are not told from the others.
  if (!info.window_probes || info.time_outs == 0) add("tcpi_probes", 0);
  return out;
}

std::vector<TcpVariable> name_listener_info(size_t waiting, int backlog) {
  return {
      {"tcpi_state", kListen}, {"tcpi_unacked", waiting}, {"tcpi_sacked", static_cast<uint64_t>(std::max(backlog, 0))}};
}

std::vector<TcpVariable> name_closed_info() {
  return {{"tcpi_state", kClose}};
}

std::span<const TcpVariable> tcp_info_constants() {
  return kConstants;
}

size_t write_tcp_info(std::span<const TcpVariable> variables, std::span<std::byte> out) {
  const auto value = [variables](std::string_view name) -> uint64_t {
    const auto found =
        std::find_if(variables.begin(), variables.end(), [name](const auto& v) { return v.name == name; });
    return found == variables.end() ? 0 : found->value;
  };
  tcp_info info{};
#define TRIBUTARY_TCP_INFO(member) info.member = static_cast<decltype(info.member)>(value(#member))
  TRIBUTARY_TCP_INFO(tcpi_state);
  TRIBUTARY_TCP_INFO(tcpi_ca_state);
  TRIBUTARY_TCP_INFO(tcpi_retransmits);
  TRIBUTARY_TCP_INFO(tcpi_probes);
  TRIBUTARY_TCP_INFO(tcpi_backoff);
  TRIBUTARY_TCP_INFO(tcpi_options);
  TRIBUTARY_TCP_INFO(tcpi_rto);
  TRIBUTARY_TCP_INFO(tcpi_ato);
  TRIBUTARY_TCP_INFO(tcpi_snd_mss);
  TRIBUTARY_TCP_INFO(tcpi_unacked);
  TRIBUTARY_TCP_INFO(tcpi_sacked);
  TRIBUTARY_TCP_INFO(tcpi_lost);
  TRIBUTARY_TCP_INFO(tcpi_retrans);
  TRIBUTARY_TCP_INFO(tcpi_last_ack_recv);
  TRIBUTARY_TCP_INFO(tcpi_pmtu);
  TRIBUTARY_TCP_INFO(tcpi_rtt);
  TRIBUTARY_TCP_INFO(tcpi_rttvar);
  TRIBUTARY_TCP_INFO(tcpi_snd_ssthresh);
  TRIBUTARY_TCP_INFO(tcpi_snd_cwnd);
  TRIBUTARY_TCP_INFO(tcpi_advmss);
  TRIBUTARY_TCP_INFO(tcpi_reordering);
  TRIBUTARY_TCP_INFO(tcpi_total_retrans);
  TRIBUTARY_TCP_INFO(tcpi_pacing_rate);
  TRIBUTARY_TCP_INFO(tcpi_bytes_acked);
  TRIBUTARY_TCP_INFO(tcpi_bytes_received);
  TRIBUTARY_TCP_INFO(tcpi_notsent_bytes);
  TRIBUTARY_TCP_INFO(tcpi_min_rtt);
  TRIBUTARY_TCP_INFO(tcpi_snd_wnd);
#undef TRIBUTARY_TCP_INFO
  // Bit fields have no type to ask for.
  info.tcpi_snd_wscale = value("tcpi_snd_wscale") & 0xf;
  info.tcpi_rcv_wscale = value("tcpi_rcv_wscale") & 0xf;
  const size_t size = std::min(out.size(), sizeof info);
  std::memcpy(out.data(), &info, size);
  return size;
}

}  // namespace tributary::script
