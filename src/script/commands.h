// Commands in backquotes. Nothing is ever handed to a shell: sysctl and ip lines are read and mapped to
// settings of the stack; what sets a value the stack has anyway is taken without effect; everything else is
// unsupported, by name.
#pragma once

#include <string>
#include <vector>

#include "src/script/socket_face.h"
#include "src/script/sysctls.h"
#include "src/script/virtual_host.h"

namespace tributary::script {

/// `ip mptcp endpoint add ADDRESS subflow`: opens a subflow from there on every connection that can have one.
struct Endpoint {
  IpAddress address;
  bool backup = false;
};

class Commands {
 public:
  /// `directory` is the script's: files of commands are named relative to it.
  Commands(VirtualHost& host, SocketFace& face, std::string directory)
      : host_(host), face_(face), sysctls_(host, face), directory_(std::move(directory)) {}

  void run(const std::string& text);
  /// Opens what endpoints ask for. True when a subflow was opened and a pass is due.
  bool open_subflows();

 private:
  using Words = std::vector<std::string>;
  void run_line(const std::string& line);
  void run_file(const std::string& path);
  void run_words(const Words& words);
  void run_ip(const Words& words);
  void run_endpoint(const Words& words);

  VirtualHost& host_;
  SocketFace& face_;
  Sysctls sysctls_;
  std::string directory_;
  std::vector<Endpoint> endpoints_;
  std::vector<std::pair<ByteStream, IpAddress>> tried_;  ///< subflows opened: once each
  int depth_ = 0;                                        ///< of files in files
};

/// The words of one command line: quotes resolved, $((a*b)) computed, redirections left out.
std::vector<std::string> split_words(const std::string& line);

}  // namespace tributary::script
