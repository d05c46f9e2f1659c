#include "tests/sim/fault_world.h"

#include <algorithm>

#include "tests/sim/plans.h"
#include "tests/sim/topology.h"

namespace tributary::sim {
namespace {

constexpr uint16_t kFirstPort = 10'000;  // of the clients: tells the server which plan
/// More than all retransmissions of anything take: 15 time-outs of up to two minutes each.
/// A network this bad does not let a large transfer through in any time; then it heals.
constexpr Micros kMutated = Micros::seconds(60);
constexpr Micros kLimit = Micros::seconds(2500);

/// A Transfer that remembers whether its connection had fallen back to TCP.
class FaultTransfer : public Transfer {
 public:
  using Transfer::Transfer;
  bool fell_back() const { return fell_back_; }

 protected:
  void on_readable() override {
    note();
    Transfer::on_readable();
  }
  void on_gone() override {
    note();
    Transfer::on_gone();
  }

 private:
  void note() {
    if (const auto info = stack().info(stream())) fell_back_ |= info->fallback;
  }
  bool fell_back_ = false;
};

/// The client's side: opens the other subflows when it may, with growing patience.
class FaultClient : public FaultTransfer {
 public:
  FaultClient(const TransferPlan& plan, std::vector<ClientPaths::Ends> others)
      : FaultTransfer(plan), others_(std::move(others)) {}

 protected:
  void on_established() override {
    Transfer::on_established();
    if (!others_.empty()) after(kFirstTry, [this] { join(kFirstTry); });
  }

 private:
  static constexpr Micros kFirstTry = Micros::milliseconds(5);
  static constexpr Micros kLastTry = Micros::seconds(20);

  void join(Micros waited) {
    std::erase_if(others_, [this](const ClientPaths::Ends& ends) {
      return stack().open_subflow(stream(), ends.local, ends.remote, kServerPort, ends.interface, false);
    });
    const Micros next(waited.count() * 3);
    if (!others_.empty() && next < kLastTry) after(next, [this, next] { join(next); });
  }
  std::vector<ClientPaths::Ends> others_;
};

LinkParameters random_link(Prng& prng) {
  LinkParameters link;
  link.bits_per_second = prng.magnitude(5'000'000, 500'000'000);
  link.delay = Micros(static_cast<int64_t>(prng.magnitude(100, 50'000)));
  return link;
}

uint64_t random_size(Prng& prng) {
  if (prng.chance(0.6)) return prng.magnitude(1, 5000);
  return prng.chance(0.9) ? prng.magnitude(5000, 60'000) : prng.magnitude(60'000, 400'000);
}

TransferPlan random_plan(Prng& prng) {
  TransferPlan plan;
  const uint64_t shape = prng.below(4);
  if (shape != 1) plan.send_bytes = random_size(prng);
  if (shape != 0) plan.receive_bytes = random_size(prng);
  plan.send_seed = prng.u64();
  plan.receive_seed = prng.u64();
  return plan;
}

void vary_end(TransferPlan& plan, Prng& prng) {
  if (prng.chance(0.2)) {
    plan.smallest_write = 1;
    plan.largest_write = static_cast<uint32_t>(prng.magnitude(100, 1900));
  }
  if (prng.chance(0.2)) plan.window = static_cast<uint32_t>(prng.magnitude(3000, 200'000));
  if (prng.chance(0.2)) plan.receive_budget = static_cast<uint32_t>(prng.magnitude(5000, 200'000));
  if (prng.chance(0.05)) plan.abort_after_sent = prng.below(plan.send_bytes + 1);
}

struct Connection {
  TransferPlan answer;
  bool mptcp = false;
  FaultClient* client = nullptr;
  std::vector<FaultTransfer*> servers;  ///< more than one when a SYN came again after the first had gone
};

class FaultWorld {
 public:
  explicit FaultWorld(uint64_t seed) : world_(seed, "fault"), prng_(world_.prng) {}

  FaultResult run() {
    make_net();
    serve();
    for (unsigned i = 0; i < kConnectionsAWorld; ++i) start(i);
    world_.run_until([this] { return all_gone(); }, kMutated);
    for (Mutator* mutator : mutators_) mutator->stop();
    world_.run_until([this] { return all_gone(); }, kLimit);
    end_the_idle();
    for (const Connection& connection : connections_) judge(connection);
    abort_all();
    for (const std::string& line : world_.finish()) complain("left over: " + line);
    for (const Mutator* mutator : mutators_)
      for (size_t i = 0; i < kMutations; ++i) result_.mutations[i] += mutator->counts()[i];
    return result_;
  }

 private:
  void make_net() {
    std::vector<PathParameters> parameters(prng_.between(1, 3));
    for (PathParameters& path : parameters) path = {random_link(prng_), random_link(prng_)};
    DirectOptions options;
    options.v6 = prng_.chance(0.3);
    const bool checksums = prng_.chance(0.4);
    for (Settings* s : {&options.client, &options.server}) {
      const auto algorithms = {congestion::Algorithm::kNewReno, congestion::Algorithm::kCubic,
                               congestion::Algorithm::kBbr};
      s->algorithm = algorithms.begin()[prng_.below(algorithms.size())];
      s->mptcp_checksum = checksums;
      s->first_ephemeral_port = 20'000;  // joins leave the ports of the connections alone
      s->max_subflows = s->max_time_wait = 256;
      s->max_connections = 64;
    }
    options.offloads.transmit_multi_segment = prng_.chance(0.5);
    if (prng_.chance(0.3)) options.pass_delay = Micros(static_cast<int64_t>(prng_.magnitude(10, 1000)));
    direct_ = make_direct(world_, parameters, options);
    for (Path* path : direct_.paths)
      mutators_.push_back(&path->add_middlebox<Mutator>(prng_.fork(), Mutator::Rules{.dss_checksums = checksums}));
  }

  void serve() {
    direct_.server->listen(kServerPort, [this](const IncomingConnection& incoming) -> std::unique_ptr<Application> {
      const size_t index = static_cast<size_t>(incoming.key.remote_port) - kFirstPort;
      if (over_ || index >= connections_.size()) return nullptr;
      auto made = std::make_unique<FaultTransfer>(connections_[index].answer);
      connections_[index].servers.push_back(made.get());
      return made;
    });
    connections_.resize(kConnectionsAWorld);
  }

  void start(unsigned index) {
    Connection& connection = connections_[index];
    TransferPlan plan = random_plan(prng_);
    vary_end(plan, prng_);
    connection.answer = answer_to(plan, prng_.chance(0.5) ? CloseWhen::kSent : CloseWhen::kPeerClosed);
    vary_end(connection.answer, prng_);
    connection.mptcp = prng_.chance(0.6);
    auto ends = client_paths(direct_).ends;
    if (connection.mptcp)
      std::swap(ends[0], ends[prng_.below(ends.size())]);
    else
      ends = {ends[prng_.below(ends.size())]};
    ConnectOptions options;
    options.local = ends[0].local;
    options.local_port = static_cast<uint16_t>(kFirstPort + index);
    options.remote = ends[0].remote;
    options.remote_port = kServerPort;
    options.interface = ends[0].interface;
    options.mptcp = connection.mptcp;
    options.algorithm = direct_.client->stack().context().settings.algorithm;
    ends.erase(ends.begin());
    auto made = std::make_unique<FaultClient>(plan, ends);
    connection.client = made.get();
    made->bind(*direct_.client, {});
    auto shared = std::make_shared<std::unique_ptr<FaultClient>>(std::move(made));
    world_.loop.after(Micros(static_cast<int64_t>(prng_.below(2'000'000))), [this, shared, options] {
      direct_.client->post([this, shared, options] { direct_.client->connect(std::move(*shared), options); });
    });
  }

  bool all_gone() const {
    return std::all_of(connections_.begin(), connections_.end(), [](const Connection& c) {
      return c.client->is_gone() &&
             std::all_of(c.servers.begin(), c.servers.end(), [](const FaultTransfer* s) { return s->is_gone(); });
    });
  }

  /// What is left after the limit may only be sides that cannot know their peer has gone.
  void end_the_idle() {
    for (Connection& c : connections_) {
      std::vector<FaultTransfer*> left;
      for (FaultTransfer* s : c.servers)
        if (!s->is_gone()) left.push_back(s);
      const bool client_left = !c.client->is_gone();
      if (client_left && left.empty())
        left.push_back(c.client);
      else if (client_left)
        complain(describe(c) + "both sides are still there: " + c.client->describe() + "\n" + left[0]->describe());
      for (FaultTransfer* end : left) {
        const uint32_t unacked = end->stack().unacked(end->stream());
        if (unacked != 0)
          complain(describe(c) + "has not given up " + std::to_string(unacked) + " bytes: " + end->describe());
        ++result_.idle;
      }
    }
  }

  void abort_all() {
    over_ = true;
    direct_.client->post([this] {
      for (Connection& c : connections_) c.client->abort();
    });
    direct_.server->post([this] {
      for (Connection& c : connections_)
        for (FaultTransfer* s : c.servers) s->abort();
    });
  }

  bool excuse(const FaultTransfer& end) {
    const bool forged =
        std::any_of(mutators_.begin(), mutators_.end(), [](const Mutator* m) { return m->forged_payloads() != 0; });
    if (!forged || !end.fell_back()) return false;
    ++result_.excused;
    return true;
  }

  void judge(const Connection& c) {
    ++result_.connections;
    result_.mptcp += c.mptcp;
    std::vector<FaultTransfer*> ends = {c.client};
    ends.insert(ends.end(), c.servers.begin(), c.servers.end());
    bool excused = false;
    for (const FaultTransfer* end : ends)
      if (!end->problem().empty()) {
        if (excuse(*end))
          excused = true;
        else
          complain(describe(c) + end->describe() + (end->fell_back() ? " (fell back)" : ""));
      }
    const auto served =
        std::find_if(c.servers.begin(), c.servers.end(), [](const FaultTransfer* s) { return s->has_received_all(); });
    const bool aborted =
        std::any_of(c.servers.begin(), c.servers.end(), [](const FaultTransfer* s) { return s->was_aborted(); });
    if (!excused && !aborted && c.client->was_closed() && served == c.servers.end())
      complain(describe(c) + "closed in order, but the server lacks bytes: " + c.client->describe());
    bool server_complete = false;
    for (const FaultTransfer* s : c.servers) {
      server_complete |= s->is_complete();
      if (!excused && s->was_closed() && !c.client->has_received_all() && !c.client->was_aborted())
        complain(describe(c) + "closed in order, but the client lacks bytes: " + s->describe() + "\n" +
                 c.client->describe());
    }
    if (c.client->is_complete() && server_complete)
      ++result_.complete;
    else
      ++result_.failed;
  }

  std::string describe(const Connection& c) const {
    return "port " + std::to_string(kFirstPort + (&c - connections_.data())) + (c.mptcp ? " (MPTCP): " : ": ");
  }
  void complain(const std::string& what) { result_.wrong += what + "\n"; }

  World world_;
  Prng& prng_;
  Direct direct_{};
  std::vector<Mutator*> mutators_;
  std::vector<Connection> connections_;
  FaultResult result_;
  bool over_ = false;
};

}  // namespace

void FaultResult::add(const FaultResult& other) {
  connections += other.connections;
  mptcp += other.mptcp;
  complete += other.complete;
  failed += other.failed;
  idle += other.idle;
  excused += other.excused;
  for (size_t i = 0; i < kMutations; ++i) mutations[i] += other.mutations[i];
  wrong += other.wrong;
}

FaultResult run_fault_world(uint64_t seed) {
  return FaultWorld(seed).run();
}

}  // namespace tributary::sim
