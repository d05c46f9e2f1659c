// The plug-in, driven as packetdrill drives it: the entry is looked up in the shared object, one thread plays
// network and clock, blocking calls sit in another.
#include <fcntl.h>
#include <netinet/tcp.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/src/script/plugin_driver.h"

namespace tributary::script::test {
namespace {

TEST_F(Plugin, DataGoesBothWays) {
  uint32_t ack = 0;
  const int fd = open_connection(8081, ack);
  ASSERT_GE(fd, 0);
  send(kAck | kPsh, 101, ack, "hello", 1000, 8081);
  EXPECT_EQ(receive().tcp->ack.raw(), 106u);
  char buffer[16] = {};
  EXPECT_EQ(ifc.read(ifc.userdata, fd, buffer, sizeof buffer), 5);
  EXPECT_STREQ(buffer, "hello");
  EXPECT_EQ(ifc.write(ifc.userdata, fd, "world", 5), 5);
  const LivePacket answer = receive();
  EXPECT_EQ(std::string(answer.body.begin(), answer.body.end()), "world");
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
}

TEST_F(Plugin, TimePassesOnlyWhenTold) {
  const long long before = now();
  EXPECT_EQ(now(), before);
  EXPECT_EQ(ifc.usleep(ifc.userdata, 250'000), 0);
  EXPECT_EQ(now(), before + 250'000);
}

TEST_F(Plugin, WaitingForAPacketMovesTheClock) {
  drain();
  const int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
  EXPECT_EQ(ifc.fcntl(ifc.userdata, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
  const PluginAddress to(kHosts4.remote, 80);
  EXPECT_EQ(ifc.connect(ifc.userdata, fd, to.get(), to.size), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  long long first = 0, second = 0;
  EXPECT_EQ(receive(&first).tcp->flags, kSyn);
  EXPECT_EQ(receive(&second).tcp->flags, kSyn);
  EXPECT_NEAR(static_cast<double>(second - first), 1e6, 1000);  // the timing wheel's grain
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
}

TEST_F(Plugin, BlockingReadInAnotherThreadReturnsWithTheData) {
  uint32_t ack = 0;
  const int fd = open_connection(8082, ack);
  ASSERT_GE(fd, 0);
  std::atomic<ssize_t> result = -2;
  long long returned_at = 0;
  std::thread reader([&] {
    char buffer[16];
    const ssize_t n = ifc.read(ifc.userdata, fd, buffer, sizeof buffer);
    returned_at = now();
    result = n;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(result, -2);
  const long long start = now();
  ifc.usleep(ifc.userdata, 100'000);
  EXPECT_EQ(result, -2);
  send(kAck | kPsh, 101, ack, "abc", 1000, 8082);
  reader.join();
  EXPECT_EQ(result, 3);
  EXPECT_EQ(returned_at, start + 100'000);
  ifc.close(ifc.userdata, fd);
}

TEST_F(Plugin, BlockingPollReturnsWhenItsTimeIsOver) {
  uint32_t ack = 0;
  const int fd = open_connection(8083, ack);
  std::atomic<bool> done = false;
  int result = -2;
  long long begun_at = 0, returned_at = 0;
  std::thread poller([&] {
    pollfd wanted{fd, POLLIN, 0};
    begun_at = now();
    result = ifc.poll(ifc.userdata, &wanted, 1, 200);
    returned_at = now();
    done = true;
  });
  // However late the thread starts, the clock goes on until its time is over.
  for (int i = 0; i < 10'000 && !done; ++i) {
    ifc.usleep(ifc.userdata, 10'000);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  poller.join();
  EXPECT_EQ(result, 0);
  EXPECT_GE(returned_at - begun_at, 200'000);
  ifc.close(ifc.userdata, fd);
}

TEST_F(Plugin, OptionsAndErrorsAreAsInTheKernel) {
  const int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, 262);
  int value = 1;
  EXPECT_EQ(ifc.setsockopt(ifc.userdata, fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value), 0);
  socklen_t size = sizeof value;
  EXPECT_EQ(ifc.getsockopt(ifc.userdata, fd, SOL_SOCKET, SO_ERROR, &value, &size), 0);
  EXPECT_EQ(value, 0);
  tcp_info info{};
  socklen_t info_size = sizeof info;
  EXPECT_EQ(ifc.getsockopt(ifc.userdata, fd, IPPROTO_TCP, TCP_INFO, &info, &info_size), 0);
  EXPECT_EQ(info_size, sizeof info);
  EXPECT_EQ(info.tcpi_state, TCP_CLOSE);
  EXPECT_EQ(ifc.setsockopt(ifc.userdata, fd, IPPROTO_TCP, TCP_QUICKACK, &value, sizeof value), -1);
  EXPECT_EQ(errno, EOPNOTSUPP);
  EXPECT_EQ(ifc.read(ifc.userdata, 99, &value, 1), -1);
  EXPECT_EQ(errno, EBADF);
  EXPECT_EQ(ifc.epoll_create(ifc.userdata, 1), -1);
  EXPECT_EQ(errno, ENOSYS);
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
}

}  // namespace
}  // namespace tributary::script::test
