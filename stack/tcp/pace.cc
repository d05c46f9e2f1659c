#include "stack/tcp/pace.h"

#include <algorithm>

#include "stack/congestion/send_quantum.h"
#include "stack/mptcp/send.h"
#include "stack/tcp/model_events.h"
#include "stack/tcp/output.h"

namespace tributary::tcp {
namespace {

/// On shorter round trips a burst of a window is over within some ticks of the wheel.
constexpr Micros kShortest(1000);

}  // namespace

void update_pacing(Context& context, Tcb& tcb) {
  const PathModel* model = model_of(context, tcb);
  const uint32_t window = tcb.cc.cwnd;
  // A request or a short answer leaves at once: up to the initial window every network has to take a burst (RFC 6928).
  const bool paced = model != nullptr || (context.settings.pacing && Micros(tcb.srtt) >= kShortest &&
                                          window > congestion::initial_window(tcb.mss));
  if (!paced) {
    if (tcb.paced) stop_pacing(context, tcb);
    return;
  }
  Pacing& pacing = tcb.flight->pacing;
  if (!tcb.paced) {
    pacing.timer.owner = context.tcbs.index(tcb);
    pacing.next_send_ns = 0;
    tcb.paced = 1;
  }
  if (model != nullptr) {
    // A segment a second at least: a model made of a few bytes in a long time, where most was lost, would keep even the
    // timer's retransmissions waiting for minutes, and learn no better.
    return pacing.set_rate(std::max<uint64_t>(model->bbr.pacing_rate, tcb.mss), model->bbr.send_quantum);
  }
  const uint64_t base = uint64_t{window} * 1'000'000 / tcb.srtt;
  const uint64_t rate = base + (tcb.cc.in_slow_start() ? base : base / 4);
  pacing.set_rate(rate, congestion::send_quantum(rate, tcb.mss));
}

void stop_pacing(Context& context, Tcb& tcb) {
  if (tcb.paced) context.pacing_wheel.remove(tcb.flight->pacing.timer);
  tcb.paced = 0;
}

bool has_data(const Context& context, const Tcb& tcb) {
  if (tcb.flight != nullptr && (tcb.flight->unsent != nullptr || tcb.flight->lost_bytes != 0)) return true;
  return tcb.is_subflow() && context.connections.at(tcb.connection).snd_unsent != nullptr;
}

uint32_t paced_room(const Context& context, const Tcb& tcb) {
  if (const PathModel* model = model_of(context, tcb)) return 2 * model->bbr.send_quantum;
  return tcb.paced ? 2 * tcb.flight->pacing.quantum : UINT32_MAX;
}

void arm_pacing(Context& context, Tcb& tcb) {
  if (!tcb.paced) return;
  Pacing& pacing = tcb.flight->pacing;
  if (!has_data(context, tcb) || in_flight(tcb) + tcb.mss > tcb.cc.cwnd)
    return context.pacing_wheel.cancel(pacing.timer);
  if (!pacing.is_open(context.now)) return context.pacing_wheel.arm(pacing.timer, pacing.opens_at());
  context.pacing_wheel.cancel(pacing.timer);
  // All it was given is sent, and it may send more.
  if (tcb.tx_unsent() == nullptr && tcb.is_subflow())
    mptcp::request_schedule(context, context.connections.at(tcb.connection));
}

void on_pacing_timer(Context& context, Tcb& tcb) {
  request_output(context, tcb);
  if (tcb.is_subflow()) mptcp::request_schedule(context, context.connections.at(tcb.connection));
}

}  // namespace tributary::tcp
