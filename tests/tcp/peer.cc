#include <algorithm>

#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

std::string describe(const Seg& s) {
  std::string text;
  for (const auto& [flag, letter] : {std::pair{kSyn, 'S'}, {kFin, 'F'}, {kRst, 'R'}, {kPsh, 'P'}, {kAck, '.'}})
    if (s.has(flag)) text += letter;
  text += " seq " + std::to_string(s.seq) + " ack " + std::to_string(s.ack) + " len " +
          std::to_string(s.payload.size()) + " win " + std::to_string(s.window);
  if (s.has_mp(wire::MptcpOptions::kDss)) {
    const wire::Dss& dss = s.dss();
    if (dss.has_data_ack) text += " dack " + std::to_string(dss.data_ack);
    if (dss.has_mapping)
      text += " dsn " + std::to_string(dss.dsn) + " ssn " + std::to_string(dss.subflow_seq) + " dll " +
              std::to_string(dss.data_length) + (dss.data_fin ? " DATA_FIN" : "");
  }
  if (s.mp().present & ~wire::MptcpOptions::kDss) {
    char bits[16];
    std::snprintf(bits, sizeof bits, " mptcp %04x", s.mp().present);
    text += bits;
  }
  for (unsigned i = 0; i < s.options.sack_count; ++i)
    text +=
        " sack " + std::to_string(s.options.sack[i].left.raw()) + "-" + std::to_string(s.options.sack[i].right.raw());
  return text;
}

}  // namespace

Peer::Peer(ScriptTest& test, const Address& address)
    : test_(test),
      key_{addr(address.local), addr(address.remote), address.local_port, address.remote_port},
      port_(address.local == "198.51.100.1" ? 1 : 0) {
  test_.peers_.push_back(this);
}

Peer::~Peer() {
  expect_nothing();
  std::erase(test_.peers_, this);
}

Bytes Peer::frame_of(const Seg& segment) const {
  wire::TcpOptions options = segment.options;
  if (timestamps && !segment.no_timestamps && !options.has(wire::TcpOptions::kTimestamps) && !segment.has(kRst)) {
    options.present |= wire::TcpOptions::kTimestamps;
    options.ts_value = ts_value != 0 ? ts_value : static_cast<uint32_t>(test_.now().in_milliseconds());
    options.ts_echo = segment.has(kAck) ? ts_received : 0;
  }
  for (unsigned i = 0; i < options.sack_count; ++i) {
    options.sack[i].left += stack_isn.raw();
    options.sack[i].right += stack_isn.raw();
  }
  if (mptcp != nullptr && options.mptcp.has(wire::MptcpOptions::kDss) && !segment.absolute_dss) {
    wire::Dss& dss = options.mptcp.dss;
    if (dss.has_mapping) dss.dsn += mptcp->idsn();
    if (dss.has_data_ack) dss.data_ack += mptcp->stack_idsn();
    if (!dss.dsn_64) dss.dsn &= 0xffffffff;
    if (!dss.data_ack_64) dss.data_ack &= 0xffffffff;
  }
  const size_t options_size = wire::tcp_options_size(options);
  wire::TcpHeader header;
  header.source_port = key_.remote_port;
  header.destination_port = key_.local_port;
  header.seq = SeqNum(segment.seq + (segment.absolute ? 0 : isn));
  header.ack = segment.has(kAck) ? SeqNum(segment.ack + (segment.absolute ? 0 : stack_isn.raw())) : SeqNum();
  header.flags = segment.flags;
  header.header_size = static_cast<uint8_t>(wire::kTcpHeaderSize + options_size);
  header.window = segment.window;
  header.urgent = segment.urgent;
  Bytes tcp(header.header_size);
  wire::emit_tcp(header, tcp);
  if (options_size != 0) wire::emit_tcp_options(options, std::span(tcp).subspan(wire::kTcpHeaderSize));
  tcp.insert(tcp.end(), segment.payload.begin(), segment.payload.end());
  const wire::Sum sum = wire::add(
      wire::pseudo_header_sum(key_.remote, key_.local, wire::ip_protocol::kTcp, static_cast<uint32_t>(tcp.size())),
      wire::sum_bytes(tcp));
  wire::store16(&tcp[16], static_cast<uint16_t>(segment.bad_checksum ? sum : ~sum));
  wire::IpHeader ip = ip_header(key_.remote, key_.local, wire::ip_protocol::kTcp);
  ip.traffic_class = segment.traffic_class;
  return ip_frame(test_.link_to_stack(port_), ip, tcp);
}

void Peer::send(const std::vector<Seg>& burst) {
  std::vector<Bytes> frames;
  for (const Seg& segment : burst) frames.push_back(frame_of(segment));
  test_.deliver(port_, std::move(frames));
}

void Peer::send_raw(Bytes frame) {
  test_.deliver(port_, {std::move(frame)});
}

void Peer::take(const Parsed& frame, Micros at) {
  const auto header = wire::parse_tcp(frame.payload).value();
  Seg s;
  s.at = at;
  s.flags = header.flags;
  s.traffic_class = frame.ip->traffic_class;
  s.window = header.window;
  s.payload.assign(frame.payload.begin() + header.header_size, frame.payload.end());
  s.option_bytes.assign(frame.payload.begin() + wire::kTcpHeaderSize, frame.payload.begin() + header.header_size);
  wire::parse_tcp_options(s.option_bytes, s.options);
  const wire::Sum sum =
      wire::add(wire::pseudo_header_sum(frame.ip->source, frame.ip->destination, wire::ip_protocol::kTcp,
                                        static_cast<uint32_t>(frame.payload.size())),
                wire::sum_bytes(frame.payload));
  EXPECT_TRUE(wire::same_value(sum, 0xffff)) << "wrong TCP checksum";
  EXPECT_FALSE(s.options.has(wire::TcpOptions::kMalformed) || s.mp().has(wire::MptcpOptions::kMalformed));
  if (header.flags & kSyn) stack_isn = header.seq;
  s.seq = header.seq.raw() - stack_isn.raw();
  s.ack = header.has(kAck) ? header.ack.raw() - isn : 0;
  for (unsigned i = 0; i < s.options.sack_count; ++i) {
    s.options.sack[i].left = s.options.sack[i].left - isn;
    s.options.sack[i].right = s.options.sack[i].right - isn;
  }
  if (s.options.has(wire::TcpOptions::kTimestamps)) ts_received = s.options.ts_value;
  if (timestamps && !(header.flags & kRst)) {
    EXPECT_TRUE(s.options.has(wire::TcpOptions::kTimestamps)) << "every segment carries timestamps (RFC 7323 §3.2)";
  }
  if (mptcp != nullptr) {
    const bool capable = s.has_mp(wire::MptcpOptions::kCapable);
    if (capable && s.mp().capable.keys >= 1) mptcp->stack_key = s.mp().capable.sender_key;
    if (s.has_mp(wire::MptcpOptions::kDss)) {
      wire::Dss& dss = s.options.mptcp.dss;
      if (dss.has_mapping) dss.dsn -= mptcp->stack_idsn();
      if (dss.has_data_ack) dss.data_ack -= mptcp->idsn();
      if (dss.has_data_ack && !dss.data_ack_64) dss.data_ack &= 0xffffffff;
    }
  }
  inbox_.push_back(std::move(s));
}

Seg Peer::next(Where where) {
  if (inbox_.empty()) {
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "the stack sent nothing";
    return {};
  }
  Seg s = std::move(inbox_.front());
  inbox_.pop_front();
  return s;
}

Seg Peer::expect(uint16_t flags, uint32_t seq, uint32_t ack, Where where) {
  if (inbox_.empty()) {
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
        << "the stack sent nothing; expected " << describe(make_seg(flags, seq, ack));
    return {};
  }
  Seg s = next(where);
  if ((s.flags & ~kPsh) != flags || s.seq != seq || s.ack != ack)
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
        << "expected " << describe(make_seg(flags, seq, ack)) << "\n     got " << describe(s);
  return s;
}

Seg Peer::expect_data(uint32_t seq, uint32_t ack, std::string_view payload, Where where) {
  Seg s = expect(kAck, seq, ack, where);
  if (s.payload != payload)
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
        << "payload of " << s.payload.size() << " bytes, expected " << payload.size()
        << (s.payload.size() == payload.size() ? " others" : "");
  return s;
}

void Peer::expect_nothing(Where where) {
  for (const Seg& s : inbox_)
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "nobody expected " << describe(s);
  inbox_.clear();
}

double Peer::wait_for_segment(int64_t limit_ms, Where where) {
  const Micros start = test_.now();
  const Micros limit = start + Micros::milliseconds(limit_ms);
  while (inbox_.empty() && test_.now() < limit) {
    const Micros due = std::max(test_.now(), std::min(test_.stack().next_deadline(), limit));
    test_.wait(due - test_.now());
  }
  if (inbox_.empty())
    ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "nothing in " << limit_ms << " ms";
  return static_cast<double>((test_.now() - start).count()) / 1000;
}

Seg Peer::make_syn(const Options& options) {
  timestamps = options.timestamps;
  Seg s = syn();
  if (options.mss != 0) s.mss(options.mss);
  if (options.sack) s.sack_ok();
  if (options.wscale >= 0) s.wscale(static_cast<uint8_t>(options.wscale));
  return s;
}

void Peer::open(const Options& options, uint16_t window, Where where) {
  send(make_syn(options).win(options.wscale < 0 ? window : uint16_t{60000}));
  const Seg answer = expect(kSyn | kAck, 0, 1, where);
  test_.wait(options.rtt);
  send(ack(1, 1).win(window));
}

Seg Peer::answer(const Options& options, uint16_t window, Where where) {
  Seg first = expect(kSyn, 0, 0, where);
  test_.wait(options.rtt);
  Seg reply = make_syn(options);
  reply.flags = kSyn | kAck;
  reply.ack = 1;
  send(reply.win(window));
  expect(kAck, 1, 1, where);
  return first;
}

}  // namespace tributary::test
