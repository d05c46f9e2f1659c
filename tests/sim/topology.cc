#include "tests/sim/topology.h"

#include <algorithm>
#include <map>
#include <utility>

namespace tributary::sim {
namespace {

std::string address_text(bool v6, size_t path, int host) {
  return v6 ? "fd00:0:0:" + std::to_string(path) + "::" + std::to_string(host)
            : "10.0." + std::to_string(path) + "." + std::to_string(host);
}

}  // namespace

IpAddress Direct::client_address(size_t path) const {
  return *IpAddress::parse(address_text(v6, path, 1));
}
IpAddress Direct::server_address(size_t path) const {
  return *IpAddress::parse(address_text(v6, path, 2));
}

Direct make_direct(World& world, const std::vector<PathParameters>& paths, const DirectOptions& options) {
  HostConfig configs[2];
  for (int side = 0; side < 2; ++side) {
    configs[side].name = side == 0 ? "client" : "server";
    configs[side].settings = side == 0 ? options.client : options.server;
    configs[side].offloads = options.offloads;
    configs[side].pass_delay = options.pass_delay;
    configs[side].data_buffers = options.data_buffers;
    for (size_t i = 0; i < paths.size(); ++i)
      configs[side].interfaces.push_back({address_text(options.v6, i, side + 1) + (options.v6 ? "/64" : "/24")});
  }
  Direct direct{&world.add_host(configs[0]), &world.add_host(configs[1]), {}, options.v6};
  for (uint16_t i = 0; i < paths.size(); ++i)
    direct.paths.push_back(&world.join(*direct.client, i, *direct.server, i, paths[i]));
  return direct;
}

struct SubflowKeeper::State {
  Application* application;
  std::vector<Target> missing;
  std::vector<Target> all;
  Micros interval;
  bool reopen;
  std::map<IpAddress, Micros> opened;  ///< when last, by local address
};

SubflowKeeper::SubflowKeeper(Application& application, std::vector<Target> targets, Micros interval, bool reopen) {
  auto state = std::make_shared<State>();
  state->application = &application;
  state->missing = targets;
  state->all = std::move(targets);
  state->interval = interval;
  state->reopen = reopen;
  application.after(interval, [state] { look(state); });
}

void SubflowKeeper::look(std::shared_ptr<State> state) {
  Application& app = *state->application;
  const auto info = app.stack().info(app.stream());
  if (!info || !info->mptcp || info->fallback) {
    if (app.established()) return;  // it will never have subflows
  } else if (app.established()) {
    if (state->reopen) {
      state->missing.clear();
      for (const Target& t : state->all) {
        const bool there = std::any_of(info->subflows.begin(), info->subflows.end(),
                                       [&](const SubflowInfo& s) { return s.key.local == t.local; });
        if (!there) state->missing.push_back(t);
      }
    }
    // A path manager that was refused does not try again at once.
    constexpr Micros kPatience = Micros::seconds(1);
    std::erase_if(state->missing, [&](const Target& t) {
      Micros& last = state->opened[t.local];
      if (last != Micros(0) && app.host().now() - last < kPatience) return false;
      const bool opened = app.stack().open_subflow(app.stream(), t.local, t.remote, t.port, t.interface, t.backup);
      if (opened) last = app.host().now();
      return opened;
    });
    if (state->missing.empty() && !state->reopen) return;
  }
  app.after(state->interval, [state] { look(state); });
}

ClientPaths client_paths(const Direct& direct) {
  ClientPaths paths{direct.client, {}};
  for (uint16_t i = 0; i < direct.paths.size(); ++i)
    paths.ends.push_back({i, direct.client_address(i), direct.server_address(i)});
  return paths;
}

Transfer& start_transfer(const ClientPaths& paths, const TransferPlan& plan, bool mptcp, bool reopen) {
  auto made = std::make_unique<Transfer>(plan);
  Transfer& transfer = *made;
  transfer.bind(*paths.client, {});
  auto shared = std::make_shared<std::unique_ptr<Transfer>>(std::move(made));
  paths.client->post([paths, shared, mptcp] {
    const ClientPaths::Ends& first = paths.ends.front();
    ConnectOptions options;
    options.local = first.local;
    options.remote = first.remote;
    options.remote_port = kServerPort;
    options.interface = first.interface;
    options.mptcp = mptcp;
    options.algorithm = paths.client->stack().context().settings.algorithm;
    paths.client->connect(std::move(*shared), options);
  });
  if (mptcp && paths.ends.size() > 1) {
    std::vector<SubflowKeeper::Target> targets;
    for (size_t i = 1; i < paths.ends.size(); ++i)
      targets.push_back({paths.ends[i].interface, paths.ends[i].local, paths.ends[i].remote, kServerPort});
    SubflowKeeper(transfer, std::move(targets), Micros::milliseconds(10), reopen);
  }
  return transfer;
}

testing::AssertionResult run_to_end(World& world, const std::vector<const Transfer*>& ends, Micros limit) {
  const Micros start = world.loop.now();
  const bool done = world.run_until(
      [&] { return std::all_of(ends.begin(), ends.end(), [](const Transfer* t) { return t->is_gone(); }); }, limit);
  auto result = testing::AssertionFailure();
  result << (done ? "" : "not done after ") << (world.loop.now() - start).in_milliseconds() << " ms\n";
  bool good = done;
  for (const Transfer* end : ends) {
    good &= end->is_complete();
    result << "  " << end->describe() << "\n";
  }
  return good ? testing::AssertionSuccess() : result;
}

}  // namespace tributary::sim
