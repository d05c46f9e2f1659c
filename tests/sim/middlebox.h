// Middleboxes: what changes TCP on its way. Each sits on a path and sees both directions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "stack/wire/ip_address.h"
#include "tests/sim/event_loop.h"
#include "tests/sim/frame.h"
#include "tests/sim/prng.h"
#include "tests/sim/segment.h"

namespace tributary::sim {

class Middlebox {
 public:
  using Pass = std::function<void(Direction, Frame)>;
  virtual ~Middlebox() = default;
  /// Called once by the path: where frames go on from here.
  void connect(EventLoop& loop, Pass pass) {
    loop_ = &loop;
    pass_ = std::move(pass);
  }
  /// Every frame. Boxes that do not care for whole segments override this.
  virtual void handle(Direction direction, Frame frame);
  uint64_t changed() const { return changed_; }

 protected:
  /// A whole TCP segment with right checksums. Call `pass` for what goes on, now or later.
  virtual void on_segment(Direction direction, Segment segment) = 0;
  void pass(Direction direction, Frame frame) { pass_(direction, std::move(frame)); }
  void pass(Direction direction, const Segment& segment) { pass_(direction, segment.build()); }

  EventLoop* loop_ = nullptr;
  uint64_t changed_ = 0;  ///< segments changed

 private:
  Pass pass_;
};

/// The 4-tuple, seen from the A end whichever way a segment goes.
using FlowId = std::tuple<IpAddress, IpAddress, uint16_t, uint16_t>;
FlowId flow_of(Direction direction, const Segment& segment);

/// Gives each connection other sequence numbers in both directions, as firewalls that randomise ISNs do:
/// sequence numbers, acknowledgements and SACK blocks are shifted.
class SequenceRewriter : public Middlebox {
 public:
  explicit SequenceRewriter(Prng prng) : prng_(std::move(prng)) {}

 private:
  struct Shift {
    uint32_t forward;
    uint32_t backward;
  };
  void on_segment(Direction direction, Segment segment) override;
  Prng prng_;
  std::map<FlowId, Shift> flows_;
};

/// Overwrites options of one kind with NOPs, in the segments it is told to.
class OptionStripper : public Middlebox {
 public:
  struct Rule {
    bool from_syn = false;
    bool from_syn_ack = false;
    bool from_non_syn = false;
    uint64_t after_segments = 0;  ///< non-SYN: let so many of the direction pass untouched first
    std::optional<Direction> only = std::nullopt;
    std::optional<uint8_t> subtype = std::nullopt;  ///< only this MPTCP subtype (2 = DSS)
    uint8_t kind = kOptionMptcp;
  };
  explicit OptionStripper(const Rule& rule) : rule_(rule) {}
  /// Begins or stops to strip from non-SYN segments while the world runs.
  void set_from_non_syn(bool strip) { rule_.from_non_syn = strip; }

 private:
  void on_segment(Direction direction, Segment segment) override;
  Rule rule_;
  uint64_t seen_[2] = {0, 0};
};

/// Cuts segments with more than `size` bytes of payload into pieces. Options go with every piece, as from a
/// card that does TSO, or with the first only.
class Splitter : public Middlebox {
 public:
  enum class Options : uint8_t { kOnEveryPiece, kOnFirstPiece };
  Splitter(size_t size, Options options) : size_(size), options_(options) {}

 private:
  void on_segment(Direction direction, Segment segment) override;
  size_t size_;
  Options options_;
};

/// Joins neighbouring segments up to `size` bytes of payload; the first one's options stay, the others' are
/// lost. Holds a segment at most `hold`.
class Coalescer : public Middlebox {
 public:
  Coalescer(size_t size, Micros hold) : size_(size), hold_(hold) {}

 private:
  struct Held {
    Segment segment;
    Micros since;
  };
  void on_segment(Direction direction, Segment segment) override;
  void flush(Direction direction, const FlowId& flow);
  size_t size_;
  Micros hold_;
  std::map<FlowId, Held> held_[2];
};

/// Changes payload bytes without anybody noticing at the TCP level, as an application gateway does.
class PayloadRewriter : public Middlebox {
 public:
  /// Every `period`-th payload segment of `direction` has one byte changed, from number `first` on.
  PayloadRewriter(Direction direction, uint64_t first, uint64_t period)
      : direction_(direction), next_(first), period_(period) {}

 private:
  void on_segment(Direction direction, Segment segment) override;
  Direction direction_;
  uint64_t seen_ = 0;
  uint64_t next_;
  uint64_t period_;
};

}  // namespace tributary::sim
