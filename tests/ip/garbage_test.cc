// Random and damaged frames from printed seeds: nothing crashes, nothing leaks, everything is consumed or
// handed up within its bounds.
#include <gtest/gtest.h>

#include "tests/ip/ip_fixture.h"

namespace tributary {
namespace {

using test::addr;
using test::Bytes;
using test::kAccessMac;
using test::kAccessPort;
using test::kPeerMac;
using test::kServerMac;
using test::kServerPort;
using test::kVlan;

class Garbage : public test::IpFixture {
 protected:
  void deliver(const Bytes& frame, PortId port) {
    const ip::Received r = receive(frame, port);
    if (r.kind == ip::Received::Kind::kConsumed) return;
    ++handed_up_count_;
    ASSERT_LE(r.segment_offset + r.segment_size, handed_up_.size());
    ASSERT_LT(r.interface, layer_->interface_count());
  }

  /// One good frame of every sort that the layer looks into.
  static std::vector<Bytes> good_frames() {
    const test::Link link{kPeerMac, kAccessMac};
    const test::Link tagged{kPeerMac, kServerMac, kVlan};
    auto nd = test::ip_header(addr("2001:db8:1::9"), addr("2001:db8:1::1"), 0);
    nd.hop_limit = 255;
    wire::NeighborMessage solicitation;
    solicitation.target = addr("2001:db8:1::1");
    solicitation.link_address = kPeerMac;
    wire::NeighborMessage advertisement = solicitation;
    advertisement.advertisement = advertisement.solicited = true;
    advertisement.target = addr("2001:db8:1::9");
    wire::Arp arp{.operation = wire::Arp::Operation::kRequest,
                  .sender_mac = kPeerMac,
                  .sender_ip = addr("192.0.2.9"),
                  .target_mac = {},
                  .target_ip = addr("192.0.2.1")};
    wire::Arp reply = arp;
    reply.operation = wire::Arp::Operation::kReply;
    const auto v4 = test::ip_header(addr("192.0.2.9"), addr("192.0.2.1"), 0);
    const auto v6 = test::ip_header(addr("2001:db8:1::9"), addr("2001:db8:1::1"), 0);
    return {test::tcp_frame(link, addr("192.0.2.9"), addr("192.0.2.1"), "some data"),
            test::tcp_frame(link, addr("2001:db8:1::9"), addr("2001:db8:1::1"), "some data"),
            test::tcp_frame(tagged, addr("203.0.113.9"), addr("203.0.113.1"), "some data"),
            test::icmp_frame(link, v4, 8, 0, 1, Bytes(32)),
            test::icmp_frame(link, v6, 128, 0, 1, Bytes(32)),
            test::icmp_frame(link, v4, 3, 4, 1400, test::tcp_packet(addr("192.0.2.1"), addr("8.8.8.8"))),
            test::icmp_frame(link, v6, 2, 0, 1280, test::tcp_packet(addr("2001:db8:1::1"), addr("2001:4860::8"))),
            test::arp_frame(link, arp),
            test::arp_frame(link, reply),
            test::neighbor_frame(link, nd, solicitation),
            test::neighbor_frame(link, nd, advertisement)};
  }

  /// Gives the damaged frame right checksums again, as far as it can be taken apart, so that the damage gets
  /// deeper.
  static void reseal(Bytes& frame) {
    const auto ethernet = wire::parse_ethernet(frame);
    if (!ethernet || frame.size() < ethernet->size() + 20) return;
    const auto body = std::span(frame).subspan(ethernet->size());
    if (body[0] >> 4 == 4) {
      const size_t size = (body[0] & 15) * 4u;
      if (size < 20 || size > body.size()) return;
      wire::store16(&body[10], 0);
      wire::store16(&body[10], static_cast<uint16_t>(~wire::sum_bytes(body.first(size))));
    }
    wire::IpHeader header;
    if (wire::parse_ip(body, false, header) != wire::IpError::kNone) return;
    const auto payload = body.subspan(header.header_size, header.payload_size);
    if (header.protocol == test::icmp_protocol(header.source) && payload.size() >= 8) test::seal_icmp(payload, header);
  }

  int handed_up_count_ = 0;
};

TEST_F(Garbage, RandomBytesDoNoHarm) {
  for (uint64_t seed = 1; seed <= 20'000; ++seed) {
    SCOPED_TRACE(seed);
    test::SeededRandom random(seed);
    Bytes frame(random.below(200));
    random.fill(frame);
    if (random.below(2) != 0 && frame.size() >= 14) {  // half of them past the first doors
      std::ranges::copy(kAccessMac.bytes, frame.begin());
      frame[6] &= 0xfe;
      constexpr uint16_t kTypes[] = {0x0800, 0x86dd, 0x0806, 0x8100};
      const uint16_t type = kTypes[random.below(4)];
      wire::store16(&frame[12], type);
      if (frame.size() > 14 && type == 0x0800) frame[14] = 0x45;
      if (frame.size() > 14 && type == 0x86dd) frame[14] = 0x60;
    }
    deliver(frame, PortId{static_cast<uint16_t>(random.below(3))});
    if (HasFatalFailure()) return;
    sent(kAccessPort);
    sent(kServerPort);
  }
  EXPECT_EQ(layer_->neighbor_count(), 0u);
}

TEST_F(Garbage, DamagedFramesDoNoHarm) {
  const auto frames = good_frames();
  uint64_t answered = 0;
  for (uint64_t seed = 1; seed <= 40'000; ++seed) {
    SCOPED_TRACE(seed);
    test::SeededRandom random(seed);
    Bytes frame = frames[random.below(frames.size())];
    for (uint64_t i = random.below(4); i > 0; --i) {
      const size_t at = random.below(4) == 0 ? random.below(frame.size()) : 12 + random.below(frame.size() - 12);
      if (random.below(2) != 0)
        frame[at] ^= static_cast<uint8_t>(1 << random.below(8));
      else
        frame[at] = static_cast<uint8_t>(random.u32());
    }
    if (random.below(5) == 0) frame.resize(random.below(frame.size() + 40));
    if (random.below(4) != 0) reseal(frame);
    // Something must be waiting for answers, forged ones too.
    if (random.below(8) == 0) {
      for (const char* peer : {"192.0.2.9", "2001:db8:1::9"}) {
        const auto hop = layer_->find_route(addr(peer), now_);
        const char* own = addr(peer).is_v4() ? "192.0.2.1" : "2001:db8:1::1";
        if (hop) send(test::tcp_packet(addr(own), addr(peer)), *hop);
      }
    }
    deliver(frame, wire::parse_ethernet(frame) && frame[5] == 2 ? kServerPort : kAccessPort);
    if (HasFatalFailure()) return;
    answered += sent(kAccessPort).size() + sent(kServerPort).size();
    if (random.below(50) == 0) run_for(Micros::milliseconds(500));
  }
  // The damage was not such that nothing came through.
  EXPECT_GT(handed_up_count_, 5000);
  EXPECT_GT(answered, 5000u);
  EXPECT_LE(layer_->neighbor_count(), 2u) << "nothing received makes an entry";
}

}  // namespace
}  // namespace tributary
