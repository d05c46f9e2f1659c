#include "stack/tcp/mtu_search.h"

#include "stack/tcp/path_mtu.h"

namespace tributary::tcp {
namespace {

constexpr Micros kPause = Micros::seconds(10);
constexpr Micros kRest = Micros::seconds(600);
constexpr uint32_t kFollowers = 8;  // lost segments behind one that probes: their SACKs tell if it is lost again

/// Eight bits are all there is room for: ticks of 8.4 seconds, compared as numbers that wrap.
uint8_t tick_of(Micros time) {
  return static_cast<uint8_t>(time.count() >> 23);
}

void pause(const Context& context, Tcb& tcb, Micros time) {
  tcb.mtu_search_tick = static_cast<uint8_t>(tick_of(context.now + time) + 1);
}

uint16_t wanted_mss(const Tcb& tcb) {
  const uint16_t most = segment_size(tcb.hop.mtu, tcb.key.remote);
  if (tcb.mtu_search == MtuSearch::kWhole) return most;
  return std::min(most, segment_size(ip::next_higher_mtu(path_mtu(tcb)), tcb.key.remote));
}

/// After time-outs the first large one to be sent again will do: an outage leaves many of them, and pieces of each
/// would be three times as many packets.
bool may_probe_with_lost(const Tcb& tcb, uint16_t full) {
  return tcb.mtu_search == MtuSearch::kWhole && in_flight(tcb) >= 2u * full &&
         tcb.flight->lost_bytes >= kFollowers * full;
}

bool may_probe(const Context& context, const Tcb& tcb, uint16_t full) {
  if (tcb.mss >= segment_size(tcb.hop.mtu, tcb.key.remote) || !tcb.has(kSackPermitted)) return false;
  if (static_cast<int8_t>(tick_of(context.now) - tcb.mtu_search_tick) < 0) return false;
  if (tcb.backoff != 0 || tcb.has(kInRecovery)) return false;
  if (tcb.flight == nullptr) return true;
  if (tcb.flight->mtu_probe) return false;
  return tcb.has(kInLoss) ? may_probe_with_lost(tcb, full) : tcb.flight->lost_bytes == 0;
}

}  // namespace

uint16_t largest_payload(const Context& context, const Tcb& tcb, uint16_t full) {
  if (!may_probe(context, tcb, full)) return full;
  const auto payload = static_cast<uint16_t>(full + wanted_mss(tcb) - tcb.mss);
  const int32_t window = (tcb.snd_una + tcb.snd_wnd) - tcb.snd_nxt;
  return tcb.has(kInLoss) || window >= payload ? payload : full;
}

void on_mtu_probe_delivered(Context& context, Tcb& tcb, uint16_t payload) {
  ++context.counters.tcp_mtu_probes_delivered;
  tcb.flight->mtu_probe = false;
  const uint16_t wanted = wanted_mss(tcb);
  tcb.mss = static_cast<uint16_t>(tcb.mss + payload - payload_per_segment(context, tcb));
  // A packet smaller than what was wanted says nothing of that.
  if (tcb.mss >= wanted || tcb.mtu_search != MtuSearch::kWhole) tcb.mtu_search = MtuSearch::kSteps;
  context.ip.raise_path_mtu(tcb.key.remote, path_mtu(tcb));
}

void on_mtu_probe_lost(Context& context, Tcb& tcb, rte_mbuf* m) {
  ++context.counters.tcp_mtu_probes_lost;
  tcb.flight->mtu_probe = false;
  tcb.flight->lost_bytes += info_of(m).payload_size;
  info_of(m).flags |= kPktLost;
  if (Scoreboard* board = find_scoreboard(context, *tcb.flight)) board->note_lost(m);
  if (tcb.mtu_search == MtuSearch::kSteps) return search_mtu(context, tcb, MtuSearch::kAgain);
  context.ip.learn_path_mtu(tcb.key.remote, path_mtu(tcb), context.now);
  const bool outage = tcb.mtu_search == MtuSearch::kWhole;
  search_mtu(context, tcb, outage ? MtuSearch::kSteps : MtuSearch::kResting);
}

void search_mtu(const Context& context, Tcb& tcb, MtuSearch how) {
  tcb.mtu_search = how;
  if (how == MtuSearch::kAgain || how == MtuSearch::kResting)
    pause(context, tcb, how == MtuSearch::kAgain ? kPause : kRest);
  else
    tcb.mtu_search_tick = tick_of(context.now);
}

}  // namespace tributary::tcp
