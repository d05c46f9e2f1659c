#include "stack/tcp/scoreboard.h"

#include <algorithm>

#include "stack/context.h"

namespace tributary::tcp {

const Scoreboard::Run* Scoreboard::find(SeqNum seq) const {
  for (unsigned i = 0; i < count; ++i)
    if (runs[i].left <= seq && seq < runs[i].right) return &runs[i];
  return nullptr;
}

rte_mbuf* Scoreboard::nearest(SeqNum left, rte_mbuf* head) const {
  const Run* best = nullptr;
  for (unsigned i = 0; i < count; ++i)
    if (runs[i].left <= left && (best == nullptr || runs[i].right > best->right)) best = &runs[i];
  return best != nullptr ? best->last : head;
}

void Scoreboard::remember(Run run) {
  // What stays moves back by one; the oldest falls off the end.
  Run moved = run;
  unsigned kept = 1;
  const std::array<Run, kRuns> old = runs;
  for (unsigned i = 0; i < count; ++i) {
    if (old[i].left <= moved.right && moved.left <= old[i].right) {
      moved.left = min_seq(moved.left, old[i].left);
      if (old[i].right > moved.right) {
        moved.right = old[i].right;
        moved.last = old[i].last;
      }
    } else if (kept < kRuns) {
      runs[kept++] = old[i];
    }
  }
  runs[0] = moved;
  count = kept;
}

void Scoreboard::forget_below(SeqNum una) {
  const auto end =
      std::remove_if(runs.begin(), runs.begin() + count, [una](const Run& run) { return run.right <= una; });
  count = static_cast<uint32_t>(end - runs.begin());
}

void Scoreboard::note_lost(rte_mbuf* m) {
  if (next_lost != nullptr && SeqNum(info_of(m).seq) < SeqNum(info_of(next_lost).seq)) next_lost = m;
}

Scoreboard& scoreboard_of(Context& context, Flight& flight) {
  // As many as Tcbs: cannot fail.
  if (flight.scoreboard == kNoScoreboard) flight.scoreboard = context.scoreboards.index(*context.scoreboards.create());
  return context.scoreboards.at(flight.scoreboard);
}

Scoreboard* find_scoreboard(Context& context, const Flight& flight) {
  return flight.scoreboard != kNoScoreboard ? &context.scoreboards.at(flight.scoreboard) : nullptr;
}

void forget_scoreboard(Context& context, Flight& flight) {
  if (flight.scoreboard == kNoScoreboard) return;
  context.scoreboards.destroy(context.scoreboards.at(flight.scoreboard));
  flight.scoreboard = kNoScoreboard;
}

}  // namespace tributary::tcp
