// Every limit and default of the protocol engine, with its unit and where the number comes from.
#pragma once

#include <cstdint>
#include <vector>

#include "stack/base/ids.h"
#include "stack/base/sip_hash.h"
#include "stack/base/units.h"
#include "stack/congestion/congestion.h"

namespace tributary {

struct Settings {
  // Capacity of one worker. Memory is touched only as it is used.
  uint32_t max_subflows = 1 << 20;     ///< TCP control blocks: plain connections and MPTCP subflows
  uint32_t max_connections = 1 << 18;  ///< MPTCP connections
  uint32_t max_time_wait = 1 << 18;
  uint32_t max_half_open = 1 << 16;  ///< SYNs not yet answered or acknowledged
  /// With so many half open a listener answers further SYNs with cookies; max_half_open or more: it never does.
  uint32_t syn_cookies_from = 1 << 14;

  // TCP
  /// Explicit congestion notification (RFC 3168): never, when the peer asks (Linux tcp_ecn 2), or ask ourselves.
  enum class Ecn : uint8_t { kOff, kAccept, kAsk };
  Ecn ecn = Ecn::kAccept;
  Micros keepalive = Micros::seconds(7200);  ///< silence before the first probe; 0 = never. Linux tcp_keepalive_time
  Micros keepalive_interval = Micros::seconds(75);  ///< Linux tcp_keepalive_intvl
  uint8_t keepalive_probes = 9;                     ///< Linux tcp_keepalive_probes
  Micros user_timeout;  ///< data or probes unanswered so long end a connection (RFC 5482); 0 = data_retries
  congestion::Algorithm algorithm = congestion::Algorithm::kCubic;
  Micros initial_rto = Micros::seconds(1);               ///< RFC 6298 §2.1
  Micros min_rto = Micros::milliseconds(200);            ///< Linux TCP_RTO_MIN
  Micros max_rto = Micros::seconds(120);                 ///< Linux TCP_RTO_MAX
  Micros delayed_ack = Micros::milliseconds(40);         ///< Linux TCP_DELACK_MIN
  Micros time_wait = Micros::seconds(60);                ///< Linux TCP_TIMEWAIT_LEN; 2 MSL
  Micros fin_wait2 = Micros::seconds(60);                ///< Linux tcp_fin_timeout
  uint8_t syn_retries = 6;                               ///< Linux tcp_syn_retries
  uint8_t syn_ack_retries = 5;                           ///< Linux tcp_synack_retries
  uint8_t data_retries = 15;                             ///< Linux tcp_retries2 (R2)
  uint8_t window_scale = 7;                              ///< shift we offer; 8 MB window
  bool timestamps = true;                                ///< ask for them, and take them when asked (RFC 7323)
  bool pacing = true;                                    ///< of windows beyond the initial one; BBR always paces
  bool restart_after_idle = true;                        ///< from the initial window (RFC 5681 §4.1)
  uint16_t max_out_of_order = 4096;                      ///< buffers in one subflow's or connection's reorder queue
  Micros invalid_ratelimit = Micros::milliseconds(500);  ///< Linux tcp_invalid_ratelimit; 0 = none

  // Receive budget of a stream nobody set otherwise: the most bytes in flight towards us or held for the reader.
  uint32_t receive_budget = 1 << 20;

  // Fast Open (RFC 7413)
  /// Keys of the cookies we give out, the current one first; older ones are taken as well. None: one of our own is
  /// drawn.
  std::vector<SipKey> fast_open_keys;
  uint32_t max_fast_open =
      1024;  ///< SYNs with payload taken and not yet established; beyond, it is left to be sent again
  uint32_t fast_open_cache = 4096;  ///< cookies of others, by pair of addresses
  Micros fast_open_pause =
      Micros::seconds(3600);  ///< for a destination that did not answer; twice as long each time. As Linux

  // MPTCP
  bool mptcp_enabled = true;
  bool mptcp_checksum = false;  ///< ask for DSS checksums (A bit)
  uint8_t max_subflows_per_connection = 8;
  Micros close_timeout = Micros::seconds(60);  ///< Linux close_timeout: kept after the last subflow is gone
  Micros join_timeout = Micros::seconds(10);   ///< half-open joins (DP-24)

  WorkerId worker;
  uint16_t workers = 1;  ///< `token % workers` names the owner (design D4)
  uint16_t first_ephemeral_port = 1024;
  uint16_t last_ephemeral_port = 65535;
};

}  // namespace tributary
