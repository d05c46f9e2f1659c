// One segment of a packet script as a value, and short ways to write one down.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stack/base/units.h"
#include "stack/mptcp/crypto.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"

namespace tributary::test {

inline constexpr uint16_t kFin = wire::tcp_flag::kFin, kSyn = wire::tcp_flag::kSyn, kRst = wire::tcp_flag::kRst,
                          kPsh = wire::tcp_flag::kPsh, kAck = wire::tcp_flag::kAck, kEce = wire::tcp_flag::kEce,
                          kCwr = wire::tcp_flag::kCwr, kAe = wire::tcp_flag::kAe, kUrg = wire::tcp_flag::kUrg;

/// The two ends of an MPTCP connection, for relative data sequence numbers.
struct MptcpSide {
  Key key{0x1122334455667788};  ///< the peer's
  Key stack_key{};              ///< learned from the stack's MP_CAPABLE
  uint64_t idsn() const { return mptcp::digest_key(key).idsn.raw(); }
  uint64_t stack_idsn() const { return mptcp::digest_key(stack_key).idsn.raw(); }
  Token token() const { return mptcp::digest_key(key).token; }
  Token stack_token() const { return mptcp::digest_key(stack_key).token; }
};

/// A segment with relative sequence numbers. The methods add to it and return it, so that one expression is a
/// segment.
struct Seg {
  uint16_t flags = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint16_t window = 60000;  ///< as on the wire
  uint16_t urgent = 0;      ///< the pointer
  std::string payload;
  wire::TcpOptions options{};
  uint8_t traffic_class = 0;  ///< of the IP header
  bool bad_checksum = false;
  bool no_timestamps = false;
  bool absolute = false;                ///< seq and ack are as on the wire
  bool absolute_dss = false;            ///< DSS numbers are as on the wire
  Micros at{};                          ///< received: when
  std::vector<uint8_t> option_bytes{};  ///< received: the option area

  bool has(uint16_t flag) const { return flags & flag; }
  const wire::MptcpOptions& mp() const { return options.mptcp; }
  bool has_mp(wire::MptcpOptions::Bit bit) const { return options.mptcp.has(bit); }
  const wire::Dss& dss() const { return options.mptcp.dss; }

  Seg& win(uint16_t bytes) {
    window = bytes;
    return *this;
  }
  Seg& urg(uint16_t pointer) { return urgent = pointer, with(kUrg); }
  Seg& with(uint16_t more_flags) { return flags |= more_flags, *this; }
  Seg& tos(uint8_t value) { return traffic_class = value, *this; }
  Seg& mss(uint16_t value) { return set(wire::TcpOptions::kMss), options.mss = value, *this; }
  Seg& wscale(uint8_t shift) { return set(wire::TcpOptions::kWindowScale), options.window_scale = shift, *this; }
  Seg& sack_ok() { return set(wire::TcpOptions::kSackPermitted); }
  Seg& ts(uint32_t value, uint32_t echo) {
    return set(wire::TcpOptions::kTimestamps), options.ts_value = value, options.ts_echo = echo, *this;
  }
  /// Asks for a Fast Open cookie, or brings one.
  Seg& fast_open(std::span<const uint8_t> cookie = {}) {
    options.fast_open_size = static_cast<uint8_t>(cookie.size());
    std::copy(cookie.begin(), cookie.end(), options.fast_open_cookie.begin());
    return set(wire::TcpOptions::kFastOpen);
  }
  /// The same in the form of RFC 7413 appendix A.
  Seg& fast_open_experimental(std::span<const uint8_t> cookie = {}) {
    options.fast_open_experimental = true;
    return fast_open(cookie);
  }
  std::vector<uint8_t> cookie() const {
    return {options.fast_open_cookie.begin(), options.fast_open_cookie.begin() + options.fast_open_size};
  }
  /// Relative to the stack's ISN; the Peer converts.
  Seg& sack(uint32_t left, uint32_t right) {
    options.sack[options.sack_count++] = {SeqNum(left), SeqNum(right)};
    return set(wire::TcpOptions::kSack);
  }

  // MPTCP
  Seg& capable(uint8_t keys = 0, Key sender = {}, Key receiver = {}) {
    options.mptcp.capable = wire::MpCapable{};
    options.mptcp.capable.keys = keys;
    options.mptcp.capable.sender_key = sender;
    options.mptcp.capable.receiver_key = receiver;
    return set_mp(wire::MptcpOptions::kCapable);
  }
  /// The third ACK with both keys.
  Seg& keys(const MptcpSide& side) { return capable(2, side.key, side.stack_key); }
  /// The same on the first data: stands for its mapping.
  Seg& keys(const MptcpSide& side, uint16_t length) {
    keys(side);
    options.mptcp.capable.has_data_length = true;
    options.mptcp.capable.data_length = length;
    return *this;
  }
  Seg& join_syn(Token token, uint32_t nonce, uint8_t id = 1, bool backup = false) {
    options.mptcp.join = {wire::JoinForm::kSyn, backup, AddressId{id}, token, nonce, {}};
    return set_mp(wire::MptcpOptions::kJoin);
  }
  /// DATA_ACK of `n`, relative.
  Seg& data_ack(uint64_t n, bool long_form = true) {
    dss_ref().has_data_ack = true;
    dss_ref().data_ack_64 = long_form;
    dss_ref().data_ack = n;
    return *this;
  }
  /// A mapping: `length` data sequence numbers from `dsn` at relative subflow sequence number `ssn`.
  Seg& map(uint64_t dsn, uint32_t ssn, uint16_t length, bool long_form = true) {
    dss_ref().has_mapping = true;
    dss_ref().dsn_64 = long_form;
    dss_ref().dsn = dsn;
    dss_ref().subflow_seq = ssn;
    dss_ref().data_length = length;
    return *this;
  }
  /// The mapping ends with the DATA_FIN (counted in its length).
  Seg& data_fin() { return dss_ref().data_fin = true, *this; }
  /// A bare DATA_FIN at `dsn`.
  Seg& data_fin(uint64_t dsn) { return map(dsn, 0, 1).data_fin(); }
  Seg& dss_checksum(uint16_t value) {
    dss_ref().has_checksum = true;
    dss_ref().checksum = value;
    return *this;
  }
  Seg& prio(bool backup) { return options.mptcp.prio.backup = backup, set_mp(wire::MptcpOptions::kPrio); }
  /// MP_FAIL of the mapping at `dsn`, relative.
  Seg& fail(uint64_t dsn) { return options.mptcp.fail.dsn = DataSeq(dsn), set_mp(wire::MptcpOptions::kFail); }
  Seg& fastclose(Key key) { return options.mptcp.fastclose.receiver_key = key, set_mp(wire::MptcpOptions::kFastclose); }

  wire::Dss& dss_ref() { return set_mp(wire::MptcpOptions::kDss), options.mptcp.dss; }
  Seg& set(wire::TcpOptions::Bit bit) { return options.present |= bit, *this; }
  Seg& set_mp(wire::MptcpOptions::Bit bit) { return options.mptcp.present |= bit, *this; }
};

inline Seg make_seg(uint16_t flags, uint32_t seq, uint32_t ack, std::string_view payload = "") {
  Seg s;
  s.flags = flags;
  s.seq = seq;
  s.ack = ack;
  s.payload = payload;
  return s;
}
inline Seg syn() {
  return make_seg(kSyn, 0, 0);
}
inline Seg syn_ack() {
  return make_seg(kSyn | kAck, 0, 1);
}
inline Seg ack(uint32_t seq, uint32_t ack) {
  return make_seg(kAck, seq, ack);
}
inline Seg data(uint32_t seq, uint32_t ack, std::string_view payload) {
  return make_seg(kAck | kPsh, seq, ack, payload);
}
inline Seg fin(uint32_t seq, uint32_t ack, std::string_view payload = "") {
  return make_seg(kFin | kAck, seq, ack, payload);
}
inline Seg rst(uint32_t seq) {
  return make_seg(kRst, seq, 0);
}

}  // namespace tributary::test
