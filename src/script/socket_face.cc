#include "src/script/socket_face.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "src/script/outcome.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace tributary::script {

/// What the stack asks when a SYN comes for one listener.
class SocketFace::Gate : public Acceptor {
 public:
  Gate(SocketFace& face, uint64_t listener) : face_(face), listener_(listener) {}
  void on_incoming(IncomingConnection incoming) override { face_.on_incoming(listener_, std::move(incoming)); }
  void on_incoming_again(ByteStream, uint64_t) override {}

 private:
  SocketFace& face_;
  uint64_t listener_;
};

namespace {

// As Linux translates the codes of "destination unreachable" (RFC 1122 §4.2.3.9, RFC 4443 §3.1).
int errno_of_unreachable(uint8_t code) {
  switch (code) {
    case 0:
      return ENETUNREACH;
    case 2:
      return ENOPROTOOPT;
    case 3:
      return ECONNREFUSED;
    case 4:
      return EMSGSIZE;
    default:
      return EHOSTUNREACH;
  }
}
int errno_of_unreachable_v6(uint8_t code) {
  switch (code) {
    case 0:
      return ENETUNREACH;
    case 1:
      return EACCES;
    case 4:
      return ECONNREFUSED;
    default:
      return EHOSTUNREACH;
  }
}

/// A listener without an address speaks the family of its socket.
uint8_t dscp(const Socket& socket, const IpAddress& other) {
  const bool v4 = other.is_unspecified() ? socket.domain == AF_INET : other.is_v4();
  return (v4 ? socket.tos_v4 : socket.tos_v6) >> 2;
}

}  // namespace

int errno_of(StreamError error, uint8_t icmp_code, bool v4, bool was_established) {
  switch (error) {
    case StreamError::kNone:
    case StreamError::kReset:
    case StreamError::kProtocol:
      return was_established ? ECONNRESET : ECONNREFUSED;
    case StreamError::kRefused:
      return ECONNREFUSED;
    case StreamError::kTimeout:
      return ETIMEDOUT;
    case StreamError::kNoPath:
      return ENETUNREACH;
    case StreamError::kAborted:
      return ECONNABORTED;
    case StreamError::kUnreachable:
      return v4 ? errno_of_unreachable(icmp_code) : errno_of_unreachable_v6(icmp_code);
  }
  return ECONNRESET;
}

Socket* SocketFace::find(int fd) {
  const auto found = descriptors_.find(fd);
  return found == descriptors_.end() ? nullptr : sockets_.at(found->second).get();
}
const Socket* SocketFace::find(int fd) const {
  return const_cast<SocketFace*>(this)->find(fd);
}

int SocketFace::add_descriptor(uint64_t number) {
  int fd = kFirstDescriptor;
  while (descriptors_.contains(fd)) ++fd;
  descriptors_[fd] = number;
  return fd;
}

Socket& SocketFace::add_socket(uint64_t& number) {
  number = next_number_++;
  return *(sockets_[number] = std::make_unique<Socket>());
}

void SocketFace::remove(uint64_t number) {
  std::erase_if(descriptors_, [number](const auto& entry) { return entry.second == number; });
  sockets_.erase(number);
}

int SocketFace::socket(int domain, int type, int protocol) {
  if (domain != AF_INET && domain != AF_INET6) return -EAFNOSUPPORT;
  if ((type & 0xf) != SOCK_STREAM) unsupported("a socket that is no stream");
  if (protocol == IPPROTO_UDP || protocol == IPPROTO_ICMP) return -EPROTONOSUPPORT;
  if (protocol != 0 && protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP)
    unsupported("a socket of another protocol");
  uint64_t number = 0;
  Socket& socket = add_socket(number);
  socket.domain = domain;
  socket.mptcp = protocol == IPPROTO_MPTCP;
  socket.nonblocking = (type & SOCK_NONBLOCK) != 0;
  socket.algorithm = host_->stack().context().settings.algorithm;
  socket.send_buffer = send_buffer_;
  return add_descriptor(number);
}

bool SocketFace::is_free_to_bind(const SocketAddress& address, const Socket& self) const {
  return std::none_of(sockets_.begin(), sockets_.end(), [&](const auto& entry) {
    const Socket& other = *entry.second;
    if (&other == &self || !other.local || other.parent != 0 || other.local->port != address.port) return false;
    // A listener keeps its port; what merely is bound shares it as with SO_REUSEADDR.
    return other.state == Socket::State::kListening &&
           (other.local->address == address.address || other.local->address.is_unspecified() ||
            address.address.is_unspecified());
  });
}

int SocketFace::bind(int fd, const SocketAddress& address) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (socket->state != Socket::State::kNew || socket->local) return -EINVAL;
  if (!address.address.is_unspecified() && !host_->is_local(address.address)) return -EADDRNOTAVAIL;
  if (!is_free_to_bind(address, *socket)) return -EADDRINUSE;
  socket->local = address;
  return 0;
}

int SocketFace::listen(int fd, int backlog) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (socket->state != Socket::State::kNew && socket->state != Socket::State::kListening) return -EINVAL;
  socket->backlog = backlog;
  if (socket->state == Socket::State::kListening) return 0;
  if (!socket->local) unsupported("listening on a port that is not chosen");
  socket->state = Socket::State::kListening;
  socket->acceptor = std::make_unique<Gate>(*this, descriptors_.at(fd));
  Listener listener;
  listener.interfaces = {host_->interface()};
  if (!socket->local->address.is_unspecified()) listener.addresses = {socket->local->address};
  listener.port = socket->local->port;
  listener.mptcp = socket->mptcp;
  listener.algorithm = socket->algorithm;
  listener.dscp = dscp(*socket, socket->local->address);
  listener.acceptor = socket->acceptor.get();
  host_->stack().add_listener(std::move(listener));
  apply_fast_open(*socket);
  return 0;
}

void SocketFace::apply_fast_open(const Socket& socket) {
  for (Listener& listener : host_->stack().context().listeners) {
    if (listener.acceptor != socket.acceptor.get()) continue;
    const bool asked = socket.fast_open_queue > 0 || (fast_open_ & kFastOpenEveryListener);
    const bool no_cookie = socket.fast_open_no_cookie || (fast_open_ & kFastOpenServerNoCookie);
    listener.fast_open = !asked || !(fast_open_ & kFastOpenServer) ? FastOpen::kOff
                         : no_cookie                               ? FastOpen::kNoCookie
                                                                   : FastOpen::kCookie;
  }
  if (socket.fast_open_queue <= 0) return;
  Settings settings = host_->stack().context().settings;
  settings.max_fast_open = static_cast<uint32_t>(socket.fast_open_queue);
  host_->change_settings(settings);
}

void SocketFace::on_incoming(uint64_t number, IncomingConnection incoming) {
  const auto found = sockets_.find(number);
  if (found == sockets_.end() || found->second->state != Socket::State::kListening)
    return host_->stack().refuse(incoming.stream);
  Socket& listener = *found->second;
  // As Linux: one more than the backlog fits the queue of those waiting to be accepted.
  if (listener.ready.size() > static_cast<size_t>(std::max(listener.backlog, 0)))
    return host_->stack().ignore(incoming.stream);
  uint64_t child_number = 0;
  Socket& child = add_socket(child_number);
  child.domain = listener.domain;
  child.mptcp = listener.mptcp;
  child.state = Socket::State::kConnecting;
  child.parent = number;
  child.stream = incoming.stream;
  child.local = SocketAddress{incoming.key.local, incoming.key.local_port};
  child.remote = {incoming.key.remote, incoming.key.remote_port};
  child.send_buffer = listener.send_buffer;
  child.receive_buffer = listener.receive_buffer;
  child.linger = listener.linger;
  child.remembered = listener.remembered;
  child.no_delay = listener.no_delay;
  child.cork = listener.cork;
  child.orphan = true;
  child.accepted = false;
  if (incoming.syn_payload) {  // RFC 7413 §4.2.2: the program need not wait for the third ACK
    const auto payload = incoming.syn_payload.payload();
    child.unread.assign(payload.begin(), payload.end());
    child.state = Socket::State::kConnected;
    listener.ready.push_back(child_number);
  } else {
    ++listener.half_open;
  }
  begin_budget(child);
  host_->stack().accept(child.stream, child_number);
  gather(child);
}

int SocketFace::accept(int fd, bool nonblocking) {
  Socket* listener = find(fd);
  if (listener == nullptr) return -EBADF;
  if (listener->state != Socket::State::kListening) return -EINVAL;
  if (listener->ready.empty()) return -EAGAIN;
  const uint64_t number = listener->ready.front();
  listener->ready.pop_front();
  Socket& child = *sockets_.at(number);
  child.orphan = false;
  child.accepted = true;
  child.nonblocking = nonblocking;
  return add_descriptor(number);
}

IpAddress SocketFace::source_address(const Socket& socket, const IpAddress& remote) const {
  if (socket.local && !socket.local->address.is_unspecified()) return socket.local->address;
  const HostOptions& own = host_->options();
  return own.other && own.other->is_v4() == remote.is_v4() ? *own.other : own.local;
}

int SocketFace::connect(int fd, const SocketAddress& address) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  switch (socket->state) {
    case Socket::State::kConnecting:
      return -EALREADY;
    case Socket::State::kListening:
      return -EISCONN;
    case Socket::State::kGone:
      return socket->error != 0 ? -take_error(*socket) : -ECONNABORTED;
    case Socket::State::kConnected:
      if (socket->connect_reported) return -EISCONN;
      socket->connect_reported = true;
      return 0;
    case Socket::State::kNew:
      break;
  }
  if (socket->deferred) return -EISCONN;
  if (socket->fast_open_connect && socket->mptcp) unsupported("TCP_FASTOPEN_CONNECT on an MPTCP socket");
  if (socket->fast_open_connect && has_cookie_for(*socket, address)) {
    socket->deferred = address;
    return 0;
  }
  const FastOpen fast_open = socket->fast_open_connect ? FastOpen::kCookie : FastOpen::kOff;
  return open_with(*socket, descriptors_.at(fd), address, fast_open, {});
}

int SocketFace::open_with(Socket& socket, uint64_t number, const SocketAddress& address,
                          ConnectOptions::FastOpen fast_open, PacketList early) {
  ConnectOptions options;
  options.local = source_address(socket, address.address);
  if (socket.local && socket.local->port != 0) options.local_port = socket.local->port;
  options.remote = address.address;
  options.remote_port = address.port;
  options.max_segment = socket.max_segment;
  options.mptcp = socket.mptcp;
  options.algorithm = socket.algorithm;
  options.dscp = dscp(socket, address.address);
  options.user_data = number;
  options.fast_open = fast_open;
  socket.stream = host_->stack().connect(options, std::move(early));
  if (!socket.stream) return -EADDRNOTAVAIL;
  socket.state = Socket::State::kConnecting;
  gather(socket);
  socket.remote = address;
  begin_budget(socket);
  if (const auto info = host_->stack().info(socket.stream); info && !info->subflows.empty())
    socket.local = SocketAddress{info->subflows[0].key.local, info->subflows[0].key.local_port};
  return -EINPROGRESS;
}

void SocketFace::on_stream(ByteStream stream, uint64_t number, uint16_t events) {
  const auto found = sockets_.find(number);
  if (found == sockets_.end()) {
    if (!(events & (kStreamReset | kStreamClosed))) host_->stack().abort(stream);
    return;
  }
  Socket& socket = *found->second;
  if ((events & kStreamEstablished) && socket.state == Socket::State::kConnecting) {
    socket.state = Socket::State::kConnected;
    const auto listener = sockets_.find(socket.parent);
    if (listener != sockets_.end()) {
      --listener->second->half_open;
      listener->second->ready.push_back(number);
    }
  }
  if (events & (kStreamReset | kStreamClosed)) return on_gone(socket, number, events);
  if (events & kStreamEnd) socket.peer_closed = true;
}

void SocketFace::on_gone(Socket& socket, uint64_t number, uint16_t events) {
  pull(socket);
  socket.unreleased = 0;
  socket.last_info = host_->stack().tcp_info(socket.stream);
  const bool was_established = socket.state == Socket::State::kConnected;
  const auto listener = sockets_.find(socket.parent);
  if (listener != sockets_.end() && !was_established) --listener->second->half_open;
  if (events & kStreamReset)
    socket.error = errno_of(host_->stack().error(socket.stream), host_->stack().icmp_code(socket.stream),
                            socket.remote.address.is_v4(), was_established);
  socket.peer_closed = true;
  socket.write_shut = true;
  socket.state = Socket::State::kGone;
  // One that was established and waits to be accepted stays: the program learns of its end after accept, as
  // with Linux.
  const bool waits = !socket.accepted && was_established;
  if (socket.orphan && !waits) remove(number);
}

int SocketFace::shutdown(int fd, int how) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  if (socket->state == Socket::State::kListening) {
    close_listener(*socket, descriptors_.at(fd));
    socket->state = Socket::State::kNew;
    return 0;
  }
  if (socket->state == Socket::State::kConnecting) {
    // As Linux: the attempt is given up without a word.
    host_->stack().abort(socket->stream);
    socket->state = Socket::State::kGone;
    return 0;
  }
  if (socket->state != Socket::State::kConnected) return -ENOTCONN;
  if (how != SHUT_WR) socket->read_shut = true;
  if (how != SHUT_RD && !socket->write_shut) {
    socket->write_shut = true;
    host_->stack().close(socket->stream);
  }
  return 0;
}

void SocketFace::close_listener(Socket& listener, uint64_t number) {
  // The stack keeps the listener's place, because connections name it; without interfaces it takes nothing.
  for (Listener& l : host_->stack().context().listeners)
    if (l.acceptor == listener.acceptor.get()) l.interfaces.clear();
  std::vector<uint64_t> children;
  for (const auto& [child, socket] : sockets_)
    if (socket->parent == number && !socket->accepted) children.push_back(child);
  for (uint64_t child : children) {
    host_->stack().abort(sockets_.at(child)->stream);
    sockets_.erase(child);
  }
  listener.ready.clear();
}

int SocketFace::close(int fd) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  const uint64_t number = descriptors_.at(fd);
  descriptors_.erase(fd);
  switch (socket->state) {
    case Socket::State::kListening:
      // Connections keep a pointer to the acceptor for retransmitted SYNs, so the socket stays, closed.
      close_listener(*socket, number);
      socket->state = Socket::State::kGone;
      socket->local.reset();
      return 0;
    case Socket::State::kNew:
    case Socket::State::kGone:
      sockets_.erase(number);
      return 0;
    case Socket::State::kConnecting:
    case Socket::State::kConnected:
      break;
  }
  // Unread data, or a linger time of zero, end in a reset (RFC 1122 §4.2.2.13).
  const bool unread = !socket->unread.empty() || host_->stack().readable(socket->stream) != 0;
  const bool hard = socket->state == Socket::State::kConnecting || unread || (socket->linger && *socket->linger == 0);
  if (hard) {
    host_->stack().abort(socket->stream);
    sockets_.erase(number);
    return 0;
  }
  host_->stack().leave(socket->stream);
  sockets_.erase(number);
  return 0;
}

bool SocketFace::is_blocking(int fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr && !socket->nonblocking;
}
bool SocketFace::is_connecting(int fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr && socket->state == Socket::State::kConnecting;
}
ByteStream SocketFace::stream(int fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr && socket->state != Socket::State::kGone ? socket->stream : ByteStream{};
}
uint64_t SocketFace::bytes_read(int fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr ? socket->bytes_read : 0;
}
uint64_t SocketFace::bytes_written(int fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr ? socket->bytes_written : 0;
}
std::optional<SocketAddress> SocketFace::peer(int fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr ? std::optional(socket->remote) : std::nullopt;
}
std::vector<ByteStream> SocketFace::streams() const {
  std::vector<ByteStream> out;
  for (const auto& [number, socket] : sockets_)
    if (socket->stream && socket->state != Socket::State::kGone) out.push_back(socket->stream);
  return out;
}

}  // namespace tributary::script
