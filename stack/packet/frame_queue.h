// Frames on their way out: one queue a port, filled during a pass and drained by whoever owns the ports (datapath,
// simulator, fuzzer) at its end. Nothing is ever held by a timer (design §3).
#pragma once

#include <vector>

#include "stack/base/ids.h"
#include "stack/packet/packet.h"

namespace tributary {

class FrameQueues {
 public:
  explicit FrameQueues(size_t ports) : ports_(ports) {}

  void push(PortId port, Packet frame) { ports_[port.value].push_back(frame.release()); }
  /// The frames waiting for `port`. The caller takes over all of them and clears the vector.
  std::vector<rte_mbuf*>& pending(PortId port) { return ports_[port.value]; }
  size_t port_count() const { return ports_.size(); }

  ~FrameQueues() {
    for (auto& frames : ports_)
      for (rte_mbuf* frame : frames) rte_pktmbuf_free(frame);
  }
  FrameQueues(const FrameQueues&) = delete;
  FrameQueues& operator=(const FrameQueues&) = delete;

 private:
  std::vector<std::vector<rte_mbuf*>> ports_;
};

}  // namespace tributary
