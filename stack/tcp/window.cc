#include "stack/tcp/window.h"

#include <algorithm>

#include "stack/mptcp/receive.h"

namespace tributary::tcp {

uint32_t receive_window(const Context& context, const Tcb& tcb) {
  const uint32_t limit = receive_limit(context, tcb.plain.receive_budget);
  const uint32_t free = limit > tcb.plain.held ? limit - tcb.plain.held : 0;
  const int32_t promised = std::max(tcb.rcv_adv - tcb.rcv_nxt, 0);
  return open_in_steps(free, static_cast<uint32_t>(promised), limit, tcb.announced_mss);
}

uint32_t open_in_steps(uint32_t free, uint32_t promised, uint32_t budget, uint32_t mss) {
  return free >= promised + std::min(budget / 2, mss) ? free : promised;
}

uint16_t advertise_window(Context& context, Tcb& tcb, bool syn) {
  const uint8_t scale = syn ? 0 : tcb.rcv_wscale;
  const uint32_t window = tcb.is_subflow() ? mptcp::receive_window(context, tcb, scale) : receive_window(context, tcb);
  // Rounded down: the peer may see the edge a little to the left of what was promised (RFC 7323 §2.4), and what was
  // promised is still accepted. Rounding up would never let the window close for segments smaller than a unit.
  const uint32_t field = std::min<uint32_t>(window >> scale, 0xffff);
  tcb.rcv_adv = max_seq(tcb.rcv_adv, tcb.rcv_nxt + (field << scale));
  return static_cast<uint16_t>(field);
}

uint32_t window_update_step(uint32_t budget, uint32_t mss) {
  return std::min(budget / 2, std::max(2 * mss, budget / 8));
}

}  // namespace tributary::tcp
