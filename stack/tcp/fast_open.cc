#include "stack/tcp/fast_open.h"

#include <algorithm>

#include "stack/tcp/ack.h"
#include "stack/tcp/open.h"
#include "stack/tcp/transmit.h"

namespace tributary::tcp {
namespace {

using wire::TcpOptions;

std::span<const uint8_t> cookie_of(const TcpOptions& options) {
  return {options.fast_open_cookie.data(), options.fast_open_size};
}

}  // namespace

bool takes_syn_payload(Context& context, Tcb& tcb, const Listener& listener, const Segment& syn) {
  const bool payload = syn.payload_size() != 0;
  if (listener.fast_open == FastOpen::kOff) return payload && listener.syn_payload;
  const TcpOptions& options = *syn.options;
  bool good = listener.syn_payload || listener.fast_open == FastOpen::kNoCookie;
  const bool asked = options.has(TcpOptions::kFastOpen);
  tcb.fast_open_experimental = asked && options.fast_open_experimental;  // answered in the form it came
  if (asked && options.fast_open_size == 0) {
    ++context.counters.tcp_fast_open_cookie_requests;
    tcb.set(kFastOpen);
  } else if (asked) {
    const auto verdict = context.fast_open_keys.check(syn.key, cookie_of(options));
    if (verdict != FastOpenKeys::Verdict::kGood) tcb.set(kFastOpen);
    good |= verdict != FastOpenKeys::Verdict::kBad;
    if (payload && !good) ++context.counters.tcp_fast_open_passive_fail;
  }
  if (!payload || !good) return false;
  // Cookies of many addresses may have been gathered for a flood (§5.1), or none be needed. Convert's clients could not
  // go on (RFC 8803 §8): there max_half_open is the bound.
  if (!listener.syn_payload && context.fast_open_pending >= context.settings.max_fast_open) {
    ++context.counters.tcp_fast_open_overflow;
    return false;
  }
  ++context.counters.tcp_fast_open_passive;
  return true;
}

void write_fast_open_option(Context& context, const Tcb& tcb, bool ack, TcpOptions& options) {
  options.present |= TcpOptions::kFastOpen;
  options.fast_open_experimental = tcb.fast_open_experimental;
  options.fast_open_size = 0;
  if (ack) {
    const auto cookie = context.fast_open_keys.make(tcb.key);
    options.fast_open_size = tcb.is_subflow() ? FastOpenKeys::kShortCookieSize : FastOpenKeys::kCookieSize;
    std::copy(cookie.begin(), cookie.end(), options.fast_open_cookie.begin());
  } else if (const auto* entry = context.fast_open_cache.find(tcb.key)) {
    options.fast_open_size = entry->size;
    options.fast_open_cookie = entry->cookie;
  }
}

bool transmit_fast_open_syn(Context& context, Tcb& tcb, bool without_cookie) {
  const FastOpenCache::Entry* entry = context.fast_open_cache.find(tcb.key);
  if (entry != nullptr && entry->shut_until > context.now) return false;
  const bool has_cookie = entry != nullptr && entry->size != 0;
  tcb.fast_open_experimental = entry != nullptr && entry->experimental;
  if (!has_cookie && !without_cookie) {
    tcb.set(kFastOpen);  // asks for one
    return false;
  }
  if (!without_cookie) tcb.set(kFastOpen);
  if (tcb.tx_head == nullptr) return false;
  // Where no cookie is needed somebody knows the server, and that the path's MTU is the only limit.
  const uint16_t mss = has_cookie ? std::min(tcb.mss, entry->mss) : tcb.mss;
  tcb.syn_data = transmit_syn_payload(context, tcb, mss);
  return tcb.syn_data != 0;
}

void on_fast_open_timeout(Context& context, Tcb& tcb) {
  if (tcb.retransmissions != 0 || (!tcb.has(kFastOpen) && tcb.syn_data == 0)) return;
  tcb.clear(kFastOpen);
  if (tcb.rtx_deadline > context.now) return;  // not late yet: somebody else wanted it repeated
  ++context.counters.tcp_fast_open_blackhole;
  context.fast_open_cache.note_timeout(tcb.key, context.now);
}

void on_fast_open_answer(Context& context, Tcb& tcb, const Segment& syn_ack) {
  const TcpOptions& options = *syn_ack.options;
  const uint16_t mss = stated_mss(tcb.key, options);
  if (tcb.has(kFastOpen) && options.has(TcpOptions::kFastOpen) && options.fast_open_size != 0)
    context.fast_open_cache.learn(tcb.key, cookie_of(options), options.fast_open_experimental, mss, context.now);
  else if (tcb.has(kFastOpen))
    context.fast_open_cache.note_no_cookie(tcb.key, mss, context.now);
  tcb.clear(kFastOpen);
  if (tcb.syn_data == 0) return;
  const auto acked = static_cast<uint16_t>(syn_ack.ack - tcb.snd_una);
  tcb.syn_data = acked;  // what was taken
  if (acked == 0) {
    ++context.counters.tcp_fast_open_active_fail;
    return;
  }
  ++context.counters.tcp_fast_open_active;
  context.fast_open_cache.note_success(tcb.key, context.now);
  take_off_syn_payload(context, tcb, acked);
}

}  // namespace tributary::tcp
