#include "stack/tcp/close.h"

#include "stack/mptcp/subflow.h"
#include "stack/tcp/ack.h"
#include "stack/tcp/model_events.h"
#include "stack/tcp/open.h"
#include "stack/tcp/output.h"
#include "stack/tcp/reassembly.h"
#include "stack/tcp/stream.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/transmit.h"

namespace tributary::tcp {

void close(Context& context, Tcb& tcb) {
  switch (tcb.state) {
    case State::kEstablished:
    case State::kCloseWait:
    case State::kSynReceived:
      if (tcb.has(kFinQueued)) return;
      tcb.set(kFinQueued);
      request_output(context, tcb);
      return;
    case State::kDeferred:
    case State::kSynSent:
      end(context, tcb, StreamError::kAborted);
      return;
    case State::kClosed:
    case State::kFinWait1:
    case State::kFinWait2:
    case State::kClosing:
    case State::kLastAck:
      return;
  }
}

void leave(Context& context, Tcb& tcb) {
  tcb.set(kDetached);
  close(context, tcb);
  if (tcb.state == State::kFinWait2) limit_fin_wait(context, tcb);
}

void limit_fin_wait(Context& context, Tcb& tcb) {
  tcb.idle_deadline = context.now + context.settings.fin_wait2;
  arm_timer(context, tcb);
}

void abort(Context& context, Tcb& tcb, const wire::MptcpOptions* extra) {
  if (tcb.state == State::kClosed) return;
  if (tcb.state != State::kDeferred && tcb.state != State::kSynSent) transmit_reset(context, tcb, extra);
  if (!tcb.is_subflow()) tcb.set(kDetached);
  end(context, tcb, StreamError::kAborted);
}

void end(Context& context, Tcb& tcb, StreamError error) {
  if (tcb.state == State::kClosed) return;
  const bool opening =
      tcb.state == State::kDeferred || tcb.state == State::kSynReceived || tcb.state == State::kSynSent;
  if (opening) {
    ++context.counters.tcp_attempt_fails;
    leave_half_open(context, tcb);
    if (tcb.state == State::kSynSent && error == StreamError::kReset) error = StreamError::kRefused;
  }
  context.flows.erase(context.flow_hash(tcb.key), context.tcbs.index(tcb));
  context.wheel.remove(tcb.timer);
  drop_model(context, tcb);
  tcb.state = State::kClosed;
  tcb.error = error;
  if (tcb.is_subflow()) {
    mptcp::on_subflow_gone(context, tcb, error);
    tcb.set(kDetached);
  }
  clear_send_queue(context, tcb);
  clear_out_of_order(tcb);
  if (!tcb.has(kDetached)) report(context, tcb, error == StreamError::kNone ? kStreamClosed : kStreamReset);
  context.ended_tcbs.push_back(context.tcbs.index(tcb));
}

void end_if_done(Context& context, Tcb& tcb) {
  const bool fin_acked = tcb.has(kFinSent) && tcb.snd_una == tcb.snd_nxt;
  if (!fin_acked) return;
  if (tcb.state == State::kClosing)
    enter_time_wait(context, tcb);
  else if (tcb.state == State::kLastAck)
    end(context, tcb, StreamError::kNone);
}

void enter_time_wait(Context& context, Tcb& tcb) {
  ++context.counters.tcp_time_waited;
  // Of the peer's FIN, if it has not left yet; the ACK of ours, in CLOSING, is not answered.
  if (tcb.has(kAckNow | kAckPending)) transmit_control(context, tcb, wire::tcp_flag::kAck, tcb.snd_nxt);
  TimeWait entry;
  entry.key = tcb.key;
  entry.snd_nxt = tcb.snd_nxt;
  entry.rcv_nxt = tcb.rcv_nxt;
  entry.ts_recent = tcb.ts_recent;
  entry.ts_offset = tcb.ts_offset;
  entry.timestamps = tcb.has(kTimestamps);
  entry.interface = tcb.hop.interface;
  entry.dscp = tcb.dscp;
  end(context, tcb, StreamError::kNone);
  const uint32_t index = context.time_wait.add(entry, context.now, [&context](uint32_t old, const TimeWait& gone) {
    context.flows.erase(context.flow_hash(gone.key), old | kTimeWaitBit);
  });
  context.flows.insert(context.flow_hash(entry.key), index | kTimeWaitBit);
}

void free_ended(Context& context) {
  std::erase_if(context.ended_tcbs, [&context](uint32_t index) {
    Tcb& tcb = context.tcbs.at(index);
    if (tcb.has(kOutputQueued | kReadyQueued)) return false;
    if (!tcb.is_subflow()) tcb.plain.rx.clear();
    context.tcbs.destroy(tcb);
    return true;
  });
}

}  // namespace tributary::tcp
