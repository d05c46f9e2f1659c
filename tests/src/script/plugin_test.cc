// The plug-in, driven as packetdrill drives it: the entry is looked up in the shared object, one thread plays
// network and clock, blocking calls sit in another.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "src/script/live_packet.h"
#include "src/script/plugin/interface.h"

namespace tributary::script {
namespace {

using namespace wire::tcp_flag;

// Not the plug-in's own default: packetdrill chooses addresses at random.
const IpAddress kLocal = IpAddress::v4(0xc0a83fd9);   // 192.168.63.217
const IpAddress kRemote = IpAddress::v4(0xc0000201);  // 192.0.2.1

sockaddr_in address_of(const IpAddress& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address.v4_value());
  out.sin_port = htons(port);
  return out;
}

class Plugin : public testing::Test {
 protected:
  // One a process: the EAL under it starts once.
  static void SetUpTestSuite() {
    void* handle = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND);
    ASSERT_NE(handle, nullptr) << dlerror();
    using Init = void (*)(const char*, packetdrill_interface*);
    const auto init = reinterpret_cast<Init>(dlsym(handle, "packetdrill_interface_init"));
    ASSERT_NE(init, nullptr) << dlerror();
    init("mtu=1500,net.ipv4.tcp_syn_retries=3", &ifc);
    ASSERT_NE(ifc.userdata, nullptr);
  }
  static void TearDownTestSuite() { ifc.free(ifc.userdata); }

  void SetUp() override { ASSERT_NE(ifc.userdata, nullptr); }

  static void send(uint16_t flags, uint32_t seq, uint32_t ack, std::string_view payload, uint16_t port, uint16_t to) {
    wire::IpHeader ip;
    ip.source = kRemote;
    ip.destination = kLocal;
    ip.hop_limit = 64;
    wire::TcpHeader tcp;
    tcp.source_port = port;
    tcp.destination_port = to;
    tcp.seq = SeqNum(seq);
    tcp.ack = SeqNum(ack);
    tcp.flags = flags;
    tcp.window = 60000;
    const Bytes packet =
        make_tcp_packet(ip, tcp, {}, {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()});
    EXPECT_EQ(ifc.netdev_send(ifc.userdata, packet.data(), packet.size()), 0);
  }
  static LivePacket receive(long long* when = nullptr) {
    uint8_t buffer[4096];
    size_t size = sizeof buffer;
    long long time = 0;
    EXPECT_EQ(ifc.netdev_receive(ifc.userdata, buffer, &size, &time), 0);
    EXPECT_NE(size, 0u) << "no packet came";
    if (when != nullptr) *when = time;
    LivePacket packet = parse_packet_bytes({buffer, size}, Micros(time));
    EXPECT_TRUE(packet.defects.empty());
    return packet;
  }
  static long long now() {
    timeval tv{};
    EXPECT_EQ(ifc.gettimeofday(ifc.userdata, &tv, nullptr), 0);
    return tv.tv_sec * 1'000'000ll + tv.tv_usec;
  }
  /// A listener, and one connection accepted from it.
  static int open_connection(uint16_t port, uint32_t& ack) {
    const int listener = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    const sockaddr_in where = address_of(kLocal, port);
    EXPECT_EQ(ifc.bind(ifc.userdata, listener, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    EXPECT_EQ(ifc.listen(ifc.userdata, listener, 1), 0);
    send(kSyn, 100, 0, "", 1000, port);
    LivePacket answer = receive();
    while (answer.tcp->source_port != port) answer = receive();  // what is left of other connections
    ack = answer.tcp->seq.raw() + 1;
    send(kAck, 101, ack, "", 1000, port);
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const int fd = ifc.accept(ifc.userdata, listener, reinterpret_cast<sockaddr*>(&peer), &size);
    EXPECT_EQ(ntohs(peer.sin_port), 1000);
    EXPECT_EQ(ntohl(peer.sin_addr.s_addr), kRemote.v4_value());
    return fd;
  }

  static inline packetdrill_interface ifc{};
};

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
  while (true) {  // what the tests before have left
    uint8_t buffer[4096];
    size_t size = sizeof buffer;
    long long time = 0;
    ASSERT_EQ(ifc.netdev_receive(ifc.userdata, buffer, &size, &time), 0);
    if (size == 0) break;
  }
  const int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
  EXPECT_EQ(ifc.fcntl(ifc.userdata, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
  const sockaddr_in to = address_of(kRemote, 80);
  EXPECT_EQ(ifc.connect(ifc.userdata, fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), -1);
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
}  // namespace tributary::script
