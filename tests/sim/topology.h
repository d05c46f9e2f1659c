// Named arrangements of hosts, and the client's part of MPTCP: opening a subflow on every path.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace tributary::sim {

/// Client and server with one or more paths between them; path i joins 10.0.i.1 and 10.0.i.2 (fd00:0:0:i::1
/// and ::2).
struct Direct {
  Host* client;
  Host* server;
  std::vector<Path*> paths;
  bool v6;

  IpAddress client_address(size_t path) const;
  IpAddress server_address(size_t path) const;
};

struct DirectOptions {
  bool v6 = false;
  Settings client = HostConfig::small_settings();
  Settings server = HostConfig::small_settings();
  ip::PortOffloads offloads = {};
  Micros pass_delay = Micros(0);
  uint32_t data_buffers = 8192;  ///< of each
};
Direct make_direct(World& world, const std::vector<PathParameters>& paths, const DirectOptions& options = {});

constexpr uint16_t kServerPort = 80;

/// Opens a subflow on every path beyond the first once that is allowed, and opens one again when it has gone.
class SubflowKeeper {
 public:
  struct Target {
    uint16_t interface;
    IpAddress local;
    IpAddress remote;
    uint16_t port;
    bool backup = false;
  };
  /// Looks every `interval` of virtual time while the stream of `application` exists.
  SubflowKeeper(Application& application, std::vector<Target> targets, Micros interval = Micros::milliseconds(10),
                bool reopen = false);

 private:
  struct State;
  static void look(std::shared_ptr<State> state);
};

/// Where a client connects to, and from which of its interfaces; the first one carries the handshake.
struct ClientPaths {
  struct Ends {
    uint16_t interface;
    IpAddress local;
    IpAddress remote;
  };
  Host* client;
  std::vector<Ends> ends;
};
ClientPaths client_paths(const Direct& direct);

/// Opens a connection over the first path, with subflows on the others when `mptcp`.
Transfer& start_transfer(const ClientPaths& paths, const TransferPlan& plan, bool mptcp, bool reopen = false);
inline Transfer& start_transfer(const Direct& direct, const TransferPlan& plan, bool mptcp, bool reopen = false) {
  return start_transfer(client_paths(direct), plan, mptcp, reopen);
}

/// Waits for both ends to be done and says what is wrong if they do not get there.
testing::AssertionResult run_to_end(World& world, const std::vector<const Transfer*>& ends, Micros limit);

}  // namespace tributary::sim
