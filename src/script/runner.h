// Runs one script from its first event to its last, in virtual time.
#pragma once

#include <string>

#include "src/script/ast.h"
#include "src/script/outcome.h"
#include "src/script/run_options.h"

namespace tributary::script {

/// `options` are those of the command line; the script's own come first and give way to them.
struct RunRequest {
  std::vector<std::pair<std::string, std::string>> options;
  std::ostream* trace = nullptr;
};

/// Runs `source`, which stands in the file `path`. All buffers come back to `pools`.
Outcome run_script(PacketPools& pools, const std::string& path, std::string_view source,
                   const RunRequest& request = {});
/// The same from a file.
Outcome run_file(PacketPools& pools, const std::string& path, const RunRequest& request = {});

}  // namespace tributary::script
