#include "testbed/link/statistics.h"

#include <cstdio>

namespace tributary::link {

std::string_view name_of(Drop reason) {
  switch (reason) {
    case Drop::kQueue:
      return "queue";
    case Drop::kLoss:
      return "loss";
    case Drop::kDown:
      return "down";
    case Drop::kFilter:
      return "filter";
    case Drop::kPool:
      return "pool";
    case Drop::kOversize:
      return "oversize";
    case Drop::kReceive:
      return "receive";
    case Drop::kTransmit:
      return "transmit";
  }
  return "unknown";
}

namespace {

void append(std::string& out, std::string_view name, std::uint64_t value) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += name;
  out += "\":";
  out += std::to_string(value);
}

}  // namespace

std::string to_json(const Statistics& statistics, const Occupancy& occupancy) {
  std::string out = "{";
  append(out, "offered_frames", statistics.offered_frames);
  append(out, "offered_bytes", statistics.offered_bytes);
  append(out, "frames", statistics.frames);
  append(out, "bytes", statistics.bytes);
  append(out, "duplicated", statistics.duplicated);
  append(out, "reordered", statistics.reordered);
  append(out, "checksum_unfinished", statistics.checksum_unfinished);
  append(out, "queue_frames", occupancy.queue_frames);
  append(out, "queue_bytes", occupancy.queue_bytes);
  append(out, "in_flight", occupancy.in_flight);
  out += ",\"drops\":{";
  for (std::size_t i = 0; i < kDropReasons; ++i) append(out, name_of(static_cast<Drop>(i)), statistics.drops[i]);
  out += "}}";
  return out;
}

}  // namespace tributary::link
