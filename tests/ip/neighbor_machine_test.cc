// Every event in every state, as a table.
#include <gtest/gtest.h>

#include "stack/ip/neighbor.h"

namespace tributary::ip {
namespace {

using State = NeighborState;

constexpr MacAddress kKnown{{2, 0, 0, 0, 0, 0x11}};
constexpr MacAddress kNew{{2, 0, 0, 0, 0, 0x22}};
constexpr Micros kNow = Micros::seconds(500);
const Limits kLimits;

Neighbor in_state(State state) {
  Neighbor n;
  n.state = state;
  n.used_at = kNow - Micros::seconds(1);
  n.confirmed_at = kNow - Micros::seconds(1);
  n.deadline = Micros::never();
  n.set_link_address(state >= State::kReachable ? kKnown : MacAddress());
  return n;
}

TEST(NeighborMachine, Send) {
  struct {
    State before;
    SendVerdict verdict;
    State after;
  } const table[] = {
      {State::kUnknown, SendVerdict::kWaitAndSolicit, State::kIncomplete},
      {State::kIncomplete, SendVerdict::kWait, State::kIncomplete},
      {State::kReachable, SendVerdict::kTransmit, State::kReachable},
      {State::kStale, SendVerdict::kTransmit, State::kDelay},
      {State::kDelay, SendVerdict::kTransmit, State::kDelay},
      {State::kProbe, SendVerdict::kTransmit, State::kProbe},
  };
  for (const auto& row : table) {
    SCOPED_TRACE(static_cast<int>(row.before));
    Neighbor n = in_state(row.before);
    EXPECT_EQ(on_send(n, kNow, kLimits), row.verdict);
    EXPECT_EQ(n.state, row.after);
  }
}

// RFC 4861 §7.2.5 and appendix C.
TEST(NeighborMachine, Advertisement) {
  const Advertisement kNothing{};
  const Advertisement kSolicitedSame{.link_address = kKnown, .solicited = true};
  const Advertisement kSolicitedNew{.link_address = kNew, .solicited = true};
  const Advertisement kSolicitedNewWeak{.link_address = kNew, .solicited = true, .overrides = false};
  const Advertisement kSolicitedNoAddress{.link_address = {}, .solicited = true};
  const Advertisement kAnnouncedSame{.link_address = kKnown};
  const Advertisement kAnnouncedNew{.link_address = kNew};
  const Advertisement kAnnouncedNewWeak{.link_address = kNew, .solicited = false, .overrides = false};
  struct {
    State before;
    const Advertisement& said;
    State after;
    MacAddress mac;
  } const table[] = {
      {State::kUnknown, kAnnouncedNew, State::kStale, kNew},
      {State::kUnknown, kNothing, State::kUnknown, MacAddress()},
      {State::kIncomplete, kNothing, State::kIncomplete, MacAddress()},
      {State::kIncomplete, kSolicitedNoAddress, State::kIncomplete, MacAddress()},
      {State::kIncomplete, kSolicitedNew, State::kReachable, kNew},
      {State::kIncomplete, kSolicitedNewWeak, State::kReachable, kNew},
      {State::kIncomplete, kAnnouncedNew, State::kStale, kNew},
      {State::kReachable, kAnnouncedSame, State::kReachable, kKnown},
      {State::kReachable, kAnnouncedNew, State::kStale, kNew},
      {State::kReachable, kAnnouncedNewWeak, State::kStale, kKnown},
      {State::kReachable, kSolicitedNew, State::kReachable, kNew},
      {State::kReachable, kSolicitedNewWeak, State::kStale, kKnown},
      {State::kStale, kAnnouncedSame, State::kStale, kKnown},
      {State::kStale, kAnnouncedNew, State::kStale, kNew},
      {State::kStale, kAnnouncedNewWeak, State::kStale, kKnown},
      {State::kStale, kSolicitedSame, State::kReachable, kKnown},
      {State::kDelay, kAnnouncedNewWeak, State::kDelay, kKnown},
      {State::kDelay, kAnnouncedNew, State::kStale, kNew},
      {State::kDelay, kSolicitedNoAddress, State::kReachable, kKnown},
      {State::kProbe, kSolicitedSame, State::kReachable, kKnown},
      {State::kProbe, kSolicitedNew, State::kReachable, kNew},
      {State::kProbe, kSolicitedNewWeak, State::kProbe, kKnown},
      {State::kProbe, kAnnouncedSame, State::kProbe, kKnown},
      {State::kFree, kSolicitedNew, State::kFree, MacAddress()},
  };
  for (size_t i = 0; i < std::size(table); ++i) {
    SCOPED_TRACE("row " + std::to_string(i));
    Neighbor n = in_state(table[i].before);
    on_advertisement(n, table[i].said, kNow, kLimits);
    EXPECT_EQ(n.state, table[i].after);
    EXPECT_EQ(n.link_address(), table[i].mac);
    if (table[i].after == State::kReachable && table[i].before != State::kReachable) {
      EXPECT_EQ(n.deadline, kNow + kLimits.reachable);
    }
  }
}

TEST(NeighborMachine, Confirmation) {
  for (State state : {State::kReachable, State::kStale, State::kDelay, State::kProbe}) {
    Neighbor n = in_state(state);
    on_confirmation(n, kNow, kLimits);
    EXPECT_EQ(n.state, State::kReachable);
    EXPECT_EQ(n.confirmed_at, kNow);
  }
  for (State state : {State::kFree, State::kUnknown, State::kIncomplete}) {
    Neighbor n = in_state(state);
    on_confirmation(n, kNow, kLimits);
    EXPECT_EQ(n.state, state);
  }
}

TEST(NeighborMachine, Timer) {
  struct {
    State before;
    int solicits;
    Micros confirmed_ago;
    Micros used_ago;
    TimerVerdict verdict;
    State after;
  } const table[] = {
      {State::kUnknown, 0, {}, {}, TimerVerdict::kForget, State::kUnknown},
      {State::kIncomplete, 1, {}, {}, TimerVerdict::kSolicitAll, State::kIncomplete},
      {State::kIncomplete, 2, {}, {}, TimerVerdict::kSolicitAll, State::kIncomplete},
      {State::kIncomplete, 3, {}, {}, TimerVerdict::kForget, State::kIncomplete},
      {State::kReachable, 0, Micros::seconds(29), {}, TimerVerdict::kNothing, State::kReachable},
      {State::kReachable, 0, Micros::seconds(30), {}, TimerVerdict::kNothing, State::kStale},
      {State::kStale, 0, {}, Micros::seconds(599), TimerVerdict::kNothing, State::kStale},
      {State::kStale, 0, {}, Micros::seconds(600), TimerVerdict::kForget, State::kStale},
      {State::kDelay, 3, {}, {}, TimerVerdict::kSolicitUnicast, State::kProbe},
      {State::kProbe, 1, {}, {}, TimerVerdict::kSolicitUnicast, State::kProbe},
      {State::kProbe, 3, {}, {}, TimerVerdict::kForget, State::kProbe},
  };
  for (size_t i = 0; i < std::size(table); ++i) {
    SCOPED_TRACE("row " + std::to_string(i));
    const Micros now = Micros::seconds(5000);
    Neighbor n = in_state(table[i].before);
    n.solicits = static_cast<uint8_t>(table[i].solicits);
    n.confirmed_at = now - table[i].confirmed_ago;
    n.used_at = now - table[i].used_ago;
    EXPECT_EQ(on_timer(n, now, kLimits), table[i].verdict);
    EXPECT_EQ(n.state, table[i].after);
    if (table[i].verdict != TimerVerdict::kForget) {
      EXPECT_GT(n.deadline, now) << "the timer would fire for ever";
    }
  }
}

}  // namespace
}  // namespace tributary::ip
