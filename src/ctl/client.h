// A client of DPDK's telemetry socket (SOCK_SEQPACKET, one JSON object a message), as tributaryctl needs it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace tributary::ctl {

/// Objects keep the order in which the daemon named their members.
using Json = nlohmann::ordered_json;

/// The sockets below a control directory: <directory>/dpdk/<file prefix>/dpdk_telemetry.v2. Without a prefix
/// the only one there is; empty with `error` when there is none or a choice.
std::optional<std::string> find_socket(const std::string& directory, const std::optional<std::string>& file_prefix,
                                       std::string& error);

class Client {
 public:
  /// Empty with `error` when nobody answers there.
  static std::optional<Client> connect(const std::string& path, std::string& error);
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;
  ~Client();

  /// The reply to a command such as "/tributary/connections,0,100", or empty with `error`.
  std::optional<Json> ask(const std::string& command, std::string& error);
  /// What the socket says of itself: DPDK's version, the process's id.
  const Json& greeting() const { return greeting_; }

 private:
  explicit Client(int fd) : fd_(fd) {}
  std::optional<Json> receive(std::string& error);
  int fd_ = -1;
  Json greeting_;
};

}  // namespace tributary::ctl
