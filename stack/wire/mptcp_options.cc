#include "stack/wire/mptcp_options.h"

#include <cassert>
#include <cstring>

#include "stack/wire/byte_order.h"

namespace tributary::wire {

namespace {

constexpr uint8_t kSubtypeCapable = 0, kSubtypeJoin = 1, kSubtypeDss = 2, kSubtypeAddAddr = 3, kSubtypeRemoveAddr = 4,
                  kSubtypePrio = 5, kSubtypeFail = 6, kSubtypeFastclose = 7, kSubtypeTcprst = 8;
constexpr uint8_t kCapableA = 0x80, kCapableB = 0x40, kCapableC = 0x20, kCapableAlgorithms = 0x1f;
constexpr uint8_t kDssA = 0x01, kDss8ByteAck = 0x02, kDssM = 0x04, kDss8ByteDsn = 0x08, kDssF = 0x10;

bool parse_capable(std::span<const uint8_t> option, MpCapable& out) {
  const size_t size = option.size();
  if (size < 4) return false;
  const uint8_t* p = option.data();
  out = {};
  out.version = p[2] & 0x0f;
  out.checksum_required = p[3] & kCapableA;
  out.extensibility = p[3] & kCapableB;
  out.no_join_to_source = p[3] & kCapableC;
  out.algorithms = p[3] & kCapableAlgorithms;
  if (out.extensibility) return true;  // the rest may mean anything: before the strict checks (RFC 8684 §3.1)
  if (out.algorithms == 0) return false;
  if (size != 4 && size != 12 && size != 20 && size != 22 && size != 24) return false;
  if (size >= 12) {
    out.keys = 1;
    out.sender_key.value = load64(p + 4);
  }
  if (size >= 20) {
    out.keys = 2;
    out.receiver_key.value = load64(p + 12);
  }
  if (size >= 22) {
    out.has_data_length = true;
    out.data_length = load16(p + 20);
  }
  if (size == 24) {
    out.has_checksum = true;
    out.checksum = load16(p + 22);
  }
  return true;
}

bool parse_join(std::span<const uint8_t> option, MpJoin& out) {
  const uint8_t* p = option.data();
  out = {};
  switch (option.size()) {
    case 12:
      out.form = JoinForm::kSyn;
      out.receiver_token.value = load32(p + 4);
      out.nonce = load32(p + 8);
      break;
    case 16:
      out.form = JoinForm::kSynAck;
      std::memcpy(out.hmac.data(), p + 4, 8);
      out.nonce = load32(p + 12);
      break;
    case 24:
      out.form = JoinForm::kAck;
      std::memcpy(out.hmac.data(), p + 4, 20);
      return true;
    default:
      return false;
  }
  out.backup = p[2] & 1;
  out.address_id.value = p[3];
  return true;
}

// The flags say which fields there are; two bytes more than those is the checksum. Several combinations share
// a length.
bool parse_dss(std::span<const uint8_t> option, Dss& out) {
  if (option.size() < 4) return false;
  const uint8_t* p = option.data();
  const uint8_t flags = p[3];
  const bool has_ack = flags & kDssA;
  const bool has_mapping = flags & kDssM;
  const bool ack_64 = has_ack && (flags & kDss8ByteAck);
  const bool dsn_64 = has_mapping && (flags & kDss8ByteDsn);
  const size_t ack_size = has_ack ? (ack_64 ? 8 : 4) : 0;
  const size_t map_size = has_mapping ? (dsn_64 ? 14 : 10) : 0;
  const size_t expected = 4 + ack_size + map_size;
  const bool has_checksum = has_mapping && option.size() == expected + 2;
  if (!has_checksum && option.size() != expected) return false;

  out = {};
  out.has_data_ack = has_ack;
  out.data_ack_64 = ack_64;
  p += 4;
  if (has_ack) out.data_ack = ack_64 ? load64(p) : load32(p);
  if (!has_mapping) return true;
  p += ack_size;
  out.data_fin = flags & kDssF;  // meaningless without a mapping, so dropped there
  out.has_mapping = true;
  out.dsn_64 = dsn_64;
  out.dsn = dsn_64 ? load64(p) : load32(p);
  p += dsn_64 ? 8 : 4;
  out.subflow_seq = load32(p);
  out.data_length = load16(p + 4);
  out.has_checksum = has_checksum;
  if (has_checksum) out.checksum = load16(p + 6);
  return true;
}

// Family and port follow from the echo flag and the length alone.
bool parse_add_addr(std::span<const uint8_t> option, AddAddr& out) {
  const size_t size = option.size();
  if (size < 8) return false;
  const uint8_t* p = option.data();
  out = {};
  out.echo = p[2] & 1;
  out.address_id.value = p[3];
  const size_t hmac_size = out.echo ? 0 : 8;
  if (size < hmac_size) return false;
  size_t address_size;
  switch (size - hmac_size) {
    case 8:
      address_size = 4;
      break;
    case 10:
      address_size = 4, out.has_port = true;
      break;
    case 20:
      address_size = 16;
      break;
    case 22:
      address_size = 16, out.has_port = true;
      break;
    default:
      return false;
  }
  p += 4;
  out.address = address_size == 4 ? IpAddress::from_v4_bytes(p) : IpAddress::from_v6_bytes(p);
  // An IPv4 address in IPv6 clothes: its HMAC covers 16 bytes where we would hash 4.
  if (address_size == 16 && out.address.is_v4()) return false;
  p += address_size;
  if (out.has_port) {
    out.port = load16(p);
    p += 2;
  }
  if (!out.echo) out.hmac = load64(p);
  return true;
}

bool parse_remove_addr(std::span<const uint8_t> option, RemoveAddr& out) {
  const size_t count = option.size() - 3;
  if (count < 1 || count > out.address_ids.size()) return false;
  out = {};
  out.count = static_cast<uint8_t>(count);
  for (size_t i = 0; i < count; ++i) out.address_ids[i].value = option[3 + i];
  return true;
}

bool parse_prio(std::span<const uint8_t> option, MpPrio& out) {
  if (option.size() != 3) return false;
  out.backup = option[2] & 1;
  return true;
}

bool parse_fail(std::span<const uint8_t> option, MpFail& out) {
  if (option.size() != 12) return false;
  out.dsn = DataSeq(load64(&option[4]));
  return true;
}

bool parse_fastclose(std::span<const uint8_t> option, MpFastclose& out) {
  if (option.size() != 12) return false;
  out.receiver_key.value = load64(&option[4]);
  return true;
}

bool parse_tcprst(std::span<const uint8_t> option, MpTcprst& out) {
  if (option.size() != 4) return false;
  out.transient = option[2] & 1;
  out.reason = option[3];
  return true;
}

}  // namespace

void parse_mptcp_option(std::span<const uint8_t> option, MptcpOptions& out) {
  using O = MptcpOptions;
  if (option.size() < 3) {
    out.present |= O::kMalformed;
    return;
  }
  bool good = false;
  O::Bit bit = O::kUnknown;
  switch (option[2] >> 4) {
    case kSubtypeDss:
      bit = O::kDss, good = parse_dss(option, out.dss);
      break;
    case kSubtypeCapable:
      bit = O::kCapable, good = parse_capable(option, out.capable);
      break;
    case kSubtypeJoin:
      bit = O::kJoin, good = parse_join(option, out.join);
      break;
    case kSubtypeAddAddr:
      bit = O::kAddAddr, good = parse_add_addr(option, out.add_addr);
      break;
    case kSubtypeRemoveAddr:
      bit = O::kRemoveAddr, good = parse_remove_addr(option, out.remove_addr);
      break;
    case kSubtypePrio:
      bit = O::kPrio, good = parse_prio(option, out.prio);
      break;
    case kSubtypeFail:
      bit = O::kFail, good = parse_fail(option, out.fail);
      break;
    case kSubtypeFastclose:
      bit = O::kFastclose, good = parse_fastclose(option, out.fastclose);
      break;
    case kSubtypeTcprst:
      bit = O::kTcprst, good = parse_tcprst(option, out.tcprst);
      break;
    default:
      good = true;
      break;
  }
  if (good) {
    out.present |= bit;
  } else {
    // What an earlier option of this subtype said is half overwritten by now.
    out.present = static_cast<uint16_t>((out.present & ~bit) | O::kMalformed);
  }
}

}  // namespace tributary::wire
