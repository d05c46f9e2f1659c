// The goodput table: one long upload over each kind of link, with each kind of fault, under each congestion
// control. Rows and columns in virtual time, from seeds; what they should come to is in goodput_test.cc.
//
// Delays are round-trip times. "Of the link" is the share of the payload that full segments can carry over
// it, so 100 % is a link that never rests: 1448 bytes of payload in frames of 1514 at the link's rate.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stack/base/units.h"
#include "stack/congestion/congestion.h"

namespace tributary::sim {

struct LinkKind {
  const char* name;
  uint64_t bits_per_second;  ///< the policed rate of a policer; the highest of a variable rate
  Micros round_trip;
  uint32_t queue_bytes;
  Micros warm_up;            ///< not measured
  Micros measured;           ///< long against the round trip
  uint64_t lowest_rate = 0;  ///< variable rate: its other bound
  uint64_t raw_rate = 0;     ///< policer: of the link in front of it
  uint32_t policer_burst = 0;
};
const std::vector<LinkKind>& link_kinds();

struct FaultKind {
  const char* name;
  double loss = 0;
  double burst = 0;    ///< share of frames that begin a burst of up to 16 frame times
  double reorder = 0;  ///< share of frames displaced by up to a quarter of the round trip
  double ack_loss = 0;
  bool ack_compression = false;  ///< ACKs come back in slots of a quarter of the round trip
};
const std::vector<FaultKind>& fault_kinds();

/// All there are, by their names.
std::vector<congestion::Algorithm> all_algorithms();

struct CellKey {
  std::string link, fault, algorithm;
  auto operator<=>(const CellKey&) const = default;
  std::string to_string() const { return link + " " + fault + " " + algorithm; }
};

struct Cell {
  double megabits = 0;       ///< goodput: payload delivered a second
  double of_link = 0;        ///< share of what the link can carry
  double retransmitted = 0;  ///< share of the data segments sent, from the first on
  double spurious = 0;       ///< share of the data segments sent that had arrived before
  double queue_ms = 0;       ///< mean wait of a frame in the link's queue
  uint64_t timeouts = 0;
  std::string problem;  ///< wrong bytes, leaks; empty if none
};

/// Runs the cell.
Cell measure(const LinkKind& link, const FaultKind& fault, congestion::Algorithm algorithm, uint64_t seed);

using Snapshot = std::map<CellKey, Cell>;
/// Empty when the file cannot be read.
Snapshot read_snapshot(const std::string& file);
/// False when it cannot be written.
bool write_snapshot(const std::string& file, const Snapshot& snapshot);
/// What differs by more than the tolerance, one sentence; empty when nothing does.
std::string compare(const Cell& before, const Cell& now);

}  // namespace tributary::sim
