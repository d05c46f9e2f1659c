// The life of a neighbour seen from the wire, the same for ARP and Neighbour Discovery.
#include <gtest/gtest.h>

#include "tests/ip/ip_fixture.h"

namespace tributary {
namespace {

using test::addr;
using test::Bytes;
using test::kAccessMac;
using test::kAccessPort;
using test::kOtherMac;
using test::kPeerMac;
using test::Parsed;
using test::prefix;

class Resolution : public test::IpFixture, public testing::WithParamInterface<bool> {
 protected:
  bool v4() const { return GetParam(); }
  IpAddress own() const { return addr(v4() ? "192.0.2.1" : "2001:db8:1::1"); }
  IpAddress peer() const { return addr(v4() ? "192.0.2.9" : "2001:db8:1::9"); }

  ip::NextHop hop() { return layer_->find_route(peer(), now_).value(); }
  void send_text(const ip::NextHop& to, std::string_view text) { send(test::tcp_packet(own(), peer(), text), to); }
  void send_text(std::string_view text) { send_text(hop(), text); }

  static bool is_question(const Parsed& frame) {
    return (frame.arp && frame.arp->operation == wire::Arp::Operation::kRequest) ||
           (frame.neighbor && !frame.neighbor->advertisement);
  }
  /// Questions and payloads sent since the last call, apart.
  struct Sent {
    std::vector<Parsed> questions;
    std::vector<std::string> texts;
    std::vector<MacAddress> macs;  ///< where the texts went
  };
  Sent take_sent() {
    Sent all;
    for (Parsed& frame : sent(kAccessPort)) {
      if (is_question(frame)) {
        all.questions.push_back(std::move(frame));
        continue;
      }
      all.texts.emplace_back(frame.payload.begin() + wire::kTcpHeaderSize, frame.payload.end());
      all.macs.push_back(frame.ethernet.destination);
    }
    return all;
  }

  /// The peer answers a question of ours.
  void answer(const MacAddress& mac = kPeerMac) { receive(answer_frame(mac, true)); }
  /// It says unasked where it is.
  void announce(const MacAddress& mac) { receive(answer_frame(mac, false)); }

  Bytes answer_frame(const MacAddress& mac, bool solicited) {
    const MacAddress to = solicited ? kAccessMac : MacAddress::broadcast();
    if (v4()) {
      return test::arp_frame({mac, to},
                             {.operation = solicited ? wire::Arp::Operation::kReply : wire::Arp::Operation::kRequest,
                              .sender_mac = mac,
                              .sender_ip = peer(),
                              .target_mac = solicited ? kAccessMac : MacAddress(),
                              .target_ip = solicited ? own() : peer()});
    }
    const IpAddress destination = solicited ? own() : ip::all_nodes();
    auto header = test::ip_header(peer(), destination, wire::ip_protocol::kIcmpv6);
    header.hop_limit = 255;
    wire::NeighborMessage message;
    message.advertisement = true;
    message.solicited = solicited;
    message.override_ = true;
    message.target = peer();
    message.link_address = mac;
    return test::neighbor_frame({mac, solicited ? kAccessMac : ip::multicast_mac(destination)}, header, message);
  }

  void expect_multicast_question(const Parsed& question) {
    EXPECT_EQ(question.ethernet.source, kAccessMac);
    if (v4()) {
      EXPECT_EQ(question.ethernet.destination, MacAddress::broadcast());
      EXPECT_EQ(*question.arp, (wire::Arp{.operation = wire::Arp::Operation::kRequest,
                                          .sender_mac = kAccessMac,
                                          .sender_ip = own(),
                                          .target_mac = MacAddress(),
                                          .target_ip = peer()}));
      return;
    }
    EXPECT_EQ(question.ethernet.destination, (MacAddress{{0x33, 0x33, 0xff, 0, 0, 9}}));
    EXPECT_EQ(question.ip->destination, addr("ff02::1:ff00:9"));
    EXPECT_EQ(question.ip->source, own());
    EXPECT_EQ(question.ip->hop_limit, 255);
    EXPECT_EQ(question.neighbor->target, peer());
    EXPECT_EQ(question.neighbor->link_address, kAccessMac);
    EXPECT_TRUE(question.good_icmp_checksum);
  }
  void expect_unicast_question(const Parsed& question) {
    EXPECT_EQ(question.ethernet.destination, kPeerMac);
    if (v4()) {
      EXPECT_EQ(question.arp->target_ip, peer());
      return;
    }
    EXPECT_EQ(question.ip->destination, peer());
    EXPECT_TRUE(question.good_icmp_checksum);
  }
  void resolve() {
    send_text("first");
    answer();
    EXPECT_EQ(take_sent().texts, std::vector<std::string>{"first"});
  }
};

INSTANTIATE_TEST_SUITE_P(Family, Resolution, testing::Bool(),
                         [](const auto& family) { return family.param ? "V4" : "V6"; });

TEST_P(Resolution, FirstPacketAsksAndLeavesWithTheAnswer) {
  send_text("hello");
  Sent before = take_sent();
  ASSERT_EQ(before.questions.size(), 1u);
  expect_multicast_question(before.questions[0]);
  EXPECT_TRUE(before.texts.empty());

  answer();
  EXPECT_EQ(take_sent().texts, std::vector<std::string>{"hello"});
  send_text("again");
  Sent after = take_sent();
  EXPECT_EQ(after.texts, std::vector<std::string>{"again"});
  EXPECT_EQ(after.macs, std::vector<MacAddress>{kPeerMac});
  EXPECT_TRUE(after.questions.empty());
}

TEST_P(Resolution, PacketsOfAnUnresolvedNeighbourQueueInOrderWithinTheBound) {
  const ip::NextHop to = hop();
  const int bound = ip::Limits().queued_per_neighbor;
  for (int i = 0; i < bound + 4; ++i) send_text(to, std::to_string(i));
  EXPECT_EQ(take_sent().questions.size(), 1u) << "one question, however many packets wait";
  EXPECT_EQ(pools_->data_in_use(), static_cast<uint32_t>(bound));
  EXPECT_EQ(counters_.drop_unresolved, 4u);
  answer();
  std::vector<std::string> expected;
  for (int i = 4; i < bound + 4; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(take_sent().texts, expected);
}

TEST_P(Resolution, SilenceIsAskedThreeTimesAndThenGivenUp) {
  send_text("lost");
  EXPECT_EQ(take_sent().questions.size(), 1u);
  for (int i = 0; i < 2; ++i) {
    run_for(Micros::milliseconds(999));
    EXPECT_EQ(take_sent().questions.size(), 0u);
    run_for(Micros::milliseconds(1));
    Sent again = take_sent();
    ASSERT_EQ(again.questions.size(), 1u);
    expect_multicast_question(again.questions[0]);
  }
  run_for(Micros::seconds(1));
  EXPECT_TRUE(take_sent().questions.empty());
  EXPECT_EQ(counters_.drop_unresolved, 1u);
  EXPECT_EQ(layer_->undeliverable().size(), 1u) << "its sender is to hear of it";
  layer_->undeliverable().clear();
  EXPECT_EQ(pools_->data_in_use(), 0u);
  EXPECT_EQ(layer_->neighbor_count(), 0u);
  EXPECT_EQ(layer_->next_deadline(), Micros::never());
}

TEST_P(Resolution, AHopOutlivesItsNeighbourEntry) {
  const ip::NextHop to = hop();
  send_text(to, "lost");
  run_for(Micros::seconds(10));
  EXPECT_EQ(layer_->neighbor_count(), 0u);
  take_sent();

  // Somebody else has taken the entry by now.
  ASSERT_TRUE(layer_->find_route(addr("198.51.100.44"), now_));
  send_text(to, "later");
  EXPECT_EQ(take_sent().questions.size(), 1u);
  answer();
  Sent after = take_sent();
  EXPECT_EQ(after.texts, std::vector<std::string>{"later"});
  EXPECT_EQ(after.macs, std::vector<MacAddress>{kPeerMac});
}

TEST_P(Resolution, AnUnusedEntryIsGoneSoon) {
  hop();
  EXPECT_EQ(layer_->neighbor_count(), 1u);
  run_for(Micros::seconds(5));
  EXPECT_EQ(layer_->neighbor_count(), 0u);
  EXPECT_TRUE(take_sent().questions.empty());
}

TEST_P(Resolution, AgedNeighbourIsUsedAndThenReprobedByUnicast) {
  resolve();
  run_for(Micros::seconds(31));
  EXPECT_TRUE(take_sent().questions.empty()) << "an idle neighbour is left alone";

  send_text("goes at once");
  Sent now = take_sent();
  EXPECT_EQ(now.texts.size(), 1u);
  EXPECT_TRUE(now.questions.empty());
  run_for(Micros::milliseconds(4999));
  EXPECT_TRUE(take_sent().questions.empty());
  run_for(Micros::milliseconds(1));
  Sent probe = take_sent();
  ASSERT_EQ(probe.questions.size(), 1u);
  expect_unicast_question(probe.questions[0]);

  answer();
  run_for(Micros::seconds(29));
  EXPECT_TRUE(take_sent().questions.empty());
}

TEST_P(Resolution, UnansweredProbesForgetTheNeighbour) {
  resolve();
  run_for(Micros::seconds(31));
  send_text("x");
  run_for(Micros::seconds(5 + 3));
  Sent probes = take_sent();
  EXPECT_EQ(probes.questions.size(), 3u);
  for (const Parsed& question : probes.questions) expect_unicast_question(question);
  EXPECT_EQ(layer_->neighbor_count(), 0u);

  send_text("y");
  Sent fresh = take_sent();
  ASSERT_EQ(fresh.questions.size(), 1u);
  expect_multicast_question(fresh.questions[0]);
  answer(kOtherMac);
  EXPECT_EQ(take_sent().macs, std::vector<MacAddress>{kOtherMac});
}

TEST_P(Resolution, ConfirmationSavesTheProbe) {
  resolve();
  const ip::NextHop to = hop();
  for (int i = 0; i < 60; ++i) {
    run_for(Micros::seconds(2));
    send_text(to, "x");
    layer_->confirm(to, now_);
  }
  EXPECT_TRUE(take_sent().questions.empty());

  // Also when the neighbour is already under suspicion.
  run_for(Micros::seconds(31));
  send_text(to, "x");
  run_for(Micros::seconds(2));
  layer_->confirm(to, now_);
  run_for(Micros::seconds(29));
  EXPECT_TRUE(take_sent().questions.empty());
}

TEST_P(Resolution, ConfirmationOfAForgottenHopIsHarmless) {
  const ip::NextHop to = hop();
  run_for(Micros::seconds(5));
  layer_->confirm(to, now_);
  layer_->confirm(ip::NextHop(), now_);
  EXPECT_EQ(layer_->neighbor_count(), 0u);
}

TEST_P(Resolution, LongUnusedNeighbourIsForgotten) {
  resolve();
  EXPECT_EQ(layer_->neighbor_count(), 1u);
  run_for(Micros::seconds(11 * 60));
  EXPECT_EQ(layer_->neighbor_count(), 0u);
  EXPECT_TRUE(take_sent().questions.empty());
}

TEST_P(Resolution, AnnouncementMovesAKnownNeighbourAndIsChecked) {
  resolve();
  announce(kOtherMac);
  send_text("x");
  EXPECT_EQ(take_sent().macs, std::vector<MacAddress>{kOtherMac});
  run_for(Micros::seconds(5));
  EXPECT_EQ(take_sent().questions.size(), 1u) << "a new address nobody asked for is verified when used";
}

TEST_P(Resolution, AnnouncementOfAStrangerIsNotKept) {
  announce(kPeerMac);
  answer(kPeerMac);
  EXPECT_EQ(layer_->neighbor_count(), 0u);
}

TEST_P(Resolution, AnnouncementDuringResolutionSendsWhatWaits) {
  send_text("x");
  take_sent();
  announce(kPeerMac);
  EXPECT_EQ(take_sent().texts, std::vector<std::string>{"x"});
}

TEST_P(Resolution, AnswersNobodyAskedForProveNothing) {
  resolve();
  run_for(Micros::seconds(29));
  answer();  // reachable already, nothing asked: its time is not prolonged
  run_for(Micros::seconds(2));
  send_text("x");
  run_for(Micros::seconds(5));
  EXPECT_EQ(take_sent().questions.size(), 1u);
}

TEST_P(Resolution, WithoutHeaderBuffersTheQuestionIsRepeatedLater) {
  std::vector<Packet> taken;
  while (Packet header = pools_->header()) taken.push_back(std::move(header));
  send_text("x");
  EXPECT_TRUE(take_sent().questions.empty());
  EXPECT_EQ(counters_.drop_no_buffer, 1u);
  taken.clear();
  run_for(Micros::seconds(1));
  EXPECT_EQ(take_sent().questions.size(), 1u);
  answer();
  EXPECT_EQ(take_sent().texts, std::vector<std::string>{"x"});
}

TEST_P(Resolution, QueuedPacketsAreGivenBackOnRequest) {
  send_text("x");
  EXPECT_EQ(pools_->data_in_use(), 1u);
  layer_->drop_queued();
  EXPECT_EQ(pools_->data_in_use(), 0u);
  answer();
  EXPECT_TRUE(take_sent().texts.empty());
}

TEST_P(Resolution, AScanOfTheLinkLeavesNeighboursAlone) {
  resolve();
  const ip::NextHop to = hop();
  for (uint32_t i = 0; i < 20'000; ++i) {
    auto bytes = peer().bytes();
    bytes[15] = static_cast<uint8_t>(i % 200 + 20);
    if (!v4()) bytes[9] = static_cast<uint8_t>(i / 200);
    const IpAddress scanned(bytes);
    const auto there = layer_->find_route(scanned, now_);
    if (there) send(test::tcp_packet(own(), scanned), *there);
    sent(kAccessPort);
    if (i % 16 == 0) run_for(Micros(1000));
    ASSERT_LE(layer_->neighbor_count(), limits_.neighbors / 4 + 1);
  }
  EXPECT_LE(pools_->data_in_use(), 1024u);
  send_text(to, "still there");
  EXPECT_EQ(take_sent().texts, std::vector<std::string>{"still there"});
}

TEST_P(Resolution, AGatewayIsAskedAgainAndAgainButKept) {
  const IpAddress gateway = addr(v4() ? "192.0.2.254" : "2001:db8:1::fe");
  const IpAddress far_away = addr(v4() ? "8.8.8.8" : "2001:4860::8");
  std::string error;
  ASSERT_TRUE(layer_->add_route({prefix(v4() ? "0.0.0.0/0" : "::/0"), gateway, access_}, error)) << error;
  const ip::NextHop to = layer_->find_route(far_away, now_).value();
  for (int round = 0; round < 3; ++round) {
    send(test::tcp_packet(own(), far_away, "x"), to);
    run_for(Micros::seconds(20));
    EXPECT_EQ(take_sent().questions.size(), 3u);
    EXPECT_EQ(layer_->neighbor_count(), 1u);
    EXPECT_EQ(layer_->next_deadline(), Micros::never());
  }
  EXPECT_EQ(counters_.drop_unresolved, 3u);
}

}  // namespace
}  // namespace tributary
