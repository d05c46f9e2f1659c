// Peer: a host at either end of the relay, with a stack of its own: it opens or accepts streams, sends on
// them as fast as their windows let it, and checks what it receives. Nothing it does is measured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/support/random.h"
#include "stack/stack.h"

namespace tributary::bench {

struct PeerInterface {
  std::string address;      ///< with prefix length
  std::string destination;  ///< what lies behind the gateway; empty: nothing
  std::string gateway;
};

struct PeerConfig {
  std::string name;
  std::vector<PeerInterface> interfaces;
  ip::PortOffloads offloads;
  uint32_t window = 0;   ///< most bytes written and unacknowledged, a stream
  uint16_t segment = 0;  ///< payload bytes of one packet written
  bool sends = false;
  uint64_t seed = 0;
};

class Peer : public StreamUser, public Acceptor {
 public:
  Peer(const PeerConfig& config, PacketPools& pools, Micros now);
  ~Peer() override;

  void listen(uint16_t port);
  void connect(const IpAddress& local, const IpAddress& remote, uint16_t port, uint16_t interface, bool mptcp);
  /// Opens a further subflow on streams that are ready for it, a few a call: more would overflow the queue of
  /// a neighbour that is still being resolved. True when every stream has it.
  bool open_subflows(const IpAddress& local, const IpAddress& remote, uint16_t port, uint16_t interface);

  /// A frame from the wire, for the next pass.
  void take_frame(uint16_t port, Packet frame) { received_[port].push_back(frame.release()); }
  /// Passes until nothing more is received. Every second data segment is acknowledged, as by a host that does
  /// not coalesce what it receives: two frames a burst.
  void run(Micros now);

  Stack& stack() { return *stack_; }
  PacketPools& pools() { return pools_; }
  FrameQueues& frames() { return frames_; }
  size_t port_count() const { return received_.size(); }
  const Counters& counters() const { return counters_; }
  size_t established() const;
  bool has_subflows(size_t count) const;
  uint64_t bytes_received() const { return bytes_received_; }
  /// Empty, or the first thing that was wrong.
  const std::string& problem() const { return problem_; }
  void start_sending() { sending_ = config_.sends; }
  /// Resets every stream.
  void abort_all();

  void on_stream(ByteStream stream, uint64_t user_data, uint16_t events) override;
  void on_incoming(IncomingConnection incoming) override;
  void on_incoming_again(ByteStream, uint64_t) override {}

 private:
  struct Flow {
    ByteStream stream;
    bool established = false;
    uint32_t outstanding = 0;
    size_t subflows = 1;
  };
  void fill(Flow& flow);
  void read(Flow& flow);

  PeerConfig config_;
  PacketPools& pools_;
  FrameQueues frames_;
  Counters counters_;
  SeededRandom random_;
  ip::IpLayer ip_;
  std::unique_ptr<Stack> stack_;
  std::vector<std::vector<rte_mbuf*>> received_;
  std::vector<Flow> flows_;
  std::vector<uint8_t> pattern_;
  wire::Sum pattern_sum_ = 0;
  bool sending_ = false;
  uint64_t bytes_received_ = 0;
  std::string problem_;
};

}  // namespace tributary::bench
