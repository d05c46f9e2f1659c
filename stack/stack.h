// Stack: the protocol engine of one worker, sans-I/O (design §2). The owner brings frames, time and randomness; the
// stack leaves frames in FrameQueues and tells stream users what happened. One pass:
//
//   receive(burst)* -> advance_timers -> dispatch -> (the owner drains FrameQueues)
//
// The same object runs in the DPDK worker, the simulator, packet scripts, replay and fuzzers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "stack/byte_stream.h"
#include "stack/context.h"
#include "stack/fast_open.h"
#include "stack/ip/ip_layer.h"
#include "stack/listener.h"
#include "stack/packet/frame_queue.h"
#include "stack/packet/packet_list.h"
#include "stack/settings.h"

namespace tributary {

namespace tcp {
struct TcpInfo;
}

struct ConnectOptions {
  IpAddress local;                     ///< must be ours or preserved by policy
  std::optional<uint16_t> local_port;  ///< empty: one is picked (RFC 6056)
  IpAddress remote;
  uint16_t remote_port = 0;
  uint16_t mss = 0;          ///< MSS to announce at most; 0 = what the path allows
  uint16_t max_segment = 0;  ///< most bytes of a segment either way, options included; 0 = what the path allows
  bool mptcp = false;        ///< offer MP_CAPABLE
  std::optional<uint16_t> interface;  ///< bind to this interface instead of the routing table
  congestion::Algorithm algorithm = congestion::Algorithm::kCubic;
  uint8_t dscp = 0;  ///< differentiated services code point of what is sent
  using FastOpen = tributary::FastOpen;
  FastOpen fast_open = FastOpen::kOff;  ///< early payload in the SYN; plain TCP only
  uint64_t user_data = 0;
};

/// One leg for operators: what `tributaryctl connections` shows per subflow.
struct SubflowInfo {
  FlowKey key;
  std::string_view state;
  uint64_t bytes_received = 0, bytes_sent = 0;
  uint32_t srtt_us = 0, rttvar_us = 0, rto_us = 0, cwnd = 0, ssthresh = 0, in_flight = 0, retransmissions = 0;
  uint32_t send_window = 0;
  bool backup = false, stale = false;
  uint8_t local_id = 0, remote_id = 0;
};
struct StreamInfo {
  bool mptcp = false, fallback = false;
  uint32_t token = 0;
  uint64_t bytes_received = 0, bytes_sent = 0;
  uint32_t send_queued = 0;   ///< bytes written and not acknowledged
  uint32_t receive_held = 0;  ///< bytes delivered and not released
  std::vector<SubflowInfo> subflows;
};

class Stack {
 public:
  /// `frames` has one queue for each PortId the interfaces of `ip_layer` name.
  Stack(PacketPools& pools, ip::IpLayer& ip_layer, FrameQueues& frames, RandomSource& random, Counters& counters,
        const Settings& settings, StreamUser& user, Micros start);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // The pass.
  /// Takes over `frames` that arrived on `port` at `now`: one burst, at most 64.
  void receive(PortId port, std::span<rte_mbuf*> frames, Micros now);
  /// Fires due timers, at most `cap` of connections; the IP layer's with them.
  void advance_timers(Micros now, unsigned cap = 256);
  /// Reports events to the stream user, runs schedulers, builds segments: call once at the end of the pass.
  void dispatch(Micros now);
  /// When advance_timers has something to do again; never() when idle.
  Micros next_deadline() const;

  // Opening.
  void add_listener(Listener listener);
  /// Starts an active open. `early` is what is written first; a peer may see it twice if it goes with the SYN. Empty:
  /// no route, no port or no room left.
  ByteStream connect(const ConnectOptions& options, PacketList early = {});
  /// Answers a deferred SYN with a SYN-ACK. `user_data` comes back with the stream's events.
  void accept(ByteStream stream, uint64_t user_data);
  /// Answers it with a reset. A stream that is open already, by a SYN cookie, is aborted.
  void refuse(ByteStream stream);
  /// Forgets it without an answer, or aborts it alike.
  void ignore(ByteStream stream);
  void set_user_data(ByteStream stream, uint64_t user_data);
  /// Sends the SYN of an active open again at once (RFC 8803 §9.3: driven by the client's own retransmission).
  void retransmit_syn(ByteStream stream);
  /// MPTCP initiator: opens another subflow. False when the peer's keys are not confirmed yet (RFC 8684 §3.1), the
  /// connection is full, or there is no route.
  bool open_subflow(ByteStream stream, const IpAddress& local, const IpAddress& remote, uint16_t remote_port,
                    std::optional<uint16_t> interface, bool backup);

  // ByteStream. Every call on a stream that is gone does nothing and returns 0.
  /// In-order payload, at most `max_bytes` unless the first packet alone is larger. The bytes stay charged to the
  /// receive budget until `release`.
  PacketList read(ByteStream stream, uint32_t max_bytes);
  uint32_t readable(ByteStream stream) const;
  void release(ByteStream stream, uint32_t bytes);
  /// Takes over the packets (`info()` says where their payload is) and sends them in order. `more_follows`: the next
  /// write is near, so what does not fill a segment waits for it, or for the next ACK (plain TCP only).
  void write(ByteStream stream, PacketList packets, bool more_follows = false);
  /// Plain TCP only, kNone to begin with; an MPTCP connection never waits. To kNone: what waits leaves now.
  void set_gathering(ByteStream stream, Gathering gathering);
  /// Bytes acknowledged since the last call.
  uint32_t take_acked(ByteStream stream);
  /// Bytes written and not yet acknowledged.
  uint32_t unacked(ByteStream stream) const;
  /// Closes our direction once everything written is sent (FIN, DATA_FIN). The other one stays open for as long as the
  /// peer wants.
  void close(ByteStream stream);
  /// The user has done with both directions: closes ours, and what the peer still sends has no reader, so it is
  /// answered with a reset (RFC 9293 §3.6.1; MPTCP throws it away) and its FIN is waited for no longer than
  /// Settings::fin_wait2. With received data unread it aborts (RFC 2525 §2.17). No event follows.
  void leave(ByteStream stream);
  /// Ends both directions at once: RST, MP_FASTCLOSE. No event follows.
  void abort(ByteStream stream);
  bool at_end(ByteStream stream) const;
  StreamError error(ByteStream stream) const;
  /// With StreamError::kUnreachable: the code of the ICMP error.
  uint8_t icmp_code(ByteStream stream) const;
  /// Bytes the stream may hold and invite, if the pool has them (tcp::receive_limit); growing takes effect at once,
  /// shrinking as data is released: what was invited stays so. right_sizing.h says how much is needed.
  void set_receive_budget(ByteStream stream, uint32_t bytes);
  /// Bytes delivered, read or not, and not yet released.
  uint32_t held(ByteStream stream) const;
  /// Smoothed, of the slowest subflow; zero without a sample.
  Micros round_trip(ByteStream stream) const;
  /// Payload one segment of the stream can carry now: what to cut written packets to, so that none has to be split.
  uint16_t payload_per_segment(ByteStream stream) const;
  /// Options of the peer's SYN-ACK as received (active opens), for the Extended TCP Header TLV. At most 40 bytes.
  std::span<const uint8_t> peer_syn_ack_options(ByteStream stream) const;
  /// MPTCP: asks the peer to prefer or avoid a subflow (MP_PRIO).
  void set_backup(ByteStream stream, size_t subflow, bool backup);

  // Views.
  std::optional<StreamInfo> info(ByteStream stream) const;
  /// In detail, tcp/info.h: of a plain stream, or of the first subflow of an MPTCP connection. Until the user has been
  /// told that the stream is gone, and during that call.
  std::optional<tcp::TcpInfo> tcp_info(ByteStream stream) const;
  const Context& context() const { return *context_; }
  Context& context() { return *context_; }
  bool idle() const;  ///< no control block, no queued packet

 private:
  std::unique_ptr<Context> context_;
  FrameQueues& frames_;
  StreamUser& user_;
};

}  // namespace tributary
