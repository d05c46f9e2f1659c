#include "stack/wire/tcp_options.h"

#include <cassert>
#include <cstring>

#include "stack/wire/byte_order.h"

namespace tributary::wire {

namespace {

constexpr uint8_t kKindEnd = 0, kKindNop = 1, kKindMss = 2, kKindWindowScale = 3, kKindSackPermitted = 4, kKindSack = 5,
                  kKindTimestamps = 8, kKindUserTimeout = 28, kKindMptcp = 30, kKindFastOpen = 34, kKindAccEcn0 = 172,
                  kKindAccEcn1 = 174, kKindExperimental = 254;
constexpr uint16_t kFastOpenExperiment = 0xf989;  // RFC 7413 §4.1.1 names it; RFC 6994 is the format
constexpr uint32_t kNopNopTimestamps = 0x0101080a;
constexpr size_t kTimestampsSize = 12;  // with its two NOPs

bool parse_fast_open(const uint8_t* cookie, size_t size, bool experimental, TcpOptions& out) {
  if (size != 0 && (size < 4 || size > 16 || size % 2 != 0)) return false;
  out.fast_open_experimental = experimental;
  out.fast_open_size = static_cast<uint8_t>(size);
  std::memcpy(out.fast_open_cookie.data(), cookie, size);
  return true;
}

bool parse_sack(const uint8_t* p, size_t size, TcpOptions& out) {
  if (size < 8 || size > 32 || size % 8 != 0) return false;
  out.sack_count = static_cast<uint8_t>(size / 8);
  for (size_t i = 0; i < out.sack_count; ++i, p += 8)
    out.sack[i] = {.left = SeqNum(load32(p)), .right = SeqNum(load32(p + 4))};
  return true;
}

bool parse_acc_ecn(const uint8_t* p, size_t size, bool second_order, TcpOptions& out) {
  if (size > 9 || size % 3 != 0) return false;
  out.acc_ecn = {.second_order = second_order, .count = static_cast<uint8_t>(size / 3)};
  for (size_t i = 0; i < out.acc_ecn.count; ++i, p += 3)
    out.acc_ecn.counters[i] = uint32_t{p[0]} << 16 | uint32_t{p[1]} << 8 | p[2];
  return true;
}

/// One option of a length that fits the area, other than MPTCP. Returns the bit to set.
uint16_t parse_option(const uint8_t* p, size_t length, TcpOptions& out) {
  using O = TcpOptions;
  const auto good = [](bool is_good, O::Bit bit) -> uint16_t { return is_good ? bit : O::kMalformed; };
  switch (p[0]) {
    case kKindTimestamps:
      if (length != 10) return O::kMalformed;
      out.ts_value = load32(p + 2);
      out.ts_echo = load32(p + 6);
      return O::kTimestamps;
    case kKindSack:
      return good(parse_sack(p + 2, length - 2, out), O::kSack);
    case kKindMss:
      if (length != 4) return O::kMalformed;
      out.mss = load16(p + 2);
      return O::kMss;
    case kKindWindowScale:
      if (length != 3) return O::kMalformed;
      out.window_scale = p[2];
      return O::kWindowScale;
    case kKindSackPermitted:
      return good(length == 2, O::kSackPermitted);
    case kKindFastOpen:
      return good(parse_fast_open(p + 2, length - 2, false, out), O::kFastOpen);
    case kKindUserTimeout:
      if (length != 4) return O::kMalformed;
      out.user_timeout = load16(p + 2);
      return O::kUserTimeout;
    case kKindAccEcn0:
    case kKindAccEcn1:
      return good(parse_acc_ecn(p + 2, length - 2, p[0] == kKindAccEcn1, out), O::kAccEcn);
    case kKindExperimental:
      if (length < 4 || load16(p + 2) != kFastOpenExperiment) return O::kUnknown;
      return good(parse_fast_open(p + 4, length - 4, true, out), O::kFastOpen);
    default:
      return O::kUnknown;
  }
}

}  // namespace

void parse_tcp_options(std::span<const uint8_t> area, TcpOptions& out) {
  out.present = 0;
  out.sack_count = 0;
  out.mptcp.present = 0;
  const uint8_t* p = area.data();
  size_t left = area.size();
  // Nearly every segment of an established connection starts like this.
  if (left >= kTimestampsSize && load32(p) == kNopNopTimestamps) [[likely]] {
    out.present = TcpOptions::kTimestamps;
    out.ts_value = load32(p + 4);
    out.ts_echo = load32(p + 8);
    p += kTimestampsSize;
    left -= kTimestampsSize;
  }
  while (left != 0) {
    if (p[0] == kKindNop) {
      ++p, --left;
      continue;
    }
    if (p[0] == kKindEnd) return;
    if (left < 2 || p[1] < 2 || p[1] > left) {
      out.present |= TcpOptions::kMalformed;
      return;
    }
    const size_t length = p[1];
    if (p[0] == kKindMptcp) [[likely]] {
      parse_mptcp_option({p, length}, out.mptcp);
    } else {
      out.present |= parse_option(p, length, out);
    }
    p += length;
    left -= length;
  }
}

namespace {

size_t fast_open_size(const TcpOptions& o) {
  return (o.fast_open_experimental ? 4u : 2u) + o.fast_open_size;
}

/// Everything but MPTCP, in Linux's order; with `p` null it only measures.
struct Writer {
  uint8_t* p;
  size_t size = 0;

  /// A word of four bytes, the unit Linux writes options in.
  void put(uint32_t word) {
    if (p != nullptr) store32(p + size, word);
    size += 4;
  }
  void put_bytes(const uint8_t* bytes, size_t n) {
    if (p != nullptr) std::memcpy(p + size, bytes, n);
    size += n;
  }
  void put_byte(uint8_t byte) { put_bytes(&byte, 1); }
  void pad_with_nops() {
    while (size % 4 != 0) put_byte(kKindNop);
  }
};

void write_syn_options(const TcpOptions& o, Writer& w) {
  using O = TcpOptions;
  if (o.has(O::kMss)) w.put(kKindMss << 24 | 4 << 16 | o.mss);
  if (o.has(O::kTimestamps)) {
    // SACK-permitted takes the place of the two NOPs.
    w.put(o.has(O::kSackPermitted) ? uint32_t{0x04020000} | (kNopNopTimestamps & 0xffff) : kNopNopTimestamps);
    w.put(o.ts_value);
    w.put(o.ts_echo);
  } else if (o.has(O::kSackPermitted)) {
    w.put(kKindNop << 24 | kKindNop << 16 | kKindSackPermitted << 8 | 2);
  }
  if (o.has(O::kWindowScale)) w.put(kKindNop << 24 | kKindWindowScale << 16 | 3 << 8 | o.window_scale);
}

void write_acc_ecn(const AccEcn& acc_ecn, Writer& w) {
  const uint8_t count = acc_ecn.count;
  assert(count <= 3);
  w.put_byte(acc_ecn.second_order ? kKindAccEcn1 : kKindAccEcn0);
  w.put_byte(static_cast<uint8_t>(2 + 3 * count));
  for (size_t i = 0; i < count; ++i)
    for (int shift = 16; shift >= 0; shift -= 8) w.put_byte(static_cast<uint8_t>(acc_ecn.counters[i] >> shift));
  w.pad_with_nops();
}

void write_fast_open(const TcpOptions& o, Writer& w) {
  assert(o.fast_open_size <= o.fast_open_cookie.size());
  w.put_byte(o.fast_open_experimental ? kKindExperimental : kKindFastOpen);
  w.put_byte(static_cast<uint8_t>(fast_open_size(o)));
  if (o.fast_open_experimental) {
    w.put_byte(kFastOpenExperiment >> 8);
    w.put_byte(kFastOpenExperiment & 0xff);
  }
  w.put_bytes(o.fast_open_cookie.data(), o.fast_open_size);
  w.pad_with_nops();
}

void write_all(const TcpOptions& o, Writer& w) {
  using O = TcpOptions;
  write_syn_options(o, w);
  if (o.has(O::kAccEcn)) write_acc_ecn(o.acc_ecn, w);
  if (o.has(O::kSack) && o.sack_count != 0) {
    assert(o.sack_count <= o.sack.size());
    w.put(kKindNop << 24 | kKindNop << 16 | kKindSack << 8 | (2 + 8 * o.sack_count));
    for (size_t i = 0; i < o.sack_count; ++i) {
      w.put(o.sack[i].left.raw());
      w.put(o.sack[i].right.raw());
    }
  }
  if (o.has(O::kUserTimeout)) w.put(kKindUserTimeout << 24 | 4 << 16 | o.user_timeout);
  if (o.has(O::kFastOpen)) write_fast_open(o, w);
}

constexpr bool has_only_timestamps(const TcpOptions& o) {
  return o.present == TcpOptions::kTimestamps;
}

}  // namespace

size_t tcp_options_size(const TcpOptions& options) {
  size_t size = kTimestampsSize;
  if (!has_only_timestamps(options)) {
    Writer measure{nullptr};
    write_all(options, measure);
    size = measure.size;
  }
  return options.mptcp.present == 0 ? size : size + mptcp_options_size(options.mptcp);
}

size_t emit_tcp_options(const TcpOptions& options, std::span<uint8_t> out) {
  size_t size = kTimestampsSize;
  if (has_only_timestamps(options)) [[likely]] {
    assert(out.size() >= kTimestampsSize);
    store32(out.data(), kNopNopTimestamps);
    store32(out.data() + 4, options.ts_value);
    store32(out.data() + 8, options.ts_echo);
  } else {
    assert(out.size() >= tcp_options_size(options));
    Writer writer{out.data()};
    write_all(options, writer);
    size = writer.size;
  }
  return options.mptcp.present == 0 ? size : size + emit_mptcp_options(options.mptcp, out.subspan(size));
}

}  // namespace tributary::wire
