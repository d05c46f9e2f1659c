// Captures of what a host sent and received, for Wireshark: classic pcap, microseconds, Ethernet.
#pragma once

#include <fstream>
#include <memory>
#include <span>
#include <string>

#include "stack/base/units.h"

namespace tributary::sim {

class Capture {
 public:
  /// A capture in the directory TRIBUTARY_SIM_PCAP names, or null when it names none.
  static std::unique_ptr<Capture> from_environment(const std::string& name);
  explicit Capture(const std::string& file);
  void write(Micros now, std::span<const uint8_t> frame);

 private:
  std::ofstream out_;
};

}  // namespace tributary::sim
