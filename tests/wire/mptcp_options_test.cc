// The MPTCP option against vectors worked out from RFC 8684: KeyA 1122334455667788, KeyB 99aabbccddeeff00.
#include "stack/wire/mptcp_options.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/wire/hex.h"
#include "tests/wire/same_options.h"

namespace tributary::wire {
namespace {

using test::from_hex;
using test::same_options;
using test::to_hex;
using O = MptcpOptions;

constexpr uint64_t kKeyA = 0x1122334455667788, kKeyB = 0x99aabbccddeeff00;
constexpr uint64_t kIdsnA = 0x62815714b76ae9a5, kIdsnB = 0xf9fb2ac1ea2ce0d2;

MptcpOptions parse(std::string_view hex) {
  const auto bytes = from_hex(hex);
  MptcpOptions options;
  parse_mptcp_option(bytes, options);
  return options;
}

std::string emit(const MptcpOptions& options) {
  std::vector<uint8_t> out(mptcp_options_size(options), 0xee);
  EXPECT_EQ(emit_mptcp_options(options, out), out.size());
  return to_hex(out);
}

struct Vector {
  const char* what;
  const char* hex;
  O::Bit bit;
  std::function<void(MptcpOptions&)> fill;
};

/// Parsing gives exactly the values; emitting the values gives exactly the bytes, and NOPs up to four.
void check(const std::vector<Vector>& vectors) {
  for (const Vector& row : vectors) {
    MptcpOptions expected;
    expected.present = row.bit;
    row.fill(expected);
    const MptcpOptions parsed = parse(row.hex);
    EXPECT_EQ(parsed.present, row.bit) << row.what;
    EXPECT_TRUE(same_options(parsed, expected)) << row.what;
    std::string bytes = to_hex(from_hex(row.hex));
    while (bytes.size() % 8 != 0) bytes += "01";
    EXPECT_EQ(emit(expected), bytes) << row.what;
  }
}

TEST(MptcpOptions, MpCapable) {
  check({{"SYN", "1e040101", O::kCapable, [](auto&) {}},
         {"SYN, C", "1e040121", O::kCapable, [](auto& o) { o.capable.no_join_to_source = true; }},
         {"SYN, A", "1e040181", O::kCapable, [](auto& o) { o.capable.checksum_required = true; }},
         {"SYN/ACK", "1e0c0101 99aabbccddeeff00", O::kCapable,
          [](auto& o) { o.capable = {.keys = 1, .sender_key = {kKeyB}}; }},
         {"ACK", "1e140101 1122334455667788 99aabbccddeeff00", O::kCapable,
          [](auto& o) { o.capable = {.keys = 2, .sender_key = {kKeyA}, .receiver_key = {kKeyB}}; }},
         {"first data", "1e160101 1122334455667788 99aabbccddeeff00 0005", O::kCapable,
          [](auto& o) {
            o.capable = {
                .keys = 2, .sender_key = {kKeyA}, .receiver_key = {kKeyB}, .has_data_length = true, .data_length = 5};
          }},
         {"first data, checksum", "1e180181 1122334455667788 99aabbccddeeff00 0005 6180", O::kCapable,
          [](auto& o) {
            o.capable = {.checksum_required = true,
                         .keys = 2,
                         .sender_key = {kKeyA},
                         .receiver_key = {kKeyB},
                         .has_data_length = true,
                         .data_length = 5,
                         .has_checksum = true,
                         .checksum = 0x6180};
          }},
         {"version 0 SYN", "1e0c0081 1122334455667788", O::kCapable, [](auto& o) {
            o.capable = {.version = 0, .checksum_required = true, .algorithms = 1, .keys = 1, .sender_key = {kKeyA}};
          }}});
}

TEST(MptcpOptions, MpCapableWithExtensibilityIsNotJudgedFurther) {
  for (const char* hex :
       {"1e040141", "1e040140", "1e050141ff", "1e0c0141 99aabbccddeeff00", "1e0e0fc0 00000000000000000000"}) {
    const MptcpOptions options = parse(hex);
    EXPECT_EQ(options.present, O::kCapable) << hex;
    EXPECT_TRUE(options.capable.extensibility) << hex;
    EXPECT_EQ(options.capable.keys, 0) << hex;
  }
}

TEST(MptcpOptions, MpJoin) {
  check({{"SYN, id 2", "1e0c1002 7b981f5b 01020304", O::kJoin,
          [](auto& o) { o.join = {.address_id = {2}, .receiver_token = {0x7b981f5b}, .nonce = 0x01020304}; }},
         {"SYN, backup", "1e0c1102 7b981f5b 01020304", O::kJoin,
          [](auto& o) {
            o.join = {.backup = true, .address_id = {2}, .receiver_token = {0x7b981f5b}, .nonce = 0x01020304};
          }},
         {"SYN/ACK", "1e101000 a5ab1e543f3554d6 0a0b0c0d", O::kJoin,
          [](auto& o) {
            o.join = {.form = JoinForm::kSynAck,
                      .nonce = 0x0a0b0c0d,
                      .hmac = {0xa5, 0xab, 0x1e, 0x54, 0x3f, 0x35, 0x54, 0xd6}};
          }},
         {"ACK", "1e181000 db39496290c75eb2b36632da8f712e4200dfd507", O::kJoin, [](auto& o) {
            o.join = {.form = JoinForm::kAck, .hmac = {0xdb, 0x39, 0x49, 0x62, 0x90, 0xc7, 0x5e, 0xb2, 0xb3, 0x66,
                                                       0x32, 0xda, 0x8f, 0x71, 0x2e, 0x42, 0x00, 0xdf, 0xd5, 0x07}};
          }}});
}

TEST(MptcpOptions, Dss) {
  const Dss full = {.has_data_ack = true,
                    .data_ack_64 = true,
                    .has_mapping = true,
                    .dsn_64 = true,
                    .data_ack = kIdsnB + 1,
                    .dsn = kIdsnA + 1,
                    .subflow_seq = 1,
                    .data_length = 5};
  check({{"64-bit DATA_ACK", "1e0c2003 f9fb2ac1ea2ce0d3", O::kDss,
          [](auto& o) { o.dss = {.has_data_ack = true, .data_ack_64 = true, .data_ack = kIdsnB + 1}; }},
         {"32-bit DATA_ACK", "1e082001 ea2ce0d3", O::kDss,
          [](auto& o) { o.dss = {.has_data_ack = true, .data_ack = 0xea2ce0d3}; }},
         {"64-bit both", "1e1a200f f9fb2ac1ea2ce0d3 62815714b76ae9a6 00000001 0005", O::kDss,
          [&](auto& o) { o.dss = full; }},
         {"64-bit both, checksum", "1e1c200f f9fb2ac1ea2ce0d3 62815714b76ae9a6 00000001 0005 6180", O::kDss,
          [&](auto& o) { o.dss = full, o.dss.has_checksum = true, o.dss.checksum = 0x6180; }},
         {"32-bit both, checksum", "1e142005 ea2ce0d3 b76ae9a6 00000001 0005 6180", O::kDss,
          [](auto& o) {
            o.dss = {.has_data_ack = true,
                     .has_mapping = true,
                     .has_checksum = true,
                     .data_ack = 0xea2ce0d3,
                     .dsn = 0xb76ae9a6,
                     .subflow_seq = 1,
                     .data_length = 5,
                     .checksum = 0x6180};
          }},
         {"DATA_FIN on data", "1e1c201f f9fb2ac1ea2ce0d3 62815714b76ae9a6 00000001 0006 617f", O::kDss,
          [&](auto& o) {
            o.dss = full;
            o.dss.data_fin = o.dss.has_checksum = true;
            o.dss.data_length = 6;
            o.dss.checksum = 0x617f;
          }},
         {"bare DATA_FIN", "1e1a201f f9fb2ac1ea2ce0d3 62815714b76ae9ab 00000000 0001", O::kDss,
          [&](auto& o) {
            o.dss = full;
            o.dss.data_fin = true;
            o.dss.dsn = kIdsnA + 6;
            o.dss.subflow_seq = 0;
            o.dss.data_length = 1;
          }},
         {"bare DATA_FIN, checksum", "1e1c201f f9fb2ac1ea2ce0d3 62815714b76ae9ab 00000000 0001 a552", O::kDss,
          [&](auto& o) {
            o.dss = full;
            o.dss.data_fin = o.dss.has_checksum = true;
            o.dss.dsn = kIdsnA + 6;
            o.dss.subflow_seq = 0;
            o.dss.data_length = 1;
            o.dss.checksum = 0xa552;
          }},
         {"infinite mapping", "1e1c200f f9fb2ac1ea2ce0d3 62815714b76ae9ab 00000006 0000 0000", O::kDss, [&](auto& o) {
            o.dss = full;
            o.dss.has_checksum = true;
            o.dss.dsn = kIdsnA + 6;
            o.dss.subflow_seq = 6;
            o.dss.data_length = 0;
          }}});
}

// All 32 flag bytes by all lengths: exactly the combinations of the format are read, and read back the same.
TEST(MptcpOptions, DssLengthFollowsFromItsFlags) {
  for (unsigned flags = 0; flags < 32; ++flags)
    for (size_t length = 3; length <= 40; ++length) {
      const bool ack = flags & 1, mapping = flags & 4;
      const size_t expected = 4 + (ack ? (flags & 2 ? 8u : 4u) : 0u) + (mapping ? (flags & 8 ? 14u : 10u) : 0u);
      std::vector<uint8_t> bytes(length);
      for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(0xa0 + i);
      bytes[0] = 30, bytes[1] = static_cast<uint8_t>(length), bytes[2] = 0x20;
      if (length > 3) bytes[3] = static_cast<uint8_t>(flags);
      MptcpOptions options, again;
      parse_mptcp_option(bytes, options);
      const bool with_checksum = mapping && length == expected + 2;
      const bool legal = length == expected || with_checksum;
      ASSERT_EQ(options.present, legal ? O::kDss : O::kMalformed) << flags << " " << length;
      if (!legal) continue;
      EXPECT_EQ(options.dss.has_checksum, with_checksum);
      EXPECT_EQ(options.dss.has_data_ack, ack);
      EXPECT_EQ(options.dss.has_mapping, mapping);
      EXPECT_EQ(options.dss.data_fin, mapping && (flags & 0x10));
      std::vector<uint8_t> out(mptcp_options_size(options));
      ASSERT_EQ(emit_mptcp_options(options, out), (length + 3) / 4 * 4);
      parse_mptcp_option(std::span(out).first(length), again);
      EXPECT_TRUE(same_options(options, again)) << flags << " " << length;
    }
}

TEST(MptcpOptions, AddAddr) {
  const IpAddress v4 = *IpAddress::parse("198.51.100.7"), v6 = *IpAddress::parse("2001:db8::7");
  const auto add = [](bool echo, uint8_t id, IpAddress address, std::optional<uint16_t> port, uint64_t hmac) {
    return [=](MptcpOptions& o) { o.add_addr = {echo, {id}, address, port.has_value(), port.value_or(0), hmac}; };
  };
  check(
      {{"IPv4", "1e103003c6336407dd8aa85c0f90694c", O::kAddAddr, add(false, 3, v4, {}, 0xdd8aa85c0f90694c)},
       {"IPv4, port", "1e123003c633640720fb5d273a195f721359", O::kAddAddr, add(false, 3, v4, 8443, 0x5d273a195f721359)},
       {"IPv6", "1e1c300420010db80000000000000000000000075e51a025608e39a2", O::kAddAddr,
        add(false, 4, v6, {}, 0x5e51a025608e39a2)},
       {"IPv6, port", "1e1e300420010db800000000000000000000000720fb9b4312325b5d473e", O::kAddAddr,
        add(false, 4, v6, 8443, 0x9b4312325b5d473e)},
       {"echo IPv4", "1e083103c6336407", O::kAddAddr, add(true, 3, v4, {}, 0)},
       {"echo IPv4, port", "1e0a3103c633640720fb", O::kAddAddr, add(true, 3, v4, 8443, 0)},
       {"echo IPv6", "1e14310420010db8000000000000000000000007", O::kAddAddr, add(true, 4, v6, {}, 0)},
       {"echo IPv6, port", "1e16310420010db800000000000000000000000720fb", O::kAddAddr, add(true, 4, v6, 8443, 0)}});
}

TEST(MptcpOptions, RemoveAddr) {
  check({{"one", "1e044003", O::kRemoveAddr,
          [](auto& o) {
            o.remove_addr = {1, {{{3}}}};
          }},
         {"three", "1e0640030409", O::kRemoveAddr, [](auto& o) {
            o.remove_addr = {3, {{{3}, {4}, {9}}}};
          }}});
  for (size_t count = 1; count <= 38; ++count) {
    std::vector<uint8_t> bytes = {30, static_cast<uint8_t>(3 + count), 0x40};
    for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(200 - i));
    MptcpOptions options;
    parse_mptcp_option(bytes, options);
    ASSERT_EQ(options.present, count <= 37 ? O::kRemoveAddr : O::kMalformed) << count;
    if (count > 37) continue;
    EXPECT_EQ(options.remove_addr.count, count);
    while (bytes.size() % 4 != 0) bytes.push_back(1);
    EXPECT_EQ(emit(options), to_hex(bytes));
  }
}

TEST(MptcpOptions, PriorityFailureFastcloseAndReset) {
  check({{"MP_PRIO, backup", "1e0351", O::kPrio, [](auto& o) { o.prio.backup = true; }},
         {"MP_PRIO, regular", "1e0350", O::kPrio, [](auto&) {}},
         {"MP_FAIL", "1e0c6000 62815714b76ae9a6", O::kFail, [](auto& o) { o.fail.dsn = DataSeq(kIdsnA + 1); }},
         {"MP_FASTCLOSE", "1e0c7000 99aabbccddeeff00", O::kFastclose,
          [](auto& o) { o.fastclose.receiver_key = {kKeyB}; }},
         {"MP_TCPRST, transient", "1e048105", O::kTcprst,
          [](auto& o) {
            o.tcprst = {true, static_cast<uint8_t>(RstReason::kUnacceptablePerformance)};
          }},
         {"MP_TCPRST", "1e048003", O::kTcprst, [](auto& o) {
            o.tcprst = {false, static_cast<uint8_t>(RstReason::kAdministrativelyProhibited)};
          }}});
}

TEST(MptcpOptions, ReservedBitsAreIgnored) {
  struct Row {
    const char *plain, *with_bits;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"1e0c1002 7b981f5b 01020304", "1e0c1e02 7b981f5b 01020304"},
           {"1e181000 db39496290c75eb2b36632da8f712e4200dfd507", "1e181fff db39496290c75eb2b36632da8f712e4200dfd507"},
           {"1e082001 ea2ce0d3", "1e082fe1 ea2ce0d3"},
           {"1e082001 ea2ce0d3", "1e08200b ea2ce0d3"},  // m without M; a is set and makes this 12 bytes
           {"1e083103c6336407", "1e083f03c6336407"},
           {"1e044003", "1e044f03"},
           {"1e0351", "1e035f"},
           {"1e0c6000 62815714b76ae9a6", "1e0c6fff 62815714b76ae9a6"},
           {"1e0c7000 99aabbccddeeff00", "1e0c7fff 99aabbccddeeff00"},
           {"1e048105", "1e048f05"}}) {
    if (from_hex(row.with_bits)[3] == 0x0b) {
      EXPECT_EQ(parse(row.with_bits).present, O::kMalformed);
      EXPECT_TRUE(same_options(parse(row.plain), parse("1e082009 ea2ce0d3")));
      continue;
    }
    EXPECT_TRUE(same_options(parse(row.plain), parse(row.with_bits))) << row.with_bits;
  }
}

TEST(MptcpOptions, ImpossibleLengthsAndFlagsAreLeftOut) {
  for (const char* hex : {"1e00",
                          "1e01",
                          "1e02",
                          "1e0301",
                          "1e040100",
                          "1e040120",
                          "1e050101ff",
                          "1e0c0100 99aabbccddeeff00",
                          "1e0b0101 99aabbccddeeff",
                          "1e150101 1122334455667788 99aabbccddeeff00 00",
                          "1e170101 1122334455667788 99aabbccddeeff00 000500",
                          "1e190101 1122334455667788 99aabbccddeeff00 000561800000",
                          "1e0310",
                          "1e041002",
                          "1e0b1002 7b981f5b 010203",
                          "1e0d1002 7b981f5b 0102030405",
                          "1e111000 a5ab1e543f3554d6 0a0b0c0d0e",
                          "1e191000 db39496290c75eb2b36632da8f712e4200dfd50700",
                          "1e0330",
                          "1e043003",
                          "1e073003c63364",
                          "1e083003c6336407",
                          "1e0a3003c633640720fb",
                          "1e103103c6336407dd8aa85c0f90694c",
                          "1e143004 20010db8000000000000000000000007",
                          "1e1c3004 00000000000000000000ffffc63364075e51a025608e39a2",
                          "1e0340",
                          "1e045100",
                          "1e0b6000 62815714b76ae9",
                          "1e0d6000 62815714b76ae9a600",
                          "1e0b7000 99aabbccddeeff",
                          "1e0380",
                          "1e05800300"}) {
    EXPECT_EQ(parse(hex).present, O::kMalformed) << hex;
    EXPECT_EQ(emit(parse(hex)), "") << hex;
  }
}

TEST(MptcpOptions, UnknownSubtypesAreLeftOut) {
  for (uint8_t subtype = 9; subtype < 16; ++subtype) {
    const uint8_t bytes[] = {30, 4, static_cast<uint8_t>(subtype << 4), 0};
    MptcpOptions options;
    parse_mptcp_option(bytes, options);
    EXPECT_EQ(options.present, O::kUnknown);
    EXPECT_EQ(mptcp_options_size(options), 0u);
  }
}

// Every subtype by every length, in a buffer of exactly that size so that a sanitizer sees a read too far.
TEST(MptcpOptions, EveryLengthIsReadWithinBounds) {
  for (unsigned start = 0; start < 256; ++start)
    for (unsigned fourth : {0x00u, 0x01u, 0x1fu, 0x40u, 0xffu})
      for (size_t size = 0; size <= 48; ++size) {
        std::vector<uint8_t> bytes(size, 0xa5);
        if (size > 0) bytes[0] = 30;
        if (size > 1) bytes[1] = static_cast<uint8_t>(size);
        if (size > 2) bytes[2] = static_cast<uint8_t>(start);
        if (size > 3) bytes[3] = static_cast<uint8_t>(fourth);
        MptcpOptions options;
        parse_mptcp_option(bytes, options);
        ASSERT_EQ(std::popcount(options.present), 1);
        std::vector<uint8_t> out(mptcp_options_size(options));
        ASSERT_EQ(emit_mptcp_options(options, out), out.size());
        ASSERT_EQ(out.size() % 4, 0u);
      }
}

}  // namespace
}  // namespace tributary::wire
