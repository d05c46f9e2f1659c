// What the sender remembers of SACK blocks beside the marks on the packets (RFC 2018 §5): where the runs are that were
// reported last, so that a block that says nothing new costs nothing and one that has grown is followed from where it
// ended. A queue is a list: what cannot be found from there is looked for step by step, and steps are bounded by a
// credit that ACKs earn, whatever a peer makes of its blocks. Exists from the first block to the end of the flight.
#pragma once

#include <array>
#include <cstdint>

#include "stack/base/seq_num.h"
#include "stack/wire/tcp_options.h"

struct rte_mbuf;

namespace tributary {
struct Context;
}  // namespace tributary

namespace tributary::tcp {

struct Flight;

struct Scoreboard {
  static constexpr unsigned kRuns = 8;              ///< two ACKs' worth of blocks
  static constexpr int32_t kFirstCredit = 1 << 14;  ///< steps: a burst of losses in a large window
  static constexpr int32_t kCreditPerAck = 128;     ///< steps

  /// SACKed packets without a hole between them.
  struct Run {
    SeqNum left, right;
    rte_mbuf* last;  ///< the packet that ends at `right`
  };
  std::array<Run, kRuns> runs;  ///< the latest reported first
  uint32_t count = 0;
  int32_t credit = kFirstCredit;       ///< for finding blocks
  int32_t scan_credit = kFirstCredit;  ///< for finding losses
  rte_mbuf* next_lost = nullptr;       ///< no packet before it is marked lost; null: not known
  /// Every packet before it is SACKed, lost, or was sent again; null: not known.
  rte_mbuf* first_unjudged = nullptr;
  /// Micros: what was sent again and is under way before it left no earlier.
  int64_t oldest_retransmission = INT64_MAX;

  /// The run `seq` lies in, or null.
  const Run* find(SeqNum seq) const;
  /// Where to begin to look for `left`: the last packet of the nearest run that starts at or below it, else `head`.
  rte_mbuf* nearest(SeqNum left, rte_mbuf* head) const;
  /// `run` is SACKed: joined with those it touches, it becomes the latest.
  void remember(Run run);
  /// Packets below `una` are going.
  void forget_below(SeqNum una);
  /// `m` is marked lost.
  void note_lost(rte_mbuf* m);
  /// `m` is going, `next` follows it.
  void forget_packet(rte_mbuf* m, rte_mbuf* next) {
    if (next_lost == m) next_lost = next;
    if (first_unjudged == m) first_unjudged = next;
  }
  static void earn(int32_t& credit) {
    credit = credit > kFirstCredit - kCreditPerAck ? kFirstCredit : credit + kCreditPerAck;
  }
};

/// The scoreboard of a flight, made if it has none yet.
Scoreboard& scoreboard_of(Context& context, Flight& flight);
/// The same, or null.
Scoreboard* find_scoreboard(Context& context, const Flight& flight);
void forget_scoreboard(Context& context, Flight& flight);

}  // namespace tributary::tcp
