#include "stack/tcp/cookie_open.h"

#include <algorithm>

#include "stack/mptcp/handshake.h"
#include "stack/tcp/input.h"
#include "stack/tcp/open.h"
#include "stack/tcp/path_mtu.h"
#include "stack/tcp/timers.h"
#include "stack/tcp/transmit.h"
#include "stack/tcp/window.h"

namespace tributary::tcp {
namespace {

using namespace wire::tcp_flag;
using wire::TcpOptions;

constexpr Micros kUnfinishedLimit = Micros::seconds(10);  // a third ACK that made a Tcb and did not establish it

CookieOffer offer_of(const Settings& settings, const Segment& syn) {
  const TcpOptions& options = *syn.options;
  CookieOffer offer;
  offer.mss = stated_mss(syn.key, options);
  offer.timestamps = settings.timestamps && options.has(TcpOptions::kTimestamps);
  if (!offer.timestamps) return offer;
  offer.sack = options.has(TcpOptions::kSackPermitted);
  offer.ecn = settings.ecn != Settings::Ecn::kOff && syn.has(kEce) && syn.has(kCwr);
  if (options.has(TcpOptions::kWindowScale)) offer.window_scale = std::min(options.window_scale, kMaxWindowScale);
  return offer;
}

bool takes_mptcp(const Context& context, const Listener& listener) {
  return listener.mptcp && context.settings.mptcp_enabled;
}

/// The SYN as it was, in so far as the cookie tells. `options` is where its options go.
Segment remembered_syn(const Segment& ack, const CookieOffer& offer, TcpOptions& options) {
  options.present = TcpOptions::kMss;
  options.sack_count = 0;
  options.mptcp.present = 0;
  options.mss = offer.mss;
  if (offer.timestamps) {
    options.present |= TcpOptions::kTimestamps;
    options.ts_value = ack.options->ts_value;
  }
  if (offer.sack) options.present |= TcpOptions::kSackPermitted;
  if (offer.window_scale) {
    options.present |= TcpOptions::kWindowScale;
    options.window_scale = *offer.window_scale;
  }
  Segment syn;
  syn.key = ack.key;
  syn.hash = ack.hash;
  syn.interface = ack.interface;
  syn.flags = static_cast<uint16_t>(kSyn | (offer.ecn ? kEce | kCwr : 0));
  syn.window = ack.window;
  syn.for_us = ack.for_us;
  syn.seq = ack.seq - 1;
  syn.options = &options;
  return syn;
}

}  // namespace

bool wants_cookie(const Context& context, const Listener& listener, const Segment& segment) {
  const Settings& settings = context.settings;
  if (context.half_open < settings.syn_cookies_from || settings.syn_cookies_from >= settings.max_half_open)
    return false;
  return !listener.syn_payload || segment.payload_size() == 0;
}

void answer_with_cookie(Context& context, const Listener& listener, const Segment& segment) {
  const auto hop = context.ip.find_route_on(segment.interface, segment.key.remote, context.now);
  const CookieOffer offer = offer_of(context.settings, segment);
  const auto cookie = hop ? context.cookies.make(segment.key, segment.seq, offer, context.now) : std::nullopt;
  if (!cookie) {
    ++context.counters.tcp_listen_drops;
    return;
  }
  TcpOptions& options = context.out_options;
  options.present = TcpOptions::kMss;
  options.mptcp.present = 0;
  options.mss = path_mss(context, *hop, segment.key.remote);
  if (offer.timestamps) {
    options.present |= TcpOptions::kTimestamps;
    options.ts_value = SynCookies::stamp(context.milliseconds() + context.isn.timestamp_offset(segment.key), offer);
    options.ts_echo = segment.options->ts_value;
  }
  if (offer.sack) options.present |= TcpOptions::kSackPermitted;
  if (offer.window_scale) {
    options.present |= TcpOptions::kWindowScale;
    options.window_scale = context.settings.window_scale;
  }
  const wire::MptcpOptions& mptcp_options = segment.options->mptcp;
  if (takes_mptcp(context, listener) && mptcp_options.has(wire::MptcpOptions::kCapable))
    mptcp::answer_capable_by_cookie(context, segment, mptcp_options.capable, options.mptcp);
  ++context.counters.tcp_syncookies_sent;
  transmit_cookie(context, segment, *hop, *cookie, static_cast<uint16_t>(kSyn | kAck | (offer.ecn ? kEce : 0)),
                  static_cast<uint8_t>(listener.dscp << 2), options);
}

void on_cookie_ack(Context& context, uint16_t index, Segment& segment) {
  const TcpOptions& options = *segment.options;
  const auto echo = options.has(TcpOptions::kTimestamps) ? std::optional(options.ts_echo) : std::nullopt;
  const SeqNum peer_isn = segment.seq - 1, iss = segment.ack - 1;
  const auto cookie = context.cookies.check(segment.key, peer_isn, iss, echo, context.now);
  if (!cookie) {
    ++context.counters.tcp_syncookies_failed;
    // Data may have overtaken a third ACK that is lost: the peer sends from the start again, and that is good for one.
    if (segment.payload_size() == 0) on_stray_segment(context, segment);
    return;
  }
  const Listener& listener = context.listeners[index];
  TcpOptions offered;
  Tcb* tcb =
      make_passive(context, remembered_syn(segment, cookie->offer, offered), {listener.algorithm, listener.dscp});
  if (tcb == nullptr) return;
  ++context.counters.tcp_syncookies_received;
  ++context.counters.tcp_passive_opens;
  tcb->listener = index;
  tcb->iss = iss;
  tcb->snd_una = iss;
  tcb->snd_nxt = iss + 1;
  tcb->state = State::kSynReceived;
  if (takes_mptcp(context, listener) && options.mptcp.has(wire::MptcpOptions::kCapable))
    mptcp::restore_by_cookie(context, *tcb, options.mptcp.capable, cookie->tick);
  advertise_window(context, *tcb, true);  // what the SYN-ACK promised is to be kept
  tcb->idle_deadline = context.now + kUnfinishedLimit;
  arm_timer(context, *tcb);
  announce(context, *tcb, segment.interface);
  // Established whatever the acceptor does next, for the peer thinks so: what it sends is kept for whoever reads it.
  if (tcb->state == State::kSynReceived) on_segment(context, *tcb, segment);
}

}  // namespace tributary::tcp
