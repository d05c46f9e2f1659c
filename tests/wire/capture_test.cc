// Every packet of every capture of two Linux kernels, parsed and emitted again.
//
// Compared byte for byte: the IP header, the 20 bytes of the TCP header with its checksum (verified and
// computed anew), and the TCP option area. Only where a middlebox between the kernels overwrote an option
// with NOPs does the area hold more than we would write: those segments are counted and the counts are exact.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <tuple>

#include "stack/wire/byte_order.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ip.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"
#include "tests/wire/capture_reader.h"
#include "tests/wire/hex.h"

namespace tributary::wire {
namespace {

using test::CapturedPacket;
using test::to_hex;

struct Expected {
  size_t packets;
  size_t stripped_areas = 0;  ///< ending in NOPs that stand where an option stood
};

const std::map<std::string, Expected> kCaptures = {
    {"01-two-subflows-up", {376}},
    {"02-two-subflows-down", {480}},
    {"03-add-addr-signal", {428}},
    {"04-remove-addr", {374}},
    {"05-backup-mpprio", {458}},
    {"06-fastclose-linger0", {37}},
    {"07-dss-checksum", {482}},
    {"08-csum-fail-two-subflows", {447}},
    {"09-csum-fail-one-subflow", {312}},
    {"10-fallback-strip-syn", {136}},
    {"11-fallback-strip-synack", {133, 1}},
    {"12-fallback-strip-nonsyn", {134}},
    {"13-strip-dss-later-pathB", {283, 1}},
    {"14-path-failure-reinject", {508}},
    {"15-seq-rewriting", {297}},
    {"16-split-segments", {604}},
    {"17-join-refused", {150}},
    {"18-ipv6", {432}},
    {"19-loss-reorder-dup", {522}},
    {"20-fullmesh-4-paths", {443}},
};

struct Segment {
  IpHeader ip;
  TcpHeader tcp;
  TcpOptions options;
  std::span<const uint8_t> bytes;  ///< from the TCP header on, without padding
  std::span<const uint8_t> area() const { return bytes.subspan(kTcpHeaderSize, tcp.header_size - kTcpHeaderSize); }
  std::span<const uint8_t> payload() const { return bytes.subspan(tcp.header_size); }
};

/// Parses through all layers, the link layer being Ethernet made of what the capture kept of it.
void parse_through(const CapturedPacket& packet, Segment& out, std::vector<uint8_t>& frame) {
  const EthernetHeader ethernet{.destination = {}, .source = packet.sender, .type = packet.ether_type};
  frame.assign(ethernet.size(), 0);
  emit_ethernet(ethernet, frame);
  frame.insert(frame.end(), packet.bytes.begin(), packet.bytes.end());

  ASSERT_EQ(parse_ethernet(frame), ethernet);
  const auto network = std::span<const uint8_t>(frame).subspan(ethernet.size());
  ASSERT_EQ(parse_ip(network, false, out.ip), IpError::kNone);
  ASSERT_EQ(out.ip.is_v4(), packet.ether_type == ether_type::kIpv4);
  ASSERT_EQ(out.ip.protocol, ip_protocol::kTcp);
  out.bytes = network.subspan(out.ip.header_size, out.ip.payload_size);
  const auto tcp = parse_tcp(out.bytes);
  ASSERT_TRUE(tcp);
  out.tcp = *tcp;
  parse_tcp_options(out.area(), out.options);
}

/// Runs `check(segment)` on every packet of a capture.
template <typename F>
void for_each_segment(const std::string& path, F&& check) {
  Segment segment;
  std::vector<uint8_t> frame;
  size_t number = 0;
  for (const CapturedPacket& packet : test::read_capture(path)) {
    SCOPED_TRACE(path + " packet " + std::to_string(++number));
    ASSERT_NO_FATAL_FAILURE(parse_through(packet, segment, frame));
    ASSERT_NO_FATAL_FAILURE(check(segment, packet));
  }
}

TEST(Capture, AllTwentyAreHere) {
  const auto paths = test::list_captures();
  ASSERT_EQ(paths.size(), kCaptures.size());
  for (const std::string& path : paths) {
    const auto row = kCaptures.find(std::filesystem::path(path).stem());
    ASSERT_NE(row, kCaptures.end()) << path;
    EXPECT_EQ(test::read_capture(path).size(), row->second.packets) << path;
  }
}

TEST(Capture, HeadersAreEmittedByteForByte) {
  for (const std::string& path : test::list_captures())
    for_each_segment(path, [](const Segment& segment, const CapturedPacket& packet) {
      std::vector<uint8_t> out(packet.bytes.size());
      ASSERT_EQ(segment.ip.header_size, ip_header_size(segment.ip.destination));
      const size_t ip_size = emit_ip(segment.ip, out);
      ASSERT_EQ(ip_size, segment.ip.header_size);
      ASSERT_EQ(ip_size + segment.ip.payload_size, packet.bytes.size());

      // The checksum is computed from the segment with a zero field, not copied.
      TcpHeader header = segment.tcp;
      header.checksum = 0;
      const std::span<uint8_t> tcp = std::span(out).subspan(ip_size);
      std::copy(segment.bytes.begin() + kTcpHeaderSize, segment.bytes.end(), tcp.begin() + kTcpHeaderSize);
      emit_tcp(header, tcp);
      const Sum pseudo =
          pseudo_header_sum(segment.ip.source, segment.ip.destination, ip_protocol::kTcp, segment.ip.payload_size);
      header.checksum = static_cast<uint16_t>(~add(pseudo, sum_bytes(tcp)));
      emit_tcp(header, tcp);
      ASSERT_EQ(to_hex(out), to_hex(packet.bytes));
    });
}

TEST(Capture, OptionAreasAreEmittedByteForByte) {
  for (const std::string& path : test::list_captures()) {
    size_t stripped = 0;
    for_each_segment(path, [&](const Segment& segment, const CapturedPacket&) {
      constexpr uint16_t kLeftOut = TcpOptions::kMalformed | TcpOptions::kUnknown;
      static_assert(kLeftOut == (MptcpOptions::kMalformed | MptcpOptions::kUnknown));
      ASSERT_EQ((segment.options.present | segment.options.mptcp.present) & kLeftOut, 0);
      std::vector<uint8_t> out(tcp_options_size(segment.options));
      ASSERT_EQ(emit_tcp_options(segment.options, out), out.size());
      if (out.size() < segment.area().size()) {
        ++stripped;
        out.resize(segment.area().size(), 1);
      }
      ASSERT_EQ(to_hex(out), to_hex(segment.area()));
    });
    EXPECT_EQ(stripped, kCaptures.at(std::filesystem::path(path).stem()).stripped_areas) << path;
  }
}

// Design D2: the payload's sum follows from the checksum field and the headers alone.
TEST(Capture, PayloadSumFollowsFromTheHeaders) {
  for (const std::string& path : test::list_captures())
    for_each_segment(path, [](const Segment& segment, const CapturedPacket&) {
      const Sum pseudo =
          pseudo_header_sum(segment.ip.source, segment.ip.destination, ip_protocol::kTcp, segment.ip.payload_size);
      const Sum headers = sum_bytes(segment.bytes.first(segment.tcp.header_size));
      const Sum derived = static_cast<Sum>(~add(pseudo, headers));
      ASSERT_TRUE(same_value(derived, sum_bytes(segment.payload())));
    });
}

using Direction = std::tuple<IpAddress, uint16_t, IpAddress, uint16_t>;

/// What one host sent on one subflow.
struct SentBytes {
  SeqNum initial_seq{};
  std::vector<uint8_t> bytes{};  ///< the byte of subflow sequence number n is at n - 1
  std::map<uint32_t, Dss> mappings{};
};

/// Puts the subflows of a capture together. Later copies of a byte replace earlier ones.
std::map<Direction, SentBytes> reassemble(const std::string& path) {
  std::map<Direction, SentBytes> senders;
  for_each_segment(path, [&](const Segment& segment, const CapturedPacket&) {
    SentBytes& sent =
        senders[{segment.ip.source, segment.tcp.source_port, segment.ip.destination, segment.tcp.destination_port}];
    if (segment.tcp.has(tcp_flag::kSyn)) {
      sent.initial_seq = segment.tcp.seq;
      return;
    }
    const auto payload = segment.payload();
    const int32_t offset = segment.tcp.seq - (sent.initial_seq + 1);
    if (!payload.empty() && offset >= 0) {
      ASSERT_LT(offset, 1 << 20);
      const size_t end = static_cast<size_t>(offset) + payload.size();
      if (sent.bytes.size() < end) sent.bytes.resize(end);
      std::copy(payload.begin(), payload.end(), sent.bytes.begin() + offset);
    }
    const Dss& dss = segment.options.mptcp.dss;
    if (segment.options.mptcp.has(MptcpOptions::kDss) && dss.has_checksum && dss.data_length != 0)
      sent.mappings[dss.subflow_seq] = dss;
  });
  return senders;
}

struct Verified {
  size_t good = 0, bad = 0;
};

/// Verifies every mapping with a checksum whose bytes were captured.
Verified verify_dss_checksums(const std::string& name) {
  Verified result;
  for (const auto& [sender, sent] : reassemble(TRIBUTARY_TEST_DATA "/pcaps/" + name + ".pcap"))
    for (const auto& [subflow_seq, dss] : sent.mappings) {
      const size_t size = dss.data_length - (dss.data_fin ? 1u : 0u);
      if (size != 0 && (subflow_seq == 0 || subflow_seq - 1 + size > sent.bytes.size())) continue;
      const auto data = size == 0 ? std::span<const uint8_t>() : std::span(sent.bytes).subspan(subflow_seq - 1, size);
      const Sum sum = add(dss_pseudo_header_sum(dss.dsn, dss.subflow_seq, dss.data_length), sum_bytes(data));
      ++(same_value(add(sum, dss.checksum), 0xffff) ? result.good : result.bad);
    }
  return result;
}

TEST(Capture, DssChecksumsOfTheKernelVerify) {
  const Verified result = verify_dss_checksums("07-dss-checksum");
  EXPECT_GT(result.good, 15u);
  EXPECT_EQ(result.bad, 0u);
}

// Each MPTCP signal the scenarios were made for is there.
TEST(Capture, EverySubtypeOccurs) {
  uint16_t mptcp = 0;
  uint16_t plain = 0;
  unsigned capable_keys = 0, join_forms = 0;
  for (const std::string& path : test::list_captures())
    for_each_segment(path, [&](const Segment& segment, const CapturedPacket&) {
      const MptcpOptions& o = segment.options.mptcp;
      mptcp |= o.present;
      plain |= segment.options.present;
      if (o.has(MptcpOptions::kCapable)) capable_keys |= 1u << o.capable.keys;
      if (o.has(MptcpOptions::kJoin)) join_forms |= 1u << static_cast<unsigned>(o.join.form);
    });
  EXPECT_EQ(mptcp, (1 << 9) - 1);
  EXPECT_EQ(plain, TcpOptions::kMss | TcpOptions::kWindowScale | TcpOptions::kSackPermitted | TcpOptions::kTimestamps |
                       TcpOptions::kSack);
  EXPECT_EQ(capable_keys, 7u);
  EXPECT_EQ(join_forms, 7u);
}

}  // namespace
}  // namespace tributary::wire
