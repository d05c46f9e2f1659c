#include "src/ctl/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "datapath/concat.h"

namespace tributary::ctl {
namespace {

constexpr size_t kLongestReply = 64 * 1024;  // the library sends 16 KB at most
constexpr timeval kPatience = {.tv_sec = 5, .tv_usec = 0};

}  // namespace

std::optional<std::string> find_socket(const std::string& directory, const std::optional<std::string>& file_prefix,
                                       std::string& error) {
  namespace fs = std::filesystem;
  const fs::path base = fs::path(directory) / "dpdk";
  if (file_prefix) return (base / *file_prefix / "dpdk_telemetry.v2").string();
  std::vector<std::string> found;
  std::string names;
  std::error_code failure;
  for (fs::directory_iterator i(base, failure), end; !failure && i != end; i.increment(failure)) {
    const fs::path socket = i->path() / "dpdk_telemetry.v2";
    std::error_code ignored;
    if (!fs::is_socket(socket, ignored)) continue;
    found.push_back(socket.string());
    append(names, names.empty() ? "" : ", ", i->path().filename().string());
  }
  if (found.size() == 1) return found.front();
  if (found.empty())
    error = concat("no tributaryd runs with control.socket_dir = \"", directory, "\"");
  else
    error = concat("several instances are in ", directory, ": say --file-prefix, one of ", names);
  return {};
}

Client::Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), greeting_(std::move(other.greeting_)) {}

Client::~Client() {
  if (fd_ >= 0) close(fd_);
}

std::optional<Client> Client::connect(const std::string& path, std::string& error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    error = concat("the path ", path, " is too long for a socket");
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = concat("no socket: ", std::strerror(errno));
    return {};
  }
  Client client(fd);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    error = concat("nobody answers at ", path, ": ", std::strerror(errno));
    return {};
  }
  auto greeting = client.receive(error);
  if (!greeting) return {};
  client.greeting_ = std::move(*greeting);
  return client;
}

std::optional<Json> Client::receive(std::string& error) {
  std::string message(kLongestReply, '\0');
  const ssize_t size = recv(fd_, message.data(), message.size(), 0);
  if (size <= 0) {
    error = size == 0 ? "the daemon closed the connection" : concat("no reply: ", std::strerror(errno));
    return {};
  }
  message.resize(static_cast<size_t>(size));
  Json reply = Json::parse(message, nullptr, false);
  if (reply.is_discarded()) {
    error = "the reply is no JSON";
    return {};
  }
  return reply;
}

std::optional<Json> Client::ask(const std::string& command, std::string& error) {
  if (send(fd_, command.data(), command.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(command.size())) {
    error = concat("the command was not sent: ", std::strerror(errno));
    return {};
  }
  auto reply = receive(error);
  if (!reply) return {};
  const std::string path = command.substr(0, command.find(','));
  const auto found = reply->find(path);
  if (found == reply->end() || found->is_null()) {
    error = concat("the daemon does not answer ", path);
    return {};
  }
  // By value: `found` points into the reply.
  Json result = *found;
  if (result.is_object() && result.contains("error")) {
    error = result["error"].get<std::string>();
    return {};
  }
  return result;
}

}  // namespace tributary::ctl
