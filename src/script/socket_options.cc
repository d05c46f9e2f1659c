// setsockopt and getsockopt: options with a meaning here, options that merely are remembered, and all others,
// which are unsupported.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "src/script/outcome.h"
#include "src/script/socket_face.h"

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#ifndef TCP_IS_MPTCP
#define TCP_IS_MPTCP 43
#endif

namespace tributary::script {
namespace {

constexpr int kLargestBuffer = 16 << 20;
constexpr size_t kFastOpenKey = 16;  // bytes

/// Options of which the stack always does what is asked: it reuses addresses and asks silent peers.
bool is_remembered(int level, int name) {
  return level == SOL_SOCKET && (name == SO_REUSEADDR || name == SO_REUSEPORT || name == SO_KEEPALIVE);
}

std::string option_name(int level, int name) {
  return "the socket option " + std::to_string(name) + " of level " + std::to_string(level);
}

}  // namespace

int SocketFace::set_socket_option(Socket& socket, int name, const std::vector<int64_t>& value) {
  const int first = static_cast<int>(value[0]);
  switch (name) {
    case SO_SNDBUF:
      // Linux doubles what is asked, for its own overhead.
      socket.send_buffer = static_cast<uint32_t>(std::clamp(first, 2304, kLargestBuffer)) * 2;
      return 0;
    case SO_RCVBUF:
      socket.receive_buffer = static_cast<uint32_t>(std::clamp(first, 1152, kLargestBuffer)) * 2;
      if (socket.stream) host_->stack().set_receive_budget(socket.stream, socket.receive_buffer);
      return 0;
    case SO_LINGER:
      if (value.size() < 2) return -EINVAL;
      socket.linger = value[0] != 0 ? std::optional(static_cast<int>(value[1])) : std::nullopt;
      if (socket.linger && *socket.linger != 0) unsupported("lingering in close");
      return 0;
    default:
      unsupported(option_name(SOL_SOCKET, name));
  }
}

int SocketFace::set_tcp_option(Socket& socket, int name, int value) {
  switch (name) {
    case TCP_MAXSEG:
      if (socket.state != Socket::State::kNew) unsupported("TCP_MAXSEG on a connection");
      if (value < 88 || value > 32767) return -EINVAL;
      socket.max_segment = static_cast<uint16_t>(value);
      return 0;
    case TCP_NODELAY:
      socket.no_delay = value != 0;
      // What waits leaves, even from a corked socket.
      if (socket.no_delay && socket.stream) host_->stack().set_gathering(socket.stream, Gathering::kNone);
      gather(socket);
      return 0;
    case TCP_CORK:
      socket.cork = value != 0;
      gather(socket);
      return 0;
    case TCP_CONGESTION:
      if (socket.state != Socket::State::kNew) unsupported("TCP_CONGESTION on a connection");
      socket.algorithm = static_cast<congestion::Algorithm>(value);
      return 0;
    case TCP_FASTOPEN:
      if (value < 0) return -EINVAL;
      socket.fast_open_queue = value;
      if (socket.state == Socket::State::kListening) apply_fast_open(socket);
      return 0;
    case TCP_FASTOPEN_NO_COOKIE:
      if (value != 0 && value != 1) return -EINVAL;
      socket.fast_open_no_cookie = value != 0;
      if (socket.state == Socket::State::kListening) apply_fast_open(socket);
      return 0;
    case TCP_SYNCNT: {
      if (value < 1 || value > 127) return -EINVAL;
      Settings settings = host_->stack().context().settings;
      settings.syn_retries = static_cast<uint8_t>(value);
      host_->change_settings(settings);
      return 0;
    }
    case TCP_USER_TIMEOUT: {
      if (value < 0) return -EINVAL;
      Settings settings = host_->stack().context().settings;
      settings.user_timeout = Micros::milliseconds(value);
      host_->change_settings(settings);
      return 0;
    }
    case TCP_KEEPIDLE:
    case TCP_KEEPINTVL:
    case TCP_KEEPCNT: {
      if (socket.state != Socket::State::kNew) unsupported(option_name(IPPROTO_TCP, name) + " on a connection");
      if (value < 1 || value > (name == TCP_KEEPCNT ? 127 : 32767)) return -EINVAL;
      Settings settings = host_->stack().context().settings;
      if (name == TCP_KEEPIDLE)
        settings.keepalive = Micros::seconds(value);
      else if (name == TCP_KEEPINTVL)
        settings.keepalive_interval = Micros::seconds(value);
      else
        settings.keepalive_probes = static_cast<uint8_t>(value);
      host_->change_settings(settings);
      return 0;
    }
    case TCP_NOTSENT_LOWAT:
      socket.unsent_low = static_cast<uint32_t>(value);
      return 0;
    case TCP_FASTOPEN_CONNECT:
      if (value != 0 && value != 1) return -EINVAL;
      if (!(fast_open_ & kFastOpenClient)) return -EOPNOTSUPP;
      if (socket.state != Socket::State::kNew) return -EINVAL;
      socket.fast_open_connect = value != 0;
      return 0;
    default:
      unsupported(option_name(IPPROTO_TCP, name));
  }
}

int SocketFace::set_fast_open_key(int fd, std::string_view bytes) {
  const Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (bytes.size() != kFastOpenKey && bytes.size() != 2 * kFastOpenKey) return -EINVAL;
  std::vector<SipKey> keys;
  for (; !bytes.empty(); bytes.remove_prefix(kFastOpenKey)) {
    SipKey& key = keys.emplace_back();
    std::memcpy(&key, bytes.data(), kFastOpenKey);
  }
  host_->stack().context().fast_open_keys.replace(std::move(keys));
  return 0;
}

std::optional<std::vector<TcpVariable>> SocketFace::tcp_info(int fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr) return std::nullopt;
  switch (socket->state) {
    case Socket::State::kNew:
      return name_closed_info();
    case Socket::State::kListening:
      return name_listener_info(socket->ready.size(), socket->backlog);
    case Socket::State::kConnecting:
    case Socket::State::kConnected:
    case Socket::State::kGone:
      break;
  }
  const auto info = socket->state == Socket::State::kGone ? socket->last_info : host_->stack().tcp_info(socket->stream);
  return info ? name_tcp_info(*info) : name_closed_info();
}

int SocketFace::set_option(int fd, int level, int name, const std::vector<int64_t>& value) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (value.empty()) return -EINVAL;
  if (is_remembered(level, name)) {
    socket->remembered[{level, name}] = value[0] != 0;
    return 0;
  }
  if (level == SOL_SOCKET) return set_socket_option(*socket, name, value);
  if (level == IPPROTO_TCP) return set_tcp_option(*socket, name, static_cast<int>(value[0]));
  unsupported(option_name(level, name));
}

int SocketFace::get_option(int fd, int level, int name, std::vector<int64_t>& value) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  value.clear();
  if (is_remembered(level, name)) {
    value.push_back(socket->remembered[{level, name}]);
    return 0;
  }
  if (level == SOL_SOCKET) {
    switch (name) {
      case SO_ERROR:
        value.push_back(take_error(*socket));
        return 0;
      case SO_SNDBUF:
        value.push_back(socket->send_buffer);
        return 0;
      case SO_RCVBUF:
        value.push_back(socket->receive_buffer);
        return 0;
      case SO_TYPE:
        value.push_back(SOCK_STREAM);
        return 0;
      case SO_ACCEPTCONN:
        value.push_back(socket->state == Socket::State::kListening);
        return 0;
      default:
        unsupported(option_name(level, name));
    }
  }
  if (level == IPPROTO_TCP) {
    switch (name) {
      case TCP_MAXSEG:
        value.push_back(socket->stream             ? host_->stack().payload_per_segment(socket->stream)
                        : socket->max_segment != 0 ? socket->max_segment
                                                   : 536);
        return 0;
      case TCP_NODELAY:
        value.push_back(socket->no_delay);
        return 0;
      case TCP_CORK:
        value.push_back(socket->cork);
        return 0;
      case TCP_USER_TIMEOUT:
        value.push_back(host_->stack().context().settings.user_timeout.count() / 1000);
        return 0;
      case TCP_NOTSENT_LOWAT:
        value.push_back(socket->unsent_low);
        return 0;
      case TCP_FASTOPEN_CONNECT:
        value.push_back(socket->fast_open_connect);
        return 0;
      case TCP_IS_MPTCP: {
        const auto info = socket->stream ? host_->stack().info(socket->stream) : std::nullopt;
        value.push_back(info && info->mptcp && !info->fallback);
        return 0;
      }
      default:
        unsupported(option_name(level, name));
    }
  }
  unsupported(option_name(level, name));
}

}  // namespace tributary::script
