// The stack behind the plug-in, shared by packetdrill's two threads: one drives time and packets, one sits in
// calls that block. Every function is one critical section; a blocked call is tried again after each step of
// the virtual clock, and the clock waits until it has been.
#pragma once

#include <poll.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "src/script/run_options.h"
#include "src/script/socket_face.h"

namespace tributary::script {

class PluginWorld {
 public:
  /// Throws ScriptError for flags that mean nothing, and when there is no memory.
  explicit PluginWorld(const std::string& flags);

  /// Runs a call. What it would block on is waited for when `fd` blocks.
  /// Returns its result, 0 or more, or -1 with errno.
  int64_t call(int fd, const std::function<int64_t(SocketFace&)>& attempt, int flags = 0);
  int poll(pollfd* fds, size_t count, int timeout_ms);

  void send(const void* packet, size_t size);
  /// Waits for a packet as long as virtual time may bring one. False when none comes.
  bool receive(Bytes& packet, Micros& time);
  void sleep(Micros time);
  Micros now();

 private:
  using Lock = std::unique_lock<std::mutex>;
  void step(Lock& lock, Micros limit);
  void wait_for_step(Lock& lock, bool& again);
  void note_retried(bool& again);
  /// Scripts may use any address as ours: the one a packet goes to, or a socket is bound to.
  void learn_address(const Bytes& packet);

  RunOptions options_;
  std::unique_ptr<PacketPools> pools_;
  SocketFace face_;
  std::unique_ptr<VirtualHost> host_;
  std::mutex mutex_;
  std::condition_variable stepped_, retried_;
  uint64_t steps_ = 0;
  unsigned waiting_ = 0;   ///< threads in a blocked call
  unsigned to_retry_ = 0;  ///< of those, not yet tried since the last step
};

}  // namespace tributary::script
