// A worker with a real stack, on a ring that gives back what is sent: a frame put there arrives in the next
// pass, and what the stack answers arrives in the one after it.
#include "datapath/worker.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "datapath/os_random.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "tests/support/pools.h"

namespace tributary::datapath {
namespace {

using std::chrono::milliseconds;

class NoUser : public StreamUser {
  void on_stream(ByteStream, uint64_t, uint16_t) override {}
};

class CountingHook : public PassHook {
 public:
  void on_pass(Micros now) override {
    ++passes;
    EXPECT_GE(now, last);
    last = now;
  }
  Micros next_deadline() const override { return deadline; }
  uint64_t passes = 0;
  Micros last;
  Micros deadline = Micros::never();
};

class WorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    static int number = 10;  // a device name may not come twice in a process
    PortOptions port;
    port.name = "p";
    port.device = parse_device("net_ring" + std::to_string(number++), error_).value();
    PacketPools* const pools[] = {pools_.get()};
    ports_.push_back(Port::open(port, pools, error_));
    ASSERT_TRUE(ports_[0]) << error_;
    ip::InterfaceConfig interface;
    interface.name = "p";
    interface.mac = ports_[0]->facts().mac;
    interface.addresses = {IpPrefix::parse("192.0.2.1/24").value()};
    interface.offloads = ports_[0]->facts().offloads;
    ASSERT_TRUE(ip_.add_interface(interface, error_)) << error_;
    Settings settings;
    settings.max_subflows = settings.max_connections = settings.max_time_wait = 1024;
    stack_ = std::make_unique<Stack>(*pools_, ip_, frames_, random_, counters_, settings, user_, clock_.now());
    start_worker(WorkerOptions());
  }
  void start_worker(const WorkerOptions& options) {
    worker_ = std::make_unique<Worker>(options, *stack_, frames_, counters_, ports_, clock_, hook_);
  }

  void put_arp_request() {
    Packet frame = test::make_frame(*pools_, std::vector<uint8_t>(60, 0));
    const MacAddress sender{{2, 0, 0, 0, 0, 9}};
    wire::emit_ethernet({.destination = MacAddress::broadcast(), .source = sender, .type = wire::ether_type::kArp},
                        frame.bytes());
    wire::emit_arp({.sender_mac = sender,
                    .sender_ip = IpAddress::parse("192.0.2.9").value(),
                    .target_ip = IpAddress::parse("192.0.2.1").value()},
                   frame.bytes().subspan(14));
    std::vector<rte_mbuf*> frames = {frame.release()};
    Counters unused;
    ports_[0]->transmit(WorkerId{0}, frames, unused);
  }

  std::unique_ptr<PacketPools> pools_ = test::make_pools(8192, 1024);
  test::PoolGuard guard_{*pools_};
  std::string error_;
  Clock clock_;
  OsRandom random_;
  Counters counters_;
  FrameQueues frames_{1};
  ip::IpLayer ip_{*pools_, frames_, random_, counters_, ip::IpLayer::Limits()};
  NoUser user_;
  CountingHook hook_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::unique_ptr<Stack> stack_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, AnAnswerLeavesInThePassThatBroughtTheQuestion) {
  put_arp_request();
  EXPECT_TRUE(worker_->run_pass());
  EXPECT_EQ(counters_.arp_answered, 1u);
  EXPECT_EQ(counters_.rx_frames, 1u);
  EXPECT_EQ(counters_.rx_bytes, 60u);
  EXPECT_EQ(counters_.tx_frames, 1u);
  std::array<rte_mbuf*, Port::kBurst> burst;
  ASSERT_EQ(ports_[0]->receive(WorkerId{0}, burst.data()), 1);
  const Packet reply(burst[0]);
  const auto arp = wire::parse_arp(reply.bytes().subspan(14));
  ASSERT_TRUE(arp);
  EXPECT_EQ(arp->operation, wire::Arp::Operation::kReply);
  EXPECT_EQ(arp->sender_mac, ports_[0]->facts().mac);
}

TEST_F(WorkerTest, AnEmptyPassIsNoWork) {
  EXPECT_FALSE(worker_->run_pass());
  EXPECT_EQ(worker_->statistics().passes, 1u);
  EXPECT_EQ(worker_->statistics().working_passes, 0u);
  EXPECT_EQ(hook_.passes, 1u);
}

TEST_F(WorkerTest, TasksRunAtTheEndOfAPassAndKeepNobodyAwake) {
  bool ran = false;
  uint64_t passes_before = 99;
  worker_->mailbox().post([&] {
    ran = true;
    passes_before = hook_.passes;
  });
  EXPECT_FALSE(worker_->run_pass());
  EXPECT_TRUE(ran);
  EXPECT_EQ(passes_before, 1u);
}

TEST_F(WorkerTest, ManyBurstsAreTakenOverSeveralPasses) {
  for (int i = 0; i < 100; ++i) put_arp_request();
  // Answers come back on the same ring: requests and answers are 200 frames.
  for (int i = 0; i < 20; ++i) worker_->run_pass();
  EXPECT_EQ(counters_.rx_frames, 200u);
  EXPECT_EQ(counters_.arp_answered, 100u);
  EXPECT_EQ(counters_.tx_dropped, 0u);
}

TEST_F(WorkerTest, AnIdleWorkerNapsAndStopsWhenTold) {
  std::thread thread([this] { worker_->run(); });
  std::this_thread::sleep_for(milliseconds(100));
  const auto begin = std::chrono::steady_clock::now();
  worker_->stop();
  thread.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(100));
  EXPECT_GT(worker_->statistics().naps, 20u);
  // Without naps it would have made a hundred thousand.
  EXPECT_LT(worker_->statistics().passes, 20'000u);
}

TEST_F(WorkerTest, WithoutBackoffItPolls) {
  WorkerOptions options;
  options.idle_backoff = false;
  start_worker(options);
  std::thread thread([this] { worker_->run(); });
  std::this_thread::sleep_for(milliseconds(50));
  worker_->stop();
  thread.join();
  EXPECT_EQ(worker_->statistics().naps, 0u);
  EXPECT_GT(worker_->statistics().passes, 1000u);
}

TEST_F(WorkerTest, ADeadlineThatHasPassedLeavesNoNap) {
  WorkerOptions options;
  options.idle_passes = 0;
  start_worker(options);
  hook_.deadline = Micros(0);
  std::thread thread([this] { worker_->run(); });
  std::this_thread::sleep_for(milliseconds(20));
  worker_->stop();
  thread.join();
  EXPECT_EQ(worker_->statistics().naps, 0u);
}

TEST_F(WorkerTest, OtherThreadsAreAnsweredWhileItNaps) {
  std::thread thread([this] { worker_->run(); });
  for (int i = 0; i < 50; ++i) {
    std::atomic<bool> done{false};
    worker_->mailbox().post([&] { done = true; });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (!done && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    ASSERT_TRUE(done);
  }
  worker_->stop();
  thread.join();
}

}  // namespace
}  // namespace tributary::datapath
