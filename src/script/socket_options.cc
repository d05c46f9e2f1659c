// setsockopt and getsockopt: options with a meaning here, options that merely are remembered, and all others,
// which are unsupported.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "src/script/outcome.h"
#include "src/script/socket_face.h"

namespace tributary::script {
namespace {

constexpr int kLargestBuffer = 16 << 20;
constexpr int kEcnBits = 3;  // of a type of service; they are the stack's own

/// Options of which the stack always does what is asked: it reuses addresses and asks silent peers.
bool is_remembered(int level, int name) {
  return level == SOL_SOCKET && (name == SO_REUSEADDR || name == SO_REUSEPORT || name == SO_KEEPALIVE);
}

/// The type of service of one family: IP_TOS is of what goes over IPv4, IPV6_TCLASS of the rest.
uint8_t* find_type_of_service(Socket& socket, int level, int name) {
  if (level == IPPROTO_IP && name == IP_TOS) return &socket.tos_v4;
  if (level == IPPROTO_IPV6 && name == IPV6_TCLASS) return &socket.tos_v6;
  return nullptr;
}

}  // namespace

std::string option_name(int level, int name) {
  return "the socket option " + std::to_string(name) + " of level " + std::to_string(level);
}

int SocketFace::set_socket_option(Socket& socket, int name, const OptionValue& value) {
  const int first = value.number(0);
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
      if (value.count() < 2) return -EINVAL;
      socket.linger = first != 0 ? std::optional(value.number(1)) : std::nullopt;
      if (socket.linger && *socket.linger != 0) unsupported("lingering in close");
      return 0;
    default:
      unsupported(option_name(SOL_SOCKET, name));
  }
}

/// As Linux: one byte will do, -1 is the default, and on a stream the ECN bits are not the program's.
int SocketFace::set_type_of_service(Socket& socket, uint8_t& tos, const OptionValue& value) {
  if (value.bytes().empty()) return -EINVAL;
  const int number = value.count() != 0 ? value.number(0) : static_cast<uint8_t>(value.bytes()[0]);
  if (&tos == &socket.tos_v6 && (number < -1 || number > 255)) return -EINVAL;
  if (socket.state != Socket::State::kNew) unsupported("a type of service on a connection");
  tos = static_cast<uint8_t>(std::max(number, 0) & ~kEcnBits);
  return 0;
}

int SocketFace::set_option(int fd, int level, int name, const OptionValue& value) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (level == IPPROTO_TCP) return set_tcp_option(*socket, name, value);
  if (uint8_t* tos = find_type_of_service(*socket, level, name)) return set_type_of_service(*socket, *tos, value);
  if (level != SOL_SOCKET) unsupported(option_name(level, name));
  if (value.count() == 0) return -EINVAL;
  if (is_remembered(level, name)) {
    socket->remembered[{level, name}] = value.number(0) != 0;
    return 0;
  }
  return set_socket_option(*socket, name, value);
}

int SocketFace::get_socket_option(Socket& socket, int name, OptionValue& value) {
  switch (name) {
    case SO_ERROR:
      value.push_back(take_error(socket));
      return 0;
    case SO_SNDBUF:
      value.push_back(socket.send_buffer);
      return 0;
    case SO_RCVBUF:
      value.push_back(socket.receive_buffer);
      return 0;
    case SO_TYPE:
      value.push_back(SOCK_STREAM);
      return 0;
    case SO_ACCEPTCONN:
      value.push_back(socket.state == Socket::State::kListening);
      return 0;
    default:
      unsupported(option_name(SOL_SOCKET, name));
  }
}

int SocketFace::get_option(int fd, int level, int name, OptionValue& value) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  value = {};
  if (is_remembered(level, name)) {
    value.push_back(socket->remembered[{level, name}]);
    return 0;
  }
  if (const uint8_t* tos = find_type_of_service(*socket, level, name)) {
    value.push_back(*tos);
    return 0;
  }
  if (level == SOL_SOCKET) return get_socket_option(*socket, name, value);
  if (level == IPPROTO_TCP) return get_tcp_option(*socket, name, value);
  unsupported(option_name(level, name));
}

}  // namespace tributary::script
