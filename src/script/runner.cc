#include "src/script/runner.h"

#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>

#include "src/script/call_runner.h"
#include "src/script/commands.h"
#include "src/script/describe.h"
#include "src/script/flow_set.h"
#include "src/script/inbound.h"
#include "src/script/match.h"
#include "src/script/parser.h"
#include "src/script/snippets.h"

namespace tributary::script {
namespace {

constexpr Micros kPatience = Micros::seconds(300);  ///< for what may come at any time
constexpr Micros kLookAhead = Micros::seconds(5);   ///< how late a packet is looked for, to be told of
constexpr int kMaxSteps = 1'000'000;

CallDefaults defaults_of(const RunOptions& options) {
  CallDefaults defaults;
  defaults.domain = options.version == RunOptions::Version::kIpv4 ? AF_INET : AF_INET6;
  defaults.bind_address = {options.host.local, options.bind_port};
  defaults.remote_address = {options.host.remote, options.connect_port};
  return defaults;
}

class ScriptRun {
 public:
  ScriptRun(PacketPools& pools, const Script& script, const RunOptions& options)
      : script_(script),
        options_(options),
        host_(pools, options.host, face_),
        flows_(host_, names_, options.bind_port),
        calls_(face_, host_, defaults_of(options)),
        commands_(host_, face_, std::filesystem::path(script.path).parent_path().string()) {
    face_.attach(host_);
  }

  Outcome run() {
    Outcome outcome;
    try {
      for (const auto& [line, text] : script_.init) {
        line_ = line;
        commands_.run(text);
      }
      for (const Event& event : script_.events) run_event(event);
      finish();
      snippets_.run(script_.path);
    } catch (const ScriptError& error) {
      outcome = {error.verdict(), error.line() != 0 ? error.line() : line_, error.what()};
      trace_sent();
    }
    const std::string left = host_.shut_down();
    if (!left.empty() && outcome.verdict == Verdict::kPassed)
      outcome = {Verdict::kFailed, line_, "lost by the stack: " + left};
    return outcome;
  }

 private:
  // Time.
  Micros absolute(const TimeSpec& time, Micros offset) const {
    return time.kind == TimeSpec::Kind::kRelative ? last_ + offset : offset;
  }

  /// What follows from the passing of time, or from a packet.
  void settle() {
    if (calls_.is_pending()) progress_call();
    if (commands_.open_subflows()) host_.pass();
    trace_sent();
  }
  void step(Micros limit) {
    if (++steps_ > kMaxSteps) fail("the stack does not come to rest");
    Micros until = limit;
    if (calls_.is_pending()) until = std::max(host_.now(), std::min(until, calls_.deadline()));
    host_.step(until);
    settle();
  }
  void advance_to(Micros time) {
    while (host_.now() < time) step(time);
  }

  /// Waits for the time of an event of our own.
  void wait_for(const Event& event) {
    if (event.time.kind == TimeSpec::Kind::kAny) {
      last_ = host_.now();
      return;
    }
    const Micros at = absolute(event.time, event.time.from);
    advance_to(at);
    if (host_.now() > at + options_.tolerance)
      fail("this should happen at " + describe_time(at) + ", and it is " + describe_time(host_.now()) + " already");
    last_ = at;
  }

  // Events.
  void run_event(const Event& event) {
    line_ = event.line;
    if (const auto* packet = std::get_if<PacketSpec>(&event.action)) {
      if (!packet->inbound) return expect_packet(event, *packet);
      wait_for(event);
      return send_packet(*packet);
    }
    if (const auto* call = std::get_if<CallSpec>(&event.action)) return run_call(event, *call);
    wait_for(event);
    if (const auto* command = std::get_if<CommandSpec>(&event.action)) {
      commands_.run(command->text);
      settle();
      return;
    }
    const auto& code = std::get<CodeSpec>(event.action);
    snippets_.add(event.line, code.text, calls_.tcp_info());
  }

  void run_call(const Event& event, const CallSpec& call) {
    const Micros base = last_;
    wait_for(event);
    finish_call();
    line_ = event.line;
    trace(call.text);
    if (call.name == "socket" || call.name == "listen") flows_.forget_current();
    call_line_ = event.line;
    call_end_.reset();
    if (call.end) call_end_ = event.time.kind == TimeSpec::Kind::kRelative ? base + *call.end : *call.end;
    calls_.start(call, host_.now());
    const bool done = progress_call();
    if (!done && !call.end) fail(call.text + "\n  would block, and no time is given at which it returns");
    if (const auto port = calls_.bound_port()) flows_.set_bind_port(*port);
    settle();
  }

  bool progress_call() {
    const int line = std::exchange(line_, call_line_);
    const std::string text = calls_.call().text;
    if (!calls_.progress()) {
      line_ = line;
      return false;
    }
    if (call_end_) {
      const Micros difference = host_.now() - *call_end_;
      if (difference > options_.tolerance || Micros(0) - difference > options_.tolerance)
        fail(text + "\n  should return at " + describe_time(*call_end_) + ", returned at " +
             describe_time(host_.now()) + ": time difference " + describe_time(difference));
    }
    line_ = line;
    return true;
  }
  /// One call at a time: the next waits for the one before.
  void finish_call() {
    const Micros limit = host_.now() + kPatience;
    while (calls_.is_pending() && host_.now() < limit) step(limit);
    if (!calls_.is_pending()) return;
    line_ = call_line_;
    fail(calls_.call().text + "\n  does not return");
  }

  void send_packet(const PacketSpec& packet) {
    trace(packet.text);
    Flow& flow = flows_.find_inbound(packet);
    const auto* tcp = std::get_if<TcpSpec>(&packet.body);
    if (tcp != nullptr && tcp->payload) calls_.set_literal_received();
    host_.receive(build_inbound(packet, flow, names_));
    settle();
  }

  /// Most payload a segment of the connection `live` belongs to can have.
  size_t largest_payload(const LivePacket& live) const {
    for (const ByteStream stream : face_.streams()) {
      const auto info = host_.stack().info(stream);
      if (!info || !live.tcp) continue;
      for (const SubflowInfo& subflow : info->subflows)
        if (subflow.key.remote_port == live.tcp->destination_port && subflow.key.local_port == live.tcp->source_port)
          return host_.stack().payload_per_segment(stream);
    }
    return options_.host.mtu - 40u;
  }

  /// The packets of one segment the script writes as one, as a capture above segmentation offload shows them.
  void coalesce(const TcpSpec& spec) {
    if (options_.strict_segments) return;
    auto& sent = host_.sent;
    if (spec.payload_size <= largest_payload(sent.front())) return;
    while (sent.size() >= 2 && sent[0].tcp && sent[1].tcp && sent[0].body.size() < spec.payload_size) {
      LivePacket& first = sent[0];
      const LivePacket& next = sent[1];
      const bool follows = next.tcp->seq == first.tcp->seq + static_cast<uint32_t>(first.body.size()) &&
                           next.tcp->source_port == first.tcp->source_port && next.tcp->ack == first.tcp->ack &&
                           next.time == first.time && next.options == first.options && !next.body.empty();
      if (!follows || first.body.size() + next.body.size() > spec.payload_size) return;
      first.body.insert(first.body.end(), next.body.begin(), next.body.end());
      first.tcp->flags |= next.tcp->flags;
      first.coalesced = true;
      sent.erase(sent.begin() + 1);
      traced_ = std::min(traced_, sent.size());
    }
  }

  LivePacket forget_sent() {
    LivePacket live = std::move(host_.sent.front());
    host_.sent.pop_front();
    if (traced_ > 0) --traced_;
    return live;
  }

  void expect_packet(const Event& event, const PacketSpec& packet) {
    const bool any = event.time.kind == TimeSpec::Kind::kAny;
    const Micros from = any ? Micros(0) : absolute(event.time, event.time.from);
    const Micros to = any ? host_.now() + kPatience : absolute(event.time, event.time.to);
    const Micros limit = any ? to : to + options_.tolerance;
    settle();
    while (true) {
      while (host_.sent.empty() && host_.now() < limit) step(limit);
      if (host_.sent.empty()) report_missing(packet, from, to);
      // As packetdrill, which looks at one socket at a time: a FIN or a retransmission of the one before is nobody's
      // concern. Subflows of a connection are.
      if (options_.strict || names_.stack_key || !flows_.is_of_other(packet, host_.sent.front())) break;
      forget_sent();
    }
    if (const auto* tcp = std::get_if<TcpSpec>(&packet.body)) coalesce(*tcp);
    const LivePacket live = forget_sent();

    std::vector<std::string> differences;
    Flow* flow = nullptr;
    std::string reason;
    if (live.tcp) flow = flows_.find_outbound(packet, live, reason);
    if (live.tcp && flow == nullptr)
      differences = {reason};
    else
      differences = match_outbound(packet, live, flow != nullptr ? *flow : no_flow_, names_, match_options());
    if (!any && live.time < from - options_.tolerance) differences.push_back("it came too early");
    if (!any && live.time > to + options_.tolerance) differences.push_back("it came too late");
    if (!differences.empty())
      report_mismatch(packet, live, flow, differences, any ? live.time : live.time < from ? from : to);
    last_ = any || event.time.range ? live.time : from;
  }

  MatchOptions match_options() const { return {!calls_.literal_written(), options_.timestamp_tick_us}; }

  [[noreturn]] void report_mismatch(const PacketSpec& packet, const LivePacket& live, const Flow* flow,
                                    const std::vector<std::string>& differences, Micros wanted) {
    std::string text = "the packet is not as expected";
    text += "\n  expected: " + describe_time(wanted) + " " + packet.text;
    text += "\n  got:      " + describe_time(live.time) + " > " + describe(live, flow, names_);
    text += "\n  time difference: " + describe_time(live.time - wanted);
    for (const std::string& difference : differences) text += "\n  - " + difference;
    fail(text);
  }
  [[noreturn]] void report_missing(const PacketSpec& packet, Micros from, Micros to) {
    std::string text = "no packet was sent";
    text += "\n  expected: " + describe_time(from) + (to != from ? "~" + describe_time(to) : "") + " " + packet.text;
    const Micros limit = host_.now() + kLookAhead;
    while (host_.sent.empty() && host_.now() < limit) host_.step(limit);
    if (host_.sent.empty()) fail(text + "\n  got:      nothing until " + describe_time(host_.now()));
    const LivePacket& live = host_.sent.front();
    fail(text + "\n  next:     " + describe_time(live.time) + " > " + describe(live, flows_.find_live(live), names_) +
         "\n  time difference: " + describe_time(live.time - to));
  }

  void finish() {
    finish_call();
    if (!options_.strict || host_.sent.empty()) return;
    const LivePacket& live = host_.sent.front();
    fail("a packet nobody expected\n  got:      " + describe_time(live.time) + " > " +
         describe(live, flows_.find_live(live), names_));
  }

  // Tracing.
  void trace(const std::string& text) {
    if (options_.trace != nullptr) *options_.trace << describe_time(host_.now()) << ' ' << text << '\n';
  }
  void trace_sent() {
    if (options_.trace == nullptr) return;
    for (; traced_ < host_.sent.size(); ++traced_) {
      const LivePacket& live = host_.sent[traced_];
      *options_.trace << describe_time(live.time) << " > " << describe(live, flows_.find_live(live), names_) << '\n';
    }
  }

  const Script& script_;
  const RunOptions& options_;
  SocketFace face_;
  VirtualHost host_;
  MptcpNames names_;
  FlowSet flows_;
  CallRunner calls_;
  Commands commands_;
  Snippets snippets_;
  Flow no_flow_;
  Micros last_;  ///< time of the event before, which relative times count from
  int line_ = 0;
  int call_line_ = 0;
  std::optional<Micros> call_end_;
  size_t traced_ = 0;  ///< of host_.sent
  int steps_ = 0;
};

}  // namespace

Outcome run_script(PacketPools& pools, const std::string& path, std::string_view source, const RunRequest& request) {
  try {
    std::vector<std::string> defined;
    for (const auto& [name, value] : request.options)
      if (name == "define") defined.push_back(value);
    const Script script = parse_script(path, source, defined);
    RunOptions options;
    options.host.settings = HostOptions::small_settings();
    options.trace = request.trace;
    for (const auto& [name, value] : script.options) options.apply(name, value);
    for (const auto& [name, value] : request.options) options.apply(name, value);
    options.finish();
    return ScriptRun(pools, script, options).run();
  } catch (const ScriptError& error) {
    return {error.verdict(), error.line(), error.what()};
  }
}

Outcome run_file(PacketPools& pools, const std::string& path, const RunRequest& request) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return {Verdict::kFailed, 0, "the file cannot be read"};
  std::ostringstream source;
  source << in.rdbuf();
  return run_script(pools, path, source.str(), request);
}

}  // namespace tributary::script
