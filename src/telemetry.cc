#include "src/telemetry.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <future>

#include "datapath/concat.h"
#include "datapath/telemetry.h"
#include "src/config/loader.h"
#include "src/log.h"
#include "src/report.h"
#include "src/settings.h"
#include "src/views.h"

namespace tributary {
namespace {

using datapath::TelemetryValue;

// The worker answers within a pass, microseconds; a nap is far shorter than this as well.
constexpr std::chrono::seconds kPatience(2);
constexpr uint64_t kMostRelaysLookedAt = 65536;  // a pass must not take long because the table is sparse

TelemetryValue make_error(std::string_view message) {
  TelemetryValue reply;
  reply.add("error", message);
  return reply;
}

// "5,100" to {5, 100}; what is missing is left as it is. False when something is no number.
bool parse_numbers(std::string_view text, std::initializer_list<uint64_t*> numbers) {
  for (uint64_t* number : numbers) {
    if (text.empty()) return true;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *number);
    if (parsed.ec != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
    if (text.empty()) return true;
    if (text[0] != ',') return false;
    text.remove_prefix(1);
  }
  return text.empty();
}

}  // namespace

// Commands may come at any time, also while the daemon stops: they find the source by a weak pointer, and
// `mutex` keeps it whole while one is being answered.
struct Telemetry::Source {
  const std::string& path;
  const config::Config& config;
  Engine& engine;
  std::span<const std::unique_ptr<datapath::Port>> ports;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  std::mutex mutex;
  bool stopping = false;

  // Has the worker make the reply.
  TelemetryValue ask_worker(std::function<TelemetryValue()> make) {
    const auto promise = std::make_shared<std::promise<TelemetryValue>>();
    std::future<TelemetryValue> reply = promise->get_future();
    engine.worker().mailbox().post([promise, make = std::move(make)] { promise->set_value(make()); });
    if (reply.wait_for(kPatience) != std::future_status::ready) return make_error("the worker does not answer");
    return reply.get();
  }

  std::string_view listener_name(uint16_t index) const {
    return index < config.listeners.size() ? std::string_view(config.listeners[index].name) : std::string_view();
  }

  TelemetryValue view_state() {
    Engine& e = engine;
    const Context& context = e.stack().context();
    TelemetryValue connections;
    connections.add("relayed", uint64_t{e.concentrator().size()});
    connections.add("mptcp", uint64_t{context.connections.size()});
    connections.add("tcp", uint64_t{context.tcbs.size()});
    connections.add("half_open", uint64_t{context.half_open});
    connections.add("time_wait", uint64_t{context.time_wait.size()});
    TelemetryValue buffers;
    buffers.add("data_in_use", uint64_t{e.pools().data_in_use()});
    buffers.add("data_total", uint64_t{e.pools().data_capacity()});
    buffers.add("header_in_use", uint64_t{e.pools().header_in_use()});
    buffers.add("header_total", uint64_t{e.pools().header_capacity()});
    TelemetryValue state;
    state.add("connections", std::move(connections));
    state.add("buffers", std::move(buffers));
    return state;
  }

  TelemetryValue view_ports() const {
    TelemetryValue view;
    for (size_t i = 0; i < ports.size(); ++i) {
      const datapath::PortFacts& facts = ports[i]->facts();
      const datapath::PortStatistics statistics = ports[i]->statistics();
      TelemetryValue port;
      port.add("name", facts.name);
      port.add("device", facts.device);
      port.add("driver", facts.driver);
      port.add("mac", facts.mac.to_string());
      port.add("mtu", uint64_t{facts.mtu});
      port.add("link", describe_link(ports[i]->link()));
      port.add("rx_frames", statistics.rx_frames);
      port.add("rx_bytes", statistics.rx_bytes);
      port.add("rx_missed", statistics.rx_missed);
      port.add("rx_errors", statistics.rx_errors);
      port.add("rx_no_buffer", statistics.rx_no_buffer);
      port.add("tx_frames", statistics.tx_frames);
      port.add("tx_bytes", statistics.tx_bytes);
      port.add("tx_errors", statistics.tx_errors);
      view.add(concat("p", i), std::move(port));
    }
    return view;
  }

  TelemetryValue view_listeners() const {
    TelemetryValue view;
    for (size_t i = 0; i < config.listeners.size(); ++i) {
      const config::ListenerSection& section = config.listeners[i];
      std::string on;
      for (const std::string& port : section.ports) append(on, on.empty() ? "" : ", ", port);
      if (section.kind == "convert") append(on, ", TCP port ", section.listen_port);
      TelemetryValue listener;
      listener.add("name", section.name);
      listener.add("kind", section.kind);
      listener.add("on", on);
      view.add(concat("l", i), std::move(listener));
    }
    return view;
  }

  TelemetryValue view_status() {
    TelemetryValue status = ask_worker([this] { return view_state(); });
    const auto uptime = std::chrono::steady_clock::now() - started;
    const datapath::WorkerStatistics& statistics = engine.worker().statistics();
    TelemetryValue worker;
    worker.add("passes", statistics.passes.load());
    worker.add("working_passes", statistics.working_passes.load());
    worker.add("naps", statistics.naps.load());
    status.add("version", TRIBUTARY_VERSION);
    status.add("pid", static_cast<uint64_t>(getpid()));
    status.add("uptime_s", static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count()));
    status.add("worker", std::move(worker));
    status.add("ports", view_ports());
    status.add("listeners", view_listeners());
    return status;
  }

  TelemetryValue view_page(uint64_t first, uint64_t count) {
    const proxy::Concentrator& concentrator = engine.concentrator();
    const uint64_t end = concentrator.end_id();
    TelemetryValue page;
    size_t size = 0;
    uint64_t shown = 0;
    uint64_t id = first;
    const uint64_t stop = std::min(end, first + std::min(kMostRelaysLookedAt, UINT64_MAX - first));
    for (; id < stop && shown < count; ++id) {
      const auto relay = concentrator.find(static_cast<uint32_t>(id));
      if (!relay) continue;
      TelemetryValue view = view_relay(*relay, listener_name(relay->listener));
      size += view.json_size() + 32;
      if (size > datapath::kTelemetryReplySize && shown != 0) break;
      page.add(concat("c", shown++), std::move(view));
    }
    TelemetryValue reply;
    reply.add("total", uint64_t{concentrator.size()});
    reply.add("next", id < end ? id : 0);
    reply.add("connections", std::move(page));
    return reply;
  }

  TelemetryValue view_connection(uint64_t id) {
    const auto relay =
        id < engine.concentrator().end_id() ? engine.concentrator().find(static_cast<uint32_t>(id)) : std::nullopt;
    if (!relay) return make_error(concat("there is no connection ", id));
    return view_relay(*relay, listener_name(relay->listener));
  }

  // A reply has no room for what may be wrong with a file: the log says it.
  TelemetryValue reload_keys() {
    config::Diagnostics diagnostics(path);
    const auto read = config::load_config(path, diagnostics);
    if (!read) {
      log_error("the Fast Open keys stay as they are\n", diagnostics.to_string());
      return make_error("the keys stay as they are: the configuration has errors, see the log or tributaryd --check");
    }
    return ask_worker([this, keys = make_fast_open_keys(read->tcp)] {
      engine.stack().context().fast_open_keys.replace(keys);
      TelemetryValue reply;
      reply.add("fast_open_keys", uint64_t{keys.size()});
      return reply;
    });
  }
};

Telemetry::Telemetry(const std::string& path, const config::Config& config, Engine& engine,
                     std::span<const std::unique_ptr<datapath::Port>> ports)
    : source_(new Source{.path = path, .config = config, .engine = engine, .ports = ports, .mutex = {}}) {
  const auto add = [this](const char* command, const char* help, auto answer) {
    datapath::register_telemetry(command, help, [weak = std::weak_ptr(source_), answer](std::string_view parameters) {
      const auto source = weak.lock();
      if (source == nullptr) return make_error("the daemon is stopping");
      const std::lock_guard lock(source->mutex);
      return source->stopping ? make_error("the daemon is stopping") : answer(*source, parameters);
    });
  };
  add("/tributary/status", "Ports, listeners and load.", [](Source& s, std::string_view) { return s.view_status(); });
  add("/tributary/counters", "What was counted.",
      [](Source& s, std::string_view) { return s.ask_worker([&s] { return view_counters(s.engine.counters()); }); });
  add("/tributary/reload_keys", "Reads tcp.fast_open_keys from the configuration again.",
      [](Source& s, std::string_view) { return s.reload_keys(); });
  add("/tributary/connections", "Relayed connections. Parameters: first identifier, how many.",
      [](Source& s, std::string_view parameters) {
        uint64_t first = 0;
        uint64_t count = UINT64_MAX;
        if (!parse_numbers(parameters, {&first, &count})) return make_error("the parameters are two numbers");
        return s.ask_worker([&s, first, count] { return s.view_page(first, count); });
      });
  add("/tributary/connection", "One relayed connection. Parameter: its identifier.",
      [](Source& s, std::string_view parameters) {
        uint64_t id = 0;
        if (parameters.empty() || !parse_numbers(parameters, {&id})) return make_error("the parameter is a number");
        return s.ask_worker([&s, id] { return s.view_connection(id); });
      });
}

Telemetry::~Telemetry() {
  const std::lock_guard lock(source_->mutex);
  source_->stopping = true;
}

}  // namespace tributary
