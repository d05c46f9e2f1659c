// TCP options as a script writes them: known numbers, names of keys and addresses, and what is left to be
// filled in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "stack/wire/ip_address.h"

namespace tributary::script {

struct NopOption {};
struct EndOption {};
struct MssOption {
  uint16_t value = 0;
};
struct WindowScaleOption {
  uint8_t value = 0;
};
struct SackOkOption {};
struct SackOption {
  std::vector<std::pair<uint32_t, uint32_t>> blocks;
};
struct TimestampOption {
  uint32_t value = 0;
  uint32_t echo = 0;
};
/// Fast open (kind 34), or its experimental form (kind 254, identifier 0xf989).
struct FastOpenOption {
  bool experimental = false;
  std::vector<uint8_t> cookie;
};
/// AccECN counters (kinds 172 and 174), in the order written.
struct AccEcnOption {
  bool second_order = false;
  std::vector<uint32_t> counters;
};
struct UserTimeoutOption {
  uint16_t value = 0;
};
/// Any kind with any bytes: `raw KIND HEX`, and `md5 HEX`.
struct RawOption {
  uint8_t kind = 0;
  std::vector<uint8_t> bytes;
};

/// A key by name, which the script may give a value: `skey=2`.
struct KeySpec {
  std::string name;
  std::optional<uint64_t> value;
};

struct CapableOption {
  uint8_t version = 1;
  uint8_t flags = 0x01;
  std::vector<KeySpec> keys;
  std::optional<uint16_t> data_length;
  bool checksum = false;  ///< behind the length
  std::optional<uint16_t> checksum_value;
};

struct HmacSpec {
  bool automatic = true;
  std::string first, second;        ///< keys by name
  std::optional<uint64_t> literal;  ///< left-aligned in the field
};
struct JoinSynOption {
  bool backup = false;
  std::optional<uint8_t> address_id;
  std::string token_key;  ///< sha256_32(name); empty: automatic
  std::optional<uint32_t> token;
  std::optional<uint32_t> nonce;
};
struct JoinSynAckOption {
  bool backup = false;
  std::optional<uint8_t> address_id;
  HmacSpec hmac;
  std::optional<uint32_t> nonce;
};
struct JoinAckOption {
  HmacSpec hmac;
};

/// A data sequence number, relative to an IDSN.
struct DataNumber {
  bool wide = true;               ///< 8 bytes
  std::optional<uint64_t> value;  ///< empty: filled in
  std::string key;                ///< the IDSN of this key instead of the usual one
  std::optional<uint64_t> raw_key;
};
struct DssOption {
  std::optional<DataNumber> ack;
  std::optional<DataNumber> dsn;
  std::optional<uint32_t> subflow_seq;
  std::optional<uint16_t> length;
  bool checksum = true;  ///< `nocs` leaves it out
  std::optional<uint16_t> checksum_value;
  bool fin = false;
};

struct AddressSpec {
  std::string name;
  std::optional<IpAddress> value;
};
struct AddAddressOption {
  std::optional<uint8_t> address_id;
  AddressSpec address;
  std::optional<uint16_t> port;
  bool echo = false;
  std::optional<uint64_t> hmac;  ///< empty: computed
};
struct RemoveAddressOption {
  std::vector<uint8_t> ids;
};
struct PriorityOption {
  bool backup = false;
  std::optional<uint8_t> address_id;  ///< RFC 6824's form
};
struct FailOption {
  std::optional<DataNumber> dsn;
};
struct FastcloseOption {
  std::string key;  ///< empty: the receiver's
  std::optional<uint64_t> value;
};
struct ResetOption {
  uint8_t reason = 0;
  bool transient = false;
};

using OptionSpec =
    std::variant<NopOption, EndOption, MssOption, WindowScaleOption, SackOkOption, SackOption, TimestampOption,
                 FastOpenOption, AccEcnOption, UserTimeoutOption, RawOption, CapableOption, JoinSynOption,
                 JoinSynAckOption, JoinAckOption, DssOption, AddAddressOption, RemoveAddressOption, PriorityOption,
                 FailOption, FastcloseOption, ResetOption>;

}  // namespace tributary::script
