// A sink that remembers what arrived and when: the fake host of the network's own tests.
#pragma once

#include <vector>

#include "tests/sim/event_loop.h"
#include "tests/sim/frame.h"
#include "tests/sim/segment.h"

namespace tributary::sim {

class Collector : public FrameSink {
 public:
  explicit Collector(EventLoop& loop) : loop_(loop) {}
  void take_frame(Frame frame) override {
    frames.push_back(std::move(frame));
    times.push_back(loop_.now());
  }

  std::vector<Frame> frames;
  std::vector<Micros> times;

 private:
  EventLoop& loop_;
};

/// A data segment of one made-up connection. `size` payload bytes that follow from their sequence number.
inline Segment make_segment(uint32_t seq, size_t size, uint16_t flags = wire::tcp_flag::kAck, bool v6 = false) {
  Segment s;
  s.ethernet.type = v6 ? wire::ether_type::kIpv6 : wire::ether_type::kIpv4;
  s.ip.source = *IpAddress::parse(v6 ? "2001:db8::1" : "192.0.2.1");
  s.ip.destination = *IpAddress::parse(v6 ? "2001:db8::2" : "192.0.2.2");
  s.ip.protocol = wire::ip_protocol::kTcp;
  s.ip.hop_limit = 64;
  s.tcp.source_port = 1000;
  s.tcp.destination_port = 80;
  s.tcp.seq = SeqNum(seq);
  s.tcp.ack = SeqNum(7000);
  s.tcp.flags = flags;
  s.tcp.window = 1000;
  for (size_t i = 0; i < size; ++i) s.payload.push_back(static_cast<uint8_t>(seq + i));
  return s;
}

/// The same connection's answer.
inline Segment make_reply(uint32_t seq, size_t size, uint32_t ack, uint16_t flags = wire::tcp_flag::kAck) {
  Segment s = make_segment(seq, size, flags);
  std::swap(s.ip.source, s.ip.destination);
  std::swap(s.tcp.source_port, s.tcp.destination_port);
  s.tcp.ack = SeqNum(ack);
  return s;
}

}  // namespace tributary::sim
