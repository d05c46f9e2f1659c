#include "testbed/link/command.h"

#include <optional>
#include <vector>

#include "testbed/link/units.h"

namespace tributary::link {

namespace {

std::vector<std::string_view> split_words(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r\n";
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(kBlank); at != line.npos; at = line.find_first_not_of(kBlank, at)) {
    std::size_t end = line.find_first_of(kBlank, at);
    if (end == line.npos) end = line.size();
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

template <typename T>
bool store(T& field, std::optional<T> value) {
  if (value) field = *value;
  return value.has_value();
}

// A limit in frames ends in 'p' (packets); setting one kind lifts the other.
bool store_queue(Parameters& parameters, std::string_view value) {
  if (value.ends_with('p')) {
    auto frames = parse_count(value.substr(0, value.size() - 1));
    if (frames) parameters.queue_bytes = 0;
    return store(parameters.queue_frames, frames);
  }
  auto bytes = parse_bytes(value);
  if (bytes) parameters.queue_frames = 0;
  return store(parameters.queue_bytes, bytes);
}

enum class Stored { kYes, kBadValue, kUnknownKey };

Stored store_parameter(Parameters& p, std::string_view key, std::string_view value) {
  auto result = [](bool stored) { return stored ? Stored::kYes : Stored::kBadValue; };
  if (key == "rate") return result(store(p.rate, parse_rate(value)));
  if (key == "delay") return result(store(p.delay, parse_duration(value)));
  if (key == "overhead") return result(store(p.overhead, parse_bytes(value)));
  if (key == "queue") return result(store_queue(p, value));
  if (key == "loss") return result(store(p.loss, parse_share(value)));
  if (key == "duplicate") return result(store(p.duplicate, parse_share(value)));
  if (key == "reorder") return result(store(p.reorder, parse_share(value)));
  if (key == "reorder-delay") return result(store(p.reorder_delay, parse_duration(value)));
  return Stored::kUnknownKey;
}

}  // namespace

Outcome apply_command(Link& link, TimePoint now, std::string_view line) {
  Outcome outcome;
  auto fail = [&](std::string_view what, std::string_view word) {
    outcome = {};
    outcome.error = std::string(what) + " '" + std::string(word) + "'";
    return outcome;
  };
  Parameters forward = link.forward.parameters(), backward = link.backward.parameters();
  FrameFilter filter = link.filter;
  bool to_forward = true, to_backward = true;

  const auto words = split_words(line);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word == "forward" || word == "backward" || word == "both") {
      to_forward = word != "backward";
      to_backward = word != "forward";
    } else if (word == "down" || word == "up") {
      if (to_forward) forward.down = word == "down";
      if (to_backward) backward.down = word == "down";
    } else if (word == "stats") {
      outcome.wants_stats = true;
    } else if (i + 1 == words.size()) {
      return fail("not a command, or its value is missing:", word);
    } else if (std::string_view value = words[++i]; word == "drop-dst") {
      auto address = parse_address(value);
      if (value == "none") {
        filter.clear();
      } else if (!address) {
        return fail("not an address:", value);
      } else if (!filter.add(*address)) {
        return fail("too many destinations to drop, at", value);
      }
    } else {
      Stored stored = Stored::kYes;
      if (to_forward) stored = store_parameter(forward, word, value);
      if (to_backward) stored = store_parameter(backward, word, value);
      if (stored == Stored::kUnknownKey) return fail("unknown parameter", word);
      if (stored == Stored::kBadValue) return fail("bad value for " + std::string(word) + ":", value);
    }
  }
  link.forward.set_parameters(now, forward);
  link.backward.set_parameters(now, backward);
  link.filter = filter;
  return outcome;
}

}  // namespace tributary::link
