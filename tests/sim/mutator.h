// A middlebox that does to packets whatever a broken or hostile network can: it drops, duplicates, reorders,
// delays, truncates, flips bits, replays what passed long ago and injects garbage into the window. Each flow
// has a plan of its own.
//
// What plain TCP cannot tell from the truth is left out, because no stack could pass: payload forged or
// altered under a right checksum, a forged FIN, an acknowledgement of what the receiver has not got (at
// either level), and fields that say where payload belongs. In particular:
//   - most flips leave the checksum wrong, one that happens to keep it right (2^-16) is taken back; the
//   others
//     recompute it over flips of header fields: window, flags, urgent pointer, timestamps, SACK, options of
//     SYNs, option kinds, and on segments without payload sequence and acknowledgement numbers and ports;
//   - payload is flipped under a right TCP checksum only on joined subflows, when DSS checksums are in use;
//   - garbage payload is injected with timestamps older than the connection (PAWS must refuse it), and into
//   MPTCP
//     subflows without a mapping (it must never be delivered);
//   - injected resets and SYNs lie in the window but not at its left edge: RFC 5961 §3 and §4 ask for a
//   challenge ACK.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "tests/sim/middlebox.h"

namespace tributary::sim {

enum class Mutation : uint8_t { kDrop, kDuplicate, kReorder, kDelay, kTruncate, kFlip, kReplay, kInject };
constexpr size_t kMutations = 8;
const char* name_of(Mutation mutation);

/// Chances per frame, by Mutation.
using MutationPlan = std::array<double, kMutations>;
/// Some flows are left alone, most have some of the kinds at up to 15 %, some are treated badly.
MutationPlan random_mutations(Prng& prng);

class Mutator : public Middlebox {
 public:
  struct Rules {
    bool dss_checksums = false;                       ///< every MPTCP connection here has them
    std::optional<MutationPlan> plan = std::nullopt;  ///< for every flow, instead of a random one
  };
  Mutator(Prng prng, const Rules& rules) : prng_(std::move(prng)), rules_(rules) {}

  void handle(Direction direction, Frame frame) override;
  const std::array<uint64_t, kMutations>& counts() const { return counts_; }
  /// Payload or FINs forged where only the data level can tell.
  uint64_t forged_payloads() const { return forged_; }
  /// Frames pass untouched from now on.
  void stop() { stopped_ = true; }

 private:
  struct Way {
    std::optional<Segment> last;   ///< valid segment last seen
    std::deque<Frame> old;         ///< for replays
    uint32_t first_timestamp = 0;  ///< of the first SYN
    bool seen_syn = false;
    bool has_timestamps = false;
    bool mapped = false;  ///< the last payload that passed had a mapping
  };
  struct Held {
    Frame frame;
    uint64_t id;
    unsigned frames_to_go;
  };
  struct Flow {
    MutationPlan plan;
    Way ways[2];
    std::vector<Held> held[2];
    unsigned extra = 0;  ///< frames replayed and injected so far
    bool join = false;
    bool clock_damaged = false;  ///< the ends may not agree on timestamps, which old garbage is told by
    bool cut = false;            ///< a mapping may reach beyond its segment: what follows needs none of its own
    bool unmapped =
        false;  ///< garbage without a mapping lies in the window: a mapping beyond its segment would take it in
    bool mptcp_broken = false;  ///< has seen MP_FAIL or an infinite mapping
  };

  void on_segment(Direction direction, Segment segment) override { pass(direction, segment); }
  bool happens(const Flow& flow, Mutation mutation);
  void learn(Flow& flow, Direction direction, const Segment& segment);
  void forward(Flow& flow, Direction direction, Frame frame);
  void hold(Flow& flow, Direction direction, Frame frame);
  void let_go(Flow& flow, Direction direction, uint64_t id);
  void pass_later(Direction direction, Frame frame, Micros delay);
  Frame truncate(Flow& flow, const Segment& segment, const Frame& frame);
  Frame flip(Flow& flow, const Segment& segment, const Frame& frame);
  Frame flip_anywhere(const Frame& frame);
  Frame flip_header(Flow& flow, const Segment& segment);
  void flip_option(Flow& flow, Segment& segment);
  void inject(Flow& flow, Direction direction);

  Prng prng_;
  Rules rules_;
  std::map<FlowId, Flow> flows_;
  std::array<uint64_t, kMutations> counts_{};
  uint64_t forged_ = 0;
  uint64_t held_ids_ = 0;
  bool stopped_ = false;
};

}  // namespace tributary::sim
