#include "stack/wire/tcp_options.h"

#include <gtest/gtest.h>

#include "tests/wire/hex.h"
#include "tests/wire/same_options.h"

namespace tributary::wire {
namespace {

using test::from_hex;
using test::same_options;
using test::to_hex;
using O = TcpOptions;

TcpOptions parse(std::string_view hex) {
  const auto bytes = from_hex(hex);
  TcpOptions options;
  parse_tcp_options(bytes, options);
  return options;
}

std::string emit(const TcpOptions& options) {
  std::vector<uint8_t> out(tcp_options_size(options));
  EXPECT_EQ(emit_tcp_options(options, out), out.size());
  EXPECT_EQ(out.size() % 4, 0u);
  return to_hex(out);
}

std::string without_spaces(std::string_view hex) {
  return to_hex(from_hex(hex));
}

struct Layout {
  const char *what, *hex;
  uint16_t present, mptcp;
};

// What Linux sends in each situation; each must come back byte for byte.
TEST(TcpOptions, LayoutsOfLinuxRoundTrip) {
  using M = MptcpOptions;
  for (const Layout& row : std::initializer_list<Layout>{
           {"none", "", 0, 0},
           {"MSS", "020405b4", O::kMss, 0},
           {"SYN without timestamps", "020405b4 01010402 0103030a", O::kMss | O::kSackPermitted | O::kWindowScale, 0},
           {"SYN without SACK", "020405b4 0101080a 00000001 00000000 01030307",
            O::kMss | O::kTimestamps | O::kWindowScale, 0},
           {"SYN", "020405b4 0402080a 00000001 00000000 0103030a 1e040101",
            O::kMss | O::kSackPermitted | O::kTimestamps | O::kWindowScale, M::kCapable},
           {"SYN/ACK", "020405b4 0402080a 00000001 00000002 0103030a 1e0c010199aabbccddeeff00",
            O::kMss | O::kSackPermitted | O::kTimestamps | O::kWindowScale, M::kCapable},
           {"fast open request", "020405b4 0402080a 00000001 00000000 0103030a 22020101",
            O::kMss | O::kSackPermitted | O::kTimestamps | O::kWindowScale | O::kFastOpen, 0},
           {"fast open cookie of 8, MPTCP", "020405b4 01010402 01030307 220a0102030405060708 0101 1e040101",
            O::kMss | O::kSackPermitted | O::kWindowScale | O::kFastOpen, M::kCapable},
           {"fast open, experimental", "020405b4 fe08f98901020304", O::kMss | O::kFastOpen, 0},
           {"fast open request, experimental", "fe04f989", O::kFastOpen, 0},
           {"ACK", "0101080a 11223344 55667788", O::kTimestamps, 0},
           {"three SACK blocks",
            "0101080a 11223344 55667788 0101051a 00000001 00000002 00000003 00000004 00000005 00000006",
            O::kTimestamps | O::kSack, 0},
           {"four SACK blocks", "01010522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008",
            O::kSack, 0},
           {"SACK and DATA_ACK", "0101080a 11223344 55667788 0101050a 00000001 00000002 1e0c2003f9fb2ac1ea2ce0d3",
            O::kTimestamps | O::kSack, M::kDss},
           {"data", "0101080a 11223344 55667788 1e1a200ff9fb2ac1ea2ce0d362815714b76ae9a6000000010005 0101",
            O::kTimestamps, M::kDss},
           {"data without timestamps", "1e1a200ff9fb2ac1ea2ce0d362815714b76ae9a6000000010005 0101", 0, M::kDss},
           {"REMOVE_ADDR beside DSS", "0101080a 11223344 55667788 1e0c2003f9fb2ac1ea2ce0d3 1e044003", O::kTimestamps,
            M::kDss | M::kRemoveAddr},
           {"MP_PRIO beside DSS", "0101080a 11223344 55667788 1e0c2003f9fb2ac1ea2ce0d3 1e035001", O::kTimestamps,
            M::kDss | M::kPrio},
           {"MP_FAIL beside DSS", "0101080a 11223344 55667788 1e0c2003f9fb2ac1ea2ce0d3 1e0c600062815714b76ae9a6",
            O::kTimestamps, M::kDss | M::kFail},
           {"MP_FASTCLOSE with reason", "0101080a 11223344 55667788 1e0c700099aabbccddeeff00 1e048000", O::kTimestamps,
            M::kFastclose | M::kTcprst},
           {"MP_FAIL with reason", "0101080a 11223344 55667788 1e0c600062815714b76ae9a6 1e048106", O::kTimestamps,
            M::kFail | M::kTcprst},
           {"user timeout", "1c0480f0", O::kUserTimeout, 0},
           {"AccECN, all counters", "0101080a 11223344 55667788 ac0b 000001 000002 ff0003 01",
            O::kTimestamps | O::kAccEcn, 0},
           {"AccECN, second order, one counter", "ae05 123456 010101", O::kAccEcn, 0},
           {"AccECN, no counter", "ac020101", O::kAccEcn, 0}}) {
    const TcpOptions options = parse(row.hex);
    EXPECT_EQ(options.present, row.present) << row.what;
    EXPECT_EQ(options.mptcp.present, row.mptcp) << row.what;
    EXPECT_EQ(emit(options), without_spaces(row.hex)) << row.what;
  }
}

TEST(TcpOptions, ValuesAreRead) {
  const TcpOptions syn = parse("020405b4 0402080a 11223344 55667788 0103030f 2206a1a2a3a4 1c0480f0");
  EXPECT_EQ(syn.mss, 1460);
  EXPECT_EQ(syn.window_scale, 15);  // as sent: the reader caps it
  EXPECT_EQ(syn.ts_value, 0x11223344u);
  EXPECT_EQ(syn.ts_echo, 0x55667788u);
  EXPECT_EQ(syn.fast_open_size, 4);
  EXPECT_EQ(syn.fast_open_cookie[3], 0xa4);
  EXPECT_FALSE(syn.fast_open_experimental);
  EXPECT_EQ(syn.user_timeout, 0x80f0);
  const TcpOptions ack = parse("0101051200000001 00000002 fffffffe 00000003");
  ASSERT_EQ(ack.sack_count, 2);
  EXPECT_EQ(ack.sack[0], (SackBlock{SeqNum(1), SeqNum(2)}));
  EXPECT_EQ(ack.sack[1], (SackBlock{SeqNum(0xfffffffe), SeqNum(3)}));
  const TcpOptions ecn = parse("ae08 010203 040506");
  EXPECT_EQ(ecn.acc_ecn, (AccEcn{true, 2, {0x010203, 0x040506, 0}}));
}

TEST(TcpOptions, EarlierContentsAreForgotten) {
  TcpOptions options = parse("020405b4 0101050a 00000001 00000002 1e040101");
  parse_tcp_options(from_hex("0101080a 00000001 00000002"), options);
  EXPECT_EQ(options.present, O::kTimestamps);
  EXPECT_EQ(options.sack_count, 0);
  EXPECT_EQ(options.mptcp.present, 0);
}

struct Odd {
  const char *what, *hex;
  uint16_t present;
  uint16_t mptcp = 0;
};

// RFC 9293 MUST-4 to MUST-7: no alignment, unknown kinds, illegal lengths.
TEST(TcpOptions, OddAreasAreSurvived) {
  using M = MptcpOptions;
  constexpr uint16_t kBad = O::kMalformed;
  for (const Odd& row : std::initializer_list<Odd>{
           {"end of list at once", "00020405b4", 0},
           {"garbage behind the end", "020405b4 00 ff00ff", O::kMss},
           {"NOPs alone", "0101010101010101", 0},
           {"not aligned", "01 020405b4 030307 080a 11223344 55667788", O::kMss | O::kWindowScale | O::kTimestamps},
           {"timestamps not aligned", "080a 11223344 55667788 0101", O::kTimestamps},
           {"unknown kind", "fd04 aabb 020405b4", O::kUnknown | O::kMss},
           {"unknown kind of two bytes", "4c02 020405b4", O::kUnknown | O::kMss},
           {"other experiment", "fe06 1234 aabb 020405b4", O::kUnknown | O::kMss},
           {"experiment without identifier", "fe02 020405b4", O::kUnknown | O::kMss},
           {"kind alone at the end", "020405b4 03", O::kMss | kBad},
           {"length 0", "020405b4 0300 07 01", O::kMss | kBad},
           {"length 1", "020405b4 0301 07 01", O::kMss | kBad},
           {"unknown kind, length 0", "fd00 020405b4", kBad},
           {"length past the end", "020405b4 0304 07", O::kMss | kBad},
           {"length 255", "02ff05b4", kBad},
           {"MPTCP length 0", "0101080a 00000001 00000002 1e00 2003", O::kTimestamps | kBad},
           {"MPTCP length 1", "0101080a 00000001 00000002 1e01 2003", O::kTimestamps | kBad},
           {"MPTCP past the end", "0101080a 00000001 00000002 1e0c 2003", O::kTimestamps | kBad},
           {"MPTCP kind alone", "1e", kBad},
           {"MPTCP of two bytes", "1e02 020405b4", O::kMss, M::kMalformed},
           {"timestamps cut", "0101080a 00000001 000000", kBad},
           {"MSS of 3", "020305 030307", kBad | O::kWindowScale},
           {"MSS of 5", "020505b400 030307", kBad | O::kWindowScale},
           {"window scale of 2", "0302 020405b4", kBad | O::kMss},
           {"SACK-permitted of 3", "040300 020405b4", kBad | O::kMss},
           {"timestamps of 9", "0809 1122334455 6677 020405b4", kBad | O::kMss},
           {"SACK without block", "0502 020405b4", kBad | O::kMss},
           {"SACK of half a block", "0506 00000001 020405b4", kBad | O::kMss},
           {"SACK of 9 bytes", "050b 0000000100000002 00 020405b4", kBad | O::kMss},
           {"cookie of 2", "2204aabb 020405b4", kBad | O::kMss},
           {"odd cookie", "2207aabbccddee 020405b4", kBad | O::kMss},
           {"cookie of 18", "2214 000102030405060708090a0b0c0d0e0f1011 020405b4", kBad | O::kMss},
           {"user timeout of 3", "1c0380 020405b4", kBad | O::kMss},
           {"AccECN of 4", "ac040001 020405b4", kBad | O::kMss},
           {"AccECN of 14", "ac0e 000001000002000003000004 020405b4", kBad | O::kMss},
           {"five SACK blocks",
            "052a 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005", kBad}}) {
    const TcpOptions options = parse(row.hex);
    EXPECT_EQ(options.present, row.present) << row.what;
    EXPECT_EQ(options.mptcp.present, row.mptcp) << row.what;
  }
}

TEST(TcpOptions, LastOfTwoCounts) {
  const TcpOptions options = parse("020405b4 02040400 1e0c2003f9fb2ac1ea2ce0d3 1e082001ea2ce0d3");
  EXPECT_EQ(options.mss, 1024);
  EXPECT_FALSE(options.mptcp.dss.data_ack_64);
  EXPECT_EQ(options.mptcp.dss.data_ack, 0xea2ce0d3u);
}

// Every prefix of a good area, in a buffer of exactly that size so that a sanitizer sees a read too far.
TEST(TcpOptions, TruncatedAreasAreReadWithinBounds) {
  for (const char* hex : {"020405b4 0402080a 11223344 55667788 0103030a 1e0c010199aabbccddeeff00",
                          "0101080a 11223344 55667788 1e1c200ff9fb2ac1ea2ce0d362815714b76ae9a60000000100056180",
                          "0101051a 00000001 00000002 00000003 00000004 00000005 00000006"}) {
    const auto whole = from_hex(hex);
    for (size_t size = 0; size <= whole.size(); ++size) {
      const std::vector<uint8_t> area(whole.begin(), whole.begin() + static_cast<long>(size));
      TcpOptions first, second;
      parse_tcp_options(area, first);
      std::vector<uint8_t> out(tcp_options_size(first));
      emit_tcp_options(first, out);
      parse_tcp_options(out, second);
      EXPECT_TRUE(same_options(first, second)) << hex << " cut at " << size;
    }
  }
}

TEST(TcpOptions, SizeAboveFortyTellsThatTheSetDoesNotFit) {
  TcpOptions options;
  options.present = O::kTimestamps;
  options.mptcp.present = MptcpOptions::kAddAddr;
  options.mptcp.add_addr = {.address = *IpAddress::parse("2001:db8::7")};
  EXPECT_EQ(tcp_options_size(options), 40u);
  options.mptcp.add_addr.has_port = true;  // Linux drops the timestamps of this one ACK
  EXPECT_EQ(tcp_options_size(options), 44u);
  options.present = 0;
  EXPECT_EQ(tcp_options_size(options), 32u);
}

}  // namespace
}  // namespace tributary::wire
