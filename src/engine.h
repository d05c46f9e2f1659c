// Engine: one worker and everything it owns (design D4): buffers, IP layer, stack, concentrator. Nothing in
// it is shared with another engine.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "datapath/os_random.h"
#include "datapath/worker.h"
#include "proxy/concentrator.h"
#include "src/config/config.h"
#include "src/config/interfaces.h"
#include "stack/ip/ip_layer.h"
#include "stack/stack.h"

namespace tributary {

class Engine : public datapath::PassHook {
 public:
  /// `pools` was made first, because ports are opened with it; `ports` are open. Null with `error` when the
  /// IP layer refuses an address or a route. The configuration outlives the engine.
  static std::unique_ptr<Engine> create(const config::Config& config, WorkerId worker, uint16_t workers,
                                        PacketPools& pools, std::span<const std::unique_ptr<datapath::Port>> ports,
                                        std::string& error);
  ~Engine() override = default;

  datapath::Worker& worker() { return *worker_; }

  // On the worker's thread, or while it does not run.
  Stack& stack() { return *stack_; }
  proxy::Concentrator& concentrator() { return concentrator_; }
  const Counters& counters() const { return counters_; }
  const PacketPools& pools() const { return pools_; }

 private:
  Engine(const config::Config& config, const std::vector<config::Interface>& interfaces, PacketPools& pools,
         size_t port_count);
  bool add_interfaces(const config::Config& config, const std::vector<config::Interface>& interfaces,
                      std::span<const std::unique_ptr<datapath::Port>> ports, std::string& error);
  bool add_pool(const config::Config& config, const std::vector<config::Interface>& interfaces, std::string& error);
  void add_listeners(const config::Config& config, const std::vector<config::Interface>& interfaces);
  void on_pass(Micros now) override { concentrator_.advance(now); }
  Micros next_deadline() const override { return concentrator_.next_deadline(); }

  PacketPools& pools_;
  datapath::Clock clock_;
  datapath::OsRandom random_;
  Counters counters_;
  FrameQueues frames_;
  ip::IpLayer ip_;
  proxy::Concentrator concentrator_;
  std::unique_ptr<Stack> stack_;
  std::unique_ptr<datapath::Worker> worker_;
};

}  // namespace tributary
