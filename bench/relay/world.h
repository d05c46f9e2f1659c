// World: one relay under test between a client and a server, all in this process and on this thread, in
// virtual time.
//
//   client ==access links==> [rings] proxy [rings] <==server link== server
//
// A turn: the peers run, links carry frames (copied from the sender's pool into the receiver's, as two
// devices would do by DMA), the proxy works off its rings in passes. Only the proxy's passes are measured.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "bench/relay/peer.h"
#include "bench/relay/ring_port.h"
#include "proxy/concentrator.h"

namespace tributary::bench {

enum class Direction : uint8_t { kUp, kDown };  ///< who sends: the client or the server

struct Scenario {
  bool mptcp = false;
  unsigned subflows = 1;
  Direction direction = Direction::kUp;
  unsigned connections = 1;
  bool checksum_offload = true;
};

/// Pools outlive worlds: their memory has been touched by the first.
struct Pools {
  std::unique_ptr<PacketPools> client, proxy, server;
};

/// What was counted while measuring. Cycles are TSC cycles.
struct Measurement {
  uint64_t cycles = 0;
  uint64_t segments = 0;   ///< data segments relayed
  uint64_t passes = 0;     ///< passes that moved at least one frame
  uint64_t frames_in = 0;  ///< all frames, ACKs included
  uint64_t frames_out = 0;
  uint64_t interrupted = 0;  ///< passes left out because something else had the CPU meanwhile
  double cycles_per_segment() const { return static_cast<double>(cycles) / static_cast<double>(segments); }
  double cycles_per_frame() const { return static_cast<double>(cycles) / static_cast<double>(frames_in); }
};

class World {
 public:
  World(const Scenario& scenario, Pools& pools);
  ~World();

  /// Handshakes, then `segments` relayed to let windows open and caches fill. Throws when that does not
  /// happen.
  void warm_up(uint64_t segments);
  Measurement measure(uint64_t segments);
  /// The frames of the last turns once more, through the same rings, with the MAC addresses swapped and
  /// nothing else done.
  Measurement measure_mac_swap(uint64_t frames);
  /// Resets everything. Returns the buffers of the proxy's pools that did not come back.
  uint32_t finish();

  uint64_t payload_copies() const { return proxy_counters_.payload_copies + pools_.proxy->payload_copies; }
  const Counters& proxy_counters() const { return proxy_counters_; }
  uint16_t segment_size() const { return segment_; }
  /// Bytes each access path has carried in the direction of the data, for the reader.
  std::vector<uint64_t> path_bytes() const { return path_bytes_; }

 private:
  struct Link {
    Peer* peer;
    uint16_t peer_port;
    RingPort* port;
    uint32_t rate;  ///< bytes a turn, each way
    std::deque<rte_mbuf*> to_proxy,
        to_peer;  ///< waiting in the link: buffers of the sender's and the receiver's pool
  };
  void make_proxy();
  void turn(Measurement* measurement);
  void carry_to_proxy(Link& link);
  void carry_to_peer(Link& link);
  bool run_pass();
  void swap_pass();
  bool proxy_has_frames() const;
  void bound_windows();
  void check() const;

  Scenario scenario_;
  Pools& pools_;
  uint16_t segment_;
  Micros now_ = Micros::seconds(1000);

  std::vector<std::unique_ptr<RingPort>> ports_;
  FrameQueues frames_;
  Counters proxy_counters_;
  SeededRandom random_{3};
  std::unique_ptr<ip::IpLayer> ip_;
  std::unique_ptr<proxy::Concentrator> concentrator_;
  std::unique_ptr<Stack> stack_;
  std::unique_ptr<Peer> client_, server_;
  std::vector<Link> links_;
  std::vector<uint64_t> path_bytes_;
  uint64_t pass_frames_in_ = 0, pass_frames_out_ = 0;
  /// Frames given to the proxy in recent turns, for the MAC swap.
  struct Recorded {
    size_t link;
    std::vector<uint8_t> bytes;
  };
  std::deque<std::vector<Recorded>> recorded_;
  bool recording_ = false;
};

}  // namespace tributary::bench
