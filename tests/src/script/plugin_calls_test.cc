// The plug-in's calls one by one, over both families.
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <thread>

#include "tests/src/script/plugin_driver.h"

namespace tributary::script::test {
namespace {

constexpr uint16_t kAckPsh = kAck | kPsh;

TEST_F(Plugin, EveryWayToReadTakesWhatCame) {
  uint32_t ack = 0;
  const int fd = open_connection(8090, ack);
  ASSERT_GE(fd, 0);
  send(kAckPsh, 101, ack, "abcdefghijklmno", 1000, 8090);
  char a[3] = {}, b[4] = {};
  iovec pieces[] = {{a, 2}, {b, 3}};
  EXPECT_EQ(ifc.recv(ifc.userdata, fd, a, 2, MSG_PEEK), 2);
  EXPECT_STREQ(a, "ab");
  EXPECT_EQ(ifc.readv(ifc.userdata, fd, pieces, 2), 5);
  EXPECT_EQ(std::string(a) + b, "abcde");
  EXPECT_EQ(ifc.recv(ifc.userdata, fd, b, 3, 0), 3);
  EXPECT_STREQ(b, "fgh");
  EXPECT_EQ(ifc.recvfrom(ifc.userdata, fd, a, 2, MSG_DONTWAIT, nullptr, nullptr), 2);
  EXPECT_STREQ(a, "ij");
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  message.msg_flags = MSG_TRUNC;
  EXPECT_EQ(ifc.recvmsg(ifc.userdata, fd, &message, 0), 5);
  EXPECT_EQ(std::string(a) + b, "klmno");
  EXPECT_EQ(message.msg_flags, 0);
  EXPECT_EQ(ifc.recv(ifc.userdata, fd, a, 2, MSG_DONTWAIT), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
  drain();
}

TEST_F(Plugin, EveryWayToWriteSends) {
  uint32_t ack = 0;
  const int fd = open_connection(8091, ack);
  ASSERT_GE(fd, 0);
  const int on = 1;
  EXPECT_EQ(ifc.setsockopt(ifc.userdata, fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  char a[] = "ab", b[] = "cde";
  iovec pieces[] = {{a, 2}, {b, 3}};
  EXPECT_EQ(ifc.writev(ifc.userdata, fd, pieces, 2), 5);
  EXPECT_EQ(receive_payload(), "abcde");
  EXPECT_EQ(ifc.send(ifc.userdata, fd, "fgh", 3, MSG_NOSIGNAL), 3);
  EXPECT_EQ(receive_payload(), "fgh");
  EXPECT_EQ(ifc.sendto(ifc.userdata, fd, "ij", 2, 0, nullptr, 0), 2);
  EXPECT_EQ(receive_payload(), "ij");
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  EXPECT_EQ(ifc.sendmsg(ifc.userdata, fd, &message, 0), 5);
  EXPECT_EQ(receive_payload(), "abcde");
  EXPECT_EQ(ifc.send(ifc.userdata, fd, "x", 1, MSG_OOB), -1);  // unsupported, and says so
  EXPECT_EQ(errno, EOPNOTSUPP);
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
  drain();
}

TEST_F(Plugin, NoMemoryIsAFault) {
  uint32_t ack = 0;
  const int fd = open_connection(8092, ack);
  send(kAckPsh, 101, ack, "abc", 1000, 8092);
  const auto faults = [](int64_t result) { return result == -1 && std::exchange(errno, 0) == EFAULT; };
  EXPECT_TRUE(faults(ifc.read(ifc.userdata, fd, nullptr, 3)));
  EXPECT_TRUE(faults(ifc.write(ifc.userdata, fd, nullptr, 3)));
  EXPECT_TRUE(faults(ifc.setsockopt(ifc.userdata, fd, SOL_SOCKET, SO_SNDBUF, nullptr, 4)));
  EXPECT_TRUE(faults(ifc.getsockopt(ifc.userdata, fd, SOL_SOCKET, SO_SNDBUF, nullptr, nullptr)));
  char buffer[4] = {};
  EXPECT_EQ(ifc.read(ifc.userdata, fd, buffer, 3), 3);  // nothing was lost
  EXPECT_STREQ(buffer, "abc");
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
  drain();
}

TEST_F(Plugin, QueuesAreCountedByIoctl) {
  uint32_t ack = 0;
  const int fd = open_connection(8093, ack);
  int count = -1;
  send(kAckPsh, 101, ack, "abcd", 1000, 8093);
  EXPECT_EQ(ifc.ioctl(ifc.userdata, fd, SIOCINQ, &count), 0);
  EXPECT_EQ(count, 4);
  EXPECT_EQ(ifc.write(ifc.userdata, fd, "xyz", 3), 3);
  EXPECT_EQ(ifc.ioctl(ifc.userdata, fd, SIOCOUTQ, &count), 0);
  EXPECT_EQ(count, 3);
  int on = 1;
  EXPECT_EQ(ifc.ioctl(ifc.userdata, fd, FIONBIO, &on), 0);
  EXPECT_EQ(ifc.fcntl(ifc.userdata, fd, F_GETFL), O_RDWR | O_NONBLOCK);
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
  drain();
}

TEST_F(Plugin, ShutdownSendsFinAndPollTellsOfThePeers) {
  uint32_t ack = 0;
  const int fd = open_connection(8094, ack);
  pollfd wanted{fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  EXPECT_EQ(ifc.poll(ifc.userdata, &wanted, 1, 0), 1);
  EXPECT_EQ(wanted.revents, POLLOUT);
  EXPECT_EQ(ifc.shutdown(ifc.userdata, fd, SHUT_WR), 0);
  EXPECT_EQ(receive().tcp->flags, kFin | kAck);
  EXPECT_EQ(ifc.send(ifc.userdata, fd, "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, EPIPE);
  send(kAck | kFin, 101, ack + 1, "", 1000, 8094);
  EXPECT_EQ(ifc.poll(ifc.userdata, &wanted, 1, 0), 1);
  EXPECT_EQ(wanted.revents & (POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
  EXPECT_EQ(ifc.shutdown(ifc.userdata, fd, 7), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
  drain();
}

TEST_F(Plugin, ReadOfAllWaitsForAll) {
  uint32_t ack = 0;
  const int fd = open_connection(8095, ack);
  send(kAckPsh, 101, ack, "abc", 1000, 8095);
  char buffer[7] = {};
  ssize_t result = -2;
  std::thread reader([&] { result = ifc.recv(ifc.userdata, fd, buffer, 6, MSG_WAITALL); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  send(kAckPsh, 104, ack, "def", 1000, 8095);
  reader.join();
  EXPECT_EQ(result, 6);
  EXPECT_STREQ(buffer, "abcdef");
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
  drain();
}

TEST_F(Plugin, SpeaksIpv6) {
  uint32_t ack = 0;
  const int fd = open_connection(8096, ack, kHosts6);
  ASSERT_GE(fd, 0);
  send(kAckPsh, 101, ack, "hello", 1000, 8096, kHosts6);
  EXPECT_EQ(receive().ip.source, kHosts6.local);
  char buffer[6] = {};
  EXPECT_EQ(ifc.read(ifc.userdata, fd, buffer, 5), 5);
  EXPECT_STREQ(buffer, "hello");
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
  drain();

  const int active = ifc.socket(ifc.userdata, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
  EXPECT_EQ(ifc.fcntl(ifc.userdata, active, F_SETFL, O_RDWR | O_NONBLOCK), 0);
  const PluginAddress to(kHosts6.remote, 80);
  EXPECT_EQ(ifc.connect(ifc.userdata, active, to.get(), to.size), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  const LivePacket syn = receive();
  EXPECT_EQ(syn.ip.destination, kHosts6.remote);
  EXPECT_EQ(syn.tcp->flags, kSyn);
  EXPECT_EQ(ifc.close(ifc.userdata, active), 0);
  drain();
}

TEST_F(Plugin, CongestionControlGoesByName) {
  const int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
  const auto set = [&](std::string_view name) {
    return ifc.setsockopt(ifc.userdata, fd, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                          static_cast<socklen_t>(name.size()));
  };
  for (std::string_view name : {"reno", "bbr", "cubic"}) {
    EXPECT_EQ(set(name), 0) << name;
    std::array<char, 64> got{};
    socklen_t size = got.size();
    EXPECT_EQ(ifc.getsockopt(ifc.userdata, fd, IPPROTO_TCP, TCP_CONGESTION, got.data(), &size), 0);
    EXPECT_EQ(size, 16u);
    EXPECT_EQ(got.data(), name);
  }
  EXPECT_EQ(set("tributary"), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(set(""), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
}

TEST_F(Plugin, KeysOfFastOpenAreBytes) {
  const int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
  const std::string key(16, 'k');
  EXPECT_EQ(ifc.setsockopt(ifc.userdata, fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key.data(), 16), 0);
  EXPECT_EQ(ifc.setsockopt(ifc.userdata, fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key.data(), 12), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(ifc.close(ifc.userdata, fd), 0);
}

}  // namespace
}  // namespace tributary::script::test
