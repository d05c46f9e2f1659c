#include "stack/tcp/timers.h"

#include <algorithm>

#include "stack/mptcp/close.h"
#include "stack/mptcp/subflow.h"
#include "stack/tcp/close.h"
#include "stack/tcp/model_events.h"
#include "stack/tcp/mtu_search.h"
#include "stack/tcp/open.h"
#include "stack/tcp/output.h"
#include "stack/tcp/path_mtu.h"
#include "stack/tcp/patience.h"
#include "stack/tcp/recovery.h"
#include "stack/tcp/rtt.h"
#include "stack/tcp/segment.h"
#include "stack/tcp/transmit.h"

namespace tributary::tcp {
namespace {

using namespace wire::tcp_flag;

constexpr uint8_t kBlackHoleSuspicion = 3;  // time-outs in a row: Linux tcp_retries1

/// RFC 8985 §7.2. The worst delay of the peer's ACK, for a probe of a single segment.
constexpr Micros kMaxAckDelay = Micros::milliseconds(200);

bool may_probe_tail(const Tcb& tcb) {
  return tcb.has(kSackPermitted) && tcb.srtt != 0 && tcb.backoff == 0 && tcb.flight != nullptr &&
         tcb.flight->sacked_bytes == 0 && !tcb.has(kInRecovery | kInLoss | kProbeSent) &&
         tcb.tx_head != tcb.flight->unsent;
}

Micros probe_time_out(const Tcb& tcb) {
  const Micros pto(2 * int64_t{tcb.srtt});
  return in_flight(tcb) <= tcb.mss ? pto + kMaxAckDelay : std::max(pto, Micros(2000));
}

void give_up_mtu_probe(Context& context, Tcb& tcb, rte_mbuf* m) {
  on_mtu_probe_lost(context, tcb, m);
  tcb.clear(kProbeSent);
  restart_retransmission(context, tcb);
  request_output(context, tcb);
}

/// RFC 8985 §7.3: the next new segment if the peer's window has room, otherwise the last one again.
void send_tail_loss_probe(Context& context, Tcb& tcb) {
  ++context.counters.tcp_loss_probes;
  tcb.set(kProbeSent);
  const SeqNum before = tcb.snd_nxt;
  Flight& flight = *tcb.flight;
  flight.probe_is_retransmission = false;
  rte_mbuf* m = flight.unsent;
  const int32_t window = (tcb.snd_una + tcb.snd_wnd) - tcb.snd_nxt;
  if (m != nullptr && window >= info_of(m).payload_size &&
      info_of(m).payload_size <= payload_per_segment(context, tcb)) {
    info_of(m).seq = tcb.snd_nxt.raw();
    if (transmit_payload(context, tcb, m)) {
      flight.unsent = info_of(m).subflow_next;
      tcb.advance_snd_nxt(info_of(m).payload_size);
    }
  } else {
    rte_mbuf* last = tcb.tx_head;
    for (rte_mbuf* p = tcb.tx_head; p != flight.unsent; p = info_of(p).subflow_next)
      if (!(info_of(p).flags & kPktLost)) last = p;
    // Nothing is behind a probe of the MTU that could tell of its loss.
    if (is_mtu_probe(context, tcb, last)) return give_up_mtu_probe(context, tcb, last);
    flight.probe_is_retransmission = true;
    // A FIN that left on its own goes with the data now: alone it would not tell which of both is missing.
    if (tcb.has(kFinSent) && last == flight.tail) info_of(last).flags |= kPktFin;
    if (info_of(last).payload_size <= payload_per_segment(context, tcb)) transmit_payload(context, tcb, last);
  }
  flight.probe_end_seq = max_seq(before, tcb.snd_nxt);
  tcb.rtx_deadline = context.now + current_rto(context.settings, tcb);
  tcb.clear(kProbeTimer);
}

/// RFC 9293 §3.8.6.1, in Linux's form: a segment of no length just below the window, which the peer must answer.
void send_window_probe(Context& context, Tcb& tcb) {
  if (is_window_probe_in_vain(context, tcb)) {
    ++context.counters.tcp_abort_on_timeout;
    end(context, tcb, StreamError::kTimeout);
    return;
  }
  ++context.counters.tcp_window_probes;
  transmit_control(context, tcb, kAck, tcb.snd_una - 1);
  tcb.window_probe_sent = 1;
  if (tcb.backoff < UINT8_MAX) ++tcb.backoff;
  tcb.rtx_deadline = context.now + window_probe_interval(context.settings, tcb);
}

/// RFC 9293 §3.8.4. Data that is not acknowledged asks by itself.
void on_silence(Context& context, Tcb& tcb) {
  const Settings& settings = context.settings;
  const Micros silence = silence_of(context, tcb);
  if (silence < settings.keepalive) {
    tcb.idle_deadline = context.now + (settings.keepalive - silence);
    return;
  }
  tcb.idle_deadline = context.now + settings.keepalive_interval;
  if (tcb.snd_una != tcb.snd_nxt) return;
  if (is_keepalive_in_vain(settings, silence)) {
    ++context.counters.tcp_abort_on_timeout;
    end(context, tcb, StreamError::kTimeout);
    return;
  }
  ++context.counters.tcp_keepalives;
  transmit_control(context, tcb, kAck, tcb.snd_una - 1);
}

/// Whether the idle deadline is the end of patience rather than a keepalive.
bool ends_when_idle(const Context& context, const Tcb& tcb) {
  switch (tcb.state) {
    case State::kDeferred:
    case State::kSynSent:
    case State::kSynReceived:
      return true;
    case State::kFinWait2:
      return tcb.is_subflow() ? mptcp::has_no_reader(context, tcb) : tcb.has(kDetached);
    case State::kEstablished:
      return tcb.has(kPreEstablished) && tcb.has(kJoin);
    case State::kClosed:
    case State::kFinWait1:
    case State::kCloseWait:
    case State::kClosing:
    case State::kLastAck:
      return false;
  }
  return false;
}

void on_retransmission_time_out(Context& context, Tcb& tcb) {
  ++context.counters.tcp_timeouts;
  if (is_retransmission_in_vain(context.settings, tcb)) {
    ++context.counters.tcp_abort_on_timeout;
    const bool done = (tcb.state == State::kClosing || tcb.state == State::kLastAck) && tcb.tx_head == nullptr;
    end(context, tcb, done ? StreamError::kNone : StreamError::kTimeout);
    return;
  }
  if (tcb.state == State::kSynSent || tcb.state == State::kSynReceived) {
    ++tcb.backoff;
    retransmit_syn(context, tcb);
    return;
  }
  enter_loss(context, tcb);
  if (++tcb.backoff >= kBlackHoleSuspicion) suspect_black_hole(context, tcb);
  if (tcb.has(kFinSent) && tcb.tx_head == nullptr) {
    ++context.counters.tcp_retransmitted;
    ++tcb.retransmissions;
    transmit_control(context, tcb, kFin | kAck, tcb.snd_nxt - 1);
  }
  tcb.rtx_deadline = context.now + retransmission_interval(context.settings, tcb);
  request_output(context, tcb);
  if (tcb.is_subflow()) mptcp::on_subflow_stalled(context, tcb);
}

void on_retransmission_deadline(Context& context, Tcb& tcb) {
  check_app_limited(context, tcb);
  if (tcb.has(kReorderTimer)) {
    tcb.clear(kReorderTimer);
    restart_retransmission(context, tcb);
    on_delivery(context, tcb, Delivery{}, in_flight(tcb));
    request_output(context, tcb);
  } else if (tcb.has(kProbeTimer)) {
    send_tail_loss_probe(context, tcb);
  } else if (tcb.has(kPersist)) {
    // The window may have opened to less than a segment: that is sent now, whatever its size.
    if (is_gathering(tcb) && tcb.snd_wnd != 0 && tcb.tx_unsent() != nullptr && tcb.snd_una == tcb.snd_nxt) {
      // Not the window: nothing has come to be gathered for long enough.
      tcb.clear(kPersist);
      tcb.rtx_deadline = Micros::never();
      tcb.awaits_more = tcb.more_follows = 0;
      output(context, tcb, true);
    } else if (tcb.snd_wnd != 0 && tcb.tx_unsent() != nullptr && tcb.snd_una == tcb.snd_nxt) {
      tcb.max_snd_wnd = std::min(tcb.max_snd_wnd, tcb.snd_wnd);
      tcb.clear(kPersist);
      tcb.rtx_deadline = Micros::never();
      request_output(context, tcb);
    } else {
      send_window_probe(context, tcb);
    }
  } else {
    on_retransmission_time_out(context, tcb);
  }
}

}  // namespace

void arm_timer(Context& context, Tcb& tcb) {
  const Micros deadline = std::min(std::min(tcb.rtx_deadline, tcb.ack_deadline), tcb.idle_deadline);
  if (deadline == Micros::never())
    context.wheel.cancel(tcb.timer);
  else
    context.wheel.arm(tcb.timer, deadline);
}

void watch_idleness(const Context& context, Tcb& tcb) {
  const Micros patience = context.settings.keepalive;
  tcb.idle_deadline = patience == Micros(0) ? Micros::never() : context.now + patience;
}

void restart_retransmission(Context& context, Tcb& tcb) {
  tcb.clear(kProbeTimer | kPersist | kReorderTimer);
  if (tcb.snd_una == tcb.snd_nxt) {
    if (tcb.tx_unsent() == nullptr || tcb.has(kFinSent)) {
      tcb.rtx_deadline = Micros::never();
      return;
    }
    tcb.set(kPersist);  // nothing in flight and something to send: only the window can be in the way
    tcb.rtx_deadline = context.now + window_probe_interval(context.settings, tcb);
    arm_timer(context, tcb);
    return;
  }
  const Micros rto = retransmission_interval(context.settings, tcb);
  if (may_probe_tail(tcb)) {
    tcb.set(kProbeTimer);
    tcb.rtx_deadline = context.now + std::min(probe_time_out(tcb), rto);
  } else {
    tcb.rtx_deadline = context.now + rto;
  }
  arm_timer(context, tcb);
}

void on_timer(Context& context, Tcb& tcb) {
  if (tcb.state == State::kClosed) return;
  if (tcb.ack_deadline <= context.now) {
    tcb.ack_deadline = Micros::never();
    if (tcb.has(kPreEstablished) && tcb.backoff < UINT8_MAX) ++tcb.backoff;
    request_ack(context, tcb);
  }
  if (tcb.idle_deadline <= context.now) {
    if (ends_when_idle(context, tcb)) {
      // Half-open, joining or FIN-WAIT-2 for too long: gone without a word.
      end(context, tcb, tcb.state == State::kFinWait2 ? StreamError::kNone : StreamError::kTimeout);
      return;
    }
    on_silence(context, tcb);
    if (tcb.state == State::kClosed) return;
  }
  if (tcb.rtx_deadline <= context.now) {
    on_retransmission_deadline(context, tcb);
    if (tcb.state == State::kClosed) return;
  }
  arm_timer(context, tcb);
}

}  // namespace tributary::tcp
