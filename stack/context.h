// Context: what the protocol code of one worker works with. One per Stack, passed by reference everywhere; single
// thread.
#pragma once

#include <vector>

#include "stack/base/counters.h"
#include "stack/base/random.h"
#include "stack/base/slab.h"
#include "stack/base/units.h"
#include "stack/flow/flow_table.h"
#include "stack/flow/token_table.h"
#include "stack/ip/ip_layer.h"
#include "stack/listener.h"
#include "stack/mptcp/connection.h"
#include "stack/mptcp/key_source.h"
#include "stack/packet/packet.h"
#include "stack/settings.h"
#include "stack/tcp/answer_limit.h"
#include "stack/tcp/fast_open_cache.h"
#include "stack/tcp/fast_open_keys.h"
#include "stack/tcp/isn.h"
#include "stack/tcp/path_model.h"
#include "stack/tcp/scoreboard.h"
#include "stack/tcp/syn_cookie.h"
#include "stack/tcp/tcb.h"
#include "stack/tcp/time_wait.h"
#include "stack/timer/timer_wheel.h"
#include "stack/wire/tcp_options.h"
#include "stack/work_list.h"

namespace tributary {

/// The option area of a SYN-ACK as received: kept until the pass ends, for Convert's Extended TCP Header TLV.
struct SynAckOptions {
  uint32_t tcb = 0;
  uint8_t size = 0;
  std::array<uint8_t, 40> bytes;
};

/// How near the pool of data buffers is to its end (design D7). Above 15/16 payload is refused, with exceptions; above
/// 31/32 without. What is left lets acknowledgements in.
enum class Pressure : uint8_t { kNone, kHigh, kFull };

/// A DSACK to be reported in this pass's ACK (RFC 2883).
struct Duplicate {
  uint32_t tcb;
  wire::SackBlock block;
};

struct Context {
  Context(PacketPools& packet_pools, ip::IpLayer& ip_layer, RandomSource& random_source, Counters& counter_set,
          const Settings& s, Micros start);

  PacketPools& pools;
  ip::IpLayer& ip;
  RandomSource& random;
  Counters& counters;
  Settings settings;
  Pressure pressure = Pressure::kNone;
  uint32_t receive_share = UINT32_MAX;  ///< bytes a stream may hold or invite, whatever its budget: see tcp/window.h
  Micros pressure_sampled;
  Micros now;  ///< arrival time of the burst, or of the timer pass

  Slab<tcp::Tcb> tcbs;
  Slab<tcp::Flight> flights;          ///< as many as Tcbs
  Slab<tcp::PathModel> models;        ///< of the Tcbs whose algorithm works by one
  Slab<tcp::Scoreboard> scoreboards;  ///< as many as Tcbs
  Slab<mptcp::Connection> connections;
  FlowTable flows;    ///< 4-tuple -> Tcb index, or TIME-WAIT index with kTimeWaitBit
  TokenTable tokens;  ///< token -> Connection index
  uint64_t flow_secret;
  TimerWheel wheel;
  TimerWheel pacing_wheel;  ///< Tcbs with data that wait for their time
  tcp::TimeWaitTable time_wait;
  tcp::IsnGenerator isn;
  tcp::SynCookies cookies;
  tcp::FastOpenKeys fast_open_keys;
  tcp::FastOpenCache fast_open_cache;
  mptcp::KeySource keys;
  std::vector<Listener> listeners;

  WorkList output;      ///< Tcbs with something to send
  WorkList schedule;    ///< Connections whose scheduler must run
  WorkList ready_tcbs;  ///< plain streams with events
  WorkList ready_connections;
  std::vector<uint32_t> ended_tcbs;  ///< to be given back when the pass ends
  std::vector<uint32_t> ended_connections;
  uint32_t arrivals = 0;           ///< segments that came out of order: says which is later
  uint32_t half_open = 0;          ///< passive Tcbs not yet established
  uint32_t fast_open_pending = 0;  ///< of those, whose SYN's payload was taken
  tcp::AnswerLimit answers;        ///< of Tcbs to what is not acceptable
  tcp::AnswerLimit time_wait_answers;
  wire::TcpOptions in_options;                 ///< of the segment being processed
  wire::TcpOptions out_options;                ///< scratch for the segment being built
  std::vector<SynAckOptions> syn_ack_options;  ///< of active opens established in this pass
  std::vector<Duplicate> duplicates;           ///< of Tcbs with kDsackPending

  uint32_t milliseconds() const { return static_cast<uint32_t>(now.count() / 1000); }
  uint32_t flow_hash(const FlowKey& key) const { return hash_flow(key, flow_secret); }
};

constexpr uint32_t kTimeWaitBit = 1u << 31;

}  // namespace tributary
