// Linux's sysctls by name: settings of the stack, of the virtual host or of the socket face; values that say what the
// stack does anyway; all others are unsupported.
#pragma once

#include <string>

#include "src/script/socket_face.h"
#include "src/script/virtual_host.h"

namespace tributary::script {

class Sysctls {
 public:
  Sysctls(VirtualHost& host, SocketFace& face) : host_(host), face_(face) {}

  /// `name` with dots, or as a path under /proc/sys. Throws ScriptError for what the stack has not.
  void set(std::string name, const std::string& value);
  /// The discipline of the link's queue: fq paces, those that only queue do not. False for others.
  bool set_queue(const std::string& discipline);

 private:
  bool set_number(const std::string& name, const std::string& value);
  bool set_list(const std::string& name, const std::string& value);
  bool is_what_the_stack_does(const std::string& name, const std::string& value);
  void set_fast_open_keys(const std::string& name, const std::string& value);

  VirtualHost& host_;
  SocketFace& face_;
  std::string pace_;  ///< a sysctl about pacing that was passed over, because nothing is paced
};

}  // namespace tributary::script
