#include "src/script/call_runner.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "src/script/describe.h"
#include "src/script/outcome.h"
#include "src/script/symbols.h"

namespace tributary::script {

using Kind = Expression::Kind;

int64_t evaluate(const Expression& e) {
  switch (e.kind) {
    case Kind::kInteger:
      return e.integer;
    case Kind::kOr: {
      int64_t value = 0;
      for (const Expression& item : e.items) value |= evaluate(item);
      return value;
    }
    case Kind::kWord: {
      const auto value = find_symbol(e.text);
      if (!value) unsupported("the constant \"" + e.text + "\"");
      return *value;
    }
    case Kind::kCall:
      if (e.text == "htons" && e.items.size() == 1) return evaluate(e.items[0]);
      unsupported("the function \"" + e.text + "\"");
    case Kind::kEllipsis:
    case Kind::kString:
    case Kind::kArray:
    case Kind::kStruct:
      break;
  }
  fail("an argument should be a number");
}

/// What `{msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}` says.
struct CallRunner::Message {
  size_t size = 0;
  int flags = 0;
  const Expression* data = nullptr;  ///< of the first piece
  const Expression* name = nullptr;  ///< the address
};

namespace {

bool is_word(const Expression* e, std::string_view word) {
  return e != nullptr && e->kind == Kind::kWord && e->text == word;
}

}  // namespace

const Expression& CallRunner::argument(size_t i) const {
  if (i >= call_->arguments.size()) fail(call_->name + " has too few arguments");
  return call_->arguments[i];
}
int64_t CallRunner::integer(size_t i) const {
  return evaluate(argument(i));
}
int CallRunner::live_fd(const Expression& e) const {
  const auto found = descriptors_.find(evaluate(e));
  return found == descriptors_.end() ? -1 : found->second;
}

SocketAddress CallRunner::address(const Expression& e, const SocketAddress& standard) {
  if (e.kind == Kind::kEllipsis) return standard;
  if (e.kind != Kind::kStruct) fail("an argument should be an address");
  SocketAddress out = standard;
  if (const Expression* port = e.find("sin_port")) out.port = static_cast<uint16_t>(evaluate(*port));
  const Expression* where = e.find("sin_addr");
  if (where == nullptr) where = e.find("sin6_addr");
  if (where == nullptr || where->kind != Kind::kCall) return out;
  if ((where->text != "inet_addr" && where->text != "inet6_addr") || where->items.empty())
    fail("unknown form of address");
  const auto parsed = IpAddress::parse(where->items[0].text);
  if (!parsed) fail("\"" + where->items[0].text + "\" is no address");
  out.address = *parsed;
  return out;
}

CallRunner::Message CallRunner::message(const Expression& e) const {
  Message out;
  const Expression* pieces = nullptr;
  if (e.kind == Kind::kArray) pieces = &e;
  for (size_t i = 0; i < e.names.size(); ++i) {
    if (e.names[i] == "msg_iov") pieces = &e.items[i];
    if (e.names[i] == "msg_name") out.name = &e.items[i];
    if (e.names[i] == "msg_flags") out.flags = static_cast<int>(evaluate(e.items[i]));
    if (e.names[i] == "msg_name") out.name = &e.items[i];
    if (e.names[i] == "msg_control") unsupported("control messages");
  }
  if (pieces == nullptr || pieces->kind != Kind::kArray) fail("expected a list of buffers");
  for (const Expression& piece : pieces->items) {
    if (piece.items.size() != 2) fail("a buffer is {address, size}");
    out.size += static_cast<size_t>(evaluate(piece.items[1]));
    if (out.data == nullptr && pieces->items.size() == 1) out.data = &piece.items[0];
  }
  return out;
}

void CallRunner::start(const CallSpec& call, Micros now) {
  call_ = &call;
  data_.clear();
  written_ = 0;
  connecting_ = false;
  opening_ = false;
  at_once_ = false;
  deadline_ = Micros::never();
  if (call.name == "poll" && call.arguments.size() == 3 && integer(2) >= 0)
    deadline_ = now + Micros::milliseconds(integer(2));
}

bool CallRunner::progress() {
  const int64_t result = attempt();
  host_.pass();
  const bool waits = result == -EAGAIN || (result == -EINPROGRESS && connecting_);
  const bool poll_waits = call_->name == "poll" && result == 0 && host_.now() < deadline_;
  if ((waits && call_->name != "poll" && may_wait(live_fd(argument(0)))) || poll_waits) return false;
  const CallSpec* call = call_;
  verify(result == -EINPROGRESS ? -EINPROGRESS : result);
  if (call->name == "accept" || call->name == "accept4" || call->name == "socket") {
    if (result >= 0) descriptors_[evaluate(call->result)] = static_cast<int>(result);
  }
  if (result >= 0 && (call->name == "accept" || call->name == "accept4")) connection_ = evaluate(call->result);
  call_ = nullptr;
  return true;
}

int64_t CallRunner::attempt() {
  const std::string& name = call_->name;
  const auto ellipsis_from = [this](size_t i) {
    for (; i < call_->arguments.size(); ++i)
      if (call_->arguments[i].kind == Kind::kStruct) unsupported("this argument of " + call_->name);
  };
  if (name == "socket" || name == "bind" || name == "listen" || name == "accept" || name == "accept4")
    return attempt_open();
  if (name == "connect") return attempt_connect();
  if (name == "read") return attempt_read(static_cast<size_t>(integer(2)), 0, &argument(1));
  if (name == "recv" || name == "recvfrom") {
    ellipsis_from(4);
    return attempt_read(static_cast<size_t>(integer(2)), static_cast<int>(integer(3)), &argument(1));
  }
  if (name == "recvmsg" || name == "readv") {
    const Message m = message(argument(1));
    return attempt_read(m.size, name == "recvmsg" ? static_cast<int>(integer(2)) : 0, m.data);
  }
  if (name == "write") return attempt_write(static_cast<size_t>(integer(2)), 0, &argument(1));
  if (name == "send" || name == "sendto") {
    const Expression* to = call_->arguments.size() > 4 ? &argument(4) : nullptr;
    return attempt_write(static_cast<size_t>(integer(2)), static_cast<int>(integer(3)), &argument(1), to);
  }
  if (name == "sendmsg" || name == "writev") {
    const Message m = message(argument(1));
    return attempt_write(m.size, name == "sendmsg" ? static_cast<int>(integer(2)) : 0, m.data, m.name);
  }
  if (name == "poll") return attempt_poll();
  return attempt_control();
}

int64_t CallRunner::attempt_open() {
  const std::string& name = call_->name;
  if (name == "socket") {
    const int domain = argument(0).kind == Kind::kEllipsis ? defaults_.domain : static_cast<int>(integer(0));
    return face_.socket(domain, static_cast<int>(integer(1)), static_cast<int>(integer(2)));
  }
  const int fd = live_fd(argument(0));
  if (name == "bind") {
    const SocketAddress where = address(argument(1), defaults_.bind_address);
    const int result = face_.bind(fd, where);
    if (result == 0 && where.port != 0) bound_port_ = where.port;
    return result;
  }
  if (name == "listen") return face_.listen(fd, static_cast<int>(integer(1)));
  const int flags = name == "accept4" ? static_cast<int>(integer(3)) : 0;
  return face_.accept(fd, (flags & SOCK_NONBLOCK) != 0);
}

int64_t CallRunner::attempt_connect() {
  const int fd = live_fd(argument(0));
  connection_ = evaluate(argument(0));
  const int result = face_.connect(fd, address(argument(1), defaults_.remote_address));
  if (result == -EINPROGRESS && face_.is_blocking(fd)) connecting_ = true;
  // Tried again while the handshake runs, a blocking call is still the first one.
  return result == -EALREADY && connecting_ ? -EINPROGRESS : result;
}

int64_t CallRunner::attempt_read(size_t size, int flags, const Expression* expected) {
  const int fd = live_fd(argument(0));
  at_once_ = (flags & MSG_DONTWAIT) != 0;
  if (is_word(expected, "NULL")) {  // what there is to read finds no place
    std::string nowhere;
    const int64_t result = face_.receive(fd, size, flags | MSG_PEEK, nowhere);
    return result > 0 ? -EFAULT : result;
  }
  if (data_.empty()) read_offset_ = face_.bytes_read(fd);
  const int64_t result = face_.receive(fd, size - data_.size(), flags, data_);
  const bool wait_for_all = (flags & MSG_WAITALL) && result > 0 && data_.size() < size;
  if (wait_for_all) return -EAGAIN;
  if (result > 0) verify_data(expected);
  return result >= 0 ? static_cast<int64_t>(data_.size()) : result;
}

void CallRunner::verify_data(const Expression* expected) {
  if (expected != nullptr && expected->kind == Kind::kString) {
    if (data_ != expected->text.substr(0, data_.size())) fail(call_->text + "\n  read \"" + data_ + "\"");
    return;
  }
  if (literal_received_) return;
  for (size_t i = 0; i < data_.size(); ++i)
    if (static_cast<uint8_t>(data_[i]) != pattern_byte(read_offset_ + i))
      fail(call_->text + "\n  byte " + std::to_string(i) +
           " of what was read is not what was sent at this place of the stream");
}

int64_t CallRunner::attempt_write(size_t size, int flags, const Expression* source, const Expression* to) {
  const int fd = live_fd(argument(0));
  at_once_ = (flags & MSG_DONTWAIT) != 0;
  if (opening_) flags &= ~MSG_FASTOPEN;
  const bool named = (flags & MSG_FASTOPEN) && to != nullptr;
  if (named && is_word(to, "AF_UNSPEC")) return -EOPNOTSUPP;
  if (is_word(source, "NULL") && size != 0) {
    const int64_t result = face_.send(fd, {}, flags);
    return result < 0 ? result : -EFAULT;
  }
  std::string bytes;
  if (source != nullptr && source->kind == Kind::kString) {
    literal_written_ = true;
    bytes = source->text.substr(0, size);
    bytes.resize(size);
    bytes.erase(0, written_);
  } else {
    const Bytes pattern = make_pattern(face_.bytes_written(fd), size - written_);
    bytes.assign(pattern.begin(), pattern.end());
  }
  opening_ |= named;
  if (named) connection_ = evaluate(argument(0));
  const SocketAddress where = named ? address(*to, defaults_.remote_address) : SocketAddress{};
  const int64_t result = face_.send(fd, bytes, flags, named ? &where : nullptr);
  if (result < 0) return result == -EAGAIN && written_ != 0 && !may_wait(fd) ? static_cast<int64_t>(written_) : result;
  written_ += static_cast<size_t>(result);
  // What went with a SYN is not written before the SYN is answered.
  if (may_wait(fd) && (written_ < size || face_.is_connecting(fd))) return -EAGAIN;
  return static_cast<int64_t>(written_);
}

int64_t CallRunner::attempt_poll() {
  const Expression& list = argument(0);
  if (list.kind != Kind::kArray) fail("poll takes a list of {fd=…, events=…, revents=…}");
  int64_t ready = 0;
  std::string wrong;
  for (const Expression& item : list.items) {
    const Expression* fd = item.find("fd");
    const Expression* events = item.find("events");
    const Expression* revents = item.find("revents");
    if (fd == nullptr || events == nullptr) fail("poll takes a list of {fd=…, events=…, revents=…}");
    const int got = face_.poll(live_fd(*fd), static_cast<int>(evaluate(*events)));
    const int64_t wanted = revents != nullptr ? evaluate(*revents) : 0;
    if (got != 0) ++ready;
    if (got != wanted) wrong = "\n  revents: expected " + std::to_string(wanted) + ", got " + std::to_string(got);
  }
  const bool done = ready != 0 || host_.now() >= deadline_;
  if (done && !wrong.empty()) fail(call_->text + wrong);
  return ready;
}

int64_t CallRunner::attempt_control() {
  const std::string& name = call_->name;
  if (name == "setsockopt") return set_option();
  if (name == "getsockopt") return get_option();
  if (name == "shutdown") return face_.shutdown(live_fd(argument(0)), static_cast<int>(integer(1)));
  if (name == "close") {
    const int result = face_.close(live_fd(argument(0)));
    descriptors_.erase(evaluate(argument(0)));
    return result;
  }
  if (name == "fcntl")
    return face_.fcntl(live_fd(argument(0)), static_cast<int>(integer(1)),
                       call_->arguments.size() > 2 ? static_cast<int>(integer(2)) : 0);
  if (name == "ioctl") {
    const Expression& list = argument(2);
    const bool array = list.kind == Kind::kArray && list.items.size() == 1;
    const int64_t wanted = list.kind == Kind::kEllipsis ? 0 : evaluate(array ? list.items[0] : list);
    int value = static_cast<int>(wanted);
    const int result = face_.ioctl(live_fd(argument(0)), static_cast<unsigned long>(integer(1)), value);
    if (result == 0 && array && value != wanted)
      fail(call_->text + "\n  expected " + std::to_string(wanted) + ", got " + std::to_string(value));
    return result;
  }
  unsupported("the call \"" + name + "\"");
}

int64_t CallRunner::set_option() {
  const Expression& e = argument(3);
  const Expression& size = argument(4);
  OptionValue value;
  if (e.kind == Kind::kArray || e.kind == Kind::kStruct) {
    for (const Expression& item : e.items) value.push_back(evaluate(item));
  } else if (e.kind == Kind::kString) {
    std::string bytes = e.text;
    if (size.kind != Kind::kEllipsis) bytes.resize(static_cast<size_t>(std::clamp<int64_t>(evaluate(size), 0, 64)));
    value = OptionValue(std::string_view(bytes));
  } else {
    value.push_back(evaluate(e));
  }
  if (size.kind != Kind::kEllipsis) value.truncate(static_cast<size_t>(std::max<int64_t>(evaluate(size), 0)));
  return face_.set_option(live_fd(argument(0)), static_cast<int>(integer(1)), static_cast<int>(integer(2)), value);
}

std::vector<TcpVariable> CallRunner::tcp_info() const {
  const auto fd = descriptors_.find(connection_);
  auto info = fd != descriptors_.end() ? face_.tcp_info(fd->second) : std::nullopt;
  if (!info) fail("there is no connection to tell of");
  return *std::move(info);
}

/// `getsockopt(4, SOL_TCP, TCP_INFO, {tcpi_snd_cwnd=10, …}, [232]) = 0` compares what is named.
int64_t CallRunner::get_tcp_info() {
  const auto info = face_.tcp_info(live_fd(argument(0)));
  if (!info) return -EBADF;
  const Expression& wanted = argument(3);
  for (size_t i = 0; i < wanted.names.size(); ++i) {
    if (wanted.items[i].kind == Kind::kEllipsis) continue;
    const auto found =
        std::find_if(info->begin(), info->end(), [&](const TcpVariable& v) { return v.name == wanted.names[i]; });
    if (found == info->end()) unsupported(wanted.names[i]);
    const auto value = static_cast<int64_t>(found->value);
    if (const int64_t number = evaluate(wanted.items[i]); number != value)
      fail(call_->text + "\n  " + wanted.names[i] + ": expected " + std::to_string(number) + ", got " +
           std::to_string(value));
  }
  return 0;
}

int64_t CallRunner::get_option() {
  if (integer(1) == IPPROTO_TCP && integer(2) == TCP_INFO) return get_tcp_info();
  OptionValue value;
  const int result =
      face_.get_option(live_fd(argument(0)), static_cast<int>(integer(1)), static_cast<int>(integer(2)), value);
  const Expression& e = argument(3);
  if (result == 0 && e.kind == Kind::kString && e.text != value.text())
    fail(call_->text + "\n  value: expected \"" + e.text + "\", got \"" + std::string(value.text()) + "\"");
  if (result != 0 || e.kind != Kind::kArray) return result;
  for (size_t i = 0; i < e.items.size() && i < value.count(); ++i) {
    if (e.items[i].kind == Kind::kEllipsis) continue;
    const int64_t wanted = evaluate(e.items[i]), got = value.number(i);
    // As a number of 32 bits it may have been written without a sign.
    if (static_cast<int32_t>(wanted) != got)
      fail(call_->text + "\n  value: expected " + std::to_string(wanted) + ", got " + std::to_string(got));
  }
  return result;
}

void CallRunner::verify(int64_t result) {
  const auto text = [](int64_t r, const std::string& error) {
    return std::to_string(r) + (error.empty() ? "" : " " + error);
  };
  const std::string got = result < 0 ? text(-1, errno_name(static_cast<int>(-result))) : text(result, "");
  if (call_->result.kind == Kind::kEllipsis) return;
  const int64_t wanted = evaluate(call_->result);
  const bool creates = call_->name == "socket" || call_->name == "accept" || call_->name == "accept4";
  const bool same =
      result < 0 ? wanted == -1 && (call_->error.empty() || call_->error == errno_name(static_cast<int>(-result)))
      : creates  ? wanted >= 0
                 : wanted == result && call_->error.empty();
  if (!same) fail(call_->text + "\n  expected " + text(wanted, call_->error) + ", got " + got);
}

}  // namespace tributary::script
