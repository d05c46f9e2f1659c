// Between a script's numbers and the wire's: one Flow a TCP connection, one MptcpNames for the names a script
// gives to keys and addresses. A script says 1:1001 and TS val 100; the stack draws its own ISNs and clocks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "src/script/socket.h"
#include "stack/base/ids.h"
#include "stack/base/seq_num.h"
#include "stack/base/units.h"

namespace tributary::script {

/// One direction's sequence numbers. A segment with SYN names them as they are, and so says which number is the ISN;
/// all others count from the SYN, which is 0.
struct SequenceMap {
  bool known = false;
  bool guessed = false;  ///< from a segment that came before the SYN: its number names the ISN still
  uint32_t script_isn = 0;
  uint32_t live_isn = 0;

  void set(uint32_t script, uint32_t live) {
    known = true;
    script_isn = script;
    live_isn = live;
  }
  uint32_t to_live(uint32_t script, bool syn = false) const { return relative(script, syn) + live_isn; }
  uint32_t to_script(uint32_t live, bool syn = false) const { return live - live_isn + (syn ? script_isn : 0); }
  /// As in MPTCP mappings too: the SYN is 0.
  uint32_t relative(uint32_t script, bool syn) const { return script - (syn ? script_isn : 0); }
};

struct Flow {
  SocketAddress local;  ///< of the stack; port 0: not known yet
  SocketAddress remote;
  bool opened_by_call = false;  ///< by connect(), so that an inbound SYN is a simultaneous open
  SequenceMap local_seq;
  SequenceMap remote_seq;
  std::optional<uint32_t> new_remote_isn;  ///< of a SYN that may begin another connection; a script number

  std::map<uint32_t, uint32_t> timestamps;                       ///< the stack's: script to live
  std::optional<std::pair<uint32_t, uint32_t>> first_timestamp;  ///< script, live

  // MPTCP
  std::optional<uint32_t> stack_nonce, peer_nonce;
  int64_t inbound_data_shift = 0;  ///< data sequence number less subflow sequence number, both relative
  int64_t outbound_data_shift = 0;
};

struct MptcpNames {
  std::map<std::string, uint64_t> keys;
  std::map<std::string, IpAddress> addresses;
  std::map<IpAddress, uint8_t> address_ids;
  std::optional<Key> stack_key, peer_key;
  uint64_t next_stack_dsn = 1;  ///< relative: behind the highest seen
  uint64_t next_peer_dsn = 1;
  uint32_t next_nonce = 0x2a;

  /// Initial data sequence numbers; 0 while the key is not known.
  uint64_t stack_idsn() const;
  uint64_t peer_idsn() const;
  uint64_t idsn_of(const std::string& name) const;
  /// The identifier of a remote address: 0 for the first, then counted up.
  uint8_t id_of(const IpAddress& address);
};

}  // namespace tributary::script
