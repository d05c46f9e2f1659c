// setsockopt and getsockopt of level TCP.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "src/script/congestion_names.h"
#include "src/script/outcome.h"
#include "src/script/socket_face.h"

#ifndef TCP_IS_MPTCP
#define TCP_IS_MPTCP 43
#endif

namespace tributary::script {
namespace {

constexpr size_t kFastOpenKey = 16;  // bytes
constexpr size_t kLongestName = 15;  // of a congestion control

}  // namespace

int SocketFace::set_tcp_option(Socket& socket, int name, const OptionValue& value) {
  if (name == TCP_CONGESTION) return set_congestion_control(socket, value.text());
  if (name == TCP_FASTOPEN_KEY) return set_fast_open_key(value.bytes());
  return value.count() != 0 ? set_tcp_number(socket, name, value.number(0)) : -EINVAL;
}

int SocketFace::set_tcp_number(Socket& socket, int name, int value) {
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

int SocketFace::set_fast_open_key(std::string_view bytes) {
  if (bytes.size() != kFastOpenKey && bytes.size() != 2 * kFastOpenKey) return -EINVAL;
  std::vector<SipKey> keys;
  for (; !bytes.empty(); bytes.remove_prefix(kFastOpenKey)) {
    SipKey& key = keys.emplace_back();
    std::memcpy(&key, bytes.data(), kFastOpenKey);
  }
  host_->stack().context().fast_open_keys.replace(std::move(keys));
  return 0;
}

int SocketFace::set_congestion_control(Socket& socket, std::string_view name) {
  if (name.empty()) return -EINVAL;
  const auto algorithm = find_congestion_control(name.substr(0, kLongestName));
  if (!algorithm) return -ENOENT;
  if (socket.state != Socket::State::kNew) unsupported("TCP_CONGESTION on a connection");
  socket.algorithm = *algorithm;
  return 0;
}

int SocketFace::get_tcp_option(const Socket& socket, int name, OptionValue& value) {
  switch (name) {
    case TCP_MAXSEG:
      value.push_back(socket.stream             ? host_->stack().payload_per_segment(socket.stream)
                      : socket.max_segment != 0 ? socket.max_segment
                                                : 536);
      return 0;
    case TCP_NODELAY:
      value.push_back(socket.no_delay);
      return 0;
    case TCP_CORK:
      value.push_back(socket.cork);
      return 0;
    case TCP_USER_TIMEOUT:
      value.push_back(host_->stack().context().settings.user_timeout.count() / 1000);
      return 0;
    case TCP_CONGESTION: {
      std::string padded(congestion_control_name(socket.algorithm));
      padded.resize(kLongestName + 1);
      value = OptionValue(std::string_view(padded));
      return 0;
    }
    case TCP_NOTSENT_LOWAT:
      value.push_back(socket.unsent_low);
      return 0;
    case TCP_FASTOPEN_CONNECT:
      value.push_back(socket.fast_open_connect);
      return 0;
    case TCP_IS_MPTCP: {
      const auto info = socket.stream ? host_->stack().info(socket.stream) : std::nullopt;
      value.push_back(info && info->mptcp && !info->fallback);
      return 0;
    }
    default:
      unsupported(option_name(IPPROTO_TCP, name));
  }
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

}  // namespace tributary::script
