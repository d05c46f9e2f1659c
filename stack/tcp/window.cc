#include "stack/tcp/window.h"

#include <algorithm>

#include "stack/mptcp/receive.h"

namespace tributary::tcp {

uint32_t receive_window(const Tcb& tcb) {
  const uint32_t free = tcb.receive_budget > tcb.held ? tcb.receive_budget - tcb.held : 0;
  const int32_t promised = tcb.rcv_adv - tcb.rcv_nxt;
  return std::max<uint32_t>(free, promised > 0 ? static_cast<uint32_t>(promised) : 0);
}

uint16_t advertise_window(Context& context, Tcb& tcb, bool syn) {
  const uint8_t scale = syn ? 0 : tcb.rcv_wscale;
  const uint32_t window = tcb.is_subflow() ? mptcp::receive_window(context, tcb, scale) : receive_window(tcb);
  // Rounding down would move the edge left by less than one unit; rounding up is what was promised before.
  const int32_t promised = tcb.rcv_adv - tcb.rcv_nxt;
  uint32_t field = window >> scale;
  if (promised > 0 && (field << scale) < static_cast<uint32_t>(promised) && !tcb.is_subflow())
    field = (window + (1u << scale) - 1) >> scale;
  field = std::min<uint32_t>(field, 0xffff);
  tcb.rcv_adv = max_seq(tcb.rcv_adv, tcb.rcv_nxt + (field << scale));
  return static_cast<uint16_t>(field);
}

uint32_t window_update_step(uint32_t budget, uint32_t mss) {
  return std::min(budget / 2, std::max(2 * mss, budget / 8));
}

}  // namespace tributary::tcp
