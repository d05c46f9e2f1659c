// Code snippets, `%{ … }%`: Python that looks at a connection. At its time a snippet only notes the connection's
// TCP_INFO; all of them run in order, in one interpreter and one scope, when the script is through. That is the one
// thing a script has executed, and only a script with snippets pays for it.
#pragma once

#include <string>
#include <vector>

#include "src/script/tcp_info.h"

namespace tributary::script {

class Snippets {
 public:
  /// `line` is that of the "%{".
  void add(int line, const std::string& text, const std::vector<TcpVariable>& variables);
  /// Runs them. Throws ScriptError for the first that raises an exception, with its line in the script; as
  /// unsupported where what is missing is a variable nobody here knows, or Python.
  void run(const std::string& script_path) const;

 private:
  std::string program_;  ///< one call a snippet
};

}  // namespace tributary::script
