// The socket face alone: calls return at once, and say EAGAIN where a program would wait.
#include "src/script/socket_face.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "src/script/outcome.h"
#include "tests/src/script/pools.h"

namespace tributary::script::test {
namespace {

class SocketFaceTest : public testing::Test {
 protected:
  SocketFaceTest() {
    options_.settings = HostOptions::small_settings();
    host_ = std::make_unique<VirtualHost>(shared_pools(), options_, face_);
    face_.attach(*host_);
  }
  void TearDown() override { EXPECT_EQ(host_->shut_down(), ""); }

  int open_listener(uint16_t port = 80) {
    const int fd = face_.socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    EXPECT_EQ(face_.bind(fd, {options_.local, port}), 0);
    EXPECT_EQ(face_.listen(fd, 1), 0);
    return fd;
  }
  /// A segment of the peer.
  void send(uint16_t flags, uint32_t seq, uint32_t ack, std::string_view payload = "", uint16_t port = 1000) {
    wire::IpHeader ip;
    ip.source = options_.remote;
    ip.destination = options_.local;
    ip.hop_limit = 64;
    wire::TcpHeader tcp;
    tcp.source_port = port;
    tcp.destination_port = 80;
    tcp.seq = SeqNum(seq);
    tcp.ack = SeqNum(ack);
    tcp.flags = flags;
    tcp.window = 60000;
    host_->receive(make_tcp_packet(ip, tcp, {}, {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}));
  }
  /// Descriptor of an accepted connection; `peer_ack_` is what the peer acknowledges next.
  int open_connection() {
    listener_ = open_listener();
    send(wire::tcp_flag::kSyn, 100, 0);
    peer_ack_ = host_->sent.back().tcp->seq.raw() + 1;
    send(wire::tcp_flag::kAck, 101, peer_ack_);
    return face_.accept(listener_, false);
  }

  HostOptions options_;
  SocketFace face_;
  std::unique_ptr<VirtualHost> host_;
  int listener_ = -1;
  uint32_t peer_ack_ = 0;
};

TEST_F(SocketFaceTest, AcceptWaitsForTheHandshake) {
  const int fd = open_listener();
  EXPECT_EQ(face_.accept(fd, false), -EAGAIN);
  send(wire::tcp_flag::kSyn, 100, 0);
  EXPECT_EQ(face_.accept(fd, false), -EAGAIN);
  EXPECT_EQ(face_.poll(fd, POLLIN), 0);
  send(wire::tcp_flag::kAck, 101, host_->sent.back().tcp->seq.raw() + 1);
  EXPECT_EQ(face_.poll(fd, POLLIN), POLLIN);
  EXPECT_EQ(face_.accept(fd, false), fd + 1);
}

TEST_F(SocketFaceTest, ReadTakesAnySizeWhateverTheSegments) {
  const int fd = open_connection();
  ASSERT_GT(fd, 0);
  std::string data;
  EXPECT_EQ(face_.receive(fd, 10, 0, data), -EAGAIN);
  send(wire::tcp_flag::kAck, 101, peer_ack_, "abcdef");
  send(wire::tcp_flag::kAck, 107, peer_ack_, "ghi");
  EXPECT_EQ(face_.receive(fd, 4, 0, data), 4);
  EXPECT_EQ(face_.receive(fd, 4, MSG_PEEK, data), 4);
  EXPECT_EQ(face_.receive(fd, 100, 0, data), 5);
  EXPECT_EQ(data, "abcdefghefghi");
  send(wire::tcp_flag::kAck | wire::tcp_flag::kFin, 110, peer_ack_);
  EXPECT_EQ(face_.receive(fd, 100, 0, data), 0);
}

TEST_F(SocketFaceTest, WriteIsBoundedByTheSendBuffer) {
  const int fd = open_connection();
  EXPECT_EQ(face_.set_option(fd, SOL_SOCKET, SO_SNDBUF, {4000}), 0);
  EXPECT_EQ(face_.send(fd, std::string(20'000, 'x'), 0), 8000);
  EXPECT_EQ(face_.send(fd, "x", 0), -EAGAIN);
  EXPECT_EQ(face_.poll(fd, POLLOUT), 0);
  OptionValue value;
  EXPECT_EQ(face_.get_option(fd, SOL_SOCKET, SO_SNDBUF, value), 0);
  EXPECT_EQ(value.number(0), 8000);
}

TEST_F(SocketFaceTest, ResetIsToldOnce) {
  const int fd = open_connection();
  send(wire::tcp_flag::kRst, 101, 0);
  OptionValue value;
  EXPECT_EQ(face_.poll(fd, POLLIN) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
  EXPECT_EQ(face_.get_option(fd, SOL_SOCKET, SO_ERROR, value), 0);
  EXPECT_EQ(value.number(0), ECONNRESET);
  EXPECT_EQ(face_.get_option(fd, SOL_SOCKET, SO_ERROR, value), 0);
  EXPECT_EQ(value.number(0), 0);
  EXPECT_EQ(face_.send(fd, "x", 0), -EPIPE);
}

TEST_F(SocketFaceTest, ResetBeforeAcceptIsToldAfterIt) {
  listener_ = open_listener();
  send(wire::tcp_flag::kSyn, 100, 0);
  peer_ack_ = host_->sent.back().tcp->seq.raw() + 1;
  send(wire::tcp_flag::kAck, 101, peer_ack_, "abc");
  send(wire::tcp_flag::kRst, 104, 0);
  const int fd = face_.accept(listener_, false);
  ASSERT_GT(fd, 0);
  std::string data;
  EXPECT_EQ(face_.receive(fd, 10, 0, data), 3);
  EXPECT_EQ(face_.receive(fd, 10, 0, data), -ECONNRESET);
}

TEST_F(SocketFaceTest, DescriptorsAreTheLowestFree) {
  const int a = face_.socket(AF_INET, SOCK_STREAM, 0);
  const int b = face_.socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(a, SocketFace::kFirstDescriptor);
  EXPECT_EQ(b, a + 1);
  EXPECT_EQ(face_.close(a), 0);
  EXPECT_EQ(face_.socket(AF_INET, SOCK_STREAM, 0), a);
  EXPECT_EQ(face_.close(99), -EBADF);
}

TEST_F(SocketFaceTest, PortOfAClosedListenerIsFreeAgain) {
  const int fd = open_listener();
  const int other = face_.socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(face_.bind(other, {options_.local, 80}), -EADDRINUSE);
  EXPECT_EQ(face_.close(fd), 0);
  EXPECT_EQ(face_.bind(other, {options_.local, 80}), 0);
}

TEST_F(SocketFaceTest, CallsInTheWrongStateFail) {
  const int fd = face_.socket(AF_INET, SOCK_STREAM, 0);
  std::string data;
  EXPECT_EQ(face_.accept(fd, false), -EINVAL);
  EXPECT_EQ(face_.receive(fd, 1, 0, data), -ENOTCONN);
  EXPECT_EQ(face_.shutdown(fd, SHUT_WR), -ENOTCONN);
  EXPECT_EQ(face_.shutdown(fd, 7), -EINVAL);
  EXPECT_EQ(face_.socket(AF_UNIX, SOCK_STREAM, 0), -EAFNOSUPPORT);
  EXPECT_EQ(face_.bind(fd, {IpAddress::v4(0x01020304), 80}), -EADDRNOTAVAIL);
  EXPECT_EQ(face_.connect(77, {}), -EBADF);
}

TEST_F(SocketFaceTest, OtherProtocolsAreNoStreams) {
  EXPECT_EQ(face_.socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
  EXPECT_THROW(face_.socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP), ScriptError);
}

TEST_F(SocketFaceTest, KeysOfFastOpenHaveSixteenBytes) {
  const int fd = face_.socket(AF_INET, SOCK_STREAM, 0);
  const std::string one("\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08\x07\x06\x05\x04\x03\x02\x01\x00", 16);
  const auto set = [&](int descriptor, const std::string& bytes) {
    return face_.set_option(descriptor, IPPROTO_TCP, TCP_FASTOPEN_KEY, OptionValue(bytes));
  };
  EXPECT_EQ(set(fd, one), 0);
  const FlowKey key{host_->options().local, host_->options().remote, 80, 1000};
  tcp::FastOpenKeys& keys = host_->stack().context().fast_open_keys;
  const auto cookie = keys.make(key);
  EXPECT_EQ(set(fd, std::string(16, 'x') + one), 0);
  EXPECT_EQ(keys.check(key, cookie), tcp::FastOpenKeys::Verdict::kOld);
  for (size_t size : {0u, 3u, 15u, 17u, 31u, 33u}) EXPECT_EQ(set(fd, std::string(size, 'k')), -EINVAL) << size;
  EXPECT_EQ(set(99, one), -EBADF);
}

TEST_F(SocketFaceTest, CongestionControlsGoByName) {
  const int fd = face_.socket(AF_INET, SOCK_STREAM, 0);
  OptionValue value;
  for (std::string_view name : {"reno", "cubic", "bbr"}) {
    EXPECT_EQ(face_.set_option(fd, IPPROTO_TCP, TCP_CONGESTION, OptionValue(name)), 0) << name;
    EXPECT_EQ(face_.get_option(fd, IPPROTO_TCP, TCP_CONGESTION, value), 0);
    EXPECT_EQ(value.text(), name);
    EXPECT_EQ(value.bytes().size(), 16u);  // as in Linux, with zeros behind it
  }
  EXPECT_EQ(face_.set_option(fd, IPPROTO_TCP, TCP_CONGESTION, OptionValue("tributary")), -ENOENT);
  EXPECT_EQ(face_.set_option(fd, IPPROTO_TCP, TCP_CONGESTION, {2}), -ENOENT);  // a number is no name
  EXPECT_EQ(face_.set_option(fd, IPPROTO_TCP, TCP_CONGESTION, OptionValue("")), -EINVAL);
  EXPECT_THROW(face_.set_option(fd, IPPROTO_TCP, TCP_CONGESTION, OptionValue("vegas")), ScriptError);
  EXPECT_EQ(face_.get_option(fd, IPPROTO_TCP, TCP_CONGESTION, value), 0);
  EXPECT_EQ(value.text(), "bbr");
}

TEST_F(SocketFaceTest, NumbersAreWhole) {
  const int fd = face_.socket(AF_INET, SOCK_STREAM, 0);
  for (const auto& [level, name] :
       {std::pair<int, int>(SOL_SOCKET, SO_SNDBUF), std::pair<int, int>(SOL_SOCKET, SO_REUSEADDR),
        std::pair<int, int>(IPPROTO_TCP, TCP_NODELAY)})
    EXPECT_EQ(face_.set_option(fd, level, name, OptionValue("abc")), -EINVAL);
  EXPECT_EQ(face_.set_option(fd, SOL_SOCKET, SO_LINGER, {1}), -EINVAL);
}

TEST_F(SocketFaceTest, TypeOfServiceIsOfTheFamily) {
  const int fd = face_.socket(AF_INET, SOCK_STREAM, 0);
  OptionValue value;
  EXPECT_EQ(face_.set_option(fd, IPPROTO_IP, IP_TOS, {0xbb}), 0);
  EXPECT_EQ(face_.get_option(fd, IPPROTO_IP, IP_TOS, value), 0);
  EXPECT_EQ(value.number(0), 0xb8);  // the ECN bits are the stack's
  EXPECT_EQ(face_.set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, {256}), -EINVAL);
  EXPECT_EQ(face_.set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, {0x20}), 0);
  EXPECT_EQ(face_.set_option(fd, IPPROTO_IP, IP_TOS, OptionValue("\x28")), 0);  // one byte will do
  EXPECT_EQ(face_.connect(fd, {options_.remote, 80}), -EINPROGRESS);
  host_->pass();
  EXPECT_EQ(host_->sent.back().ip.traffic_class, 0x28);
}

TEST_F(SocketFaceTest, KeepaliveIsAskedForBeforeTheConnection) {
  const int fd = face_.socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(face_.set_option(fd, SOL_SOCKET, SO_KEEPALIVE, {1}), 0);
  EXPECT_EQ(face_.set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, {5}), 0);
  EXPECT_EQ(face_.set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, {3}), 0);
  EXPECT_EQ(face_.set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, {2}), 0);
  EXPECT_EQ(face_.set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, {0}), -EINVAL);
  EXPECT_EQ(host_->stack().context().settings.keepalive, Micros::seconds(5));
  const int connection = open_connection();
  EXPECT_THROW(face_.set_option(connection, IPPROTO_TCP, TCP_KEEPIDLE, {5}), ScriptError);
  host_->sent.clear();
  const Micros limit = host_->now() + Micros::seconds(6);
  while (host_->now() < limit && host_->sent.empty()) host_->step(limit);
  EXPECT_LT(host_->now(), limit);
  ASSERT_EQ(host_->sent.size(), 1u);  // a probe
  EXPECT_TRUE(host_->sent[0].body.empty());
}

TEST_F(SocketFaceTest, UnknownOptionsAreUnsupported) {
  const int fd = face_.socket(AF_INET, SOCK_STREAM, 0);
  OptionValue value;
  EXPECT_THROW(face_.set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, OptionValue("\1")), ScriptError);  // of whatever size
  for (const auto& [level, name] :
       {std::pair<int, int>(SOL_SOCKET, SO_OOBINLINE), std::pair<int, int>(IPPROTO_TCP, TCP_QUICKACK)}) {
    EXPECT_THROW(face_.set_option(fd, level, name, {1}), ScriptError);
    EXPECT_THROW(face_.get_option(fd, level, name, value), ScriptError);
  }
}

TEST(SocketErrors, FollowTheIcmpCodeOfTheFamily) {
  const struct {
    uint8_t code;
    bool v4;
    int error;
  } cases[] = {{0, true, ENETUNREACH},  {1, true, EHOSTUNREACH},  {3, true, ECONNREFUSED}, {13, true, EHOSTUNREACH},
               {0, false, ENETUNREACH}, {3, false, EHOSTUNREACH}, {4, false, ECONNREFUSED}};
  for (const auto& c : cases)
    EXPECT_EQ(errno_of(StreamError::kUnreachable, c.code, c.v4, false), c.error) << int{c.code};
  EXPECT_EQ(errno_of(StreamError::kReset, 0, true, true), ECONNRESET);
  EXPECT_EQ(errno_of(StreamError::kReset, 0, true, false), ECONNREFUSED);
  EXPECT_EQ(errno_of(StreamError::kTimeout, 0, true, true), ETIMEDOUT);
}

}  // namespace
}  // namespace tributary::script::test
