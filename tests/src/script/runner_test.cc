// Verdicts: what passes, what fails and how the failure reads, what is unsupported.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/src/script/opening.h"
#include "tests/src/script/pools.h"

namespace tributary::script::test {
namespace {

void expect_failure(const std::string& rest, std::initializer_list<std::string_view> parts, int line = kNext) {
  const Outcome outcome = run_text(kOpen + rest);
  EXPECT_EQ(outcome.verdict, Verdict::kFailed) << rest;
  EXPECT_EQ(outcome.line, line) << rest;
  for (const auto part : parts)
    EXPECT_NE(outcome.reason.find(part), std::string::npos) << part << "\nin: " << outcome.reason;
}
void expect_pass(const std::string& text) {
  const Outcome outcome = run_text(text);
  EXPECT_EQ(outcome.verdict, Verdict::kPassed) << outcome.line << ": " << outcome.reason;
}

TEST(ScriptRunner, MismatchTellsBothPacketsTheLineAndTheTime) {
  expect_failure("+0 write(4, ..., 100) = 100\n+0 > . 1:201(200) ack 1\n",
                 {"expected: 0.100000 > . 1:201(200) ack 1", "got:      0.100000 > P. 1:101(100) ack 1",
                  "time difference: 0.000000", "flags: expected ., got P.", "payload size: expected 200, got 100"},
                 kNext + 1);
}

TEST(ScriptRunner, EveryFieldIsCompared) {
  const std::string write = "+0 write(4, ..., 100) = 100\n";
  expect_failure(write + "+0 > P. 2:102(100) ack 1", {"sequence number: expected 2, got 1"}, kNext + 1);
  expect_failure(write + "+0 > P. 1:101(100) ack 2", {"acknowledgement number: expected 2, got 1"}, kNext + 1);
  expect_failure(write + "+0 > P. 1:101(100) ack 1 win 1", {"window: expected 1, got "}, kNext + 1);
  expect_failure(write + "+0 > P. 1:101(100) ack 1 <nop, nop, sack 1:2>",
                 {"options: expected <nop, nop, sack 1:2>, got <>"}, kNext + 1);
  expect_failure(write + "+0 > [ect0] P. 1:101(100) ack 1", {"ECN field: expected 2, got 0"}, kNext + 1);
  expect_failure(write + "+0 > (ttl 9) P. 1:101(100) ack 1", {"time to live: expected 9, got 64"}, kNext + 1);
  expect_failure("+0 write(4, \"abc\", 3) = 3\n+0 > P. 1:4(3) ack 1 \"abd\"",
                 {"payload: expected \"abd\", got \"abc\""}, kNext + 1);
}

TEST(ScriptRunner, PacketThatComesLateIsToldOf) {
  expect_failure("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1\n+0.1 > P. 1:101(100) ack 1",
                 {"no packet was sent", "expected: 0.200000", "next:     0.400000 > P. 1:101(100) ack 1",
                  "time difference: 0.200000"},
                 kNext + 2);
}

TEST(ScriptRunner, PacketThatComesEarlyFails) {
  expect_failure("+0 write(4, ..., 100) = 100\n+0.01 > P. 1:101(100) ack 1",
                 {"time difference: -0.010000", "it came too early"}, kNext + 1);
}

TEST(ScriptRunner, ToleranceIsAnOption) {
  const std::string late = "+0 write(4, ..., 100) = 100\n+0.01 > P. 1:101(100) ack 1\n";
  expect_pass("--tolerance_usecs=20000\n" + kOpen + late);
  RunRequest request;
  request.options = {{"tolerance_usecs", "20000"}};
  EXPECT_EQ(run_text(kOpen + late, request).verdict, Verdict::kPassed);
}

TEST(ScriptRunner, NothingSentIsToldOf) {
  expect_failure("+0 > . 1:1(0) ack 1", {"no packet was sent", "nothing until"});
}

TEST(ScriptRunner, ResultOfACallIsCompared) {
  expect_failure("+0 write(4, ..., 100) = 50", {"write(4, ..., 100) = 50", "expected 50, got 100"});
  expect_failure("+0 shutdown(4, 9) = -1 EPIPE (Broken pipe)", {"expected -1 EPIPE, got -1 EINVAL"});
  expect_failure("+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [5], [4]) = 0", {"value: expected 5, got 0"});
  expect_failure("+0 ioctl(4, SIOCINQ, [7]) = 0", {"expected 7, got 0"});
  expect_failure("+0 poll([{fd=4, events=POLLOUT, revents=POLLIN}], 1, 0) = 1", {"revents: expected 1, got 4"});
}

TEST(ScriptRunner, CallThatWouldBlockNeedsATime) {
  expect_failure("+0 read(4, ..., 100) = 10", {"would block"});
  expect_failure("+0...0.5 read(4, ..., 100) = 10\n+0.2 < P. 1:11(10) ack 1 win 257\n+0 > . 1:1(0) ack 11",
                 {"should return at 0.600000, returned at 0.300000: time difference -0.300000"});
  expect_failure("+0...0.5 read(4, ..., 100) = 10\n", {"does not return"});
}

TEST(ScriptRunner, DataReadMustBeWhatWasSent) {
  expect_failure("+0 < P. 1:4(3) ack 1 win 257 \"abc\"\n+0 > . 1:1(0) ack 4\n+0 read(4, \"abd\", 10) = 3",
                 {"read \"abc\""}, kNext + 2);
}

TEST(ScriptRunner, UnexpectedPacketAtTheEndFailsOnlyWhenStrict) {
  const std::string text = kOpen + "+0 write(4, ..., 100) = 100\n";
  EXPECT_EQ(run_text(text).verdict, Verdict::kPassed);
  const Outcome strict = run_text("--strict\n" + text);
  EXPECT_EQ(strict.verdict, Verdict::kFailed);
  EXPECT_NE(strict.reason.find("nobody expected"), std::string::npos) << strict.reason;
}

TEST(ScriptRunner, OrderOfPacketsCounts) {
  expect_failure("+0 write(4, ..., 2000) = 2000\n+0 > P. 1001:2001(1000) ack 1\n",
                 {"sequence number: expected 1001, got 1"}, kNext + 1);
}

TEST(ScriptRunner, SegmentsLargerThanThePathAreSeveralPutTogether) {
  expect_pass(kOpen + "+0 write(4, ..., 5000) = 5000\n+0 > P. 1:5001(5000) ack 1\n");
  expect_pass(kOpen + "+0 write(4, ..., 1400) = 1400\n+0 > P. 1:1401(1400) ack 1\n");  // the MSS is 1000
  expect_failure("+0 write(4, ..., 600) = 600\n+0 write(4, ..., 300) = 300\n+0 > P. 1:901(900) ack 1",
                 {"payload size: expected 900, got 600"}, kNext + 2);
}

TEST(ScriptRunner, PacketsOfOtherConnectionsAreLeftOutUnlessStrict) {
  const std::string text = kOpen +
                           "+0 close(4) = 0\n+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5\n"
                           "+0 fcntl(5, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
                           "+0 connect(5, ..., ...) = -1 EINPROGRESS (now)\n"
                           "+0 > S 0:0(0) <...>\n+0.5 < S. 0:0(0) ack 1 win 32792 <mss 1000>\n+0 > . 1:1(0) ack 1\n";
  expect_pass(text);
  const Outcome strict = run_text("--strict\n" + text);
  EXPECT_EQ(strict.verdict, Verdict::kFailed);
  EXPECT_NE(strict.reason.find("F. 1:1(0)"), std::string::npos) << strict.reason;
}

TEST(ScriptRunner, ABufferThatIsNullFailsTheCall) {
  expect_pass(kOpen +
              "+0 write(4, NULL, 10) = -1 EFAULT (Bad address)\n"
              "+0 send(4, NULL, 10, MSG_DONTWAIT) = -1 EFAULT (Bad address)\n"
              "+0 recv(4, NULL, 10, MSG_DONTWAIT) = -1 EAGAIN (nothing yet)\n"
              "+0 < P. 1:11(10) ack 1 win 257\n+0 > . 1:1(0) ack 11\n"
              "+0 read(4, NULL, 10) = -1 EFAULT (Bad address)\n+0 read(4, ..., 10) = 10\n");
}

TEST(ScriptRunner, AFlagKeepsACallFromWaiting) {
  expect_pass(kOpen + "+0 recv(4, ..., 10, MSG_DONTWAIT) = -1 EAGAIN (nothing yet)\n");
  const std::string connect = "`sysctl -q net.ipv4.tcp_fastopen=5`\n+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";
  expect_pass(connect + "+0 sendto(3, ..., 2000, MSG_FASTOPEN|MSG_DONTWAIT, ..., ...) = 1420\n");
  expect_pass(connect +
              "+0...0.1 sendto(3, ..., 2000, MSG_FASTOPEN, ..., ...) = 2000\n+0 > S 0:1420(1420) <...>\n"
              "+0.1 < S. 0:0(0) ack 1421 win 32792 <mss 1460>\n+0 > P. 1421:2001(580) ack 1\n");
  expect_pass(connect + "+0 sendto(3, ..., 20, MSG_FASTOPEN, AF_UNSPEC, ...) = -1 EOPNOTSUPP (no family)\n");
}

TEST(ScriptRunner, TimestampsTickWhenAsked) {
  const std::string text =
      "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
      "+0 connect(3, ..., ...) = -1 EINPROGRESS (now)\n"
      "+0 > S 0:0(0) <mss 1460, sackOK, TS val 100 ecr 0, nop, wscale 7>\n"
      "+1 > S 0:0(0) <mss 1460, sackOK, TS val ";
  expect_pass("--tcp_ts_tick_usecs=1000\n" + text + "1100 ecr 0, nop, wscale 7>");
  expect_pass(text + "77 ecr 0, nop, wscale 7>");
  const Outcome wrong = run_text("--tcp_ts_tick_usecs=1000\n" + text + "1500 ecr 0, nop, wscale 7>");
  EXPECT_NE(wrong.reason.find("TS val: expected 1500, got 1100"), std::string::npos) << wrong.reason;
}

TEST(ScriptRunner, UnknownThingsEndAScriptAsUnsupported) {
  const struct {
    std::string text, name;
  } cases[] = {
      {"+0 epoll_create(5) = 3", "epoll_create"},
      {"+0 splice(3) = 0", "splice"},
      {kOpen + "+0 setsockopt(4, SOL_TCP, TCP_QUICKACK, [1], 4) = 0", "socket option 12 of level 6"},
      {kOpen + "+0 sendto(4, ..., 10, MSG_ZEROCOPY, ..., ...) = 10", "the flag MSG_ZEROCOPY of send"},
      {kOpen + "+0 send(4, ..., 10, MSG_EOR) = 10", "the flag MSG_EOR of send"},
      {kOpen + "+0 read(4, ..., NO_SUCH) = 10", "NO_SUCH"},
      {"`sysctl -q net.ipv4.tcp_sack=0`", "net.ipv4.tcp_sack=0"},
      {"`sysctl -q net.ipv4.tcp_frto=0`", "net.ipv4.tcp_frto=0"},
      {"`sysctl -q net.ipv4.tcp_ecn=3`", "net.ipv4.tcp_ecn=3"},
      {"`sysctl -q net.ipv4.tcp_retries2=256`", "net.ipv4.tcp_retries2=256"},
      {"`sysctl -q net.ipv4.tcp_tso_win_divisor=4`", "net.ipv4.tcp_tso_win_divisor=4"},
      {"`sysctl -q net.core.default_qdisc=fq net.ipv4.tcp_pacing_ca_ratio=120`", "tcp_pacing_ca_ratio=120"},
      {"`sysctl -q net.ipv4.tcp_pacing_ca_ratio=120 net.core.default_qdisc=fq`", "tcp_pacing_ca_ratio=120"},
      {"`sysctl -q net.ipv4.tcp_congestion_control=vegas`", "vegas"},
      {kOpen + "+0 `sysctl -q net.ipv4.tcp_max_tw_buckets=5`", "in use"},
      {"`rm -rf /`", "rm"},
      {"`ip mptcp endpoint add 192.0.2.77 signal`", "ADD_ADDR"},
      {"--wire_server=1\n", "--wire_server"},
      {"+0 < icmp rumour\n", "rumour"},
  };
  for (const auto& c : cases) {
    const Outcome outcome = run_text(c.text);
    EXPECT_EQ(outcome.verdict, Verdict::kUnsupported) << c.text << ": " << outcome.reason;
    EXPECT_NE(outcome.reason.find(c.name), std::string::npos) << outcome.reason;
  }
}

TEST(ScriptRunner, SysctlsThatSayWhatTheStackDoesAreTaken) {
  for (const std::string sysctl :
       {"tcp_frto=2", "tcp_tso_win_divisor=1000", "tcp_wmem=\"4096 16384 4194304\"", "tcp_pacing_ss_ratio=150",
        "tcp_max_tw_buckets=5", "ip_local_port_range=\"4000 5000\"", "tcp_keepalive_probes=3"})
    expect_pass("`sysctl -q net.ipv4." + sysctl + "`\n" + kOpen);
  for (const std::string wrong : {"ip_local_port_range=\"5000 4000\"", "tcp_wmem=1", "tcp_retries2=many"})
    EXPECT_EQ(run_text("`sysctl -q net.ipv4." + wrong + "`").verdict, Verdict::kFailed) << wrong;
}

TEST(ScriptRunner, MtuIsHonouredOrAnError) {
  const std::string text =
      "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
      "+0 < S 0:0(0) win 1000\n";
  expect_pass("--mtu=88\n" + text + "+0 > S. 0:0(0) ack 1 <mss 48>");
  expect_pass("--mtu=9000\n" + text + "+0 > S. 0:0(0) ack 1 <mss 8960>");
  for (const std::string mtu : {"0", "68", "87", "9001", "-1", "many"})
    EXPECT_EQ(run_text("--mtu=" + mtu + "\n" + text).verdict, Verdict::kFailed) << mtu;
  EXPECT_EQ(run_text("--ip_version=ipv6\n--mtu=1279\n" + text).verdict, Verdict::kFailed);
}

TEST(ScriptRunner, AConnectionLeftBehindIsNobodysConcernUnlessStrict) {
  const std::string text =
      kOpen +
      "+0 close(4) = 0\n+0 > F. 1:1(0) ack 1\n+0 close(3) = 0\n"
      "+0.05 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5\n+0 fcntl(5, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
      "+0.5 connect(5, ..., ...) = -1 EINPROGRESS (now)\n"
      "+0 > S 0:0(0) <mss 1460, sackOK, TS val 1 ecr 0, nop, wscale 7>\n";
  expect_pass(text);  // and not the FIN again
  RunRequest strict;
  strict.options = {{"strict", ""}};
  EXPECT_EQ(run_text(text, strict).verdict, Verdict::kFailed);
}

TEST(ScriptRunner, SegmentsArePutTogetherUnlessStrict) {
  const std::string text = kOpen + "+0 write(4, ..., 2000) = 2000\n+0 > P. 1:2001(2000) ack 1\n";
  expect_pass(text);
  EXPECT_EQ(run_text("--strict_segments\n" + text).verdict, Verdict::kFailed);
}

TEST(ScriptRunner, CommandLineDefinesWords) {
  const std::string text = "+0 socket(..., KIND, IPPROTO_TCP) = 3\n+0 listen(3, 1) = -1 WHY\n";
  RunRequest request;
  request.options = {{"define", "KIND=SOCK_DGRAM|SOCK_NONBLOCK"}, {"define", "WHY=EINVAL"}};
  EXPECT_EQ(run_text(text, request).verdict, Verdict::kUnsupported);  // datagrams
  request.options = {{"define", "nothing"}};
  EXPECT_EQ(run_text(text, request).verdict, Verdict::kFailed);
}

TEST(ScriptRunner, WordsOfTheCommandLineWin) {
  const std::string text = "--define=SIZE=7\n" + kOpen + "+0 write(4, ..., SIZE) = SIZE\n+0 > P. 1:10(9) ack 1\n";
  RunRequest request;
  request.options = {{"define", "SIZE=9"}};
  const Outcome outcome = run_script(shared_pools(), "test.pkt", text, request);
  EXPECT_EQ(outcome.verdict, Verdict::kPassed) << outcome.line << ": " << outcome.reason;
  const Outcome without = run_text(text);
  EXPECT_EQ(without.verdict, Verdict::kFailed);
  EXPECT_EQ(without.line, 10);
}

TEST(ScriptRunner, NoBufferIsAnError) {
  expect_pass(kOpen + "+0 write(4, NULL, 10) = -1 EFAULT (Bad address)\n+0 write(4, NULL, 0) = 0\n");
}

TEST(ScriptRunner, SettingsBelongToOneScript) {
  const std::string refuse_mptcp = "`sysctl -q net.mptcp.enabled=0`\n";
  const std::string connect =
      "+0 socket(..., SOCK_STREAM, IPPROTO_MPTCP) = 3\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
      "+0 connect(3, ..., ...) = -1 EINPROGRESS (now)\n+0 > S 0:0(0) <mss 1460, sackOK, TS val 1 ecr 0, nop, "
      "wscale 7";
  expect_pass(refuse_mptcp + connect + ">");
  expect_pass(connect + ", mpcapable v1 flags[flag_h] nokey>");
  expect_pass(
      "`sysctl -q net.ipv4.tcp_rmem=\"4096 131072 $((15*1024*1024))\"`\n+0 socket(..., SOCK_STREAM, 0) = 3\n"
      "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 connect(3, ..., ...) = -1 EINPROGRESS (now)\n"
      "+0 > S 0:0(0) <mss 1460, sackOK, TS val 1 ecr 0, nop, wscale 8>");
}

TEST(ScriptRunner, ARunIsTheSameEveryTime) {
  const auto trace = [] {
    std::ostringstream out;
    RunRequest request;
    request.trace = &out;
    run_text(kOpen + "+0 write(4, ..., 3000) = 3000\n+1 close(4) = 0\n", request);
    return out.str();
  };
  const std::string first = trace();
  EXPECT_NE(first.find("> . 1:1001(1000)"), std::string::npos) << first;
  EXPECT_EQ(first, trace());
}

TEST(ScriptRunner, NoBufferIsLostWhateverTheEnd) {
  const uint32_t before = shared_pools().data_in_use();
  run_text(kOpen + "+0 write(4, ..., 5000) = 5000\n");
  run_text(kOpen + "+0 < . 1001:2001(1000) ack 1 win 257\n+0 > X");
  run_text(kOpen + "+0 < . 1:1001(1000) ack 1 win 257\n+0 > . 7:7(0) ack 9");
  EXPECT_EQ(shared_pools().data_in_use(), before);
}

}  // namespace
}  // namespace tributary::script::test
