// The program of a script: its system calls, carried out on the socket face.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "src/script/ast.h"
#include "src/script/socket_face.h"

namespace tributary::script {

struct CallDefaults {
  int domain = 0;                ///< of socket(...)
  SocketAddress bind_address;    ///< of bind(fd, ..., ...)
  SocketAddress remote_address;  ///< of connect(fd, ..., ...)
};

class CallRunner {
 public:
  CallRunner(SocketFace& face, VirtualHost& host, const CallDefaults& defaults)
      : face_(face), host_(host), defaults_(defaults) {}

  /// Begins a call. Throws ScriptError for one this face does not have, or with arguments it does not take.
  void start(const CallSpec& call, Micros now);
  /// Tries to finish it. True when it has: the result is compared, and a difference thrown as ScriptError.
  bool progress();
  bool is_pending() const { return call_ != nullptr; }
  const CallSpec& call() const { return *call_; }
  /// When a pending poll gives up on its own.
  Micros deadline() const { return deadline_; }

  /// Bytes of the script's own were written or injected: streams no longer follow the pattern.
  bool literal_written() const { return literal_written_; }
  void set_literal_received() { literal_received_ = true; }
  std::optional<uint16_t> bound_port() const { return bound_port_; }
  /// TCP_INFO of the connection accepted or connected last. Throws ScriptError when it is closed, or there was none.
  std::vector<TcpVariable> tcp_info() const;

 private:
  struct Message;
  int64_t attempt();
  int64_t attempt_open();
  int64_t attempt_connect();
  int64_t attempt_read(size_t size, int flags, const Expression* expected);
  int64_t attempt_write(size_t size, int flags, const Expression* source, const Expression* to = nullptr);
  int64_t attempt_poll();
  int64_t attempt_control();
  int64_t set_option();
  int64_t get_option();
  int64_t get_tcp_info();
  void verify(int64_t result);
  void verify_data(const Expression* expected);

  const Expression& argument(size_t i) const;
  int64_t integer(size_t i) const;
  int live_fd(const Expression& e) const;
  static SocketAddress address(const Expression& e, const SocketAddress& standard);
  /// Whether the call waits for what it cannot have yet: its socket does, and no flag says otherwise.
  bool may_wait(int fd) const { return !at_once_ && face_.is_blocking(fd); }
  Message message(const Expression& e) const;

  SocketFace& face_;
  VirtualHost& host_;
  CallDefaults defaults_;
  const CallSpec* call_ = nullptr;
  std::map<int64_t, int> descriptors_;  ///< of the script: of the face
  std::string data_;                    ///< read by the call so far
  uint64_t read_offset_ = 0;            ///< place of its first byte in the stream
  size_t written_ = 0;
  bool connecting_ = false;
  bool opening_ = false;  ///< MSG_FASTOPEN has had its say
  bool at_once_ = false;  ///< MSG_DONTWAIT
  Micros deadline_ = Micros::never();
  bool literal_written_ = false;
  bool literal_received_ = false;
  std::optional<uint16_t> bound_port_;
  int64_t connection_ = -1;  ///< descriptor of the script: accepted or connected last
};

/// The number an integer, a constant's name, or several of them or'ed stand for.
int64_t evaluate(const Expression& e);

}  // namespace tributary::script
