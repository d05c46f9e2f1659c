// Reading, writing, and asking whether either can be done.
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "src/script/outcome.h"
#include "src/script/socket_face.h"

namespace tributary::script {
namespace {

constexpr uint32_t kBufferReserve = 128;            // left for what the stack and the peer send
constexpr BudgetRange kBudgets{64 << 10, 8 << 20};  // as relays have by default

/// A buffer of payload that can be written to a stream.
Packet make_payload(PacketPools& pools, std::string_view bytes) {
  Packet packet = pools.data();
  char* room = packet ? rte_pktmbuf_append(packet.get(), static_cast<uint16_t>(bytes.size())) : nullptr;
  if (room == nullptr) return {};
  std::memcpy(room, bytes.data(), bytes.size());
  packet.info().payload_offset = packet.get()->data_off;
  packet.info().payload_size = static_cast<uint16_t>(bytes.size());
  packet.info().payload_sum = wire::sum_bytes({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  return packet;
}

}  // namespace

/// Everything the stream holds comes here, so that partial reads do not depend on how it arrived.
void SocketFace::pull(Socket& socket) {
  PacketList packets = host_->stack().read(socket.stream, UINT32_MAX);
  while (Packet packet = packets.pop_front()) {
    const auto payload = packet.payload();
    socket.unread.append(payload.begin(), payload.end());
    socket.unreleased += static_cast<uint32_t>(payload.size());
  }
}

void SocketFace::begin_budget(Socket& socket) {
  if (socket.receive_buffer == 0 && right_sizing_) socket.budget = kBudgets.least;
  const uint32_t bytes = socket.receive_buffer != 0 ? socket.receive_buffer : socket.budget;
  if (bytes != 0) host_->stack().set_receive_budget(socket.stream, bytes);
}

/// Room is made when the program reads, so a round is the one to the peer alone.
void SocketFace::size_budget(Socket& socket, uint32_t released) {
  if (socket.budget == 0 || socket.receive_buffer != 0 || !is_time_to_size(socket.sizing, released, socket.budget))
    return;
  Stack& stack = host_->stack();
  const uint32_t held = stack.held(socket.stream);
  const uint32_t budget = right_size(socket.sizing, stack.context().now, stack.round_trip(socket.stream), released,
                                     held - std::min(held, released), socket.budget, kBudgets);
  if (budget != socket.budget) stack.set_receive_budget(socket.stream, budget);
  socket.budget = budget;
}

int SocketFace::take_error(Socket& socket) {
  return std::exchange(socket.error, 0);
}

int64_t SocketFace::receive(int fd, size_t size, int flags, std::string& out) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (flags & ~(MSG_DONTWAIT | MSG_PEEK | MSG_WAITALL | MSG_NOSIGNAL)) unsupported("a flag of recv");
  if (socket->deferred && socket->state == Socket::State::kNew) return -EAGAIN;
  if (socket->state == Socket::State::kNew || socket->state == Socket::State::kListening) return -ENOTCONN;
  if (socket->state != Socket::State::kGone) pull(*socket);
  const size_t take = std::min(size, socket->unread.size());
  if (take == 0 && size != 0) {
    if (socket->error != 0) return -take_error(*socket);
    if (socket->read_shut || socket->peer_closed || (socket->stream && host_->stack().at_end(socket->stream))) return 0;
    return -EAGAIN;
  }
  out.append(socket->unread, 0, take);
  if (flags & MSG_PEEK) return static_cast<int64_t>(take);
  socket->unread.erase(0, take);
  socket->bytes_read += take;
  const uint32_t release = std::min<uint32_t>(socket->unreleased, static_cast<uint32_t>(take));
  socket->unreleased -= release;
  if (release != 0) {
    size_budget(*socket, release);
    host_->stack().release(socket->stream, release);
  }
  return static_cast<int64_t>(take);
}

PacketList SocketFace::cut(std::string_view bytes, size_t piece, size_t& taken) {
  PacketList packets;
  while (taken < bytes.size() && host_->pools().data_in_use() + kBufferReserve < host_->pools().data_capacity()) {
    const std::string_view part = bytes.substr(taken, piece);
    Packet packet = make_payload(host_->pools(), part);
    if (!packet) break;
    packets.push_back(std::move(packet));
    taken += part.size();
  }
  return packets;
}

bool SocketFace::has_cookie_for(const Socket& socket, const SocketAddress& to) const {
  const Context& context = host_->stack().context();
  const auto* known = context.fast_open_cache.find({source_address(socket, to.address), to.address, 0, 0});
  if (known != nullptr && known->shut_until > context.now) return false;
  return socket.fast_open_no_cookie || (fast_open_ & kFastOpenClientNoCookie) || (known != nullptr && known->size != 0);
}

/// As Linux: below the mark more may be written, however much that is.
bool SocketFace::is_low_on_unsent(const Socket& socket) const {
  const uint32_t mark = socket.unsent_low != 0 ? socket.unsent_low : unsent_low_;
  if (mark == UINT32_MAX) return true;
  if (socket.mptcp) unsupported("TCP_NOTSENT_LOWAT of an MPTCP socket");
  const auto info = host_->stack().tcp_info(socket.stream);
  return !info || info->not_sent < mark;
}

/// As Linux: with a cookie as many bytes as the SYN takes are written; without one the connection is opened, which
/// asks for a cookie, and what is written, unless the call may not wait, leaves with the third ACK.
int64_t SocketFace::send_fast_open(Socket& socket, uint64_t number, std::string_view bytes, int flags,
                                   const SocketAddress& to) {
  if (!(fast_open_ & kFastOpenClient)) return -EOPNOTSUPP;
  if (socket.mptcp) unsupported("MSG_FASTOPEN on an MPTCP socket");
  const bool no_cookie = socket.fast_open_no_cookie || (fast_open_ & kFastOpenClientNoCookie);
  const Context& context = host_->stack().context();
  const auto* known = context.fast_open_cache.find({source_address(socket, to.address), to.address, 0, 0});
  const bool waits = !socket.nonblocking && !(flags & MSG_DONTWAIT);
  const bool shut = known != nullptr && known->shut_until > context.now;
  const bool has_cookie = known != nullptr && known->size != 0;
  const bool writes = has_cookie || no_cookie;
  if (!waits && (shut || !writes)) return open_with(socket, number, to, shut ? FastOpen::kOff : FastOpen::kCookie, {});
  constexpr size_t kOptions = 40;  // room for all there may be, as Linux leaves it
  size_t mss = host_->options().mtu - (to.address.is_v4() ? 40 : 60);
  if (has_cookie) mss = std::min<size_t>(mss, known->mss);
  if (socket.max_segment != 0) mss = std::min<size_t>(mss, socket.max_segment);
  bytes = bytes.substr(0, socket.send_buffer);
  size_t taken = 0;
  PacketList early = cut(bytes.substr(0, mss - std::min(mss, kOptions)), mss, taken);
  if (waits) {
    // A call that waits for the answer has its other bytes ready for it: they go with the third ACK.
    size_t more = 0;
    PacketList rest = cut(bytes.substr(taken), mss, more);
    early.splice_back(rest);
    taken += more;
  }
  const FastOpen how = shut ? FastOpen::kOff : no_cookie ? FastOpen::kNoCookie : FastOpen::kCookie;
  const int result = open_with(socket, number, to, how, std::move(early));
  if (result != -EINPROGRESS) return result;
  if (taken == 0) return waits ? -EAGAIN : result;  // the cookie alone
  socket.bytes_written += taken;
  return static_cast<int64_t>(taken);
}

int64_t SocketFace::send(int fd, std::string_view bytes, int flags, const SocketAddress* to) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  for (const auto& [flag, name] :
       {std::pair(MSG_EOR, "MSG_EOR"), std::pair(MSG_OOB, "MSG_OOB"), std::pair(MSG_ZEROCOPY, "MSG_ZEROCOPY")})
    if (flags & flag) unsupported("the flag " + std::string(name) + " of send");
  if (flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_FASTOPEN | MSG_MORE)) unsupported("a flag of send");
  if (socket->deferred && socket->state == Socket::State::kNew) {
    const SocketAddress deferred = *std::exchange(socket->deferred, std::nullopt);
    return send_fast_open(*socket, descriptors_.at(fd), bytes, flags, deferred);
  }
  if ((flags & MSG_FASTOPEN) && socket->state == Socket::State::kNew)
    return to != nullptr ? send_fast_open(*socket, descriptors_.at(fd), bytes, flags, *to) : -EINVAL;
  if (socket->state == Socket::State::kConnecting) return flags & MSG_FASTOPEN ? -EALREADY : -EAGAIN;
  if (socket->error != 0) return -take_error(*socket);
  if (socket->write_shut || socket->state != Socket::State::kConnected) return -EPIPE;
  const uint32_t queued = host_->stack().unacked(socket->stream);
  if (queued >= socket->send_buffer || !is_low_on_unsent(*socket)) return -EAGAIN;
  bytes = bytes.substr(0, socket->send_buffer - queued);
  const size_t piece = host_->stack().payload_per_segment(socket->stream);
  size_t written = 0;
  PacketList packets = cut(bytes, piece, written);
  if (written == 0 && !bytes.empty()) return -EAGAIN;
  host_->stack().write(socket->stream, std::move(packets), flags & MSG_MORE);
  socket->bytes_written += written;
  return static_cast<int64_t>(written);
}

/// As Linux: Nagle's algorithm unless TCP_NODELAY is set, and TCP_CORK above both.
void SocketFace::gather(const Socket& socket) {
  if (!socket.stream) return;
  const Gathering open = socket.no_delay ? Gathering::kNone : Gathering::kNagle;
  host_->stack().set_gathering(socket.stream, socket.cork ? Gathering::kCork : open);
}

int SocketFace::poll(int fd, int events) {
  Socket* socket = find(fd);
  if (socket == nullptr) return POLLNVAL;
  int ready = 0;
  if (socket->state == Socket::State::kListening) return socket->ready.empty() ? 0 : events & (POLLIN | POLLRDNORM);
  const bool gone = socket->state == Socket::State::kGone;
  if (socket->state == Socket::State::kNew) return (events & POLLOUT) | (socket->deferred ? 0 : POLLHUP);
  const bool readable = !socket->unread.empty() || (!gone && host_->stack().readable(socket->stream) != 0);
  if (readable || socket->peer_closed || socket->read_shut || gone) ready |= POLLIN | POLLRDNORM;
  if (socket->peer_closed || socket->read_shut) ready |= POLLRDHUP;
  const bool connected = socket->state == Socket::State::kConnected;
  if (gone || (connected && host_->stack().unacked(socket->stream) < socket->send_buffer && is_low_on_unsent(*socket)))
    ready |= POLLOUT | POLLWRNORM;
  ready &= events;
  if (gone || (socket->peer_closed && socket->write_shut)) ready |= POLLHUP;
  if (socket->error != 0) ready |= POLLERR;
  return ready;
}

int SocketFace::fcntl(int fd, int command, int argument) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (command == F_GETFL) return O_RDWR | (socket->nonblocking ? O_NONBLOCK : 0);
  if (command == F_SETFL) {
    socket->nonblocking = (argument & O_NONBLOCK) != 0;
    return 0;
  }
  unsupported("this command of fcntl");
}

int SocketFace::ioctl(int fd, unsigned long request, int& value) {
  Socket* socket = find(fd);
  if (socket == nullptr) return -EBADF;
  if (request == FIONBIO) {
    socket->nonblocking = value != 0;
    return 0;
  }
  if (socket->state == Socket::State::kListening) return -EINVAL;
  const bool alive = socket->stream && socket->state != Socket::State::kGone;
  if (request == SIOCINQ) {
    if (alive) pull(*socket);
    value = static_cast<int>(socket->unread.size());
    return 0;
  }
  if (request == SIOCOUTQ) {
    value = alive ? static_cast<int>(host_->stack().unacked(socket->stream)) : 0;
    return 0;
  }
  unsupported("this request of ioctl");
}

}  // namespace tributary::script
