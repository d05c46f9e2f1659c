// Tcb: the transmission control block (RFC 9293 §3.3.1) of one TCP connection, which is either a stream of its own or a
// subflow of an MPTCP connection. Plain data; the functions beside it do the work. Lives in a slab, one worker only.
#pragma once

#include <cstdint>

#include "stack/base/ids.h"
#include "stack/base/seq_num.h"
#include "stack/base/units.h"
#include "stack/byte_stream.h"
#include "stack/congestion/congestion.h"
#include "stack/flow/flow_key.h"
#include "stack/ip/ip_layer.h"
#include "stack/packet/packet_ring.h"
#include "stack/tcp/flight.h"
#include "stack/tcp/state.h"
#include "stack/timer/timer_wheel.h"

namespace tributary::tcp {

constexpr uint32_t kNoConnection = UINT32_MAX;
constexpr uint8_t kTimerKind = 1;  ///< TimerNode::kind of a Tcb
constexpr uint8_t kMaxDupAcks = 15;

/// Bits of Tcb::flags.
enum TcbFlag : uint32_t {
  kTimestamps = 1 << 0,     ///< negotiated (RFC 7323)
  kSackPermitted = 1 << 1,  ///< the peer takes SACK blocks
  kWindowScaled = 1 << 2,   ///< negotiated
  kPassive = 1 << 3,        ///< came from a SYN to us
  kAckNow = 1 << 4,         ///< an ACK leaves at the end of this pass
  kAckPending = 1 << 5,     ///< a delayed ACK is due at ack_deadline
  kFinQueued = 1 << 6,      ///< send FIN after the queue
  kFinSent = 1 << 7,
  kFinReceived = 1 << 8,
  kInRecovery = 1 << 9,     ///< fast recovery, until recovery_point is acknowledged
  kInLoss = 1 << 10,        ///< after an RTO, until recovery_point is acknowledged
  kOutputQueued = 1 << 11,  ///< on the context's output list
  kReadyQueued = 1 << 12,   ///< on the context's ready list (plain streams)
  kProbeSent = 1 << 13,     ///< a tail loss probe is in flight
  kCwndLimited = 1 << 14,   ///< what left last filled the congestion window
  kEarlyData = 1 << 15,     ///< may send in SYN-RECEIVED: the SYN carried accepted payload (RFC 7413 §4.2)
  kSynLost = 1 << 16,       ///< a SYN or SYN-ACK was sent again
  kReordering = 1 << 17,    ///< RACK has seen reordering
  kDsackPending = 1 << 18,  ///< the next ACK reports a duplicate (context's dsacks)
  kPersist = 1 << 19,       ///< the retransmission deadline is a zero-window probe
  kProbeTimer = 1 << 20,    ///< the retransmission deadline is a tail loss probe
  kReorderTimer = 1 << 21,  ///< the retransmission deadline is RACK's reordering timer
  // MPTCP subflows
  kJoin = 1 << 22,              ///< an additional subflow; otherwise the initial one
  kPreEstablished = 1 << 23,    ///< our third ACK with MP_JOIN or keys is not yet answered (RFC 8684 §3.2)
  kLocalBackup = 1 << 24,       ///< we asked not to be sent to
  kRemoteBackup = 1 << 25,      ///< the peer asked not to be sent to (B bit, MP_PRIO)
  kStale = 1 << 26,             ///< no progress: others are preferred, its data went elsewhere too
  kMapping = 1 << 27,           ///< a receive mapping is in force
  kMappingChecksum = 1 << 28,   ///< ... and carries a checksum
  kDetached = 1 << 29,          ///< no longer part of a connection: closing on its own
  kFastOpen = 1u << 31,         ///< our SYN or SYN-ACK carries a Fast Open option (RFC 7413)
  kCapableConfirmed = 1 << 30,  ///< initiator: the peer has shown it has our key (RFC 8684 §3.1)
};

/// How larger segments than `mss` are tried: see mtu_search.h.
enum class MtuSearch : uint8_t { kWhole, kSteps, kAgain, kResting };

/// Bits of PacketInfo::flags.
enum PacketFlag : uint16_t {
  kPktInStream = 1 << 0,  ///< linked in the MPTCP connection's send queue
  kPktInFlight = 1 << 1,  ///< linked in a Tcb's send queue
  kPktSacked = 1 << 2,
  kPktLost = 1 << 3,  ///< to be sent again
  kPktRetransmitted = 1 << 4,
  kPktCopy = 1 << 5,          ///< a reinjected reference: not in the connection's queue
  kPktReinjected = 1 << 6,    ///< a copy of it went to another subflow
  kPktWanted = 1 << 12,       ///< to be given to a subflow (again): its own is gone or makes no progress
  kPktSubflowAcked = 1 << 7,  ///< some subflow delivered it; only its DATA_ACK is missing
  // receive
  kPktMapping = 1 << 8,  ///< dsn, subflow_seq, mapping_size are valid
  kPktMappingChecksum = 1 << 9,
  kPktDataFin = 1 << 10,  ///< the mapping ends with the DATA_FIN
  kPktFin = 1 << 11,      ///< the segment carried FIN; of what we send: carries it
  // send
  kPktRated = 1 << 13,       ///< what delivery rate sampling notes at transmission is valid
  kPktAppLimited = 1 << 14,  ///< P.is_app_limited
  kPktSmall = 1 << 15,       ///< counted in Flight::small_packets
};

/// What a Tcb that is a stream of its own knows beyond TCP.
struct PlainStream {
  StreamRing rx;  ///< in-order payload not yet read
  uint64_t user_data;
  uint32_t rx_bytes;        ///< bytes of the queue
  uint32_t receive_budget;  ///< most bytes held and in flight towards us
  uint32_t held;            ///< delivered bytes not yet released
  uint32_t acked;           ///< written bytes acknowledged since take_acked
};

/// RFC 8684 §3.2: the random numbers of an MP_JOIN handshake.
struct JoinNonces {
  uint32_t local;
  uint32_t remote;
};

/// What a subflow knows beyond TCP.
struct SubflowPart {
  union {
    DataSeq map_dsn;      ///< mapping in force: DSN of its first byte
    JoinNonces nonces{};  ///< of an additional subflow until it is established
  };
  uint32_t map_ssn;     ///< its relative subflow sequence number
  uint16_t map_size;    ///< its length; 0 with kMapping set: infinite
  wire::Sum map_sum;    ///< with kMappingChecksum: sum over what has arrived of it
  SubflowRing pending;  ///< with kMappingChecksum: payload of a mapping not yet complete
  AddressId local_id;
  AddressId remote_id;
};

struct Tcb {
  // What every segment touches.
  FlowKey key;
  State state = State::kClosed;
  uint8_t snd_wscale : 4 = 0;  ///< shift of windows we receive
  uint8_t rcv_wscale : 4 = 0;  ///< shift of windows we send
  uint8_t dup_acks : 4 = 0;    ///< no more than kMaxDupAcks are counted
  uint8_t ecn : 4 = 0;         ///< EcnBit
  uint8_t dscp : 6 = 0;        ///< of what we send (RFC 2474)
  MtuSearch mtu_search : 2 = MtuSearch::kResting;
  uint32_t flags = 0;
  SeqNum rcv_nxt;
  SeqNum snd_una;
  SeqNum snd_nxt;
  uint32_t snd_wnd = 0;  ///< bytes
  SeqNum rcv_adv;        ///< right edge of the window we advertised; never moves left

  rte_mbuf* tx_head = nullptr;  ///< sent and unacknowledged, then unsent; linked by subflow_next
  Flight* flight = nullptr;     ///< while tx_head is not null
  SubflowRing out_of_order{};   ///< by seq, in runs: see reassembly.h
  SeqNum snd_wl1;
  uint32_t max_snd_wnd = 0;
  SeqNum last_ack_sent;
  uint32_t ts_recent = 0;
  uint32_t heard_at = 0;   ///< milliseconds: the last acceptable segment; ts_recent is not older
  uint32_t ts_offset = 0;  ///< added to the clock in TSval (RFC 7323 §7.1)
  SeqNum recent_ooo;       ///< seq of the latest out-of-order segment: its SACK block goes first
  uint16_t ooo_count = 0;  ///< packets in out_of_order
  uint16_t mss = 536;      ///< the peer's MSS option, or the path's limit if that is less; bytes, options included
  uint16_t announced_mss = 1460;  ///< MSS option we send
  uint8_t backoff = 0;            ///< RTOs in a row
  uint8_t reo_wnd_mult : 5 = 1;   ///< RACK.reo_wnd_mult: no more than 20
  uint8_t gathering : 2 = 0;      ///< Gathering
  uint8_t awaits_more : 1 = 0;    ///< a piece smaller than a segment waits because the user has more to write
  ip::NextHop hop;  ///< its MTU: the most both the link and the peer's MSS option allow, whatever the path takes

  // Congestion and loss; what is known only while payload is queued is in `flight`.
  congestion::State cc{};
  uint32_t srtt = 0;  ///< microseconds; 0 = no sample yet
  uint32_t rttvar = 0;
  uint32_t min_rtt = 0;  ///< microseconds; 0 = no sample yet
  SeqNum recovery_point;
  uint16_t received_wraps = 0;  ///< how often rcv_nxt came round to irs
  uint16_t sent_wraps = 0;      ///< how often snd_nxt came round to iss

  // Timers: one wheel entry, filed under the earliest (design D6).
  TimerNode timer;
  Micros rtx_deadline = Micros::never();  ///< RTO, TLP, reordering or persist: see flags
  Micros ack_deadline = Micros::never();
  Micros idle_deadline = Micros::never();  ///< FIN-WAIT-2, half-open, linger

  // Who it belongs to.
  uint32_t connection = kNoConnection;  ///< index of the MPTCP connection
  SeqNum iss;
  SeqNum irs;
  uint32_t retransmissions = 0;
  /// Payload bytes of the SYN: accepted ones of the peer's, outside MPTCP's sequence space (RFC 8684 App. B); or those
  /// ours carried, which stay at the head of the queue until the SYN-ACK says whether they were taken.
  uint16_t syn_data = 0;
  uint16_t listener = UINT16_MAX;
  uint16_t events = 0;  ///< plain: StreamEvent bits to report
  StreamError error : 4 = StreamError::kNone;
  uint8_t more_follows : 1 = 0;            ///< the last write said so: no PSH behind it
  uint8_t fast_open_experimental : 1 = 0;  ///< with kFastOpen: the option has the form of RFC 7413 appendix A
  uint8_t paced : 1 = 0;                   ///< flight->pacing is in force: others need not look there
  uint8_t window_probe_sent : 1 = 0;       ///< with kPersist: the last probe is not answered
  union {
    uint8_t mtu_search_tick = 0;  ///< once synchronized: when the next larger segment may be tried
    uint8_t icmp_code;            ///< with StreamError::kUnreachable: the code of the ICMP error
  };
  union {
    PlainStream plain;    ///< of a stream of its own
    SubflowPart subflow;  ///< with is_subflow()
  };

  Tcb() : plain{} {}
  /// First packet of the queue never sent.
  rte_mbuf* tx_unsent() const { return flight != nullptr ? flight->unsent : nullptr; }
  rte_mbuf* tx_tail() const { return flight != nullptr ? flight->tail : nullptr; }
  bool has(uint32_t flag) const { return flags & flag; }
  void set(uint32_t flag) { flags |= flag; }
  void clear(uint32_t flag) { flags &= ~flag; }
  bool is_subflow() const { return connection != kNoConnection; }

  /// `n` more sequence numbers have arrived in order, or left for the first time.
  void advance_rcv_nxt(uint32_t n) {
    rcv_nxt += n;
    if (static_cast<uint32_t>(rcv_nxt - irs) < n) ++received_wraps;
  }
  void advance_snd_nxt(uint32_t n) {
    snd_nxt += n;
    if (static_cast<uint32_t>(snd_nxt - iss) < n) ++sent_wraps;
  }
  /// Payload in order; payload sent, retransmissions not counted. The SYN took a number, a FIN another one.
  uint64_t bytes_received() const {
    const uint32_t control = has(kFinReceived) ? 2 : 1;
    const uint64_t numbers = uint64_t{received_wraps} << 32 | static_cast<uint32_t>(rcv_nxt - irs);
    return numbers > control ? numbers - control : 0;
  }
  uint64_t bytes_sent() const {
    const uint32_t control = has(kFinSent) ? 2 : 1;
    const uint64_t numbers = uint64_t{sent_wraps} << 32 | static_cast<uint32_t>(snd_nxt - iss);
    return numbers > control ? numbers - control : 0;
  }
};
static_assert(sizeof(Tcb) <= 320);  // three for every proxied connection (design D5)

}  // namespace tributary::tcp
