#include "src/script/encode.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

enum Kind : uint8_t {
  kEnd = 0,
  kNop = 1,
  kMss = 2,
  kWindowScale = 3,
  kSackOk = 4,
  kSack = 5,
  kTimestamp = 8,
  kUserTimeout = 28,
  kFastOpen = 34,
  kAccEcn0 = 172,
  kAccEcn1 = 174,
  kExperimental = 254,
};
constexpr uint16_t kFastOpenIdentifier = 0xf989;

/// Timestamps the stack sends are its own clock's: a script's number stands for the value it was first seen
/// with.
uint32_t live_timestamp(EncodeContext& c, const TimestampOption& option) {
  if (c.inbound) return option.value;
  if (c.live_options == nullptr || !c.live_options->has(wire::TcpOptions::kTimestamps)) return option.value;
  const uint32_t live = c.live_options->ts_value;
  if (!c.flow.first_timestamp) c.flow.first_timestamp = {option.value, live};
  c.flow.timestamps[option.value] = live;
  return live;
}
uint32_t live_echo(const EncodeContext& c, const TimestampOption& option) {
  if (!c.inbound) return option.echo;
  const auto found = c.flow.timestamps.find(option.echo);
  if (found != c.flow.timestamps.end()) return found->second;
  // Not a value seen: as far from the first as the script says.
  if (c.flow.first_timestamp && option.echo != 0)
    return c.flow.first_timestamp->second + (option.echo - c.flow.first_timestamp->first);
  return option.echo;
}

void put_sack(const EncodeContext& c, const SackOption& option, Bytes& out) {
  const SequenceMap& map = c.inbound ? c.flow.local_seq : c.flow.remote_seq;
  put8(out, kSack);
  put8(out, static_cast<unsigned>(2 + 8 * option.blocks.size()));
  for (const auto& [left, right] : option.blocks) {
    put32(out, map.to_live(left));
    put32(out, map.to_live(right));
  }
}

void put_fast_open(const FastOpenOption& option, Bytes& out) {
  put8(out, option.experimental ? kExperimental : kFastOpen);
  put8(out, static_cast<unsigned>((option.experimental ? 4 : 2) + option.cookie.size()));
  if (option.experimental) put16(out, kFastOpenIdentifier);
  out.insert(out.end(), option.cookie.begin(), option.cookie.end());
}

void put_acc_ecn(const AccEcnOption& option, Bytes& out) {
  put8(out, option.second_order ? kAccEcn1 : kAccEcn0);
  put8(out, static_cast<unsigned>(2 + 3 * option.counters.size()));
  for (uint32_t counter : option.counters) {
    put8(out, counter >> 16);
    put16(out, counter & 0xffff);
  }
}

struct Put {
  EncodeContext& c;
  Bytes& out;

  void operator()(const NopOption&) const { put8(out, kNop); }
  void operator()(const EndOption&) const { put8(out, kEnd); }
  void operator()(const MssOption& o) const {
    put8(out, kMss);
    put8(out, 4);
    put16(out, o.value);
  }
  void operator()(const WindowScaleOption& o) const {
    put8(out, kWindowScale);
    put8(out, 3);
    put8(out, o.value);
  }
  void operator()(const SackOkOption&) const {
    put8(out, kSackOk);
    put8(out, 2);
  }
  void operator()(const SackOption& o) const { put_sack(c, o, out); }
  void operator()(const TimestampOption& o) const {
    put8(out, kTimestamp);
    put8(out, 10);
    put32(out, live_timestamp(c, o));
    put32(out, live_echo(c, o));
  }
  void operator()(const FastOpenOption& o) const { put_fast_open(o, out); }
  void operator()(const AccEcnOption& o) const { put_acc_ecn(o, out); }
  void operator()(const UserTimeoutOption& o) const {
    put8(out, kUserTimeout);
    put8(out, 4);
    put16(out, o.value);
  }
  void operator()(const RawOption& o) const {
    put8(out, o.kind);
    put8(out, static_cast<unsigned>(2 + o.bytes.size()));
    out.insert(out.end(), o.bytes.begin(), o.bytes.end());
  }
  template <typename Mptcp>
  void operator()(const Mptcp& o) const {
    encode_mptcp_option(c, o, out);
  }
};

}  // namespace

Bytes encode_options(EncodeContext& context) {
  Bytes out;
  for (const OptionSpec& option : context.spec.options) std::visit(Put{context, out}, option);
  while (out.size() % 4 != 0) put8(out, kNop);
  if (out.size() > wire::kMaxTcpOptions)
    fail("the options take " + std::to_string(out.size()) + " bytes, a header has room for 40");
  return out;
}

}  // namespace tributary::script
