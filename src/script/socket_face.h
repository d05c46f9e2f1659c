// The socket-call face of a stack in virtual time: BSD calls on one virtual host. Nothing blocks: a call that
// would returns -EAGAIN (connect: -EINPROGRESS), and whoever plays the program decides whether to try again
// as time passes. All results are as of the system calls: 0 or more, or a negative errno.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/script/option_value.h"
#include "src/script/socket.h"
#include "src/script/virtual_host.h"

namespace tributary::script {

class SocketFace : public StreamUser {
 public:
  static constexpr int kFirstDescriptor = 3;
  /// Bits of Linux's tcp_fastopen.
  enum FastOpenBit : uint64_t {
    kFastOpenClient = 0x1,
    kFastOpenServer = 0x2,
    kFastOpenClientNoCookie = 0x4,
    kFastOpenServerNoCookie = 0x200,
    kFastOpenEveryListener = 0x400,
  };

  /// Must be called once before any other; the host's stream user must be this face.
  void attach(VirtualHost& host) { host_ = &host; }

  int socket(int domain, int type, int protocol);
  int bind(int fd, const SocketAddress& address);
  int listen(int fd, int backlog);
  int accept(int fd, bool nonblocking);
  int connect(int fd, const SocketAddress& address);
  /// Appends up to `size` bytes to `out`. `flags` are MSG_ bits.
  int64_t receive(int fd, size_t size, int flags, std::string& out);
  /// `to`: with MSG_FASTOPEN, whom to connect to.
  int64_t send(int fd, std::string_view bytes, int flags, const SocketAddress* to = nullptr);
  /// The bits of Linux's tcp_fastopen.
  void set_fast_open(uint64_t bits) { fast_open_ = bits; }
  /// Linux's tcp_notsent_lowat, bytes: what a socket without a TCP_NOTSENT_LOWAT of its own has.
  void set_unsent_low(uint32_t bytes) { unsent_low_ = bytes; }
  /// Linux's tcp_wmem: the most a socket without an SO_SNDBUF of its own takes to be sent.
  void set_send_buffer(uint32_t bytes) { send_buffer_ = bytes; }
  /// Linux's tcp_moderate_rcvbuf: windows begin small and follow what the program reads, unless SO_RCVBUF is set.
  void set_right_sizing(bool on) { right_sizing_ = on; }
  int shutdown(int fd, int how);
  int close(int fd);
  int fcntl(int fd, int command, int argument);
  int ioctl(int fd, unsigned long request, int& value);
  /// The POLL bits of `events` that hold now, and POLLERR, POLLHUP.
  int poll(int fd, int events);
  int set_option(int fd, int level, int name, const OptionValue& value);
  int get_option(int fd, int level, int name, OptionValue& value);
  /// getsockopt(TCP_INFO), of an MPTCP socket that of its first subflow. Empty: no such descriptor.
  std::optional<std::vector<TcpVariable>> tcp_info(int fd) const;

  /// Makes `address` one of ours, for programs that may bind to any.
  void own_address(const IpAddress& address) {
    if (!address.is_unspecified()) host_->add_address(address);
  }
  bool is_blocking(int fd) const;
  bool is_connecting(int fd) const;
  /// The stream behind a descriptor; none for a listener.
  ByteStream stream(int fd) const;
  /// Bytes the program has read or written so far: places in the streams.
  uint64_t bytes_read(int fd) const;
  uint64_t bytes_written(int fd) const;
  /// The other end of a connection.
  std::optional<SocketAddress> peer(int fd) const;
  /// Every stream there is: for commands that are about connections, not sockets.
  std::vector<ByteStream> streams() const;

  void on_stream(ByteStream stream, uint64_t number, uint16_t events) override;

 private:
  class Gate;
  Socket* find(int fd);
  const Socket* find(int fd) const;
  int add_descriptor(uint64_t number);
  Socket& add_socket(uint64_t& number);
  void on_incoming(uint64_t listener, IncomingConnection incoming);
  void on_gone(Socket& socket, uint64_t number, uint16_t events);
  void remove(uint64_t number);
  void close_listener(Socket& listener, uint64_t number);
  void pull(Socket& socket);
  bool is_free_to_bind(const SocketAddress& address, const Socket& self) const;
  int take_error(Socket& socket);
  int open_with(Socket& socket, uint64_t number, const SocketAddress& address, ConnectOptions::FastOpen fast_open,
                PacketList early);
  int64_t send_fast_open(Socket& socket, uint64_t number, std::string_view bytes, int flags, const SocketAddress& to);
  void gather(const Socket& socket);
  /// Gives a new stream the receive budget it begins with.
  void begin_budget(Socket& socket);
  void size_budget(Socket& socket, uint32_t released);
  PacketList cut(std::string_view bytes, size_t piece, size_t& taken);
  void apply_fast_open(const Socket& listener);
  int set_socket_option(Socket& socket, int name, const OptionValue& value);
  int get_socket_option(Socket& socket, int name, OptionValue& value);
  static int set_type_of_service(Socket& socket, uint8_t& tos, const OptionValue& value);
  int set_tcp_option(Socket& socket, int name, const OptionValue& value);
  int set_tcp_number(Socket& socket, int name, int value);
  static int set_congestion_control(Socket& socket, std::string_view name);
  /// One key, or the current and the one before, of 16 bytes each.
  int set_fast_open_key(std::string_view bytes);
  int get_tcp_option(const Socket& socket, int name, OptionValue& value);
  IpAddress source_address(const Socket& socket, const IpAddress& remote) const;
  bool has_cookie_for(const Socket& socket, const SocketAddress& to) const;
  bool is_low_on_unsent(const Socket& socket) const;

  VirtualHost* host_ = nullptr;
  std::map<uint64_t, std::unique_ptr<Socket>> sockets_;
  std::map<int, uint64_t> descriptors_;
  uint64_t fast_open_ = kFastOpenClient;
  uint32_t unsent_low_ = UINT32_MAX;
  uint32_t send_buffer_ = 4 << 20;
  bool right_sizing_ = false;
  uint64_t next_number_ = 1;  // 0 is a stream nobody gave a socket
};

/// "the socket option 6 of level 1".
std::string option_name(int level, int name);

/// What a program is told of the reason why a stream is gone.
int errno_of(StreamError error, uint8_t icmp_code, bool v4, bool was_established);

}  // namespace tributary::script
