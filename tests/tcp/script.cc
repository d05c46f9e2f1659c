#include "tests/tcp/script.h"

#include <algorithm>

namespace tributary::test {
namespace {

constexpr std::array<MacAddress, 2> kStackMacs = {{{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}}};
constexpr std::array<MacAddress, 2> kPeerMacs = {{{{2, 0, 0, 0, 1, 1}}, {{2, 0, 0, 0, 1, 2}}}};
constexpr uint16_t kConnectPort = 4000;

ip::InterfaceConfig interface_config(uint16_t port, std::vector<IpPrefix> addresses, const ip::PortOffloads& offloads) {
  return {.name = "if" + std::to_string(port),
          .port = PortId{port},
          .vlan = {},
          .mac = kStackMacs[port],
          .addresses = std::move(addresses),
          .offloads = offloads};
}

}  // namespace

ScriptTest::ScriptTest(const ip::PortOffloads& offloads) : ip_(*pools_, frames_, random_, counters, {}) {
  settings.pacing = false;  // a trace reads better when what may leave does so at once
  settings.max_subflows = 256;
  settings.max_connections = 128;
  settings.max_time_wait = 128;
  std::string error;
  ip_.add_interface(interface_config(0, {prefix("192.0.2.1/24"), prefix("2001:db8::1/64")}, offloads), error).value();
  ip_.add_interface(interface_config(1, {prefix("198.51.100.1/24")}, offloads), error).value();
}

Stack& ScriptTest::stack() {
  if (stack_ == nullptr)
    stack_ = std::make_unique<Stack>(*pools_, ip_, frames_, random_, counters, settings, *this, now_);
  return *stack_;
}

void ScriptTest::TearDown() {
  ending_ = true;
  for (auto& entry : logs_)
    if (!entry->gone) stack().abort(entry->stream);
  pass();
  wait(Micros::seconds(200));  // TIME-WAIT, and whatever else was left to end on its own
  EXPECT_TRUE(stack().idle()) << "control blocks are left";
  EXPECT_EQ(stack().context().time_wait.size(), 0u);
  EXPECT_EQ(stack().context().flows.size(), 0u);
  EXPECT_EQ(stack().context().wheel.next_deadline(), Micros::never()) << "a timer is left";
  for (const auto& entry : logs_) EXPECT_FALSE(stack().info(entry->stream)) << "a stream outlived its connection";
  ip_.drop_queued();
  incoming.clear();
  EXPECT_EQ(pools_->data_in_use(), 0u) << "before the stack is destroyed";
  EXPECT_EQ(pools_->header_in_use(), 0u) << "before the stack is destroyed";
  stack_.reset();
}

void ScriptTest::listen(bool mptcp, bool take_syn_payload) {
  Listener listener;
  listener.interfaces = {0, 1};
  listener.port = 80;
  listener.mptcp = mptcp;
  listener.syn_payload = take_syn_payload;
  listener.fast_open = fast_open;
  listener.dscp = dscp;
  listener.algorithm = settings.algorithm;
  listener.acceptor = this;
  stack().add_listener(listener);
}

StreamLog& ScriptTest::add_log(ByteStream stream) {
  logs_.push_back(std::make_unique<StreamLog>());
  logs_.back()->stream = stream;
  return *logs_.back();
}

StreamLog& ScriptTest::connect(bool mptcp, std::string_view remote, ConnectOptions::FastOpen client_fast_open,
                               std::string_view early) {
  ConnectOptions options;
  const auto server = Peer::server(remote);
  options.local = addr(server.local);
  options.local_port = kConnectPort;
  options.remote = addr(remote);
  options.remote_port = 80;
  options.mptcp = mptcp;
  options.dscp = dscp;
  options.fast_open = client_fast_open;
  PacketList list;
  if (!early.empty())
    list.push_back(make_payload(*pools_, {reinterpret_cast<const uint8_t*>(early.data()), early.size()}));
  const ByteStream stream = stack().connect(options, std::move(list));
  EXPECT_TRUE(stream) << "the connection could not be opened";
  StreamLog& log = add_log(stream);
  pass();
  return log;
}

void ScriptTest::on_incoming(IncomingConnection connection) {
  syn_payload.clear();
  if (connection.syn_payload) {
    const auto payload = connection.syn_payload.payload();
    syn_payload.assign(payload.begin(), payload.end());
    connection.syn_payload.reset();
  }
  incoming.push_back(std::move(connection));
  add_log(incoming.back().stream);
  if (!defer) stack().accept(incoming.back().stream, 0);
}

void ScriptTest::accept(size_t i) {
  stack().accept(incoming.at(i).stream, 0);
  pass();
}

void ScriptTest::on_stream(ByteStream stream, uint64_t, uint16_t events) {
  const auto found = std::find_if(logs_.begin(), logs_.end(), [&](auto& entry) { return entry->stream == stream; });
  ASSERT_NE(found, logs_.end()) << "an event for a stream nobody knows";
  StreamLog& log = **found;
  EXPECT_FALSE(log.gone) << "an event after the end";
  log.events |= events;
  log.acked += this->stack().take_acked(stream);
  if (log.read) read_all(log);
  if (!(events & (kStreamReset | kStreamClosed))) return;
  log.error = this->stack().error(stream);
  log.gone = true;
}

void ScriptTest::read_all(StreamLog& log) {
  PacketList packets = stack().read(log.stream, UINT32_MAX);
  uint32_t bytes = 0;
  while (Packet packet = packets.pop_front()) {
    const auto payload = packet.payload();
    EXPECT_TRUE(wire::same_value(packet.info().payload_sum, wire::sum_bytes(payload))) << "the payload's sum is wrong";
    log.received.append(payload.begin(), payload.end());
    bytes += static_cast<uint32_t>(payload.size());
  }
  if (bytes != 0) stack().release(log.stream, bytes);
}

std::string ScriptTest::read(uint32_t bytes) {
  std::string out;
  PacketList packets = stack().read(stream(), bytes);
  while (Packet packet = packets.pop_front()) {
    const auto payload = packet.payload();
    out.append(payload.begin(), payload.end());
  }
  return out;
}

void ScriptTest::release(uint32_t bytes) {
  stack().release(stream(), bytes);
  pass();
}

void ScriptTest::write(std::string_view payload, bool more_follows) {
  PacketList list;
  for (size_t at = 0; at < payload.size(); at += piece) {
    const std::string_view part = payload.substr(at, piece);
    list.push_back(make_payload(*pools_, {reinterpret_cast<const uint8_t*>(part.data()), part.size()}));
  }
  stack().write(stream(), std::move(list), more_follows);
  pass();
}

void ScriptTest::close() {
  stack().close(stream());
  pass();
}

void ScriptTest::leave() {
  stack().leave(stream());
  log().gone = true;
  pass();
}

void ScriptTest::abort() {
  stack().abort(stream());
  log().gone = true;
  pass();
}

void ScriptTest::pass() {
  stack().advance_timers(now_);
  stack().dispatch(now_);
  drain();
}

void ScriptTest::wait(Micros time) {
  const Micros until = now_ + time;
  for (int guard = 0; guard < 100'000; ++guard) {
    const Micros due = stack().next_deadline();
    if (due > until) {
      now_ = until;
      return pass();
    }
    now_ = std::max(now_, due);
    pass();
  }
  FAIL() << "timers do not come to rest";
}

void ScriptTest::oversleep(Micros time) {
  now_ += time;
  pass();
}

void ScriptTest::deliver(uint16_t port, std::vector<Bytes> frames) {
  std::vector<rte_mbuf*> burst;
  for (const Bytes& frame : frames) burst.push_back(make_frame(*pools_, frame).release());
  stack().receive(PortId{port}, burst, now_);
  pass();
}

Link ScriptTest::link_to_stack(uint16_t port) const {
  return {kPeerMacs[port], kStackMacs[port]};
}

void ScriptTest::drain() {
  bool answered = false;
  for (uint16_t port = 0; port < 2; ++port) {
    std::vector<rte_mbuf*> sent;
    sent.swap(frames_.pending(PortId{port}));
    for (rte_mbuf* m : sent) {
      const Parsed frame = parse_frame(bytes_of(m));
      rte_pktmbuf_free(m);
      if (answer_neighbor_question(port, frame)) {
        answered = true;
        continue;
      }
      if (!ending_) hand_over(frame);
    }
  }
  if (answered) drain();
}

void ScriptTest::hand_over(const Parsed& frame) {
  ASSERT_TRUE(frame.ip && frame.ip->protocol == wire::ip_protocol::kTcp) << "neither TCP nor a neighbour's business";
  const auto header = wire::parse_tcp(frame.payload);
  ASSERT_TRUE(header);
  const FlowKey key{frame.ip->source, frame.ip->destination, header->source_port, header->destination_port};
  const auto peer = std::find_if(peers_.begin(), peers_.end(), [&](Peer* p) { return p->key() == key; });
  ASSERT_NE(peer, peers_.end()) << "a segment to nobody: " << key.remote.to_string() << " port " << key.remote_port;
  (*peer)->take(frame, now_);
}

bool ScriptTest::answer_neighbor_question(uint16_t port, const Parsed& frame) {
  Bytes answer;
  if (frame.arp) {
    answer = arp_frame(link_to_stack(port), {wire::Arp::Operation::kReply, kPeerMacs[port], frame.arp->target_ip,
                                             kStackMacs[port], frame.arp->sender_ip});
  } else if (frame.neighbor && !frame.neighbor->advertisement) {
    wire::IpHeader header = ip_header(frame.neighbor->target, frame.ip->source, wire::ip_protocol::kIcmpv6);
    header.hop_limit = 255;
    wire::NeighborMessage message;
    message.advertisement = message.solicited = message.override_ = true;
    message.target = frame.neighbor->target;
    message.link_address = kPeerMacs[port];
    answer = neighbor_frame(link_to_stack(port), header, message);
  } else {
    return false;
  }
  rte_mbuf* m = make_frame(*pools_, answer).release();
  stack().receive(PortId{port}, {&m, 1}, now_);
  return true;
}

std::string pattern(size_t size, size_t from) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + (i + from) * 7 / 5 % 26);
  return out;
}

}  // namespace tributary::test
