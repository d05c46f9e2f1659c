// The table of functions: each one turns a system call's arguments into one call of the socket face.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "src/script/outcome.h"
#include "src/script/plugin/interface.h"
#include "src/script/plugin/world.h"

namespace {

using namespace tributary;
using script::PluginWorld;
using script::SocketAddress;
using script::SocketFace;

constexpr int64_t kEpoch = 1'000'000'000;  // seconds of gettimeofday at the script's start

PluginWorld& world(void* userdata) {
  return *static_cast<PluginWorld*>(userdata);
}

int fault() {
  errno = EFAULT;
  return -1;
}
bool lacks_memory(const iovec* pieces, size_t count) {
  return std::any_of(pieces, pieces + count, [](const iovec& p) { return p.iov_base == nullptr && p.iov_len != 0; });
}

bool parse_address(const sockaddr* from, socklen_t size, SocketAddress& out) {
  if (from == nullptr) return false;
  if (from->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    std::memcpy(&v4, from, sizeof v4);
    out = {IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    // Unspecified is one value for both families to the stack.
    if (v4.sin_addr.s_addr == 0) out.address = IpAddress();
    return true;
  }
  if (from->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, from, sizeof v6);
    out = {IpAddress::from_v6_bytes(v6.sin6_addr.s6_addr), ntohs(v6.sin6_port)};
    return true;
  }
  return false;
}

void store_address(const SocketAddress& from, sockaddr* out, socklen_t* size) {
  if (out == nullptr || size == nullptr) return;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const bool is_v4 = from.address.is_v4();
  v4.sin_family = AF_INET;
  v4.sin_port = v6.sin6_port = htons(from.port);
  v6.sin6_family = AF_INET6;
  if (is_v4)
    v4.sin_addr.s_addr = htonl(from.address.v4_value());
  else
    std::memcpy(v6.sin6_addr.s6_addr, from.address.bytes().data(), 16);
  const socklen_t needed = is_v4 ? sizeof v4 : sizeof v6;
  std::memcpy(out, is_v4 ? static_cast<const void*>(&v4) : &v6, std::min(*size, needed));
  *size = needed;
}

ssize_t receive(void* w, int fd, const iovec* pieces, size_t count, int flags) {
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
  std::string data;
  const bool nowhere = lacks_memory(pieces, count);
  if (nowhere) flags |= MSG_PEEK;  // what there is to read stays
  const bool all = (flags & MSG_WAITALL) && !(flags & (MSG_DONTWAIT | MSG_PEEK));
  const int64_t result = world(w).call(
      fd,
      [&](SocketFace& f) -> int64_t {
        const int64_t got = f.receive(fd, size - data.size(), flags, data);
        if (all && got > 0 && data.size() < size && f.is_blocking(fd)) return -EAGAIN;
        return got > 0 || (got == 0 && !data.empty()) ? static_cast<int64_t>(data.size()) : got;
      },
      flags);
  if (nowhere && result > 0) return fault();
  size_t at = 0;
  for (size_t i = 0; i < count && at < data.size(); ++i) {
    const size_t part = std::min(pieces[i].iov_len, data.size() - at);
    std::memcpy(pieces[i].iov_base, data.data() + at, part);
    at += part;
  }
  return result;
}

ssize_t send(void* w, int fd, const iovec* pieces, size_t count, int flags, const SocketAddress* to = nullptr) {
  if (lacks_memory(pieces, count)) return fault();
  std::string data;
  for (size_t i = 0; i < count; ++i) data.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  size_t sent = 0;
  int now = flags;
  return world(w).call(
      fd,
      [&](SocketFace& f) -> int64_t {
        const int64_t result = f.send(fd, std::string_view(data).substr(sent), now, to);
        now &= ~MSG_FASTOPEN;  // tried again, the call goes on with what it has begun
        if (result > 0) sent += static_cast<size_t>(result);
        const bool partial =
            sent != 0 && (sent < data.size() || f.is_connecting(fd)) && (result > 0 || result == -EAGAIN);
        if (partial && f.is_blocking(fd) && !(flags & MSG_DONTWAIT)) return -EAGAIN;
        return result < 0 && sent == 0 ? result : static_cast<int64_t>(sent);
      },
      flags);
}

int connect(void* w, int fd, const sockaddr* to, socklen_t size) {
  SocketAddress address;
  if (!parse_address(to, size, address)) {
    errno = EINVAL;
    return -1;
  }
  bool begun = false;
  return static_cast<int>(world(w).call(fd, [&](SocketFace& f) -> int64_t {
    const int result = f.connect(fd, address);
    const bool waits = result == -EINPROGRESS || (begun && result == -EALREADY);
    begun = true;
    return waits && f.is_blocking(fd) ? -EAGAIN : result;
  }));
}

int accept(void* w, int fd, sockaddr* from, socklen_t* size) {
  std::optional<SocketAddress> peer;
  const int64_t result = world(w).call(fd, [&](SocketFace& f) {
    const int child = f.accept(fd, false);
    if (child >= 0) peer = f.peer(child);
    return child;
  });
  if (peer) store_address(*peer, from, size);
  return static_cast<int>(result);
}

int set_option(void* w, int fd, int level, int name, const void* value, socklen_t size) {
  if (value == nullptr && size != 0) return fault();
  const script::OptionValue bytes(std::string_view(static_cast<const char*>(value), size));
  return static_cast<int>(world(w).call(fd, [&](SocketFace& f) { return f.set_option(fd, level, name, bytes); }));
}

/// What the stack does not know of is zero in it.
int get_tcp_info(void* w, int fd, void* value, socklen_t* size) {
  return static_cast<int>(world(w).call(fd, [&](SocketFace& f) -> int64_t {
    const auto info = f.tcp_info(fd);
    if (!info) return -EBADF;
    *size = static_cast<socklen_t>(script::write_tcp_info(*info, {static_cast<std::byte*>(value), *size}));
    return 0;
  }));
}

int get_option(void* w, int fd, int level, int name, void* value, socklen_t* size) {
  if (size == nullptr || (value == nullptr && *size != 0)) return fault();
  if (level == IPPROTO_TCP && name == TCP_INFO) return get_tcp_info(w, fd, value, size);
  script::OptionValue bytes;
  const int64_t result = world(w).call(fd, [&](SocketFace& f) { return f.get_option(fd, level, name, bytes); });
  if (result != 0) return static_cast<int>(result);
  *size = std::min(*size, static_cast<socklen_t>(bytes.bytes().size()));
  std::memcpy(value, bytes.bytes().data(), *size);
  return 0;
}

int bind(void* w, int fd, const sockaddr* to, socklen_t size) {
  SocketAddress address;
  if (!parse_address(to, size, address)) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(world(w).call(fd, [&](SocketFace& f) {
    f.own_address(address.address);
    return f.bind(fd, address);
  }));
}

int control(void* w, int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  const int argument = command == F_SETFL ? va_arg(rest, int) : 0;
  va_end(rest);
  return static_cast<int>(world(w).call(fd, [&](SocketFace& f) { return f.fcntl(fd, command, argument); }));
}

int ioctl(void* w, int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  int* value = va_arg(rest, int*);
  va_end(rest);
  return static_cast<int>(world(w).call(fd, [&](SocketFace& f) { return f.ioctl(fd, request, *value); }));
}

int receive_packet(void* w, void* buffer, size_t* count, long long* time_us) {
  script::Bytes packet;
  Micros time;
  const size_t room = *count;
  *count = 0;
  if (!world(w).receive(packet, time)) return 0;
  if (packet.size() > room) return -1;
  std::memcpy(buffer, packet.data(), packet.size());
  *count = packet.size();
  *time_us = kEpoch * 1'000'000 + time.count();
  return 0;
}

int read_clock(void* w, timeval* tv, struct timezone*) {
  const int64_t us = world(w).now().count();
  tv->tv_sec = kEpoch + us / 1'000'000;
  tv->tv_usec = us % 1'000'000;
  return 0;
}

int missing() {
  errno = ENOSYS;
  return -1;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void packetdrill_interface_init(const char* flags,
                                                                                  packetdrill_interface* out) {
  *out = {};
  try {
    out->userdata = new PluginWorld(flags != nullptr ? flags : "");
  } catch (const script::ScriptError& error) {
    std::fprintf(stderr, "tributary: %s\n", error.what());
    std::exit(1);  // the interface has no way to say it
  }
  out->free = [](void* w) { delete &world(w); };
  out->socket = [](void* w, int domain, int type, int protocol) {
    return static_cast<int>(world(w).call(-1, [&](SocketFace& f) { return f.socket(domain, type, protocol); }));
  };
  out->bind = bind;
  out->listen = [](void* w, int fd, int backlog) {
    return static_cast<int>(world(w).call(fd, [&](SocketFace& f) { return f.listen(fd, backlog); }));
  };
  out->accept = accept;
  out->connect = connect;
  out->read = [](void* w, int fd, void* p, size_t n) {
    const iovec piece{p, n};
    return receive(w, fd, &piece, 1, 0);
  };
  out->readv = [](void* w, int fd, const iovec* v, int n) { return receive(w, fd, v, static_cast<size_t>(n), 0); };
  out->recv = [](void* w, int fd, void* p, size_t n, int how) {
    const iovec piece{p, n};
    return receive(w, fd, &piece, 1, how);
  };
  out->recvfrom = [](void* w, int fd, void* p, size_t n, int how, sockaddr*, socklen_t*) {
    const iovec piece{p, n};
    return receive(w, fd, &piece, 1, how);
  };
  out->recvmsg = [](void* w, int fd, msghdr* m, int how) {
    m->msg_flags = 0;
    m->msg_controllen = 0;
    return receive(w, fd, m->msg_iov, m->msg_iovlen, how);
  };
  out->write = [](void* w, int fd, const void* p, size_t n) {
    const iovec piece{const_cast<void*>(p), n};
    return send(w, fd, &piece, 1, 0);
  };
  out->writev = [](void* w, int fd, const iovec* v, int n) { return send(w, fd, v, static_cast<size_t>(n), 0); };
  out->send = [](void* w, int fd, const void* p, size_t n, int how) {
    const iovec piece{const_cast<void*>(p), n};
    return send(w, fd, &piece, 1, how);
  };
  out->sendto = [](void* w, int fd, const void* p, size_t n, int how, const sockaddr* to, socklen_t size) {
    const iovec piece{const_cast<void*>(p), n};
    SocketAddress address;
    const bool named = to != nullptr && parse_address(to, size, address);
    return send(w, fd, &piece, 1, how, named ? &address : nullptr);
  };
  out->sendmsg = [](void* w, int fd, const msghdr* m, int how) {
    SocketAddress address;
    const bool named =
        m->msg_name != nullptr && parse_address(static_cast<const sockaddr*>(m->msg_name), m->msg_namelen, address);
    return send(w, fd, m->msg_iov, m->msg_iovlen, how, named ? &address : nullptr);
  };
  out->fcntl = control;
  out->ioctl = ioctl;
  out->close = [](void* w, int fd) {
    return static_cast<int>(world(w).call(-1, [&](SocketFace& f) { return f.close(fd); }));
  };
  out->shutdown = [](void* w, int fd, int how) {
    return static_cast<int>(world(w).call(fd, [&](SocketFace& f) { return f.shutdown(fd, how); }));
  };
  out->getsockopt = get_option;
  out->setsockopt = set_option;
  out->poll = [](void* w, pollfd* fds, nfds_t n, int timeout) { return world(w).poll(fds, n, timeout); };
  out->netdev_send = [](void* w, const void* packet, size_t size) {
    world(w).send(packet, size);
    return 0;
  };
  out->netdev_receive = receive_packet;
  out->usleep = [](void* w, useconds_t us) {
    world(w).sleep(Micros(us));
    return 0;
  };
  out->gettimeofday = read_clock;
  out->epoll_create = [](void*, int) { return missing(); };
  out->epoll_ctl = [](void*, int, int, int, epoll_event*) { return missing(); };
  out->epoll_wait = [](void*, int, epoll_event*, int, int) { return missing(); };
  out->pipe = [](void*, int*) { return missing(); };
  out->splice = [](void*, int, loff_t*, int, loff_t*, size_t, unsigned) { return missing(); };
}
