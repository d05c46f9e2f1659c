// Connection: the data level of one MPTCP connection (RFC 8684). Plain data; the functions beside it do the work.
// A connection that fell back to TCP stays this object, with an infinite mapping on its only subflow (design D8).
#pragma once

#include <array>
#include <cstdint>

#include "stack/base/ids.h"
#include "stack/base/seq_num.h"
#include "stack/base/units.h"
#include "stack/byte_stream.h"
#include "stack/congestion/congestion.h"
#include "stack/packet/packet_ring.h"
#include "stack/timer/timer_wheel.h"

namespace tributary::mptcp {

constexpr uint8_t kTimerKind = 2;  ///< TimerNode::kind of a Connection
constexpr size_t kMaxSubflows = 8;
constexpr uint32_t kNoSubflow = UINT32_MAX;

/// RFC 8684 appendix D, without the TCP names: what has been said at the data level.
///   kHandshake --keys known--> kEstablished; each direction then closes on its own by DATA_FIN (kDataFinSent,
///   kDataFinReceived, kDataFinAcked); when both are done the subflows are closed by FIN: kClosing, and the connection
///   goes with the last of them. kFailed: aborted (fast close), only the subflows' resets are left to do.
enum class State : uint8_t { kHandshake, kEstablished, kClosing, kFailed };

/// Bits of Connection::flags.
enum ConnectionFlag : uint32_t {
  kInitiator = 1 << 0,  ///< we opened it
  kRemoteKeyKnown = 1 << 1,
  kFallback = 1 << 2,     ///< plain TCP from here on (§3.7)
  kChecksum = 1 << 3,     ///< DSS checksums negotiated
  kPeerNoJoin = 1 << 4,   ///< C bit: no joins to the address and port it was first reached by
  kPeerDss = 1 << 5,      ///< a DSS of the peer has arrived: joins may start, falling back is over
  kDataAckSeen = 1 << 6,  ///< a DATA_ACK has come, if only of nothing
  kAck64 = 1 << 7,        ///< the peer sent a 64-bit DSN: acknowledge with 64 bits (DS-5)
  kCloseQueued = 1 << 8,  ///< DATA_FIN follows the send queue
  kDataFinSent = 1 << 9,
  kDataFinAcked = 1 << 10,
  kDataFinReceived = 1 << 11,  ///< all data before the peer's DATA_FIN has arrived and it is acknowledged
  kDataFinSeen = 1 << 12,      ///< its place is known (rcv_fin)
  kReadyQueued = 1 << 13,      ///< on the context's ready list
  kScheduleQueued = 1 << 14,   ///< on the context's schedule list
  kInfinitePending = 1 << 16,  ///< fallback: data segments carry the infinite mapping until one is acknowledged
  kUserGone = 1 << 15,         ///< nobody reads events any more
  kNotContiguous =
      1 << 17,  ///< had another subflow, or data went twice or was dropped: no infinite mapping can cover it (§3.7)
  kFailing = 1 << 18,     ///< a checksum failed on the only subflow: ACKs carry MP_FAIL until the peer falls back
  kFinWithDss = 1 << 19,  ///< a subflow's FIN came with a DSS: for its peer it ends no more than the subflow
};

struct Connection {
  // Send, data level.
  DataSeq snd_una;        ///< first byte not DATA_ACKed
  DataSeq snd_nxt;        ///< first byte never given to a subflow
  DataSeq write_seq;      ///< byte after the last written
  DataSeq snd_wnd_end;    ///< DATA_ACK + window: first byte we may not send; never moves left
  DataSeq infinite_from;  ///< with kInfinitePending: first byte sent after falling back; with kFailing: DSN of the
                          ///< mapping that failed
  rte_mbuf* snd_head = nullptr;  ///< un-DATA_ACKed payload by DSN; linked by next
  rte_mbuf* snd_tail = nullptr;
  rte_mbuf* snd_unsent = nullptr;  ///< first never given to a subflow

  // Receive, data level.
  DataSeq rcv_nxt;
  DataSeq rcv_adv;                 ///< right edge of the window advertised; never moves left
  DataSeq rcv_fin;                 ///< with kDataFinSeen: DSN of the DATA_FIN itself
  StreamRing rx{};                 ///< in-order payload not yet read
  SubflowRing out_of_order{};      ///< by DSN, in runs: see packet/run_queue.h
  rte_mbuf* recent_run = nullptr;  ///< the run in the midst of out_of_order that got a packet last, or null
  uint32_t ooo_count = 0;
  uint32_t rx_bytes = 0;
  uint32_t held = 0;  ///< delivered bytes not yet released
  uint32_t receive_budget = 0;
  uint32_t acked = 0;   ///< written bytes DATA_ACKed since take_acked
  uint32_t wanted = 0;  ///< send: packets before snd_unsent with kPktWanted

  // Identity.
  Key local_key;
  Key remote_key;
  Token local_token;
  Token remote_token;
  DataSeq local_idsn;
  DataSeq remote_idsn;
  uint32_t flags = 0;
  State state = State::kHandshake;
  uint8_t subflow_count = 0;
  StreamError error = StreamError::kNone;
  uint8_t data_backoff = 0;                     ///< data-level retransmission time-outs in a row
  std::array<uint32_t, kMaxSubflows> subflows;  ///< Tcb indices, kNoSubflow where free

  TimerNode timer;
  Micros rtx_deadline = Micros::never();    ///< data-level retransmission (DATA_FIN, head of queue)
  Micros close_deadline = Micros::never();  ///< no subflow to send on, or close taking too long

  uint16_t events = 0;  ///< StreamEvent bits to report
  uint16_t listener = UINT16_MAX;
  congestion::Algorithm algorithm{};  ///< of new subflows, as of the first
  uint8_t dscp = 0;
  uint64_t user_data = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;

  Connection() { subflows.fill(kNoSubflow); }
  bool has(uint32_t flag) const { return flags & flag; }
  void set(uint32_t flag) { flags |= flag; }
  void clear(uint32_t flag) { flags &= ~flag; }
};
static_assert(sizeof(Connection) <= 296);  // design D5

}  // namespace tributary::mptcp
