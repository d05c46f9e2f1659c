#include "stack/tcp/window.h"

#include <algorithm>

#include "stack/mptcp/receive.h"
#include "stack/tcp/output.h"

namespace tributary::tcp {
namespace {

/// Of a window of fewer segments the part of one is too much to keep back.
constexpr uint32_t kWindowInSegments = 8;

}  // namespace

uint32_t receive_window(const Context& context, const Tcb& tcb, uint8_t scale) {
  const uint32_t budget = tcb.plain.receive_budget;
  const int32_t promised = std::max(tcb.rcv_adv - tcb.rcv_nxt, 0);
  return open_in_steps(free_window(context, budget, tcb.plain.held), static_cast<uint32_t>(promised),
                       receive_limit(context, budget), segment_of_peer(context, tcb), scale);
}

uint32_t segment_of_peer(const Context& context, const Tcb& tcb) {
  constexpr uint32_t kLeast = 8;
  const uint32_t options = tcb.mss - std::min(tcb.mss, payload_per_segment(context, tcb));
  return tcb.announced_mss > options + kLeast ? tcb.announced_mss - options : kLeast;
}

uint32_t open_in_steps(uint32_t free, uint32_t promised, uint32_t budget, uint32_t segment, uint8_t scale) {
  if (free < promised + std::min(budget / 2, segment)) return promised;
  if (budget < kWindowInSegments * segment) return free;
  const uint32_t segments = (free - promised) / segment;
  // The window field counts in units: of the last few ends the one that loses least by it. For units of up to 128 bytes
  // and multiples of eight there is one in sixteen that loses none.
  constexpr uint32_t kEnds = 16;
  const uint32_t part = (1u << scale) - 1;
  uint32_t best = 0;
  for (uint32_t n = 0; n < std::min(segments / 4 + 1, kEnds); ++n) {
    const uint32_t window = promised + (segments - n) * segment;
    if (n == 0 || (window & part) < (best & part)) best = window;
    if ((best & part) == 0) break;
  }
  return best;
}

uint16_t advertise_window(Context& context, Tcb& tcb, bool syn) {
  const uint8_t scale = syn ? 0 : tcb.rcv_wscale;
  const uint32_t window =
      tcb.is_subflow() ? mptcp::receive_window(context, tcb, scale) : receive_window(context, tcb, scale);
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
