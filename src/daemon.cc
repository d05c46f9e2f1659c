#include "src/daemon.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "datapath/eal.h"
#include "datapath/port.h"
#include "src/engine.h"
#include "src/log.h"
#include "src/notify.h"
#include "src/report.h"
#include "src/settings.h"
#include "src/telemetry.h"

namespace tributary {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kTick(500);  // how often links are looked at
constexpr std::chrono::milliseconds kDrainTick(20);
// After the resets, for what they bring back: who finds one not quite at the expected number asks once more (RFC 5961
// §3.2).
constexpr std::chrono::milliseconds kLastWords(500);

// Blocked before any thread is made, so that every thread inherits it and only the control thread takes them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// The signal that came within `duration`, or 0.
int wait_for_signal(const sigset_t& signals, std::chrono::milliseconds duration) {
  const timespec time{.tv_sec = duration.count() / 1000, .tv_nsec = duration.count() % 1000 * 1'000'000};
  const int number = sigtimedwait(&signals, nullptr, &time);
  return number > 0 ? number : 0;
}

class Daemon {
 public:
  Daemon(const std::string& path, const config::Config& config) : path_(path), config_(config) {}

  int run() {
    const sigset_t signals = block_signals();
    std::string error;
    if (!start(error)) {
      log_error(error);
      stop_worker();
      return 1;
    }
    report();
    notify_service_manager("READY=1");
    serve(signals);
    notify_service_manager("STOPPING=1");
    drain(signals);
    telemetry_.reset();
    stop_worker();
    log_info("stopped");
    return 0;
  }

 private:
  bool start(std::string& error) {
    auto eal = datapath::Eal::start(make_eal_options(config_), error);
    if (!eal) return false;
    eal_.emplace(std::move(*eal));
    const char* reason = "";
    pools_ = PacketPools::create(make_pool_sizes(config_), "worker0", &reason);
    if (pools_ == nullptr) {
      error = concat("no room for the packet buffers in eal.memory_mb = ", config_.eal.memory_mb, " (", reason, ")");
      return false;
    }
    PacketPools* const pools[] = {pools_.get()};
    for (const config::PortSection& section : config_.ports) {
      auto port = datapath::Port::open(make_port_options(section), pools, error);
      if (port == nullptr) return false;
      links_.push_back(port->link());
      ports_.push_back(std::move(port));
    }
    engine_ = Engine::create(config_, WorkerId{0}, 1, *pools_, ports_, error);
    if (engine_ == nullptr) return false;
    telemetry_ = std::make_unique<Telemetry>(path_, config_, *engine_, ports_);
    const auto entry = [](void* worker) {
      static_cast<datapath::Worker*>(worker)->run();
      return 0;
    };
    running_ = eal_->launch(0, entry, &engine_->worker());
    if (!running_) error = "the worker's thread did not start";
    return running_;
  }

  void report() const {
    std::vector<PortReport> reports;
    for (const auto& port : ports_) reports.push_back({port->facts(), port->link()});
    log_info("tributaryd ", TRIBUTARY_VERSION, "\n",
             describe_start(config_, reports,
                            datapath::telemetry_socket_path(config_.control.socket_dir, config_.eal.file_prefix)),
             "ready");
  }

  void serve(const sigset_t& signals) {
    while (true) {
      const int number = wait_for_signal(signals, kTick);
      if (number == SIGTERM || number == SIGINT) return;
      if (number == SIGHUP)
        log_warning(
            "the configuration is not read again while running; restart instead (keys of Fast Open: tributaryctl "
            "reload-keys)");
      for (size_t i = 0; i < ports_.size(); ++i) {
        const datapath::LinkState link = ports_[i]->link();
        if (link == links_[i]) continue;
        log_warning("port ", ports_[i]->facts().name, ": link ", describe_link(link));
        links_[i] = link;
      }
    }
  }

  // New connections are refused; those there are may end by themselves for a while, then they are reset.
  void drain(const sigset_t& signals) {
    std::atomic<size_t> left{SIZE_MAX};
    datapath::Mailbox& mailbox = engine_->worker().mailbox();
    proxy::Concentrator& concentrator = engine_->concentrator();
    mailbox.post([&] {
      concentrator.stop_accepting();
      left = concentrator.size();
    });
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(config_.control.grace_s);
    bool told = false;
    while (true) {
      if (const int number = wait_for_signal(signals, kDrainTick); number == SIGTERM || number == SIGINT)
        _exit(128 + number);
      if (left == 0 || Clock::now() >= deadline) break;
      if (left != SIZE_MAX && !told) {
        log_info("stopping: ", left.load(), " connections have ", config_.control.grace_s, " s to end");
        told = true;
      }
      mailbox.post([&] { left = concentrator.size(); });
    }
    std::atomic<bool> aborted{false};
    mailbox.post([&] {
      left = concentrator.size();
      concentrator.abort_all();
      aborted = true;
    });
    // These tasks refer to this frame: the worker must have run them all before it is left.
    while (!aborted) wait_or_die(signals, kDrainTick);
    if (left == 0) return;
    log_info("reset ", left.load(), " connections");
    wait_or_die(signals, kLastWords);
  }

  static void wait_or_die(const sigset_t& signals, std::chrono::milliseconds duration) {
    if (const int number = wait_for_signal(signals, duration); number == SIGTERM || number == SIGINT)
      _exit(128 + number);
  }

  void stop_worker() {
    if (!running_) return;
    engine_->worker().stop();
    eal_->join(0);
    running_ = false;
  }

  // Destroyed from the last to the first: each uses those above it.
  const std::string& path_;
  const config::Config& config_;
  std::optional<datapath::Eal> eal_;
  std::unique_ptr<PacketPools> pools_;
  std::vector<std::unique_ptr<datapath::Port>> ports_;
  std::vector<datapath::LinkState> links_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Telemetry> telemetry_;
  bool running_ = false;
};

}  // namespace

int run_daemon(const std::string& path, const config::Config& config) {
  return Daemon(path, config).run();
}

}  // namespace tributary
