// Pacing of a Tcb (design D6): BBR at the rate of its model, the algorithms of the window at twice the window a round
// trip in slow start and 1.25 times after it, so that a window opened by one ACK, or by many that came together, does
// not leave as a burst that a short queue drops. Whoever has to wait and has something to send is filed in the pacing
// wheel.
#pragma once

#include "stack/context.h"

namespace tributary::tcp {

/// A flight begins, or the window, the round trip or the model has changed: its rate.
void update_pacing(Context& context, Tcb& tcb);
/// The flight ends, or is no longer paced.
void stop_pacing(Context& context, Tcb& tcb);

/// Whether pacing says to wait.
inline bool is_paced_out(const Context& context, const Tcb& tcb) {
  return tcb.paced && !tcb.flight->pacing.is_open(context.now);
}
/// Data the Tcb could send: its own, or the connection's that no subflow has been given.
bool has_data(const Context& context, const Tcb& tcb);
/// What may be queued for its time; what is beyond it may leave sooner on another subflow.
uint32_t paced_room(const Context& context, const Tcb& tcb);

/// After output: files the Tcb in the pacing wheel if only pacing keeps it from sending.
void arm_pacing(Context& context, Tcb& tcb);
/// Called by the pacing wheel.
void on_pacing_timer(Context& context, Tcb& tcb);

}  // namespace tributary::tcp
