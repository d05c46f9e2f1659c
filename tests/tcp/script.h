// Packet scripts: a real Stack in virtual time and peers made of nothing but crafted segments, so that a test
// reads as the trace of a conversation. The stack is 192.0.2.1 and 2001:db8::1 (port 0) and 198.51.100.1
// (port 1); its peers are the .2 (::2) of each link and answer ARP and neighbour solicitations on their own.
//
// Sequence numbers are relative, as in a trace: a SYN is 0, the first byte 1, on either side. Data sequence
// numbers are relative to the IDSN: the first byte is 1. Whatever the stack sends has to be expected, or the
// test fails.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "stack/stack.h"
#include "tests/ip/frames.h"
#include "tests/support/pools.h"
#include "tests/support/seeded_random.h"
#include "tests/tcp/segment_script.h"

namespace tributary::test {

class Peer;

/// One stream of the stack as its user sees it.
struct StreamLog {
  ByteStream stream;
  uint16_t events = 0;   ///< all StreamEvent bits since the start
  std::string received;  ///< what has been read
  uint32_t acked = 0;
  bool gone = false;
  bool read = true;  ///< read and release at once; otherwise leave it in the stack
  StreamError error = StreamError::kNone;
  bool has(uint16_t event) const { return events & event; }
};

class ScriptTest : public testing::Test, public StreamUser, public Acceptor {
 protected:
  explicit ScriptTest(const ip::PortOffloads& offloads = {});
  /// Every test ends with all pools and slabs back at their start level.
  void TearDown() override;

 public:
  /// Made at first use, from `settings`.
  Stack& stack();
  Settings settings;

  /// Listens on port 80 of all own addresses. Connections are accepted at once unless `defer` is set.
  void listen(bool mptcp = false, bool take_syn_payload = false);
  bool defer = false;
  FastOpen fast_open = FastOpen::kOff;  ///< of listeners
  uint8_t dscp = 0;                     ///< of listeners, and of what is opened

  /// The stream accepted or opened last.
  StreamLog& log() { return *logs_.back(); }
  StreamLog& log(size_t i) { return *logs_.at(i); }
  size_t stream_count() const { return logs_.size(); }
  ByteStream stream() { return log().stream; }
  /// Opens a connection from the stack to `remote` port 80; its peer is a Peer with `local_port` 4000.
  StreamLog& connect(bool mptcp = false, std::string_view remote = "192.0.2.2",
                     ConnectOptions::FastOpen fast_open = ConnectOptions::FastOpen::kOff, std::string_view early = "");

  // What the user of the last stream does, each in a pass of its own.
  void write(std::string_view payload, bool more_follows = false);
  size_t piece = 1460;  ///< written in packets of at most so many bytes
  void close();
  void leave();
  void abort();
  /// Reads up to `bytes` by hand, without giving back budget.
  std::string read(uint32_t bytes = UINT32_MAX);
  void release(uint32_t bytes);
  void accept(size_t i = 0);

  /// Lets time pass; timers fire when they are due.
  void wait(Micros time);
  void wait_ms(int64_t n) { wait(Micros::milliseconds(n)); }
  /// The same in one step: the worker was away.
  void oversleep(Micros time);
  Micros now() const { return now_; }
  void pass();

  Counters counters;
  std::vector<IncomingConnection> incoming;  ///< without their SYN payload
  std::string syn_payload;                   ///< of the last SYN
  unsigned incoming_again = 0;

 private:
  friend class Peer;
  void on_stream(ByteStream stream, uint64_t user_data, uint16_t events) override;
  void on_incoming(IncomingConnection connection) override;
  void on_incoming_again(ByteStream, uint64_t) override { ++incoming_again; }

  StreamLog& add_log(ByteStream stream);
  void read_all(StreamLog& log);
  void deliver(uint16_t port, std::vector<Bytes> frames);
  void drain();
  void hand_over(const Parsed& frame);
  bool answer_neighbor_question(uint16_t port, const Parsed& frame);
  Link link_to_stack(uint16_t port) const;

  std::unique_ptr<PacketPools> pools_ = make_pools(4096, 4096);
  PoolGuard guard_{*pools_};
  FrameQueues frames_{2};
  SeededRandom random_{7};
  ip::IpLayer ip_;
  std::unique_ptr<Stack> stack_;
  std::vector<std::unique_ptr<StreamLog>> logs_;
  std::vector<Peer*> peers_;
  Micros now_ = Micros::seconds(1000);
  bool ending_ = false;
};

/// The other end of one TCP connection.
class Peer {
 public:
  struct Address {
    std::string_view remote = "192.0.2.2";  ///< the peer's
    uint16_t remote_port = 40000;
    std::string_view local = "192.0.2.1";  ///< the stack's
    uint16_t local_port = 80;
  };
  Peer(ScriptTest& test, const Address& address);
  explicit Peer(ScriptTest& test) : Peer(test, Address()) {}
  /// The peer of a connection the stack opens.
  static Address server(std::string_view remote = "192.0.2.2") {
    return {remote, 80, remote == "2001:db8::2" ? "2001:db8::1" : "192.0.2.1", 4000};
  }
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Sends one segment, or several in one burst, and lets the stack work.
  void send(const Seg& segment) { send(std::vector<Seg>{segment}); }
  void send(const std::vector<Seg>& burst);
  void send_raw(Bytes frame);

  using Where = std::source_location;
  /// The next segment the stack has sent, which must have these flags (PSH apart) and numbers.
  Seg expect(uint16_t flags, uint32_t seq, uint32_t ack, Where where = Where::current());
  /// The same with this payload.
  Seg expect_data(uint32_t seq, uint32_t ack, std::string_view payload, Where where = Where::current());
  /// The next segment, whatever it is.
  Seg next(Where where = Where::current());
  void expect_nothing(Where where = Where::current());
  /// Lets time pass until the stack sends something; milliseconds that took.
  double wait_for_segment(int64_t limit_ms = 200'000, Where where = Where::current());
  void ignore_all() { inbox_.clear(); }
  size_t waiting() const { return inbox_.size(); }

  /// What the peer offers in its SYN.
  struct Options {
    uint16_t mss = 1460;
    bool sack = true;
    bool timestamps = false;
    int wscale = 7;          ///< -1: none
    Micros rtt = Micros(0);  ///< between SYN-ACK and ACK
  };
  Seg make_syn(const Options& options);
  /// SYN, SYN-ACK, ACK. Leaves the stack established. `window` is that of the ACK.
  void open(const Options& options, uint16_t window = 60000, Where where = Where::current());
  void open(Where where = Where::current()) { open(Options(), 60000, where); }
  /// The same for a connection the stack opens: takes its SYN, which comes back, answers, and takes the ACK.
  Seg answer(const Options& options, uint16_t window = 60000, Where where = Where::current());

  /// With timestamps on, sent segments carry them and received ones must.
  bool timestamps = false;
  uint32_t ts_value = 0;       ///< 0: milliseconds of the virtual clock
  uint32_t ts_received = 0;    ///< TSval of the last segment received
  MptcpSide* mptcp = nullptr;  ///< turns relative data sequence numbers into absolute ones
  uint32_t isn = 0x7fff'fff0;  ///< the peer's; data wraps early
  SeqNum stack_isn{};          ///< learned from the SYN
  const FlowKey& key() const { return key_; }
  FlowKey& key() { return key_; }

 private:
  friend class ScriptTest;
  void take(const Parsed& frame, Micros at);
  Bytes frame_of(const Seg& segment) const;

  ScriptTest& test_;
  FlowKey key_;  ///< as the stack sees it
  uint16_t port_;
  std::deque<Seg> inbox_;
};

/// `size` bytes that differ from one another enough to notice a wrong order; byte i is the same whatever the
/// size.
std::string pattern(size_t size, size_t from = 0);

}  // namespace tributary::test
