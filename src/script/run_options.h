// What `--name=value` at the top of a script, or on the command line, sets.
#pragma once

#include <iosfwd>
#include <string>

#include "src/script/socket.h"
#include "src/script/virtual_host.h"

namespace tributary::script {

struct RunOptions {
  enum class Version : uint8_t { kIpv4, kIpv6, kMapped };
  Version version = Version::kIpv4;
  HostOptions host;
  bool local_given = false, remote_given = false;
  uint16_t bind_port = 8080;
  uint16_t connect_port = 8080;
  Micros tolerance = Micros::milliseconds(4);
  uint32_t timestamp_tick_us = 0;
  std::ostream* trace = nullptr;  ///< every event and packet is told here, one line each
  bool strict_segments = false;   ///< a segment of the script is one of the stack's, whatever its size
  bool strict = false;            ///< a packet nobody expected is a failure also at the end, or of another connection

  /// Throws ScriptError for an unknown option or an impossible value.
  void apply(const std::string& name, const std::string& value);
  /// Fills in what depends on the version.
  void finish();
};

}  // namespace tributary::script
