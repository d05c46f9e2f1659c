// What happens to the path model of a Tcb: one function per event of the connection (draft-ietf-ccwg-bbr-06
// §5.2).
#pragma once

#include "stack/context.h"

namespace tributary::tcp {

/// The Tcb's model, or null: it has none, or not yet.
inline PathModel* model_of(const Context& context, const Tcb& tcb) {
  if (tcb.cc.algorithm != congestion::Algorithm::kBbr || tcb.cc.model == 0) [[likely]]
    return nullptr;
  return &context.models.at(tcb.cc.model - 1);
}

/// The connection is established: creates the model if the algorithm wants one.
void start_model(Context& context, Tcb& tcb);
void drop_model(Context& context, Tcb& tcb);

/// `info` of the Tcb's queue leaves now; before SND.NXT or kPktLost say so.
void note_sent(Context& context, Tcb& tcb, PathModel& model, PacketInfo& info);
/// `info` was marked lost.
void note_lost(Context& context, Tcb& tcb, PathModel& model, const PacketInfo& info);
/// The ACK whose deliveries are in `model.sample` has been processed. `rtt`: its round-trip sample, or 0.
void update_model(Context& context, Tcb& tcb, PathModel& model, Micros rtt);
void enter_model_recovery(Tcb& tcb, PathModel& model);
void enter_model_loss(Context& context, Tcb& tcb, PathModel& model);
/// The recovery the Tcb is in, or was in last, was needless.
void undo_model(Context& context, Tcb& tcb, PathModel& model);

/// CheckIfApplicationLimited (draft-ietf-ccwg-bbr-06 §4.1.2.4): before new data is queued, an ACK is
/// processed, or a timer makes something leave.
void check_app_limited(Context& context, const Tcb& tcb, PathModel& model);
inline void check_app_limited(Context& context, const Tcb& tcb) {
  if (PathModel* model = model_of(context, tcb)) check_app_limited(context, tcb, *model);
}

}  // namespace tributary::tcp
