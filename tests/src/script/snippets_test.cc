// Code snippets, and the TCP_INFO they see.
#include "src/script/snippets.h"

#include <gtest/gtest.h>
#include <linux/tcp.h>

#include <cstdlib>

#include "src/script/outcome.h"
#include "tests/src/script/opening.h"
#include "tests/src/script/pools.h"

namespace tributary::script::test {
namespace {

struct Case {
  std::string rest;
  Verdict verdict;
  int line = 0;             ///< 0: not compared
  std::string reason = {};  ///< part of it
};

void expect_verdicts(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const Outcome outcome = run_text(kOpen + c.rest);
    if (outcome.reason.find("without python3") != std::string::npos) GTEST_SKIP() << "no python3";
    EXPECT_EQ(outcome.verdict, c.verdict) << c.rest << "\n" << outcome.reason;
    if (c.line != 0) {
      EXPECT_EQ(outcome.line, c.line) << c.rest;
    }
    EXPECT_NE(outcome.reason.find(c.reason), std::string::npos) << outcome.reason;
  }
}

TEST(Snippets, HoldOrTellTheirLine) {
  expect_verdicts({
      {"+0 %{ assert tcpi_snd_cwnd == 10 }%", Verdict::kPassed},
      {"+0 %{ assert tcpi_snd_cwnd == 11, 'cwnd=%d' % tcpi_snd_cwnd }%", Verdict::kFailed, kNext,
       "AssertionError: cwnd=10\n  assert tcpi_snd_cwnd == 11"},
      {"+0 %{\n  if tcpi_unacked == 0:\n    assert tcpi_rtt == 5, \\\n      tcpi_rtt\n}%", Verdict::kFailed, kNext + 2,
       "100000"},
      {"+0 %{ assert True;\\\n     assert tcpi_state == TCP_CLOSE }%", Verdict::kFailed, kNext + 1, "AssertionError"},
      {"\n+0 %{ assert = 3 }%", Verdict::kFailed, kNext + 1, "SyntaxError"},
      {"+0 %{ print(\"it's \\\\ { } %\", end='') }%\n+0 %{ import sys; sys.exit(3) }%", Verdict::kFailed, kNext + 1,
       "ends with 3"},
      {"+0 %{ import sys; sys.exit(0) }%\n+0 %{ assert False }%", Verdict::kFailed, kNext + 1},
  });
}

TEST(Snippets, ShareTheirVariablesButSeeTheirOwnTime) {
  expect_verdicts({
      {"+0 %{ before = tcpi_unacked }%\n+0 write(4, ..., 2000) = 2000\n+0 %{ assert (before, tcpi_unacked) == (0, 2) "
       "}%",
       Verdict::kPassed},
      // Once segments have overtaken each other their degree is not known, and not what it was before either.
      {"+0 %{ assert tcpi_reordering == 3 }%\n+0 write(4, ..., 3000) = 3000\n"
       "+0.1 < . 1:1(0) ack 1 win 257 <nop, nop, sack 2001:3001>\n+0 < . 1:1(0) ack 2001 win 257 <nop, nop, sack "
       "2001:3001>\n"
       "+0 %{ tcpi_reordering }%",
       Verdict::kUnsupported, kNext + 4, "tcpi_reordering"},
  });
}

TEST(Snippets, WhatTheStackDoesNotKnowIsUnsupportedByName) {
  expect_verdicts({
      {"+0 %{ assert tcpi_busy_time >= 0 }%", Verdict::kUnsupported, kNext, "tcpi_busy_time"},
      {"+0 %{ TCPI_OPT_ECN_SEEN }%", Verdict::kUnsupported, kNext, "TCPI_OPT_ECN_SEEN"},
      {"+0 %{ bbr_bw }%", Verdict::kUnsupported, kNext, "bbr_bw"},
      {"+0 %{ nonsense }%", Verdict::kFailed, kNext, "nonsense"},
      {"+0 getsockopt(4, SOL_TCP, TCP_INFO, {tcpi_busy_time=0}, [232]) = 0", Verdict::kUnsupported, kNext,
       "tcpi_busy_time"},
      {"+0 getsockopt(4, SOL_TCP, TCP_INFO, {tcpi_snd_cwnd=9}, [232]) = 0", Verdict::kFailed, kNext,
       "tcpi_snd_cwnd: expected 9, got 10"},
  });
}

TEST(Snippets, NeedAConnection) {
  const Outcome none = run_text("+0 %{ assert True }%");
  EXPECT_EQ(none.verdict, Verdict::kFailed);
  EXPECT_NE(none.reason.find("no connection"), std::string::npos) << none.reason;
  expect_verdicts(
      {{"+0 close(4) = 0\n+0 > F. 1:1(0) ack 1\n+0 %{ tcpi_state }%", Verdict::kFailed, kNext + 2, "no connection"}});
}

TEST(Snippets, DoNotRunAfterAFailure) {
  const Outcome outcome = run_text(kOpen + "+0 %{ assert False }%\n+0 > P. 1:2(1) ack 1");
  EXPECT_EQ(outcome.verdict, Verdict::kFailed);
  EXPECT_EQ(outcome.line, kNext + 1);
}

TEST(Snippets, AreUnsupportedWithoutPython) {
  const char* before = std::getenv("PATH");
  const std::string path = before != nullptr ? before : "";
  setenv("PATH", "/nowhere", 1);
  Snippets snippets;
  EXPECT_NO_THROW(snippets.run("a.pkt"));  // nothing to run
  snippets.add(1, "pass", {});
  try {
    snippets.run("a.pkt");
    ADD_FAILURE() << "it ran";
  } catch (const ScriptError& error) {
    EXPECT_EQ(error.verdict(), Verdict::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("python3"), std::string::npos) << error.what();
  }
  setenv("PATH", path.c_str(), 1);
}

TEST(TcpInfoOfLinux, CountsSegments) {
  tcp::TcpInfo info;
  info.state = tcp::State::kCloseWait;
  info.verdict = tcp::PathVerdict::kLoss;
  info.sack = info.syn_data = info.passive = true;
  info.snd_wscale = 7;
  info.rcv_wscale = 9;
  info.snd_mss = 1448;
  info.cwnd = 14'600;
  info.ssthresh = 2'900;
  info.time_outs = 2;
  info.bytes_acked = uint64_t{1} << 33;
  tcp_info out;
  const auto bytes = std::as_writable_bytes(std::span(&out, 1));
  ASSERT_EQ(write_tcp_info(name_tcp_info(info), bytes), sizeof out);
  EXPECT_EQ(out.tcpi_state, 8);
  EXPECT_EQ(out.tcpi_ca_state, TCP_CA_Loss);
  EXPECT_EQ(out.tcpi_options, TCPI_OPT_SACK | TCPI_OPT_SYN_DATA | 128);
  EXPECT_EQ(out.tcpi_snd_wscale, 7);
  EXPECT_EQ(out.tcpi_rcv_wscale, 9);
  EXPECT_EQ(out.tcpi_snd_cwnd, 10u);
  EXPECT_EQ(out.tcpi_snd_ssthresh, 2u);
  EXPECT_EQ(out.tcpi_backoff, 2);
  EXPECT_EQ(out.tcpi_bytes_acked, uint64_t{1} << 33);
  EXPECT_EQ(out.tcpi_segs_out, 0u);  // not known
  info.ssthresh = congestion::kNoThreshold;
  EXPECT_EQ(write_tcp_info(name_tcp_info(info), bytes.first(8)), 8u);
  write_tcp_info(name_tcp_info(info), bytes);
  EXPECT_EQ(out.tcpi_snd_ssthresh, 0x7fffffffu);
}

}  // namespace
}  // namespace tributary::script::test
