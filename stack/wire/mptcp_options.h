// The MPTCP option, TCP option kind 30 (RFC 8684): every subtype and length of version 1 as a parsed value.
// One TCP segment can carry several MPTCP options; `MptcpOptions` holds at most one of each subtype, as hosts
// send.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "stack/base/ids.h"
#include "stack/base/seq_num.h"
#include "stack/wire/ip_address.h"

namespace tributary::wire {

/// MP_CAPABLE (§3.1). `keys` tells the form: 0 = SYN, 1 = SYN/ACK (sender's key), 2 = third ACK or first
/// data. Look at `version` first: a SYN of version 0 has one key.
struct MpCapable {
  uint8_t version = 1;
  bool checksum_required = false;  ///< A
  bool extensibility = false;      ///< B; when set nothing after the flags was judged
  bool no_join_to_source = false;  ///< C
  uint8_t algorithms = 0x01;       ///< D..H, five bits as on the wire; H = 0x01 is HMAC-SHA256
  uint8_t keys = 0;
  Key sender_key{};
  Key receiver_key{};
  bool has_data_length = false;  ///< lengths 22 and 24
  uint16_t data_length = 0;      ///< Data-Level Length
  bool has_checksum = false;     ///< length 24
  uint16_t checksum = 0;         ///< as on the wire
  bool operator==(const MpCapable&) const = default;
};

enum class JoinForm : uint8_t { kSyn, kSynAck, kAck };

/// MP_JOIN (§3.2) in its three forms. Unused members stay zero.
struct MpJoin {
  JoinForm form = JoinForm::kSyn;
  bool backup = false;             ///< B; SYN and SYN/ACK
  AddressId address_id{};          ///< SYN and SYN/ACK
  Token receiver_token{};          ///< SYN
  uint32_t nonce = 0;              ///< SYN and SYN/ACK
  std::array<uint8_t, 20> hmac{};  ///< SYN/ACK: first 8 bytes; ACK: all 20
  bool operator==(const MpJoin&) const = default;
};

/// DSS (§3.3). Absent parts stay zero. 32-bit forms are kept as sent; promotion is the connection's business.
struct Dss {
  bool data_fin = false;      ///< F
  bool has_data_ack = false;  ///< A
  bool data_ack_64 = false;   ///< a
  bool has_mapping = false;   ///< M
  bool dsn_64 = false;        ///< m
  bool has_checksum = false;
  uint64_t data_ack = 0;     ///< 32 significant bits unless data_ack_64
  uint64_t dsn = 0;          ///< 32 significant bits unless dsn_64
  uint32_t subflow_seq = 0;  ///< relative: SYN = 0
  uint16_t data_length = 0;  ///< 0 = infinite mapping
  uint16_t checksum = 0;     ///< as on the wire
  bool operator==(const Dss&) const = default;
};

/// ADD_ADDR (§3.4.1). `has_hmac` is false exactly when `echo` is set.
struct AddAddr {
  bool echo = false;
  AddressId address_id{};
  IpAddress address{};
  bool has_port = false;
  uint16_t port = 0;
  uint64_t hmac = 0;  ///< rightmost 64 bits of the digest
  bool operator==(const AddAddr&) const = default;
};

/// REMOVE_ADDR (§3.4.2). A list that does not fit an option area cannot be on the wire, so 37 is the most.
struct RemoveAddr {
  uint8_t count = 0;
  std::array<AddressId, 37> address_ids{};
  bool operator==(const RemoveAddr&) const = default;
};

struct MpPrio {
  bool backup = false;
  bool operator==(const MpPrio&) const = default;
};
struct MpFail {
  DataSeq dsn{};
  bool operator==(const MpFail&) const = default;
};
struct MpFastclose {
  Key receiver_key{};
  bool operator==(const MpFastclose&) const = default;
};

/// Reasons of MP_TCPRST (§3.6).
enum class RstReason : uint8_t {
  kUnspecified = 0,
  kMptcpSpecific = 1,
  kLackOfResources = 2,
  kAdministrativelyProhibited = 3,
  kTooMuchOutstandingData = 4,
  kUnacceptablePerformance = 5,
  kMiddleboxInterference = 6,
};
struct MpTcprst {
  bool transient = false;  ///< T
  uint8_t reason = 0;      ///< RstReason, or a number not yet assigned
  bool operator==(const MpTcprst&) const = default;
};

/// The MPTCP options of one segment. `present` says which members mean anything.
struct MptcpOptions {
  enum Bit : uint16_t {
    kCapable = 1 << 0,
    kJoin = 1 << 1,
    kDss = 1 << 2,
    kAddAddr = 1 << 3,
    kRemoveAddr = 1 << 4,
    kPrio = 1 << 5,
    kFail = 1 << 6,
    kFastclose = 1 << 7,
    kTcprst = 1 << 8,
    kMalformed = 1 << 14,  ///< an option of kind 30 had an impossible length or flags and was left out
    kUnknown = 1 << 15,    ///< a subtype this version does not know was left out
  };
  uint16_t present = 0;
  bool has(Bit bit) const { return present & bit; }

  // Ordered by how often the path touches them.
  Dss dss;
  MpCapable capable;
  MpJoin join;
  AddAddr add_addr;
  RemoveAddr remove_addr;
  MpPrio prio;
  MpFail fail;
  MpFastclose fastclose;
  MpTcprst tcprst;
};

/// Parses one option of kind 30 (`option` starts at the kind byte and is exactly as long as its length byte
/// says) into `out`, setting one bit of `out.present`. Of two options of the same subtype the last counts.
/// Reserved bits are ignored. Whether a form fits the segment (a join of the SYN form in a SYN...) is the
/// caller's to judge. Never reads outside `option`.
void parse_mptcp_option(std::span<const uint8_t> option, MptcpOptions& out);

/// Bytes `emit_mptcp_options` will write, padding included; 0 when nothing is present.
size_t mptcp_options_size(const MptcpOptions& options);

/// Writes every option present, each padded with NOP to a multiple of four, in the order of Linux (DSS,
/// MP_CAPABLE, MP_JOIN, ADD_ADDR, MP_FASTCLOSE, MP_FAIL, MP_TCPRST, MP_PRIO, REMOVE_ADDR). `out` has at least
/// `mptcp_options_size` bytes. Returns the bytes written.
size_t emit_mptcp_options(const MptcpOptions& options, std::span<uint8_t> out);

}  // namespace tributary::wire
