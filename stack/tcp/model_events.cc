#include "stack/tcp/model_events.h"

#include "stack/mptcp/send.h"
#include "stack/tcp/output.h"
#include "stack/tcp/pace.h"

namespace tributary::tcp {
namespace {

namespace bbr = congestion::bbr;

bbr::Connection describe(Context& context, const Tcb& tcb, const PathModel& model) {
  return {.now = context.now,
          .random = context.random,
          .delivered = model.sampler.delivered,
          .in_flight = in_flight(tcb),
          .mss = tcb.mss,
          .in_recovery = tcb.has(kInRecovery | kInLoss),
          .has_selective_acks = tcb.has(kSackPermitted),
          .cwnd_limited = tcb.has(kCwndLimited)};
}

}  // namespace

void start_model(Context& context, Tcb& tcb) {
  if (tcb.cc.algorithm != congestion::Algorithm::kBbr) return;
  PathModel& model = *context.models.create();  // as many as Tcbs: cannot fail
  tcb.cc.model = context.models.index(model) + 1;
  bbr::start(model.bbr, tcb.cc, context.now, Micros(tcb.srtt), tcb.mss);
}

void drop_model(Context& context, Tcb& tcb) {
  PathModel* model = model_of(context, tcb);
  if (model == nullptr) return;
  context.models.destroy(*model);
  tcb.cc.model = 0;
}

void note_sent(Context& context, Tcb& tcb, PathModel& model, PacketInfo& info) {
  const uint32_t flight = in_flight(tcb);
  if (flight == 0 && model.sampler.app_limited != 0) {
    bbr::on_restart_from_idle(model.bbr, tcb.cc, describe(context, tcb, model));
    update_pacing(context, tcb);
  }
  sample_sent(model.sampler, info, flight);
}

void note_lost(Context& context, Tcb& tcb, PathModel& model, const PacketInfo& info) {
  model.sampler.lost += info.payload_size;
  if (!(info.flags & kPktRated)) return;
  bbr::on_packet_lost(model.bbr, tcb.cc, describe(context, tcb, model),
                      {.begin = SeqNum(info.seq),
                       .size = info.payload_size,
                       .tx_in_flight = info.tx_in_flight.value(),
                       .lost = static_cast<uint32_t>(model.sampler.lost) - info.lost,
                       .is_app_limited = (info.flags & kPktAppLimited) != 0});
}

void update_model(Context& context, Tcb& tcb, PathModel& model, Micros rtt) {
  finish_sample(model.sampler, model.sample, Micros(tcb.min_rtt));
  if (model.sample.newly_acked == 0) return;
  bbr::on_ack(model.bbr, tcb.cc, describe(context, tcb, model), model.sample, rtt);
  // What is sent at half the pipe says nothing of the path's rate.
  if (model.bbr.mode == congestion::Bbr::Mode::kProbeRtt) mark_app_limited(model.sampler, in_flight(tcb));
  if (tcb.flight != nullptr) update_pacing(context, tcb);
}

void enter_model_recovery(Tcb& tcb, PathModel& model) {
  bbr::on_recovery(model.bbr, tcb.cc, false);
}

void enter_model_loss(Context& context, Tcb& tcb, PathModel& model) {
  bbr::on_timeout(model.bbr, tcb.cc, describe(context, tcb, model));
}

void undo_model(Context& context, Tcb& tcb, PathModel& model) {
  bbr::on_spurious_loss(model.bbr, tcb.cc, describe(context, tcb, model));
}

void check_app_limited(Context& context, const Tcb& tcb, PathModel& model) {
  if (has_data(context, tcb) || is_paced_out(context, tcb)) return;
  const uint32_t flight = in_flight(tcb);
  if (flight < tcb.cc.cwnd) mark_app_limited(model.sampler, flight);
}

}  // namespace tributary::tcp
