// Packet scripts of MPTCP: a connection with its first subflow over 192.0.2.0/24, and joins over
// 198.51.100.0/24.
#pragma once

#include "stack/mptcp/crypto.h"
#include "tests/tcp/script.h"

namespace tributary::test {

using wire::MptcpOptions;

class MptcpTest : public ScriptTest {
 protected:
  static constexpr uint16_t kFull = 1460 - 28;  // payload of a full segment: DSS takes up to 28 bytes
  static constexpr uint32_t kNonce = 0x01020304;
  static constexpr uint32_t kServerNonce = 0x0a0b0c0d;
  static constexpr Peer::Address kSecondPath = {
      .remote = "198.51.100.2", .remote_port = 41000, .local = "198.51.100.1"};
  static constexpr Peer::Address kThirdPath = {.remote = "198.51.100.3", .remote_port = 42000, .local = "198.51.100.1"};

  MptcpTest() {
    for (Peer* peer : {&first, &second, &third}) peer->mptcp = &side;
    piece = kFull;
  }

  using Where = std::source_location;

  /// The stack as responder: MP_CAPABLE in all three packets, and the stack's first DATA_ACK. `rtt` as in
  /// Peer::Options.
  void open(const Peer::Options& options = {}, uint16_t window = 60000, Where where = Where::current()) {
    listen(true);
    Seg syn = first.make_syn(options).capable();
    syn.options.mptcp.capable.checksum_required = side.checksum;
    if (options.wscale < 0) syn.win(window);
    first.send(syn);
    const Seg answer = first.expect(kSyn | kAck, 0, 1, where);
    if (!answer.has_mp(MptcpOptions::kCapable))
      ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << "no MP_CAPABLE";
    wait(options.rtt);
    first.send(ack(1, 1).win(window).keys(side));
    const Seg reply = first.expect(kAck, 1, 1, where);
    EXPECT_TRUE(reply.dss().has_data_ack && reply.dss().data_ack == 1);
  }

  /// The third ACK of a join, with the right HMAC.
  Seg join_ack(uint32_t stack_nonce, uint32_t nonce = kNonce) const {
    Seg s = ack(1, 1);
    const auto digest = mptcp::join_hmac(side.key, side.stack_key, nonce, stack_nonce);
    s.options.mptcp.join = {};
    s.options.mptcp.join.form = wire::JoinForm::kAck;
    std::copy_n(digest.begin(), 20, s.options.mptcp.join.hmac.begin());
    return s.set_mp(MptcpOptions::kJoin);
  }

  struct JoinOptions {
    uint8_t id = 1;
    bool backup = false;
    Micros rtt = Micros(0);
    uint16_t window = 60000;
  };
  /// The stack as responder of a join: the whole exchange of four packets.
  void join(Peer& peer, const JoinOptions& options, Where where = Where::current()) {
    peer.send(peer.make_syn({}).join_syn(side.stack_token(), kNonce, options.id, options.backup));
    const Seg answer = peer.expect(kSyn | kAck, 0, 1, where);
    wait(options.rtt);
    peer.send(join_ack(answer.mp().join.nonce).win(options.window));
    peer.expect(kAck, 1, 1, where);
  }
  void join(Peer& peer, Where where = Where::current()) { join(peer, {}, where); }

  /// The stack as initiator. The peer's first DSS (a DATA_ACK) arrives too when `confirm` is set.
  void open_actively(bool confirm = true, Where where = Where::current()) {
    first.key() = {addr("192.0.2.1"), addr("192.0.2.2"), 4000, 80};
    connect(true);
    first.expect(kSyn, 0, 0, where);
    first.send(syn_ack().mss(1460).sack_ok().wscale(7).capable(1, side.key));
    const Seg third_ack = first.expect(kAck, 1, 1, where);
    EXPECT_EQ(third_ack.mp().capable.keys, 2);
    if (confirm) first.send(ack(1, 1).data_ack(1));
  }

  /// The checksum of a mapping of the peer, all numbers relative.
  uint16_t checksum(uint64_t dsn, uint32_t ssn, uint16_t length, std::string_view payload) const {
    const wire::Sum sum =
        wire::add(wire::dss_pseudo_header_sum(side.idsn() + dsn, ssn, length),
                  wire::sum_bytes({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}));
    return static_cast<uint16_t>(~sum);
  }
  /// The same of a mapping of the stack.
  uint16_t stack_checksum(uint64_t dsn, uint32_t ssn, uint16_t length, std::string_view payload) const {
    const wire::Sum sum =
        wire::add(wire::dss_pseudo_header_sum(side.stack_idsn() + dsn, ssn, length),
                  wire::sum_bytes({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}));
    return static_cast<uint16_t>(~sum);
  }
  /// Payload of the peer: TCP sequence number `seq`, mapped to `dsn`.
  static Seg mapped(uint32_t seq, uint64_t dsn, std::string_view payload, uint32_t ack = 1) {
    return data(seq, ack, payload).data_ack(1).map(dsn, seq, static_cast<uint16_t>(payload.size()));
  }
  /// The next segment of the stack: payload with this mapping.
  Seg expect_mapped(Peer& peer, uint32_t seq, uint64_t dsn, std::string_view payload, Where where = Where::current()) {
    Seg s = peer.next(where);
    const bool good = s.seq == seq && s.payload == payload && s.dss().has_mapping && s.dss().dsn == dsn &&
                      s.dss().subflow_seq == seq && s.dss().data_length == payload.size() + s.dss().data_fin;
    if (!good)
      ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
          << "expected " << payload.size() << " bytes at seq " << seq << " dsn " << dsn << ", got " << s.payload.size()
          << " at seq " << s.seq << " dsn " << s.dss().dsn << " ssn " << s.dss().subflow_seq << " length "
          << s.dss().data_length;
    return s;
  }
  /// The next segment of the stack: no payload, this DATA_ACK.
  Seg expect_data_ack(Peer& peer, uint64_t data_ack, Where where = Where::current()) {
    Seg s = peer.next(where);
    if (!s.payload.empty() || !s.dss().has_data_ack || s.dss().data_ack != data_ack)
      ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line()))
          << "expected DATA_ACK " << data_ack << ", got " << s.payload.size() << " bytes with " << s.dss().data_ack;
    return s;
  }

  struct Side : MptcpSide {
    bool checksum = false;
  } side;
  Peer first{*this};
  Peer second{*this, kSecondPath};
  Peer third{*this, kThirdPath};
};

}  // namespace tributary::test
